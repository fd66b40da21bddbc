"""`fakelake score --parts` killed: the same call measures what is left, nothing twice, and ends with equal rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fakelake.catalog.lake import Lake
from fakelake.models.generator.bundle import write_bundle as write_generator
from fakelake.models.generator.network import Generator
from tests.infra.stores import new_store
from tests.integration.commands import query, run
from tests.integration.labelled_lake import copy_of, killed_at, warm_up
from tests.models.generator.small import SMALL
from tests.tasks.detectors import bundle_of as detector_files
from tests.tasks.detectors import opinionated
from tests.tasks.explained import promote
from tests.tasks.lake_of_faces import lake_of_faces, people
from tests.tasks.made_parts import bundle_of

pytestmark = pytest.mark.usefixtures("pipeline")
VIDEOS = people(2)
WHAT = ("video_id", "track_id", "recipe_id", "model", "model_version", "generator_version", "window", "part")


@pytest.fixture(scope="module")
def unscored(pipeline: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with both models, and a calibration that finds every video suspicious."""
    warm_up()
    folder = tmp_path_factory.mktemp("parts")
    opened = lake_of_faces(folder / "lake", VIDEOS)
    torch.manual_seed(0)
    write_generator(folder / "generator", Generator(SMALL), bundle_of(["mouth", "eyes", "unused"]), "a card")
    store = new_store(folder / "lake" / "_mlflow")
    for name, files in (
        ("detector", detector_files(folder / "detector", opinionated())),
        ("generator", folder / "generator"),
    ):
        with store.run(name, "made", {}) as kept:
            store.promote(name, store.register(name, kept, files, {}))
    promote(opened, suspicious_at=0.0, fake_at=None)
    return folder / "lake"


@pytest.fixture(scope="module")
def scored(unscored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it scored, no part measured."""
    lake = copy_of(unscored, tmp_path_factory.mktemp("scored"))
    run("score", "--lake", lake)
    return lake


@pytest.fixture(scope="module")
def whole(scored: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The rows of a run that nobody kills."""
    lake = copy_of(scored, tmp_path_factory.mktemp("whole"))
    assert measure(lake)["measured"] == len(VIDEOS)
    return rows(lake)


def measure(lake: Path) -> dict:
    return run("score", "--parts", "--lake", lake, "--json").json["parts"]


def rows(lake: Path) -> list[dict]:
    found = Lake.open(lake).read("part_scores").to_pylist()
    return sorted(found, key=lambda row: [row[name] for name in WHAT])


def same(some: list[dict], others: list[dict]) -> bool:
    """Equal but for who measured it when; a logit may differ in its last bits, as other videos share its batch."""
    told, other = ([[row[name] for name in (*WHAT, "start_s", "end_s")] for row in each] for each in (some, others))
    drops, areas = ([[row[name] for row in each] for each in (some, others)] for name in ("drop", "area"))
    return told == other and np.allclose(*drops, atol=1e-3) and np.allclose(*areas, atol=1e-6)


def test_a_measuring_of_parts_killed_between_two_commits_is_finished_by_the_same_call(
    scored: Path, whole: list[dict], tmp_path: Path
) -> None:
    lake = copy_of(scored, tmp_path)
    each = {"FAKELAKE_SCORE_COMMIT_S": "0", "FAKELAKE_SCORE_VIDEOS": "1"}
    killed_at("rows_committed", tmp_path, "score", "--parts", "--lake", lake, **each)
    assert len({row["video_id"] for row in rows(lake)}) == 1, "the first video's, of which no view knows yet"
    assert query(lake, "SELECT count(*) FROM part_scores") == [(0,)]
    done = measure(lake)
    assert (done["measured"], done["before"]) == (len(VIDEOS) - 1, 1)
    assert same(rows(lake), whole)
    assert query(lake, "SELECT count(*) FROM part_scores") == [(len(whole),)]
    again = measure(lake)
    assert (again["measured"], again["before"]) == (0, len(VIDEOS)) and len(rows(lake)) == len(whole)


def test_parts_are_measured_of_verdicts_that_a_killed_scoring_had_not_published(
    unscored: Path, whole: list[dict], tmp_path: Path
) -> None:
    lake = copy_of(unscored, tmp_path)
    killed_at("rows_committed", tmp_path, "score", "--parts", "--lake", lake)
    assert Lake.open(lake).read("scores").num_rows and query(lake, "SELECT count(*) FROM verdicts") == [(0,)]
    assert measure(lake)["measured"] == len(VIDEOS)
    assert same(rows(lake), whole)
