"""After a promotion: whose word stands for a video until the new champion has scored it."""

from __future__ import annotations

import json
from math import exp

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.scores import commit_scores
from tests.catalog.rows import ask, source, trouble, video_id, write_video
from tests.catalog.score_rows import at, calibrate, promote, scores

BEFORE = " (by version 1, the champion before; version 2 has not scored it yet)"


@pytest.fixture
def lake(lake):
    """Three videos, a champion that called the first two fake, and a new one with a calibration of its own."""
    commit_videos(lake, [write_video(lake, i) for i in (1, 2, 3)], [source(i) for i in (1, 2, 3)])
    promote(lake, "1")
    calibrate(lake, "1", temperature=2.0, fake_at=0.8)
    commit_scores(lake, scores(1, [4.0]) + scores(2, [6.0, 2.0]))
    promote(lake, "2", hours=10)
    calibrate(lake, "2", hours=9)
    return lake


def rows(lake, sql):
    return ask(lake.location.path("catalog.duckdb"), sql)


def versions(lake, view="verdicts"):
    return rows(lake, f"SELECT DISTINCT name, model_version FROM {view} ORDER BY ALL")


def test_what_the_champion_has_not_scored_keeps_its_verdict_in_the_words_of_the_one_before(lake):
    commit_scores(lake, scores(1, [-4.0], version="2", hours=11))
    assert versions(lake) == [("1.mp4", "2"), ("2.mp4", "1")]
    [(band, p_fake, reason, calibration)] = rows(
        lake, "SELECT band, p_fake, reason, calibration_id FROM verdicts WHERE name = '2.mp4'"
    )
    assert (band, p_fake, calibration) == ("fake", pytest.approx(1 / (1 + exp(-2.0))), "c1-0")
    assert reason.startswith("p_fake is at least 0.800") and reason.endswith(BEFORE)
    assert "version" not in rows(lake, "SELECT reason FROM verdicts WHERE name = '1.mp4'")[0][0]


def test_the_queue_and_the_timeline_follow_the_verdicts(lake):
    commit_scores(lake, scores(1, [-4.0], version="2", hours=11))
    assert versions(lake, "review_queue") == [("2.mp4", "1")]
    assert rows(lake, "SELECT name, logit FROM timeline ORDER BY ALL") == [
        ("1.mp4", -4.0), ("2.mp4", 2.0), ("2.mp4", 6.0),
    ]  # fmt: skip
    assert rows(lake, "SELECT max(p_fake) FROM timeline WHERE name = '2.mp4'") == [
        (pytest.approx(1 / (1 + exp(-3.0))),)
    ]


def test_parts_are_shown_of_the_version_that_speaks(lake):
    def part(i, drop, version):
        same = {"video_id": video_id(i), "track_id": 0, "part": "mouth", "recipe_id": "r1", "model": "detector"}
        return {**same, "model_version": version, "drop": drop, "at": at(1)}

    commit_scores(lake, scores(1, [-4.0], version="2", hours=11))
    lake.append("part_scores", [part(1, 1.0, "1"), part(1, 2.0, "2"), part(2, 3.0, "1")])
    assert rows(lake, 'SELECT name, "drop" FROM part_evidence ORDER BY ALL') == [("1.mp4", 2.0), ("2.mp4", 3.0)]


def test_once_everything_is_scored_nobody_stands_in(lake):
    commit_scores(lake, [row for i in (1, 2, 3) for row in scores(i, [1.0], version="2", hours=11)])
    assert versions(lake) == [(f"{i}.mp4", "2") for i in (1, 2, 3)]
    assert rows(lake, "FROM stand_ins") == []


def test_the_latest_of_several_former_champions_speaks(lake):
    promote(lake, "3", hours=20)
    commit_scores(lake, scores(1, [-4.0], version="2", hours=11))
    assert versions(lake) == [("1.mp4", "2"), ("2.mp4", "1")]
    said = dict(rows(lake, "SELECT name, reason FROM verdicts"))
    assert said["1.mp4"].endswith(" (by version 2, the champion before; version 3 has not scored it yet)")
    assert said["2.mp4"].endswith(" (by version 1, an earlier champion; version 3 has not scored it yet)")


def test_a_former_champion_without_a_calibration_is_read_plainly(lake):
    promote(lake, "3", hours=20)
    promote(lake, "4", hours=30)
    commit_scores(lake, scores(3, [9.0], version="3", hours=21))
    [(band, reason)] = rows(lake, "SELECT band, reason FROM verdicts WHERE name = '3.mp4'")
    assert (band, reason) == (
        "suspicious",
        "the model has no calibration (by version 3, the champion before; version 4 has not scored it yet)",
    )


def test_a_challenger_that_was_never_champion_stands_in_for_nobody(lake):
    commit_scores(lake, scores(3, [9.0], version="7"))
    promote(lake, "7", hours=11, outcome="refused")
    assert versions(lake) == [("1.mp4", "1"), ("2.mp4", "1")]


def test_a_version_that_was_rolled_back_speaks_only_where_no_other_champion_has(lake):
    commit_scores(lake, [row for i in (1, 2, 3) for row in scores(i, [5.0], version="2", hours=11)])
    promote(lake, "3", hours=20)
    promote(lake, "1", hours=21)  # as `fakelake rollback`, twice, records it
    promote(lake, "4", hours=30)
    assert versions(lake) == [("1.mp4", "1"), ("2.mp4", "1"), ("3.mp4", "2")]
    [(reason,)] = rows(lake, "SELECT reason FROM verdicts WHERE name = '3.mp4'")
    assert reason.endswith(" (by version 2, which was rolled back; version 4 has not scored it yet)")


@pytest.mark.parametrize(
    ("promoted", "turns"),
    [
        ("1", "1"),
        ("123", "321"),
        ("121", "12"),
        ("1213", "312"),  # 2 was rolled back before 3 came
        ("1212", "21"),  # and was right after all
        ("1232", "213"),
    ],
)
def test_the_restored_speak_before_those_that_were_rolled_back(lake, promoted, turns):
    for hour, version in enumerate(promoted):
        promote(lake, f"1{version}", hours=100 + hour)
    order = rows(lake, "SELECT model_version FROM champions WHERE len(model_version) = 2 ORDER BY turn")
    assert order == [(f"1{version}",) for version in turns]


def test_of_several_recipes_the_latest_that_the_one_before_scored_counts(lake):
    commit_videos(lake, [write_video(lake, 2, recipe="r9")], [])
    commit_scores(lake, scores(2, [-6.0], recipe="r9", hours=5))
    assert rows(lake, "SELECT band, recipe_id FROM verdicts WHERE name = '2.mp4'") == [("authentic", "r9")]
    assert rows(lake, "SELECT logit FROM timeline WHERE name = '2.mp4'") == [(-6.0,)]


def test_a_video_on_which_the_champion_fails_keeps_its_verdict_and_is_in_quarantine(lake):
    failed = trouble(2, video_id=video_id(2), recipe_id="r1", stage="score", message="A crop is no picture.", at=at(12))
    lake.append("quarantine", [failed])
    assert rows(lake, "SELECT band, model_version FROM verdicts WHERE name = '2.mp4'") == [("fake", "1")]
    assert rows(lake, "SELECT video_id FROM open_quarantine") == [(video_id(2),)]


@pytest.mark.parametrize("view", ["verdicts", "timeline"])
def test_a_condition_on_a_video_reaches_every_scan_of_scores(lake, view):
    wanted = video_id(2)
    [(_, plan)] = rows(lake, f"EXPLAIN (FORMAT json) SELECT * FROM {view} WHERE video_id = '{wanted}'")
    found = [node["extra_info"] for node in scans(json.loads(plan)) if "logit" in node["extra_info"]["Projections"]]
    assert len(found) == 2  # the champion's windows, and a former one's
    assert all(wanted in str(info.get("Filters")) for info in found)


def scans(nodes):
    for node in nodes:
        if "PARQUET" in node["name"]:
            yield node
        yield from scans(node["children"])
