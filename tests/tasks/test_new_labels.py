"""When labels are new, and when they are enough: counted against what the last training knew."""

import json
from datetime import timedelta

import pytest

from fakelake.catalog.training_swaps import DATASET
from fakelake.tasks.new_labels import LEAST, NewLabels, labels_by_class, new_labels
from tests.tasks.lake_of_faces import NOW, Made, label, lake_of_faces, people


@pytest.fixture
def lake(tmp_path):
    return lake_of_faces(tmp_path / "lake", people(4))


def trained(lake, run_id, labels, hours=0):
    row = {"run_id": run_id, "flow": "train_detector", "outcome": "done", "started_at": NOW + timedelta(hours=hours)}
    lake.append("runs", [{**row, "summary": json.dumps({"labels": labels} if labels is not None else {})}])


def counts(real, fake, known=None):
    return NewLabels(watermark="run", known=known or {}, now={"real": real, "fake": fake})


def test_before_the_first_training_every_label_is_new(lake):
    found = new_labels(lake)
    assert (found.watermark, found.new) == ("none", {"real": 4, "fake": 4})


def test_after_a_training_only_what_it_did_not_know_is_new(lake):
    trained(lake, "first", labels_by_class(lake))
    assert new_labels(lake).new == {"real": 0, "fake": 0}
    lake_of_faces(lake.location.root, [Made(name="another.mp4", fake=True)], run=False)
    found = new_labels(lake)
    assert (found.watermark, found.new) == ("first", {"real": 0, "fake": 1})


def test_the_training_that_began_last_counts_whatever_the_order_of_the_rows(lake):
    trained(lake, "second", {"real": 4, "fake": 4}, hours=1)
    trained(lake, "first", {})
    assert new_labels(lake).watermark == "second"


def test_a_moderator_s_correction_is_new_to_the_class_that_gains_it(lake):
    trained(lake, "first", labels_by_class(lake))
    real = next(made for made in people(4) if not made.fake)
    label(lake, [real], fake=True, origin="moderator")
    assert new_labels(lake).new == {"real": 0, "fake": 1}
    label(lake, [real], fake=True, origin="moderator", at=NOW + timedelta(hours=1))
    assert new_labels(lake).new == {"real": 0, "fake": 1}, "said twice, it is one label"


def test_labels_of_videos_that_cannot_train_do_not_count(lake):
    before = labels_by_class(lake)
    lake_of_faces(lake.location.root, [Made(name="no face.mp4", frames=())], run=False)
    lake_of_faces(lake.location.root, [Made(name="swap.mp4", fake=True, row={"dataset": DATASET})], run=False)
    label(lake, [Made(name="not in the lake.mp4")])
    made = Made(name="made by the generator.mp4", fake=True)
    lake_of_faces(lake.location.root, [made], labels=False, run=False)
    label(lake, [made], origin="generator")
    assert labels_by_class(lake) == before


def test_a_training_of_an_older_program_kept_no_count_and_so_knew_none(lake):
    trained(lake, "old", None)
    assert new_labels(lake).new == {"real": 4, "fake": 4}


def test_a_number_of_one_class_is_enough_and_says_which():
    assert counts(0, 50).due(50, 0.1) == "50 new labels fake, at least 50 were wanted"
    assert counts(49, 49).due(50, 0.1) == ""


def test_a_share_of_what_was_known_of_a_class_is_enough():
    assert "12 new labels real beside 100" in counts(112, 500, {"real": 100, "fake": 500}).due(50, 0.1)
    assert counts(111, 500, {"real": 100, "fake": 500}).due(50, 0.12) == ""


def test_a_share_of_a_handful_starts_nothing():
    known = {"real": 5, "fake": 5}
    assert counts(5 + LEAST - 1, 5, known).due(50, 0.1) == ""
    assert counts(5 + LEAST, 5, known).due(50, 0.1)
