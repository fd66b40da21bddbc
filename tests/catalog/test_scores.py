from __future__ import annotations

import signal
from collections import Counter

import pyarrow as pa
import pytest

from fakelake.catalog import scores as module
from fakelake.catalog.check import check
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.forget import allow_again, forget
from fakelake.catalog.parts import RowsRefused
from fakelake.catalog.scores import champion, commit_scores, latest_calibration, scored_keys
from tests.catalog.rows import RECIPE, ask, count, finish, source, start, video_id, write_video
from tests.catalog.score_rows import at, calibrate, promote, scores, unscored


@pytest.fixture
def lake(lake):
    commit_videos(lake, [write_video(lake, i) for i in (1, 2, 3)], [source(i) for i in (1, 2, 3)])
    return lake


def said(lake, columns="video_id, logit"):
    return ask(lake.location.path("catalog.duckdb"), f"SELECT {columns} FROM scores ORDER BY ALL")


def test_scores_are_visible_at_once_and_counted_by_video(lake):
    assert commit_scores(lake, scores(1, [1.0, 2.0]) + scores(2, {0: [-1.0], 3: [4.0]})) == 2
    one, two = video_id(1), video_id(2)
    assert said(lake) == [(one, 1.0), (one, 2.0), (two, -1.0), (two, 4.0)]


def test_an_arrow_table_without_a_time_is_taken_as_scored_now(lake):
    rows = pa.Table.from_pylist(scores(1, [1.0])).drop_columns(["scored_at"])
    assert commit_scores(lake, rows) == 1
    assert said(lake, "now() - scored_at < INTERVAL 5 MINUTE AND scored_at <= now()") == [(True,)]


def test_the_same_scores_twice_add_nothing(lake):
    rows = scores(1, [1.0, 2.0])
    assert commit_scores(lake, rows) == 1
    version = lake.table("scores").version()
    assert commit_scores(lake, rows) == 0
    assert lake.table("scores").version() == version
    assert count(lake, "scores") == 2


def test_a_key_that_is_there_is_not_overwritten_and_not_mixed_with_another_answer(lake):
    commit_scores(lake, scores(1, [1.0, 2.0]))
    assert commit_scores(lake, scores(1, [9.0, 9.0, 9.0]) + scores(2, [5.0])) == 1
    assert said(lake) == [(video_id(1), 1.0), (video_id(1), 2.0), (video_id(2), 5.0)]


def test_the_same_is_true_after_compaction(lake):
    commit_scores(lake, scores(1, [1.0, 2.0]))
    commit_scores(lake, scores(2, [3.0]) + unscored(3))
    compact(lake, ["scores"])
    assert len(lake.parts("scores")) == 1
    assert commit_scores(lake, scores(1, [1.0, 2.0]) + unscored(3)) == 0
    assert count(lake, "scores") == 4


def test_another_version_and_another_recipe_add_rows_and_forget_none(lake):
    commit_videos(lake, [write_video(lake, 1, recipe="r2")])
    rows = scores(1, [1.0]), scores(1, [2.0], version="2"), scores(1, [3.0], recipe="r2")
    assert [commit_scores(lake, each) for each in rows] == [1, 1, 1]
    assert Counter(said(lake, "model_version, recipe_id")) == {("1", "r1"): 1, ("2", "r1"): 1, ("1", "r2"): 1}
    assert scored_keys(lake, "detector", "1") == {(video_id(1), "r1"), (video_id(1), "r2")}


def test_what_could_not_be_scored_is_done_too(lake):
    assert commit_scores(lake, unscored(1, "too small")) == 1
    assert scored_keys(lake, "detector", "1") == {(video_id(1), RECIPE)}
    assert commit_scores(lake, scores(1, [1.0])) == 0


def test_videos_and_recipes_that_the_lake_does_not_have_are_left_out(lake):
    assert commit_scores(lake, scores(9, [1.0]) + scores(1, [1.0], recipe="r9") + scores(2, [1.0])) == 1
    assert said(lake) == [(video_id(2), 1.0)]


def test_a_forgotten_video_is_not_scored_until_it_is_allowed_again(lake):
    forget(lake, video_id(1))
    assert commit_scores(lake, scores(1, [1.0])) == 0
    allow_again(lake, video_id(1))
    commit_videos(lake, [write_video(lake, 1)])
    assert commit_scores(lake, scores(1, [1.0])) == 1


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (scores(1, [None]), "both or neither"),
        ([{**scores(1, [1.0])[0], "reason": "too short"}], "both or neither"),
        (scores(1, [float("nan")]), "finite"),
        (scores(1, [float("inf")]), "finite"),
        (scores(1, [1.0]) * 2, "there twice"),
        (unscored(1) * 2, "there twice"),
        (scores(1, [1.0]) + unscored(1), "also a reason"),
        ([{**scores(1, [1.0])[0], "window": None}], "needs track_id and window"),
        ([{**scores(1, [1.0])[0], "model_version": None}], "model_version is required"),
        ([{**scores(1, [1.0])[0], "p_fake": 0.5}], "no column p_fake"),
    ],
)
def test_what_no_model_can_have_meant_is_refused_with_all_that_came_with_it(lake, rows, fault):
    with pytest.raises(RowsRefused, match=fault):
        commit_scores(lake, scores(2, [1.0]) + rows)
    assert lake.table("scores").version() == 0


def test_nothing_to_commit_is_no_error(lake):
    assert commit_scores(lake, []) == 0


SCORE = """
    import sys, time
    from pathlib import Path
    from fakelake.catalog.lake import Lake
    from fakelake.catalog.scores import commit_scores
    from tests.catalog.score_rows import scores
    lake = Lake.open(sys.argv[1])
    Path(sys.argv[2]).touch()
    while len(list(Path(sys.argv[2]).parent.glob("here-*"))) < int(sys.argv[3]):
        time.sleep(0.01)
    print(sum(commit_scores(lake, scores(i, [float(i)] * 3)) for i in (1, 2, 3)))
"""


def test_two_processes_with_the_same_scores_add_them_once(lake, tmp_path):
    both = [start(SCORE, lake.location.root, tmp_path / f"here-{n}", 2) for n in (1, 2)]
    added = [int(finish(process)) for process in both]
    assert sum(added) == 3
    assert count(lake, "scores") == 9
    assert check(lake).findings == ()


def test_killed_between_writing_and_commit_nothing_is_visible_and_a_second_run_finishes(lake, tmp_path):
    killed = start(SCORE, lake.location.root, tmp_path / "here-1", 1, FAKELAKE_FAILPOINT="before_commit")
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    written = list(lake.location.path("scores").glob("*.parquet"))
    assert len(written) == 1 and lake.table("scores").version() == 0
    assert count(lake, "scores") == 0 and said(lake) == []
    assert int(finish(start(SCORE, lake.location.root, tmp_path / "here-1", 1))) == 3
    assert count(lake, "scores") == 9


def test_a_run_that_died_before_publication_is_published_by_the_next(lake, monkeypatch):
    def die(*_):
        raise OSError("died")

    with monkeypatch.context() as patch:
        patch.setattr(module, "publish_locked", die)
        with pytest.raises(OSError, match="died"):
            commit_scores(lake, scores(1, [1.0]))
    assert said(lake) == []
    assert commit_scores(lake, scores(1, [1.0])) == 0
    assert said(lake) == [(video_id(1), 1.0)]


def test_a_writer_without_the_lock_cannot_make_a_key_come_twice(lake, monkeypatch):
    write = type(lake).write_rows

    def then_another(self, name, rows):
        part = write(self, name, rows)
        monkeypatch.setattr(type(lake), "write_rows", write)
        lake.commit_part(lake.write_rows("scores", scores(1, [7.0])), _AlwaysHeld())
        return part

    monkeypatch.setattr(type(lake), "write_rows", then_another)
    assert commit_scores(lake, scores(1, [1.0]) + scores(2, [2.0])) == 1
    assert said(lake) == [(video_id(1), 7.0), (video_id(2), 2.0)]


class _AlwaysHeld:
    def check(self):
        pass


def test_the_champion_is_the_latest_promoted_and_a_refusal_changes_nothing(lake):
    assert champion(lake) is None
    promote(lake, "1", hours=1)
    promote(lake, "3", hours=2, outcome="refused")
    assert champion(lake) == "1"
    promote(lake, "2", hours=3)
    promote(lake, "1", hours=4)  # back to an older one
    promote(lake, "7", hours=5, model="generator")
    assert champion(lake) == "1"
    assert ask(lake.location.path("catalog.duckdb"), "SELECT model_version FROM champion") == [("1",)]


def test_the_latest_calibration_of_a_version_counts(lake):
    assert latest_calibration(lake, "1") is None
    calibrate(lake, "1", hours=2, temperature=2.0, fake_at=None, refused="few")
    calibrate(lake, "1", hours=1)
    calibrate(lake, "2", hours=3)
    found = latest_calibration(lake, "1")
    assert (found.temperature, found.fake_at, found.refused, found.at) == (2.0, None, "few", at(2))


def test_the_check_names_scores_that_no_view_shows_and_scores_that_are_there_twice(lake):
    commit_scores(lake, scores(1, [1.0]))
    assert check(lake).findings == ()
    lake.append("scores", scores(1, [1.0]) + scores(9, [1.0]))  # around commit_scores
    calibrate(lake, "1", aggregation="median")
    found = {(finding.rule, finding.subject): finding.fault for finding in check(lake).findings}
    assert found == {
        ("scored twice", f"video {video_id(1)}"): True,
        ("scores without a video", f"video {video_id(9)}"): False,
        ("calibration unknown", "model version 1"): True,
    }
