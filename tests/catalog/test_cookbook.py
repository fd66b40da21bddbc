"""Every question of the cookbook gets an answer, on a lake whose answers are known."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import fakelake.catalog
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.scores import commit_scores
from tests.catalog.rows import ask, source, trouble, video_id, write_video
from tests.catalog.score_rows import at, calibrate, promote, scores

TEXT = Path(fakelake.catalog.__file__).with_name("cookbook.sql").read_text(encoding="utf-8")
PIECES = re.split(r"^-- name: (.*)$", TEXT, flags=re.MULTILINE)[1:]
QUESTIONS = dict(zip(PIECES[::2], PIECES[1::2], strict=True))


@pytest.fixture
def answer(lake):
    videos = [write_video(lake, i) for i in (1, 2)]
    nothing = write_video(lake, 3, rows=0)
    nothing.row.update(status="no_face", reason="no face in 9 frames", duration_s=3.0)
    places = [source(1, name="interview.mp4"), source(1, uri="file:///copy.mp4", name="copy.mp4"), source(2), source(3)]
    commit_videos(lake, [*videos, nothing], places, [trouble(9, remedy="Copy it again.")])
    for origin, label in (("dataset", "real"), ("moderator", "fake")):
        by = {"labelled_by": origin, "labelled_at": datetime.now(UTC)}
        lake.append("labels", [{"video_id": video_id(1), "label": label, "origin": origin, **by}])
    for version in ("1", "2"):
        promote(lake, version, hours=int(version))
        calibrate(lake, version)
        commit_scores(
            lake, scores(1, [-4.0, -3.0], version=version, hours=int(version)) + scores(2, [5.0], version=version)
        )
    part = {"video_id": video_id(2), "track_id": 0, "part": "mouth", "drop": 3.14, "at": at(0)}
    measured = {"start_s": 2.0, "area": 0.125, "model": "detector", "model_version": "2"}
    lake.append("part_scores", [{**part, **measured}, {**part, **measured, "part": "rest", "drop": 9.0}])
    same = {"model_version": "2", "since": at(0), "run_id": "run"}
    for hours, drifted, psi in ((3, False, 0.123), (4, True, 0.456)):
        compared = {**same, "measure": "codec", "drifted": drifted, "psi": psi, "recent_n": 70, "at": at(hours)}
        earlier = {**compared, "measure": "score", "model_version": "1"}
        lake.append("drift", [{**compared, "reason": "av1 40.0% of videos, was 0.0%"}, earlier])

    def answer(question):
        ((_, sql),) = [(name, sql) for name, sql in QUESTIONS.items() if question in name]
        return ask(lake.location.path("catalog.duckdb"), sql)

    return answer


def test_there_are_at_least_eight_questions_and_each_is_answered(answer):
    assert len(QUESTIONS) >= 8
    for question in QUESTIONS:
        assert answer(question), question


def test_the_answers_are_right(answer):
    assert {row[1:3] for row in answer("day by day")} == {("ready", 2), ("no_face", 1)}
    assert answer("How far")[0][:5] == ("made", 3, 2, 1, 1)
    assert answer("could not be used") == [("probe", "not_a_video", 1, "Copy it again.")]
    assert answer("no face") == [("3.mp4", 3.0, "no face in 9 frames")]
    assert [row[0] for row in answer("half remember")] == ["interview.mp4"]
    assert [row[:2] for row in answer("Who is in")] == [(0, 3)]
    assert {row[0] for row in answer("several places")} == {"interview.mp4", "copy.mp4"}
    assert answer("lists and the moderators disagree")[0][2:] == ("fake", "moderator")
    assert {row[0] for row in answer("blurriest")} <= {"interview.mp4", "copy.mp4", "2.mp4"}


def test_what_the_models_say_is_answered_right(answer):
    assert [row[:5] for row in answer("how sure")] == [("2.mp4", "fake", 0.993, 0, 0.0)]
    assert answer("waits for a person") == [(1, "2.mp4", "fake", 0.993, 0.0, None, None)]
    assert {row[:3] for row in answer("in each band")} == {
        ("authentic", 1, 0),
        ("fake", 1, 1),
        ("not_applicable", 1, 1),
    }
    assert answer("Where in this video") == [(0, 0.0, 1.9, 0.018), (0, 2.0, 3.9, 0.047)]
    assert [row[:4] for row in answer("earlier models")] == [("2", "r1", 0.029, 2.0), ("1", "r1", 0.029, 2.0)]
    [(_, decided, by, band, *_)] = answer("model and people disagree")
    assert (decided, by, band) == ("fake", "moderator", "authentic")
    assert {row[0]: row[1:] for row in answer("versions of the model")} == {
        "1": (False, 2, 1, 0.0, 0, 0, 0, 1),
        "2": (True, 2, 1, 0.0, 0, 0, 0, 1),
    }
    assert answer("parts of a face") == [("2.mp4", 0, "mouth", 3.14, 2.0, 0.13)]


def test_of_drift_the_latest_comparison_with_the_champions_training_counts(answer):
    words = "av1 40.0% of videos, was 0.0%"
    assert answer("drifted from what") == [("codec", True, words, 0.46, None, 70, at(0).date())]
