"""What `watch` starts on a server, and what it does not start twice. No worker is there: a run stays as it is left."""

import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from fakelake.flows.up import POOL
from fakelake.flows.watch import WatchSummary, keys, start_retraining, watch
from tests.prefect_api import ask
from tests.tasks.lake_of_faces import lake_of_faces, people

PLAN = Path(__file__).parents[2] / "prefect.yaml"


@pytest.fixture(autouse=True)
def few_are_enough(prefect_server, monkeypatch):
    monkeypatch.setenv("FAKELAKE_RETRAIN_LABELS", "3")
    monkeypatch.setenv("FAKELAKE_RETRAIN_TRIES", "2")
    with temporary_settings({PREFECT_API_URL: prefect_server}):  # Prefect read its environment when it was imported
        yield


@pytest.fixture
def lake(tmp_path):
    return lake_of_faces(tmp_path / "lake", people(3, frames=5))


@pytest.fixture(scope="module")
def deployed(prefect_server):
    """The server, with the deployments of prefect.yaml on it, put there as `fakelake up` does."""
    command = [sys.executable, "-m", "fakelake.infra.register", POOL, "--close-left", "--deploy", str(PLAN)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", prefect_server)
        subprocess.run(command, check=True, capture_output=True)
    yield prefect_server
    for each in ask(prefect_server, "/deployments/filter", {}):  # other tests have the server to themselves
        ask(prefect_server, f"/deployments/{each['id']}", method="DELETE")


def end(server, run, state):
    ask(server, f"/flow_runs/{run}/set_state", {"state": {"type": state}, "force": True})


def test_without_a_server_that_has_the_deployment_the_caller_is_told_to_do_it_here(lake):
    found = watch(lake.location.root)
    assert (found.outcome, found.flow_run) == ("here", None)
    assert "3 new labels real" in found.lines()[1]


def test_a_dry_run_starts_nothing(lake, deployed):
    assert watch(lake.location.root, dry_run=True).outcome == "due"
    assert watch(lake.location.root).outcome == "started"


def test_one_run_is_started_and_then_it_is_under_way(lake, deployed):
    first, second = watch(lake.location.root), watch(lake.location.root)
    assert [each.outcome for each in (first, second)] == ["started", "under way"]
    assert first.flow_run == second.flow_run
    run = ask(deployed, f"/flow_runs/{first.flow_run}")
    assert run["parameters"]["lake"] == lake.location.root and run["parameters"]["watermark"] == "none"
    assert run["parameters"]["quiet"] is True, "what prefect.yaml sets stays"


def test_a_run_that_crashed_is_followed_by_another_and_at_last_a_person_is_asked(lake, deployed):
    first = watch(lake.location.root)
    end(deployed, first.flow_run, "CRASHED")
    second = watch(lake.location.root)
    assert second.outcome == "started" and second.flow_run != first.flow_run
    end(deployed, second.flow_run, "FAILED")
    third = watch(lake.location.root)
    assert (third.outcome, third.flow_run) == ("given up", second.flow_run)
    assert "run `fakelake train detector` yourself" in third.lines()[1]


def test_another_lake_and_another_watermark_have_their_own_tries(lake, deployed):
    assert len({*keys("a", "none", 3), *keys("b", "none", 3), *keys("a", "run", 3)}) == 9
    assert start_retraining(keys(lake.location.root, "none", 1), lake.location.root, "none")[0] == "started"
    assert start_retraining(keys(lake.location.root, "later", 1), lake.location.root, "later")[0] == "started"


def test_too_few_labels_start_nothing(lake, deployed, monkeypatch):
    monkeypatch.setenv("FAKELAKE_RETRAIN_LABELS", "4")
    found = watch(lake.location.root)
    assert found.outcome == "nothing"
    assert found.lines() == ["new labels since no training yet: 3 real, 3 fake", "not enough to train again"]


def test_the_words_name_the_last_training():
    summary = WatchSummary(lake="l", outcome="nothing", watermark="0123456789", new={"real": 1, "fake": 0})
    assert summary.lines()[0] == "new labels since training 01234567: 1 real, 0 fake"
