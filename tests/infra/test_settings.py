import pytest

from fakelake.infra.settings import Settings


def test_every_setting_has_a_default_and_says_what_it_is_for(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FAKELAKE_{name.upper()}", raising=False)
    assert Settings().lake == "./lake"
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_sets_them(monkeypatch):
    monkeypatch.setenv("FAKELAKE_CPUS_PER_VIDEO", "4")
    monkeypatch.setenv("FAKELAKE_LAKE", "s3://bucket/lake")
    assert (Settings().cpus_per_video, Settings().lake) == (4, "s3://bucket/lake")


@pytest.mark.parametrize("name, value", [("SHARD_VIDEOS", "0"), ("DEADLINE_BASE_S", "-1"), ("ATTEMPTS", "two")])
def test_what_makes_no_sense_is_refused_by_its_name(monkeypatch, name, value):
    monkeypatch.setenv(f"FAKELAKE_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings()
