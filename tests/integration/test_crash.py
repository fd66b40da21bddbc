"""Killed anywhere and run again, an ingest leaves what an uninterrupted one leaves, row for row."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelake.catalog.content import content_hash
from fakelake.catalog.failpoint import NAMES
from fakelake.catalog.lake import Lake
from tests.integration.clips import short_clips
from tests.integration.commands import ingest, ingest_apart, kill, query, start_ingest

CLIPS = 22
IN_WORKER = ("decode", "part_written")
OF_OTHERS = ("compact", "rows", "swap")
IN_DRIVER = tuple(n for n in NAMES if n not in IN_WORKER and not n.startswith(OF_OTHERS))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short videos, one of them cut off, one of them twice."""
    folder = tmp_path_factory.mktemp("archive")
    clips = short_clips(folder, CLIPS)
    shutil.copy(clips[0], folder / "the same bytes again.mp4")
    (folder / "cut off.mp4").write_bytes(clips[1].read_bytes()[:2000])
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_shards(pipeline: None) -> Iterator[None]:
    """Two videos a commit, so that there are many moments between commits; one worker a driver, quickly started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKELAKE_SHARD_VIDEOS", "2")
        patch.setenv("FAKELAKE_CPUS_PER_VIDEO", "2")
        yield


@pytest.fixture(scope="module")
def uninterrupted(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    lake = tmp_path_factory.mktemp("whole") / "lake"
    summary = ingest(archive, "--lake", lake, code=3)
    assert summary["ready"] == CLIPS and summary["quarantined"] == 1 and summary["same_bytes"] == 1
    return content_hash(Lake.open(lake))


def test_a_driver_killed_at_every_named_point_of_the_commit_loses_and_doubles_nothing(
    archive: Path, uninterrupted: str, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    for point in IN_DRIVER:
        marks = tmp_path / point
        marks.mkdir()
        trap = {"FAKELAKE_FAILPOINT": point, "FAKELAKE_FAILPOINT_DIR": str(marks)}
        driver = start_ingest(archive, "--lake", lake, env=trap)
        driver.join(900)
        assert driver.exitcode == -9, f"the driver was to die at {point}"
        assert (marks / point).exists()
    ingest(archive, "--lake", lake, code=3)
    assert content_hash(Lake.open(lake)) == uninterrupted


def test_a_driver_killed_while_workers_decode_or_have_just_written_is_resumed(
    archive: Path, uninterrupted: str, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    for point in IN_WORKER:
        marks = tmp_path / point
        marks.mkdir()
        trap = {
            "FAKELAKE_FAILPOINT": point, "FAKELAKE_FAILPOINT_DIR": str(marks), "FAKELAKE_FAILPOINT_ACTION": "pause",
        }  # fmt: skip
        driver = start_ingest(archive, "--lake", lake, env=trap)
        _wait_until(lambda marks=marks, point=point: (marks / point).exists())
        kill(driver)
    ingest(archive, "--lake", lake, code=3)
    assert content_hash(Lake.open(lake)) == uninterrupted


@pytest.mark.parametrize("action", ["kill", "segfault"])
def test_a_worker_that_dies_costs_one_retry_and_no_row(
    archive: Path, uninterrupted: str, tmp_path: Path, action: str
) -> None:
    lake, marks = tmp_path / "lake", tmp_path / "marks"
    marks.mkdir()
    trap = {"FAKELAKE_FAILPOINT": "decode", "FAKELAKE_FAILPOINT_DIR": str(marks), "FAKELAKE_FAILPOINT_ACTION": action}
    code, summary = ingest_apart(archive, "--lake", lake, env=trap, out=tmp_path / "summary.json")
    assert code == 3
    assert (marks / "decode").exists()
    assert summary["ready"] == CLIPS and summary["quarantined"] == 1
    assert content_hash(Lake.open(lake)) == uninterrupted


def test_a_driver_killed_at_ten_random_moments_after_a_commit_loses_and_doubles_nothing(
    archive: Path, uninterrupted: str, tmp_path: Path
) -> None:
    lakes, kills = [tmp_path / "lake 0"], 0
    dice = random.Random(20)
    while kills < 10:
        before = _commits(lakes[-1])
        driver = start_ingest(archive, "--lake", lakes[-1], env={"FAKELAKE_SHARD_VIDEOS": "1"})
        _wait_until(lambda d=driver, b=before: _commits(lakes[-1]) > b or not d.is_alive())
        time.sleep(dice.uniform(0, 0.4))
        if driver.is_alive():
            kill(driver)
            kills += 1
        else:  # this process stood still meanwhile, and the driver came to its end: the next lake takes the next kills
            lakes.append(tmp_path / f"lake {len(lakes)}")
    for lake in lakes:
        ingest(archive, "--lake", lake, code=3)
        assert content_hash(Lake.open(lake)) == uninterrupted
        assert query(lake, "SELECT count(*), count(DISTINCT video_id) FROM videos") == [(CLIPS, CLIPS)]


def _commits(lake: Path) -> int:
    log = lake / "videos" / "_delta_log"
    return len(list(log.glob("*.json"))) if log.exists() else 0


def _wait_until(true, seconds: float = 800) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.02)
