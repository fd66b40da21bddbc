"""`fakelake swap` killed anywhere: no half file, no swap without its record, and the same call brings it to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakelake.catalog.lake import Lake
from fakelake.tasks.marks import credentials
from fakelake.tasks.split_lake import labelled_videos
from fakelake.tasks.training_set import labelled_parts
from tests.integration.commands import query, run
from tests.integration.labelled_lake import copy_of, killed_at, warm_up
from tests.integration.swap_lake import FRAMES, SwapLake, agree, played, swap_lake

pytestmark = pytest.mark.usefixtures("pipeline")
SHOWN = ["swapped.mp4", "swapped.report.png"]


@pytest.fixture(scope="module")
def agreed(pipeline: None, tmp_path_factory: pytest.TempPathFactory) -> SwapLake:
    """A lake of two people who agree to a swap."""
    warm_up()
    made = swap_lake(tmp_path_factory.mktemp("swap"))
    agree(made)
    run("labels", "add", "ann.mp4", "real", "--lake", made.lake)
    run("labels", "add", "bob.mp4", "real", "--lake", made.lake)
    return made


@pytest.fixture
def lake(agreed: SwapLake, tmp_path: Path) -> Path:
    """Of the test's own."""
    return copy_of(agreed.lake, tmp_path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "swapped.mp4"


def call(lake: Path, out: Path) -> tuple[object, ...]:
    return "swap", "--source", "bob.mp4", "--target", "ann.mp4", "--parts", "mouth", "--out", out, "--lake", lake


def visible(out: Path) -> list[str]:
    """What `ls` shows beside it."""
    return sorted(path.name for path in out.parent.iterdir() if not path.name.startswith("."))


def rows(lake: Path, table: str) -> list[dict]:
    return Lake.open(lake).read(table).to_pylist()


def swaps(lake: Path) -> list[dict]:
    """The audit's rows."""
    return [row for row in rows(lake, "runs") if row["flow"] == "swap"]


def whole(lake: Path, out: Path, done: dict) -> None:
    """One playable, marked file and its picture, labelled, and once in the lake."""
    assert sorted(path.name for path in out.parent.iterdir()) == SHOWN
    assert played(out) == (FRAMES, done["asset_id"]) and credentials.read(out).asset_id == done["asset_id"]
    found = query(lake, "SELECT name, video_id, label, origin FROM video_label WHERE dataset = 'generator'")
    assert found == [("swapped.mp4", done["video_id"], "fake", "generator")]
    assert query(lake, "SELECT count(*) FROM videos WHERE dataset = 'generator'") == [(1,)]
    run("catalog", "check", "--lake", lake)


def test_a_swap_killed_while_frames_are_drawn_leaves_nothing_and_the_same_call_makes_it(
    lake: Path, out: Path, tmp_path: Path
) -> None:
    killed_at("swap_frame", tmp_path, *call(lake, out))
    assert visible(out) == [] and swaps(lake) == []
    whole(lake, out, run(*call(lake, out), "--json").json)
    assert len(swaps(lake)) == 1


def test_the_record_of_a_swap_killed_before_its_file_was_there_shows_in_no_answer(
    lake: Path, out: Path, tmp_path: Path
) -> None:
    opened, before = Lake.open(lake), answers(lake)
    killed_at("swap_recorded", tmp_path, *call(lake, out))
    assert visible(out) == []
    (stray,) = [row["video_id"] for row in rows(lake, "labels") if row["origin"] == "generator"]
    assert len(swaps(lake)) == 1 and answers(lake) == before
    assert not any(labelled_parts(opened, {stray: "test"}, {stray: "g"}).values())
    done = run(*call(lake, out), "--json").json
    assert done["video_id"] != stray
    whole(lake, out, done)


def answers(lake: Path) -> list[object]:
    """What people and trainings are told of the lake's videos."""
    views = ("video_label", "coverage", "verdicts", "review_queue", "decisions")
    told = [query(lake, f"SELECT * FROM {view} ORDER BY ALL") for view in views]
    return [*told, run("labels", "ls", "--lake", lake).stdout, labelled_videos(Lake.open(lake))]


def test_a_swap_killed_while_it_is_taken_in_is_taken_in_by_the_same_call_and_not_made_again(
    lake: Path, out: Path, tmp_path: Path
) -> None:
    killed_at("after_sources", tmp_path, *call(lake, out))
    assert visible(out) == SHOWN
    bytes_then, (label,) = out.read_bytes(), [row for row in rows(lake, "labels") if row["origin"] == "generator"]
    done = run(*call(lake, out), "--json").json
    assert done["video_id"] == label["video_id"]
    assert "made by the same call" in done["notes"][-1] and "taken in" in done["ingested"]
    whole(lake, out, done)
    run(*call(lake, out))
    whole(lake, out, done)
    assert len(swaps(lake)) == 1 and out.read_bytes() == bytes_then
