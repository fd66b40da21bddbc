"""The drift flow against a real Prefect server: rows, a picture, artifacts, and one event where something drifted."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
import typer
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner

from fakelake.catalog.lake import Lake
from fakelake.flows.drift import drift
from fakelake.flows.drift_command import drift as command
from fakelake.infra.events import DRIFT
from tests.prefect_api import ask
from tests.tasks.lake_of_ages import ago, empty_lake, ingest, normal, train

MEASURES = ["score", "face_height", "sharpness", "no_face", "codec"]


@pytest.fixture(scope="module")
def server(prefect_server):
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield prefect_server


def videos(lake, first, when, seed, *, mean=-2.0, codec="h264"):
    faces = list(zip(normal(seed, 60, 100, 10), normal(seed + 1, 60, 50, 5), strict=True))
    ingest(lake, range(first, first + 60), when, faces=faces, logits=normal(seed + 2, 60, mean, 1), codec=codec)


@pytest.fixture(scope="module")
def ran(server, tmp_path_factory):
    """Three runs on a lake: after a week like those before, again with more videos asked for, and after a change."""
    lake = empty_lake(tmp_path_factory.mktemp("drift") / "lake")
    videos(lake, 0, ago(30), 0)
    train(lake, ago(20))
    videos(lake, 100, ago(4), 10)
    calm = drift(lake.location.root, quiet=True)
    artifact = ask(server, "/artifacts/drift-summary/latest")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKELAKE_DRIFT_LEAST", "61")
        unsure = drift(lake.location.root, quiet=True)
    videos(lake, 200, ago(2), 20, mean=1.0, codec="av1")
    changed = drift(lake.location.root, quiet=True)
    return SimpleNamespace(lake=lake, calm=calm, artifact=artifact, unsure=unsure, changed=changed)


def rows(lake, sql):
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


def test_a_week_like_those_before_has_not_drifted(ran):
    assert (ran.calm.drifted, ran.calm.exit_code) == ([], 0)
    assert [(each.measure, each.drifted) for each in ran.calm.measures] == [(name, False) for name in MEASURES]
    assert (ran.calm.reference, ran.calm.recent) == (60, 60)


def test_other_videos_are_told_by_what_is_other_about_them(ran):
    assert (ran.changed.drifted, ran.changed.exit_code) == (["score", "codec"], 3)
    first, *lines = ran.changed.lines()
    assert first.startswith("120 videos since ") and "detector version 1" in first
    assert [line.split()[:2] for line in lines[:5]] == [
        ["score", "DRIFTED"], ["face_height", "no"], ["sharpness", "no"], ["no_face", "no"], ["codec", "DRIFTED"]
    ]  # fmt: skip
    assert "av1 50.0% of videos, was 0.0%" in lines[4]


def test_where_the_settings_ask_for_more_videos_nothing_is_told(ran):
    assert [each.drifted for each in ran.unsure.measures] == [None] * 5
    assert ran.unsure.exit_code == 0 and "61 a side are needed" in ran.unsure.lines()[1]


def test_every_run_adds_its_rows_and_the_latest_are_current(ran):
    assert rows(ran.lake, "SELECT measure, count(*) FROM drift GROUP BY measure ORDER BY ALL") == [
        (name, 3) for name in sorted(MEASURES)
    ]
    query = "SELECT measure, run_id, drifted, model_version, recent_n, threshold FROM current_drift ORDER BY measure"
    assert rows(ran.lake, query) == [
        (name, ran.changed.run_id, name in ("score", "codec"), "1", 120, 0.2) for name in sorted(MEASURES)
    ]
    reason = "SELECT reason FROM current_drift WHERE measure = 'codec'"
    assert rows(ran.lake, reason) == [(ran.changed.measures[4].words,)]


def test_the_run_is_on_record_with_its_picture(ran):
    query = f"SELECT outcome, summary FROM runs WHERE run_id = '{ran.changed.run_id}' AND flow = 'drift'"
    [(outcome, summary)] = rows(ran.lake, query)
    assert outcome == "done" and json.loads(summary)["recent"] == 120
    path = f"reports/{ran.changed.run_id}/drift.png"
    assert ran.changed.picture == ran.lake.location.uri(*path.split("/"))
    assert ran.lake.location.read_bytes(path).startswith(b"\x89PNG")


def test_the_artifacts_show_the_words_and_the_picture(ran, server):
    assert "# Drift" in ran.artifact["data"] and "data:image/png;base64," in ran.artifact["data"]
    assert ran.calm.lines()[1] in ran.artifact["data"]
    table = json.loads(ask(server, "/artifacts/drift/latest")["data"])
    assert [(row["measure"], row["drifted"]) for row in table] == [
        (each.measure, each.drifted) for each in ran.changed.measures
    ]


def test_the_run_that_found_drift_and_no_other_sent_one_event_of_the_lake(ran, server):
    end = time.monotonic() + 120
    while not (found := ask(server, "/events/filter", {"filter": {"event": {"name": [DRIFT]}}})["events"]):
        assert time.monotonic() < end, "no event came"
        time.sleep(0.5)
    [event] = [
        each
        for each in found
        if each["payload"]["run_id"] in (one.run_id for one in (ran.calm, ran.unsure, ran.changed))
    ]
    assert event["resource"]["prefect.resource.id"] == f"fakelake.lake.{ran.lake.location.root}"
    assert event["payload"]["run_id"] == ran.changed.run_id
    assert [each["measure"] for each in event["payload"]["drifted"]] == ["score", "codec"]


# --- the command


def typed(*arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_ends_with_3_where_something_drifted(ran):
    done = typed("--lake", ran.lake.location.root, "--json")
    assert done.exit_code == 3
    assert [each["measure"] for each in json.loads(done.stdout)["measures"] if each["drifted"]] == ["score", "codec"]


def test_the_command_ends_with_0_where_nothing_did(ran):
    done = typed("--lake", ran.lake.location.root, "--days", "1")
    assert done.exit_code == 0 and "unknown" in done.stdout and "0 recent videos" in done.stdout


# --- before the first training


def test_a_night_before_the_first_training_is_no_failure_and_says_what_to_do(server, tmp_path):
    state = drift(Lake.create(tmp_path / "lake").location.root, quiet=True, return_state=True)
    assert state.is_completed()
    said = ask(server, "/artifacts/drift-summary/latest")["data"]
    assert "nothing to compare with yet: This lake has no champion" in said and "fakelake train detector" in said


def test_the_command_ends_with_1_where_there_is_no_training_yet(server, tmp_path):
    lake = Lake.create(tmp_path / "lake")
    done = typed("--lake", lake.location.root)
    assert done.exit_code == 1 and done.stdout.startswith("nothing to compare with yet: This lake has no champion")
    done = typed("--lake", lake.location.root, "--json")
    assert done.exit_code == 1 and json.loads(done.stdout)["outcome"] == "nothing to compare with"
    assert rows(lake, "FROM drift") == []
