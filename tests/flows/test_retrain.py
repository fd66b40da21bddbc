"""A retraining that is killed and goes on: what it knew, and what is new to the next one."""

from __future__ import annotations

import pytest

from fakelake.flows.retrain import retrain
from fakelake.flows.train_detector import counted_at_start
from tests.tasks.lake_of_faces import Made, lake_of_faces, people


class Killed(BaseException):
    pass


@pytest.fixture
def lake(tmp_path):
    return lake_of_faces(tmp_path / "lake", people(4))


@pytest.fixture
def trainings(monkeypatch):
    """The labels that each training was told; each of them is killed."""
    told = []

    def killed(*_, labels, **__):
        told.append(labels)
        raise Killed

    monkeypatch.setattr("fakelake.flows.retrain.train_detector", killed)
    return told


def killed_retraining(lake):
    with pytest.raises(Killed):
        retrain.fn(lake.location.root, quiet=True)


def test_labels_that_came_after_the_plan_of_a_killed_retraining_are_not_known_to_it(lake, trainings):
    killed_retraining(lake)
    lake_of_faces(lake.location.root, [Made(name="another.mp4", fake=True)], run=False)
    killed_retraining(lake)
    assert trainings == [{"real": 4, "fake": 4}] * 2


def test_a_retraining_after_another_training_counts_anew(lake, trainings):
    killed_retraining(lake)
    lake_of_faces(lake.location.root, [Made(name="another.mp4", fake=True)], run=False)
    lake.append("runs", [{"run_id": "by hand", "flow": "train_detector", "outcome": "done", "summary": "{}"}])
    killed_retraining(lake)
    assert trainings[1] == {"real": 4, "fake": 5}


def test_a_training_that_goes_on_keeps_the_count_with_which_it_began(tmp_path):
    assert counted_at_start(tmp_path, {"real": 4, "fake": 4}) == {"real": 4, "fake": 4}
    assert counted_at_start(tmp_path, {"real": 4, "fake": 9}) == {"real": 4, "fake": 4}
