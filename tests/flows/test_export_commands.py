"""Face-only clips out of a lake, and their manifest back in."""

import csv
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.lake import Lake
from fakelake.flows.export_commands import app
from fakelake.flows.shard import source_row
from fakelake.tasks.discover import ManifestRow, discover
from fakelake.tasks.named_labels import record_named_labels
from fakelake.tasks.read_video import examine, read_segment
from fakelake.tasks.segments import plan_segments
from fakelake.tasks.source_file import uri_of
from fakelake.tasks.write_video import write_video
from tests.media import packaged_clip, paste_faces
from tests.tasks.reading import pictures_of, small_recipe, source_of


def add(lake, path, recipe, scratch, attempt):
    """Ingest one file without Ray or Prefect."""
    source = replace(source_of(path), dataset="news")
    examined = examine(source)
    (segment,) = plan_segments(examined.info, float("inf"))
    read = read_segment(source, examined.info, segment, recipe, scratch / attempt, threads=1, device="cpu")
    written = write_video(
        lake.location, source, examined.video_id, examined.info, recipe, attempt, [read], [scratch / attempt]
    )  # fmt: skip
    video = IngestedVideo(written.video.row | {"run_id": "run"}, written.video.parts)
    commit_videos(lake, [video], [source_row(source, examined.video_id, "run")])
    return examined.video_id


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Two people in one clip, one in another; the latter labelled."""
    folder = tmp_path_factory.mktemp("export")
    lake = Lake.create(folder / "lake")
    paste_faces(folder / "two [1].mp4", [(160, 180, 120), (480, 180, 120)], frames=8)
    (folder / "car.mp4").write_bytes(packaged_clip("carphone_pristine.mp4").read_bytes())
    for n, name in enumerate(("two [1].mp4", "car.mp4")):
        add(lake, folder / name, small_recipe(), folder, f"attempt{n}")
    found = discover([str(folder / "car.mp4")])
    found.manifest[uri_of(folder / "car.mp4")] = ManifestRow("real", "driver")
    record_named_labels(lake, found, None, None, "test")
    return lake


def export(lake, out, *arguments):
    done = CliRunner().invoke(app, ["clips", str(out), "--lake", lake.location.root, *arguments])
    assert done.exit_code == 0, done.output
    with (out / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_track_is_a_clip_of_its_crops(lake, tmp_path):
    rows = export(lake, tmp_path)
    assert [(r["path"][:9], r["track_id"], r["frames"]) for r in rows] == [
        ("car-1c4ad", "0", "24"), (rows[1]["path"][:9], "0", "8"), (rows[2]["path"][:9], "1", "8")
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["manifest.csv", *(r["path"] for r in rows)])
    assert [len(pictures_of(tmp_path / r["path"])) for r in rows] == [24, 8, 8]


def test_the_manifest_takes_the_clips_back_with_label_identity_and_data_set(lake, tmp_path):
    export(lake, tmp_path)
    found = discover([str(tmp_path / "manifest.csv")])
    assert [(s.name[:3], s.dataset) for s in found.sources] == [("car", "news"), ("two", "news"), ("two", "news")]
    car, *two = (found.manifest[s.uri] for s in found.sources)
    assert (car.label, car.identity) == ("real", "driver")
    assert {(row.label, row.identity) for row in two} == {(None, None)}


def test_some_videos_are_chosen_by_name_or_id(lake, tmp_path):
    assert {r["path"][:3] for r in export(lake, tmp_path / "a", "--video", "two [")} == {"two"}
    assert len(export(lake, tmp_path / "b", "--video", "1c4add78")) == 1


def test_a_clip_has_at_most_the_frames_asked_for(lake, tmp_path):
    assert {r["frames"] for r in export(lake, tmp_path, "--frames", "5")} == {"5"}


def test_at_true_speed_a_slower_video_lasts_as_long_as_it_did(lake, tmp_path):
    two = export(lake, tmp_path, "--video", "two", "--true-speed")[0]  # 8 frames at 24 fps
    assert int(two["frames"]) == 10


def test_two_recipes_of_one_video_are_two_clips_and_are_not_mixed(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    paste_faces(tmp_path / "one.mp4", [(320, 180, 120)], frames=6)
    narrow, wide = small_recipe(), small_recipe(crop_margin=0.5)
    for attempt, recipe in (("a", narrow), ("b", wide)):
        add(lake, tmp_path / "one.mp4", recipe, tmp_path, attempt)
    rows = export(lake, tmp_path / "out")
    assert len({r["path"] for r in rows}) == 2
    assert {r["recipe_id"] for r in rows} == {narrow.recipe_id, wide.recipe_id}
    first = {r["recipe_id"]: pictures_of(tmp_path / "out" / r["path"]) for r in rows}
    # The margin of the wide one is the grey ground around the face.
    grey = {recipe: np.mean([abs(p[:8].astype(int) - 128).mean() for p in ps]) for recipe, ps in first.items()}
    assert grey[wide.recipe_id] < 12 < grey[narrow.recipe_id]
    for pictures in first.values():
        assert min(cv2.PSNR(a, b) for a, b in pairwise(pictures)) > 20
    (only,) = export(lake, tmp_path / "only", "--recipe-id", wide.recipe_id)
    assert only["recipe_id"] == wide.recipe_id
