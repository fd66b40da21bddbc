import pytest

from fakelake.catalog.lake import LakeNotFound
from fakelake.flows.shared_options import fail, lake_root
from fakelake.infra.settings import Settings


def test_the_lake_is_the_named_one_else_the_environments_else_here(monkeypatch):
    monkeypatch.setenv("FAKELAKE_LAKE", "/from/environment")
    assert lake_root("/named") == "/named"
    assert lake_root(None) == "/from/environment"
    monkeypatch.delenv("FAKELAKE_LAKE")
    assert lake_root(None) == "./lake"


@pytest.mark.parametrize("error, code", [(LakeNotFound("No lake there."), 1), (ValueError("No such recipe."), 2)])
def test_an_error_that_a_person_can_mend_is_one_line(capsys, error, code):
    assert fail(error) == code
    assert capsys.readouterr().err == f"fakelake: {error}\n"


def test_any_other_error_keeps_its_traceback(capsys):
    try:
        _ = {}["missing"]
    except KeyError as error:
        assert fail(error) == 1
    text = capsys.readouterr().err
    assert "Traceback" in text and "fakelake failed unexpectedly: KeyError" in text


def test_a_setting_of_the_environment_that_makes_no_sense_is_bad_usage_by_its_name(monkeypatch, capsys):
    monkeypatch.setenv("FAKELAKE_CPUS_PER_VIDEO", "many")
    with pytest.raises(ValueError) as caught:
        Settings()
    assert fail(caught.value) == 2
    assert "cpus_per_video" in capsys.readouterr().err
