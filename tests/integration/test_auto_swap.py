"""`fakelake swap --auto`: fakes for the detector's training out of the lake's own people, on real footage."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import read_split, split_ids
from fakelake.catalog.training_swaps import SCHEME, Origin, origins, with_swaps
from fakelake.models.detector.clips import FAKE, REAL
from fakelake.models.generator.bundle import read_bundle, write_bundle
from fakelake.tasks.training_set import labelled_parts
from tests.infra.stores import new_store
from tests.integration.clips import short_clips
from tests.integration.commands import ingest, query, run
from tests.integration.labelled_lake import copy_of, killed_at, warm_up
from tests.models.generator.made import write_skin_bundle

pytestmark = pytest.mark.usefixtures("pipeline")
COUNT, FRAMES = 3, 12


@pytest.fixture(scope="module")
def permitted(pipeline: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of real people with permissions, and a generator of its split."""
    warm_up()
    folder = tmp_path_factory.mktemp("auto")
    lake = folder / "lake"
    clips = short_clips(folder / "clips", 8)
    ingest(*clips, "--lake", lake, "--label", "real", "--permission", "swap")
    (folder / "people.csv").write_text(
        "path,label,target_identity\n" + "".join(f"{clip.name},real,person {n}\n" for n, clip in enumerate(clips))
    )
    run("labels", "import", folder / "people.csv", "--lake", lake)
    run("splits", "make", "--test", ".3", "--val", ".3", "--near-bits", "-1", "--lake", lake, code=None)
    opened = Lake.open(lake)
    (split,) = split_ids(opened)
    generator, bundle = read_bundle(write_skin_bundle(folder / "skin"))
    (recipe_id,) = {row["recipe_id"] for row in opened.read("videos", ["recipe_id"]).to_pylist()}
    write_bundle(folder / "model", generator, replace(bundle, split_id=split, recipe_id=recipe_id), "For tests.")
    store = new_store(lake / "_mlflow")
    with store.run("generator", "made", {}) as kept:
        store.promote("generator", store.register("generator", kept, folder / "model", {}))
    return lake


@pytest.fixture(scope="module")
def made(permitted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Three swaps in it."""
    lake = copy_of(permitted, tmp_path_factory.mktemp("made"))
    return lake, run("swap", "--auto", COUNT, "--lake", lake, "--json").json


def test_each_swap_is_labelled_crops_and_has_a_control_that_was_only_encoded_again(made) -> None:
    lake, summary = made
    rows = query(
        lake,
        "SELECT l.label, l.method, count(*) FROM labels AS l JOIN crops USING (video_id) WHERE l.origin = 'generator' "
        "GROUP BY l.video_id, l.label, l.method",
    )
    assert Counter(label for label, _, _ in rows) == {"fake": summary["made"], "real": summary["made"]}
    assert all(method.startswith("part-swap:") for label, method, _ in rows if label == "fake")
    assert min(crops for _, _, crops in rows) >= FRAMES - 2, "even in what this generator draws a face is found"


def test_a_swap_that_nobody_could_see_is_no_fake_and_is_not_made(made) -> None:
    """This generator's eyes are nowhere."""
    _, summary = made
    assert summary["made"] and summary["made"] + len(summary["problems"]) == COUNT
    assert all("nothing that one could see changes" in said and "eyes" in said for said in summary["problems"])


def test_a_control_shows_its_target_and_a_swap_does_not(made) -> None:
    lake, _ = made
    rows = query(
        lake,
        "SELECT s.uri, c.video_id, c.image FROM crops AS c JOIN sources AS s USING (video_id) WHERE c.frame = 6",
    )
    pictures = {
        video_id: cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR).astype(int)
        for _, video_id, image in rows
    }
    for uri, video_id, _ in rows:
        if uri.startswith(SCHEME):
            origin = Origin.of_uri(uri)
            change = np.abs(pictures[video_id] - pictures[origin.target]).mean()
            assert change < 10 if origin.control else change > 15, origin.title


def test_nothing_is_made_twice_and_nothing_is_left_behind(made) -> None:
    lake, summary = made
    again = run("swap", "--auto", COUNT, "--lake", lake, "--json").json
    assert (again["made"], again["there_before"]) == (0, summary["made"])
    assert not list(lake.rglob("*.mp4")), "no unmarked video lies anywhere"


def test_swaps_killed_in_the_middle_of_a_commit_are_made_by_the_same_call_and_none_twice(
    permitted: Path, made: tuple[Path, dict], tmp_path: Path
) -> None:
    lake = copy_of(permitted, tmp_path)
    killed_at("after_sources", tmp_path, "swap", "--auto", COUNT, "--lake", lake)
    assert len(origins(Lake.open(lake))) == 2, "a swap and its control have their place, and are not there yet"
    assert query(lake, "SELECT count(*) FROM sources WHERE dataset = 'training-swaps'") == [(0,)]
    summary = run("swap", "--auto", COUNT, "--lake", lake, "--json").json
    assert (summary["made"], summary["there_before"]) == (made[1]["made"], 0)
    assert contents(lake) == contents(made[0])


def contents(lake: Path) -> list[list[tuple]]:
    """Of the swaps in a lake: what they are called, and every picture."""
    ours = "FROM {} SEMI JOIN (SELECT video_id FROM videos WHERE dataset = 'training-swaps') USING (video_id)"
    columns = {
        "videos": "video_id, status, frames_with_face",
        "current_labels": "video_id, label, method, target_identity, source_identity",
        "crops": "video_id, track_id, frame, sha256(image)",
    }
    return [query(lake, f"SELECT {what} {ours.format(table)} ORDER BY ALL") for table, what in columns.items()]


def test_the_detector_trains_on_them_in_the_part_of_the_people_whom_they_show(made) -> None:
    lake, _ = made
    opened = Lake.open(lake)
    (split,) = split_ids(opened)
    own, group = read_split(opened, split)
    parts = labelled_parts(opened, *with_swaps(opened, split, own, group))
    seen = {video.video_id: (name, video.label) for name, part in parts.items() for video in part}
    for video_id, origin in origins(opened).items():
        assert seen[video_id] == (own[origin.target], REAL if origin.control else FAKE)
        assert own[origin.source or origin.target] == own[origin.target]


def test_they_are_neither_scored_nor_split_nor_learnt_from_by_the_next_generator(made) -> None:
    lake, _ = made
    from fakelake.tasks.generator_plan import authentic_people
    from fakelake.tasks.split_lake import labelled_videos

    opened = Lake.open(lake)
    ours = set(origins(opened))
    assert not ours & {video.video_id for video in labelled_videos(opened).videos}
    assert not ours & set(authentic_people(opened))


def test_auto_and_a_file_of_ones_own_do_not_go_together(made) -> None:
    lake, _ = made
    assert "writes no file" in run("swap", "--auto", 2, "--out", "a.mp4", "--lake", lake, code=2).stderr
    assert "--auto N" in run("swap", "--lake", lake, code=2).stderr
