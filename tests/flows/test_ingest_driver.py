"""The driver on a real Ray, without Prefect: which outcome each file has, and when the run has to stop."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.flows.ingest_driver import IngestDriver, Known, RunAborted
from fakelake.infra.ray_pool import RayPool
from fakelake.infra.settings import Settings
from fakelake.tasks.discover import discover
from tests.media import face_clip, index_first, packaged_clip, paste_faces, with_hole, write_sound
from tests.tasks.reading import segment_jobs, small_recipe


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two sound clips, one of them twice, sound alone, an empty file, a damaged clip, and a name without a file."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "man.mp4").write_bytes(face_clip().read_bytes())
    (folder / "man again.mp4").write_bytes(face_clip().read_bytes())
    (folder / "car.mp4").write_bytes(packaged_clip("carphone_pristine.mp4").read_bytes())
    (folder / "empty.mp4").touch()
    (folder / "gone.mp4").symlink_to("nowhere")
    write_sound(folder / "sound.mp3")
    whole = index_first(packaged_clip("carphone_pristine.mp4"), folder / "whole.mp4")
    with_hole(whole, folder / "hole.mp4", at=0.6, size=60_000)
    whole.unlink()
    return folder


@pytest.fixture
def drive(ray_address, tmp_path):
    """Run a driver over paths into a lake, committing its shards; returns (lake, driver, shards)."""

    def drive(paths, *, lake=None, known=None, shard=100, settings=None, **changes):
        opened = Lake.open(lake or tmp_path / "lake", create=True)
        found = discover([str(p) for p in paths], "news")
        pool = RayPool(cpus_per_task=1)
        driver = IngestDriver(
            opened.location, small_recipe(**{"max_frames": 6, **changes}), settings or Settings(), pool, found,
            known or Known(set(), set(), {}), "run",
        )  # fmt: skip
        shards = []
        for made in driver.shards(shard):
            commit_videos(opened, made.videos, made.sources, made.quarantine)
            shards.append(made)
        return opened, driver, shards

    return drive


@pytest.fixture(scope="module")
def outcome(ray_address, tmp_path_factory, clips):
    opened = Lake.create(tmp_path_factory.mktemp("lake") / "lake")
    found = discover([str(clips)], "news")
    recipe = small_recipe(max_frames=None, portrait_px=0)
    driver = IngestDriver(
        opened.location, recipe, Settings(), RayPool(cpus_per_task=1), found, Known(set(), set(), {}), "run"
    )  # fmt: skip
    seen = []
    for shard in driver.shards(2, on_progress=seen.append):
        commit_videos(opened, shard.videos, shard.sources, shard.quarantine)
    return opened, driver, seen


def rows(lake, sql):
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


def test_each_file_has_one_outcome(outcome):
    _, driver, seen = outcome
    counts = {name: driver.counts[name] for name in ("ready", "quarantined", "partial", "same_bytes", "no_face")}
    assert counts == {"ready": 3, "quarantined": 3, "partial": 1, "same_bytes": 1, "no_face": 0}
    assert driver.finished == driver.total == seen[-1] == 7
    assert seen == sorted(seen)


def test_the_catalog_says_the_same(outcome):
    lake, _, _ = outcome
    assert rows(lake, "SELECT name FROM sources ORDER BY name") == [
        (name,) for name in ("car.mp4", "hole.mp4", "man again.mp4", "man.mp4")
    ]
    assert rows(lake, "SELECT count(*), count(DISTINCT attempt_id), min(dataset) FROM videos") == [(3, 3, "news")]


def test_what_could_not_be_used_has_its_stage_its_tries_and_its_data_set(outcome):
    lake, _, _ = outcome
    found = rows(
        lake, "SELECT regexp_extract(uri, '[^/]*$'), stage, error, attempts, dataset FROM quarantine ORDER BY uri"
    )
    assert [(name, error, attempts, dataset) for name, _, error, attempts, dataset in found] == [
        ("empty.mp4", "empty", 1, "news"),
        ("gone.mp4", "missing", 1, "news"),
        ("hole.mp4", "broken", 1, "news"),
        ("sound.mp3", "audio_only", 1, "news"),
    ]


def test_what_broke_on_the_way_is_in_the_lake_and_in_quarantine(outcome):
    lake, _, _ = outcome
    ((kept, frames, reason),) = rows(
        lake,
        "SELECT q.frames_kept, v.frames_read, v.reason FROM quarantine q JOIN videos v USING (video_id, recipe_id)",
    )
    assert kept == frames > 40 and reason.startswith(f"broken after {kept} frames")


def test_finished_videos_do_not_pile_up_in_the_driver(outcome):
    assert outcome[1]._jobs == {}


def test_what_the_lake_knows_is_not_read_again(drive, clips):
    lake, _, _ = drive([clips / "man.mp4", clips / "sound.mp3"])
    ((video_id,),) = rows(lake, "SELECT video_id FROM videos")
    ((refused,),) = rows(lake, "SELECT video_id FROM quarantine")
    (source,) = discover([str(clips / "man.mp4")]).sources
    known = Known({video_id}, {refused}, {(source.uri, source.bytes, source.mtime_ns): video_id})
    _, again, shards = drive([clips / "man.mp4", clips / "man again.mp4", clips / "sound.mp3"], known=known)
    assert dict(again.counts) == {"already_done": 2, "still_quarantined": 1}
    assert sum(map(len, shards)) == 0


def test_a_long_video_is_read_in_segments_and_is_one_video(drive, tmp_path):
    paste_faces(tmp_path / "long.mp4", [(320, 180, 140)], frames=48)
    lake, driver, _ = drive([tmp_path / "long.mp4"], max_frames=None, segment_s=0.4)
    assert rows(lake, "SELECT status, tracks, frames_read, frames_with_face FROM videos") == [("ready", 1, 48, 48)]
    assert not any(path.is_file() for path in (tmp_path / "lake" / "_staging").rglob("*"))
    assert driver.counts["ready"] == 1


def test_a_reads_deadline_grows_with_what_is_really_read(ray_address, clips, tmp_path):
    def deadline(**changes):
        recipe = small_recipe(**changes)
        driver = IngestDriver(
            Lake.open(tmp_path / "lake", create=True).location, recipe, Settings(), RayPool(cpus_per_task=1),
            discover([]), Known(set(), set(), {}), "run",
        )  # fmt: skip
        (job,) = segment_jobs(clips / "man.mp4", tmp_path / "lake", float("inf"))
        return driver._read_deadline(job) - Settings().deadline_base_s

    per_s = Settings().deadline_per_media_s
    assert deadline(max_frames=None) == pytest.approx(2.4 * per_s)
    assert deadline(max_frames=30) == pytest.approx(1.0 * per_s)
    assert deadline(max_frames=10, stride=3) == pytest.approx(1.0 * per_s)


def test_a_worker_with_other_weights_stops_the_run_and_blames_no_video(drive, clips):
    with pytest.raises(RunAborted, match="Give every node the same weights"):
        drive([clips / "man.mp4", clips / "car.mp4"], detector_sha256="0" * 64)
    lake = drive([])[0]
    assert rows(lake, "SELECT count(*) FROM quarantine") == [(0,)]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_in_words_and_blames_no_video(drive, clips, tiny_disk):
    Lake.create(tiny_disk / "lake")
    free = shutil.disk_usage(tiny_disk).free
    (tiny_disk / "ballast").write_bytes(bytes(free - 100_000))
    with pytest.raises(RunAborted, match="The disk is full") as caught:
        drive([clips / "man.mp4", clips / "car.mp4"], lake=tiny_disk / "lake", max_frames=60)
    assert "run the same command again" in str(caught.value)
    (tiny_disk / "ballast").unlink()
    lake, driver, _ = drive([clips / "man.mp4", clips / "car.mp4"], lake=tiny_disk / "lake", max_frames=60)
    assert driver.counts["ready"] == 2
    assert rows(lake, "SELECT count(*) FROM quarantine") == [(0,)]
    assert not list(Path(tiny_disk).rglob(".*.tmp"))
