"""The search for settings: it goes on where it was killed, survives a trial that diverges, says how to train."""

import pytest

from fakelake.flows import search as flow
from fakelake.flows.search import search_detector
from fakelake.tasks.train_detector import TrainingDiverged, train_on
from tests.infra.stores import new_store
from tests.tasks.lake_of_faces import lake_of_faces, people

TINY = {"weights": "scratch", "temporal": "mean", "frames": 5, "px": 32, "hidden": 8, "epochs": 1, "augment": "none"}

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("search") / "lake"
    lake_of_faces(root, people(8, frames=5))
    new_store(root / "_mlflow")
    return root


def test_a_search_that_was_killed_goes_on_and_one_that_diverges_ends_no_search(lake, monkeypatch):
    tried, planned = [], []

    def training(plan, *arguments, **options):
        tried.append(plan.recipe.learning_rate)
        if len(tried) == 2:
            raise KeyboardInterrupt
        if len(tried) == 3:
            raise TrainingDiverged("no number")
        planned.append(plan.split_id)
        return train_on(plan, *arguments, **options)

    monkeypatch.setattr("fakelake.tasks.train_detector.train_on", training)
    with pytest.raises(KeyboardInterrupt):
        search_detector(str(lake), "light", TINY, 3, device="cpu", quiet=True)
    summary = search_detector(str(lake), "light", TINY, 3, device="cpu", quiet=True)
    assert len(summary.tried) == 2, "three were asked for, one diverged"
    assert len(set(tried)) == len(tried), "no settings are tried twice"
    assert summary.best["learning_rate"] in tried
    command = summary.lines()[-1]
    assert f"--split {planned[0]}" in command and "--set px=32" in command and "epochs" not in command
    assert flow.MODEL == "detector"
