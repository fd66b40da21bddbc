"""A generator trained from the command line: parts named, grids to look at, and the next one judged beside it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from fakelake.catalog.lake import Lake
from fakelake.models.generator.naming import ELSEWHERE, REGIONS, UNUSED
from fakelake.tasks.generator_files import read_generator
from tests.infra.stores import new_store
from tests.integration.commands import query, run
from tests.tasks.lake_of_faces import Made, lake_of_faces

pytestmark = pytest.mark.usefixtures("pipeline")

SMALL = {
    "seg_base": 4, "seg_cap": 32, "rec_base": 8, "rec_cap": 32, "rec_blocks": 1, "perceptual": "pixels",
    "perceptual_weights": "scratch", "epochs": 1, "warmup_epochs": 1, "repeats": 2,
}  # fmt: skip


def train(lake: Path, **changes: object) -> dict:
    settings = [word for name, value in {**SMALL, **changes}.items() for word in ("--set", f"{name}={value}")]
    return run("train", "generator", "--lake", lake, *settings, "--segments", 3, "--json").json


@pytest.fixture(scope="module")
def lake(pipeline: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("generator") / "lake"
    people = [Made(name=f"{n}.mp4", person=f"made:{n}", portraits=(range(8),)) for n in range(8)]
    lake_of_faces(root, people)
    new_store(root / "_mlflow")
    return root


@pytest.fixture(scope="module")
def trained(lake: Path) -> dict:
    return train(lake)


def test_the_first_generator_is_champion_and_its_parts_have_names(lake: Path, trained: dict, tmp_path: Path) -> None:
    assert trained["promoted"] and trained["model_version"] == "1"
    assert trained["epochs"] == 2, "one of them of warm-up"
    generator, bundle = read_generator(new_store(lake / "_mlflow").fetch("generator", "champion", tmp_path))
    assert generator.config.parts == 3
    assert [(part.index, part.name, part.confidence) for part in bundle.parts] == [tuple(p) for p in trained["parts"]]
    assert {part.name for part in bundle.parts} <= {*REGIONS, ELSEWHERE, UNUSED}
    assert (bundle.portrait_margin, bundle.split_id) == (0.5, trained["split_id"])


def test_mlflow_keeps_losses_figures_on_held_out_people_and_a_grid_of_every_epoch(
    lake: Path, trained: dict, tmp_path: Path
) -> None:
    store = new_store(lake / "_mlflow")
    bundle = store.fetch("generator", trained["model_version"], tmp_path)
    assert cv2.imread(str(bundle / "parts.jpg")).shape[1] == 128 * 5
    assert "## Parts" in (bundle / "card.md").read_text()
    grids = sorted((lake / "_mlflow" / "artifacts" / "generator").glob("*/artifacts/grids/*.jpg"))
    assert [grid.name for grid in grids] == ["epoch_001.jpg", "epoch_002.jpg"]
    assert cv2.imread(str(grids[0])).shape[1] == 128 * 8
    wanted = {"l1", "l1_still", "ssim", "l1_from_maps_alone", "false_foreground", "shift", "affine"}
    assert wanted <= set(trained["figures"])
    ((summary,),) = query(lake, "SELECT summary FROM runs WHERE flow = 'train_generator'")
    assert json.loads(summary)["figures"] == trained["figures"]


def test_a_second_one_is_champion_only_if_it_draws_the_same_people_better(lake: Path, trained: dict) -> None:
    worse = train(lake, learning_rate=1e-9)
    assert not worse["promoted"] and "where version 1 has" in worse["decision"]
    better = train(lake, epochs=6, learning_rate=2e-3)
    decided = query(
        lake, "SELECT model_version, outcome FROM promotions WHERE model = 'generator' ORDER BY promotions.\"at\""
    )
    assert decided == [("1", "promoted"), ("2", "refused"), ("3", "promoted")]
    assert better["promoted"] and better["figures"]["l1"] < trained["figures"]["l1"]
    assert not list((lake / "_mlflow" / "training").iterdir()), "a training that is done leaves no checkpoint"


def test_a_lake_without_authentic_people_says_what_to_do(tmp_path: Path) -> None:
    lake_of_faces(tmp_path / "lake", [Made(name=f"{n}.mp4", fake=True, person=f"made:{n}") for n in range(8)])
    new_store(tmp_path / "lake" / "_mlflow")
    done = run("train", "generator", "--lake", tmp_path / "lake", code=1)
    assert "No video is labelled real" in done.stderr and "Traceback" not in done.stderr.rpartition("fakelake:")[2]
    assert Lake.open(tmp_path / "lake").read("runs").num_rows == 1
