"""What moderators read: bands, reasons and the worst second, from logits to the views."""

from __future__ import annotations

from math import exp

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.scores import commit_scores
from tests.catalog.rows import ask, source, trouble, video_id, write_video
from tests.catalog.score_rows import at, calibrate, label, promote, scores, unscored


@pytest.fixture
def lake(lake):
    commit_videos(lake, [write_video(lake, i) for i in range(1, 7)], [source(i) for i in range(1, 7)])
    return lake


@pytest.fixture
def judged(lake):
    """The lake with a calibrated champion."""
    promote(lake)
    calibrate(lake)
    return lake


def rows(lake, sql):
    return ask(lake.location.path("catalog.duckdb"), sql)


def verdict(lake, i, columns="band"):
    [row] = rows(lake, f"SELECT {columns} FROM verdicts WHERE video_id = '{video_id(i)}'")
    return row[0] if len(row) == 1 else row


def sigmoid(x):
    return 1 / (1 + exp(-x))


def faceless(lake, i, recipe="r1"):
    video = write_video(lake, i, rows=0, recipe=recipe)
    video.row.update(status="no_face", reason="no face in 9 frames")
    return video


# --- one means fake


def test_a_logit_above_zero_says_fake_and_one_below_says_real(judged):
    commit_scores(judged, scores(1, [4.0, 4.0]) + scores(2, [-4.0, -4.0]))
    assert verdict(judged, 1, "band, p_fake") == ("fake", pytest.approx(sigmoid(4)))
    assert verdict(judged, 2, "band, p_fake") == ("authentic", pytest.approx(1 - sigmoid(4)))
    timeline = rows(judged, "SELECT name, p_fake > 0.9 FROM timeline ORDER BY ALL")
    assert timeline == [("1.mp4", True)] * 2 + [("2.mp4", False)] * 2
    assert rows(judged, "SELECT name FROM review_queue") == [("1.mp4",)]


def test_the_labels_of_fakes_agree_with_high_scores_in_the_comparison(judged):
    said = scores(1, [4.0]) + scores(2, [-4.0]) + scores(3, [4.0]) + scores(4, [-4.0]) + scores(5, [4.0])
    commit_scores(judged, said + scores(6, [-1.0]))
    judged.append(
        "labels", [label(1, "fake"), label(2, "real"), label(3, "real"), label(4, "fake"), label(6, "unsure")]
    )
    judged.append("labels", [label(5, "real", origin="dataset"), label(5, "fake", hours=1)])
    query = "SELECT model_version, is_champion, videos, labelled, tp, fp, tn, fn, accuracy FROM model_comparison"
    assert rows(judged, query) == [("1", True, 6, 5, 2, 1, 1, 1, 3 / 5)]


# --- from windows to a video

LOGITS = {0: [1.0, -2.0, 3.0, 0.5, 0.0], 2: [0.9, 0.9, -5.0, 0.8, 0.7], 5: [-1.0, 2.0]}
TOP = {0: (3.0 + 1.0 + 0.5) / 3, 2: (0.9 + 0.9 + 0.8) / 3, 5: 2.0}


@pytest.mark.parametrize(
    ("aggregation", "logit", "track", "second"),
    [
        ("mean", 0.5, 0, 4.0),  # tracks: 0.5, -0.34, 0.5: of equal ones the first
        ("max", 3.0, 0, 4.0),
        ("top", max(TOP.values()), 5, 2.0),
    ],
)
def test_p_fake_is_what_one_computes_by_hand(lake, aggregation, logit, track, second):
    promote(lake)
    calibrate(lake, aggregation=aggregation, temperature=1.7)
    commit_scores(lake, scores(1, LOGITS))
    found = verdict(lake, 1, "logit, p_fake, worst_track, worst_second, windows")
    assert found == (pytest.approx(logit, abs=1e-12), pytest.approx(sigmoid(logit / 1.7)), track, second, 12)
    history = "SELECT p_fake FROM score_history"
    assert rows(lake, history) == [(pytest.approx(sigmoid(logit / 1.7)),)]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_highest_half_is_rounded_up(lake, n):
    promote(lake)
    calibrate(lake, aggregation="top")
    commit_scores(lake, scores(1, [8.0, 4.0, 2.0, 1.0][:n]))
    assert verdict(lake, 1, "logit") == {1: 8.0, 2: 8.0, 3: 6.0, 4: 6.0}[n]


def test_of_windows_and_tracks_that_say_the_same_the_first_is_the_worst(judged):
    commit_scores(judged, scores(1, [1.0, 3.0, 3.0, -5.0]) + scores(2, {4: [1.0, 0.0], 2: [0.5, 0.5]}))
    assert verdict(judged, 1, "worst_track, worst_second") == (0, 2.0)
    assert verdict(judged, 2, "worst_track, worst_second") == (2, 0.0)


@pytest.mark.parametrize(("logit", "p_fake"), [(-1e4, 0.0), (1e4, 1.0), (-800.0, 0.0), (0.0, 0.5)])
def test_no_logit_is_too_large_for_a_probability(judged, logit, p_fake):
    commit_scores(judged, scores(1, [logit]))
    assert verdict(judged, 1, "p_fake") == p_fake
    assert rows(judged, "SELECT p_fake FROM timeline UNION ALL SELECT p_fake FROM score_history") == [(p_fake,)] * 2


def test_small_probabilities_keep_their_digits(judged):
    commit_scores(judged, scores(1, [-40.0]))
    assert verdict(judged, 1, "p_fake") == pytest.approx(exp(-40.0), rel=1e-12)


# --- bands and their reasons


def test_bands_begin_where_the_calibration_says(lake):
    promote(lake)
    calibrate(lake, temperature=2.0, fake_at=sigmoid(2.0), suspicious_at=sigmoid(1.0))
    commit_scores(lake, scores(1, [4.001]) + scores(2, [3.999]) + scores(3, [2.001]) + scores(4, [1.999]))
    assert [verdict(lake, i) for i in (1, 2, 3, 4)] == ["fake", "suspicious", "suspicious", "authentic"]
    assert "1.00 % of authentic" in verdict(lake, 1, "reason")
    assert "below the 0.881" in verdict(lake, 2, "reason")
    assert "below 0.731" in verdict(lake, 4, "reason")


def test_without_the_guarantee_no_video_is_called_fake_however_sure_the_model_is(lake):
    promote(lake)
    calibrate(lake, fake_at=None, refused="a bound of 1 % needs 99 authentic videos, there are 12")
    commit_scores(lake, scores(1, [50.0]) + scores(2, [-50.0]))
    assert verdict(lake, 1, "band, reason") == (
        "suspicious",
        "no video is called fake: a bound of 1 % needs 99 authentic videos, there are 12",
    )
    assert verdict(lake, 2) == "authentic"
    assert rows(lake, "SELECT count(*) FROM verdicts WHERE band = 'fake'") == [(0,)]


def test_a_champion_without_a_calibration_is_read_plainly_and_says_so(lake):
    promote(lake)
    commit_scores(lake, scores(1, [50.0, 30.0]) + scores(2, [-1.0]))
    reason = "the model has no calibration"
    assert verdict(lake, 1, "band, reason, logit") == ("suspicious", reason, 40.0)
    assert verdict(lake, 2, "band, reason, p_fake") == ("authentic", reason, pytest.approx(sigmoid(-1)))


def test_an_unknown_aggregation_is_a_failure_and_not_a_guess(lake):
    promote(lake)
    calibrate(lake, aggregation="median")
    commit_scores(lake, scores(1, [5.0]))
    band, p_fake, reason = verdict(lake, 1, "band, p_fake, reason")
    assert (band, p_fake) == ("failed", None) and "median" in reason


def test_what_is_no_case_for_the_model_says_why(judged):
    partial = write_video(judged, 8)
    partial.row["reason"] = "truncated after 9 frames"
    broken = trouble(9, video_id=video_id(9), message="It ends in the middle of a frame.", uri="file:///in/a%20b.mp4")
    commit_videos(judged, [faceless(judged, 7), partial], [source(7)], [broken, trouble(10)])
    commit_scores(judged, unscored(1, "too short") + scores(8, [-3.0]))
    assert verdict(judged, 1, "band, reason, p_fake, windows") == ("not_applicable", "too short", None, 0)
    assert verdict(judged, 7, "band, reason, name") == ("not_applicable", "no face in 9 frames", "7.mp4")
    failed = ("failed", "It ends in the middle of a frame.", "a b.mp4")
    assert verdict(judged, 9, "band, reason, name") == failed
    assert verdict(judged, 8, "reason").endswith("; truncated after 9 frames")
    assert len(rows(judged, "FROM verdicts")) == 4  # what waits to be scored has none, nor what was never hashed
    assert rows(judged, "FROM review_queue") == []


@pytest.mark.parametrize(
    ("read", "frames", "seconds", "said"),
    [
        (150, 472, 19.7, "; only the first 6.3 of 19.7 s were looked at"),
        (472, 472, 19.7, None),
        (468, 472, 19.7, None),  # a count that a container only estimates
        (150, None, 19.7, None),
        (150, 472, None, None),
    ],
)
def test_of_a_video_that_was_looked_at_in_part_the_verdict_says_so(judged, read, frames, seconds, said):
    counts = {"frames_read": read, "frames": frames, "duration_s": seconds}
    part, without = write_video(judged, 8), faceless(judged, 9)
    part.row.update(counts)
    without.row.update(counts)
    commit_videos(judged, [part, without], [])
    commit_scores(judged, scores(8, [-3.0]))
    for i in (8, 9):
        assert verdict(judged, i, "reason").endswith(said or ("0.500" if i == 8 else "no face in 9 frames"))


def test_a_video_whose_scoring_failed_says_so_until_it_is_scored(judged):
    commit_scores(judged, scores(2, [-3.0]))
    failed = [trouble(i, video_id=video_id(i), recipe_id="r1", stage="score", message="A crop is no picture.", at=at(9))
              for i in (1, 2)]  # fmt: skip
    judged.append("quarantine", failed)
    assert verdict(judged, 1, "band, reason, name") == ("failed", "A crop is no picture.", "1.mp4")
    assert verdict(judged, 2) == "authentic"  # it was a challenger that failed on it
    waiting = "SELECT video_id FROM open_quarantine ORDER BY ALL"
    assert rows(judged, waiting) == [(video_id(1),), (video_id(2),)]
    commit_scores(judged, [{**row, "scored_at": at(10)} for row in scores(1, [5.0])])
    assert verdict(judged, 1) == "fake"
    assert rows(judged, waiting) == [(video_id(2),)]


def test_a_forgotten_video_is_not_called_failed(judged):
    from fakelake.catalog.forget import forget

    commit_scores(judged, scores(1, [5.0]) + scores(2, [5.0]))
    forget(judged, video_id(1))
    assert rows(judged, "SELECT name FROM verdicts") == [("2.mp4",)]


def test_a_face_under_any_recipe_is_a_face(judged):
    commit_videos(judged, [faceless(judged, 1, recipe="r0"), faceless(judged, 2, recipe="r9")])
    commit_scores(judged, scores(1, [-3.0]))
    assert verdict(judged, 1) == "authentic"
    assert rows(judged, "SELECT name FROM verdicts") == [("1.mp4",)]  # 2.mp4 has a face and waits


# --- versions, calibrations and recipes


def test_a_new_calibration_changes_verdicts_and_not_scores(judged):
    commit_scores(judged, scores(1, [1.0]))
    scored = judged.table("scores").version()
    before = verdict(judged, 1, "band, p_fake, calibration_id")
    calibrate(judged, hours=5, temperature=0.25)
    after = verdict(judged, 1, "band, p_fake, calibration_id")
    assert before == ("suspicious", pytest.approx(sigmoid(1)), "c1-0")
    assert after == ("fake", pytest.approx(sigmoid(4)), "c1-5")
    assert judged.table("scores").version() == scored


def test_an_older_calibration_that_comes_late_changes_nothing(judged):
    commit_scores(judged, scores(1, [1.0]))
    calibrate(judged, hours=-5, temperature=0.25)
    assert verdict(judged, 1) == "suspicious"


def test_rescoring_by_a_new_champion_adds_rows_and_forgets_none(judged):
    commit_scores(judged, scores(1, [5.0]))
    promote(judged, "2", hours=10)
    calibrate(judged, "2", hours=9, temperature=2.0)
    assert verdict(judged, 1, "band, model_version") == ("fake", "1")  # the champion has not looked yet
    commit_scores(judged, scores(1, [-4.0], version="2", hours=11))
    assert verdict(judged, 1, "band, model_version") == ("authentic", "2")
    history = rows(judged, "SELECT model_version, p_fake FROM score_history ORDER BY scored_at")
    assert history == [("1", pytest.approx(sigmoid(5))), ("2", pytest.approx(sigmoid(-2)))]
    assert rows(judged, "SELECT count(*) FROM scores") == [(2,)]
    assert rows(judged, "SELECT logit FROM timeline") == [(-4.0,)]
    assert sorted(rows(judged, "SELECT model_version, videos FROM model_comparison")) == [("1", 1), ("2", 1)]


def test_the_words_of_a_challenger_and_of_other_models_show_in_no_verdict(judged):
    stranger = [{**row, "model": "generator"} for row in scores(2, [9.0])]
    commit_scores(judged, scores(1, [9.0], version="2") + stranger)
    assert rows(judged, "FROM verdicts") == []
    assert rows(judged, "SELECT model_version FROM score_history") == [("2",)]


@pytest.mark.parametrize("recipe", ["r0", "r9"])
def test_of_several_recipes_the_latest_scored_counts_and_a_video_has_one_row(judged, recipe):
    commit_videos(judged, [write_video(judged, 1, recipe=recipe)], [source(1, uri="file:///copy.mp4")])
    commit_scores(judged, scores(1, [5.0, 5.0], hours=1) + scores(1, [-5.0], recipe=recipe, hours=2))
    commit_scores(judged, scores(2, [5.0]))
    assert verdict(judged, 1, "band, recipe_id, windows") == ("authentic", recipe, 1)
    assert rows(judged, "SELECT logit FROM timeline ORDER BY logit") == [(-5.0,), (5.0,)]
    assert rows(judged, "SELECT count(*) FROM verdicts") == [(2,)]
    assert rows(judged, "SELECT count(*) FROM score_history") == [(3,)]
    assert rows(judged, "SELECT videos FROM model_comparison") == [(2,)]


def test_compaction_changes_no_verdict(judged):
    for i in (1, 2, 3):
        commit_scores(judged, scores(i, {0: [i - 2.5, 0.3], 1: [i * 0.7 - 1]}))
    before = rows(judged, "SELECT * FROM verdicts ORDER BY video_id")
    compact(judged)
    assert before == rows(judged, "SELECT * FROM verdicts ORDER BY video_id") and len(before) == 3


# --- what marks say, before any score

OURS = "generated by fakelake (asset 00000000000000aa): invisible mark read (99% of its bits)"
DECLARED = "declared synthetic by Example Inc: trainedAlgorithmicMedia (signature validates, signer not trusted)"
SIGNED = "credentials of Example Camera: digitalCapture (signature validates, signer not trusted)"


def marked(lake, i, provenance, *, face=True):
    video = write_video(lake, i) if face else faceless(lake, i)
    video.row["provenance"] = provenance
    commit_videos(lake, [video], [source(i)])


def test_a_video_of_our_own_is_fake_whatever_the_model_makes_of_it(judged):
    marked(judged, 7, OURS)
    commit_scores(judged, scores(7, [-4.0]))
    band, p_fake, reason = verdict(judged, 7, "band, p_fake, reason")
    assert (band, p_fake) == ("fake", pytest.approx(1 - sigmoid(4)))
    assert reason.startswith(OURS + "; ") and len(reason) > len(OURS) + 2
    assert rows(judged, "SELECT name FROM review_queue") == [("7.mp4",)]


@pytest.mark.parametrize(("logit", "band"), [(-4.0, "suspicious"), (1.0, "suspicious"), (4.0, "fake")])
def test_a_video_that_its_maker_declares_synthetic_is_at_least_suspicious(judged, logit, band):
    marked(judged, 7, DECLARED)
    commit_scores(judged, scores(7, [logit]))
    assert verdict(judged, 7) == band
    assert verdict(judged, 7, "reason").startswith(DECLARED + "; ")


def test_marks_count_on_videos_without_a_face_too(judged):
    marked(judged, 7, OURS, face=False)
    marked(judged, 8, DECLARED, face=False)
    assert verdict(judged, 7, "band, reason, p_fake") == ("fake", f"{OURS}; no face in 9 frames", None)
    assert verdict(judged, 8) == "suspicious"


def test_marks_speak_before_any_score_and_where_the_scoring_failed(judged):
    marked(judged, 7, OURS)
    marked(judged, 8, DECLARED)
    assert verdict(judged, 7, "band, reason, p_fake") == ("fake", f"{OURS}; not scored yet", None)
    assert verdict(judged, 8, "band, windows") == ("suspicious", 0)
    judged.append("quarantine", [trouble(7, video_id=video_id(7), recipe_id="r1", stage="score", at=at(9))])
    assert verdict(judged, 7) == "fake"
    commit_scores(judged, scores(7, [1.0]))
    assert verdict(judged, 7, "band, p_fake, windows") == ("fake", pytest.approx(sigmoid(1)), 1)


def test_credentials_that_declare_nothing_synthetic_change_no_verdict(judged):
    marked(judged, 7, SIGNED)
    commit_scores(judged, scores(7, [-4.0]) + scores(1, [-4.0]))
    assert verdict(judged, 7, "band, reason") == verdict(judged, 1, "band, reason")
    assert verdict(judged, 7, "provenance") == SIGNED


# --- people


def test_the_queue_has_what_wants_a_person_fakes_first(judged):
    commit_scores(judged, scores(1, [1.0]) + scores(2, [3.0]) + scores(3, [5.0]) + scores(4, [-3.0]) + scores(5, [2.0]))
    assert rows(judged, "SELECT rank, name, band FROM review_queue") == [
        (1, "3.mp4", "fake"), (2, "2.mp4", "fake"), (3, "5.mp4", "suspicious"), (4, "1.mp4", "suspicious"),
    ]  # fmt: skip
    judged.append("labels", [label(2, "real"), label(5, "unsure"), label(3, "fake", origin="dataset")])
    assert rows(judged, "SELECT rank, name FROM review_queue") == [(1, "3.mp4"), (2, "1.mp4")]
    assert verdict(judged, 2, "band, decided, decided_by, decided_on") == ("fake", "real", "mod-1", video_id(2))
    assert verdict(judged, 3, "decided") is None  # a list is no person


def near(i, j, bits=3.0):
    return {"video_id": video_id(min(i, j)), "match_id": video_id(max(i, j)), "bits": bits, "at": at(0)}


@pytest.mark.parametrize(("decided", "shown_on"), [(1, 2), (2, 1)])
def test_a_decision_on_a_near_match_shows_in_either_direction_and_the_video_stays_in_the_queue(
    judged, decided, shown_on
):
    commit_scores(judged, scores(1, [5.0]) + scores(2, [5.0]))
    judged.append("near_matches", [near(1, 2)])
    judged.append("labels", [label(decided, "real", by="mod-7")])
    found = verdict(judged, shown_on, "decided, decided_by, decided_on")
    assert found == ("real", "mod-7", video_id(decided))
    assert rows(judged, "SELECT name, decided FROM review_queue") == [(f"{shown_on}.mp4", "real")]


def test_one_s_own_decision_counts_above_that_on_a_near_match_and_the_nearest_above_others(judged):
    commit_scores(judged, [row for i in range(1, 6) for row in scores(i, [5.0])])
    judged.append("near_matches", [near(1, 2), near(3, 4, 6.0), near(3, 5, 2.0), near(3, 6, 1.0)])
    judged.append("labels", [label(1, "fake"), label(2, "real", hours=9)])
    judged.append("labels", [label(4, "fake", hours=9), label(5, "real"), label(6, "unsure", hours=9)])
    assert verdict(judged, 1, "decided, decided_on") == ("fake", video_id(1))
    assert verdict(judged, 3, "decided, decided_on") == ("real", video_id(5))


def test_parts_speak_for_the_champion_only_and_the_latest_measurement_counts(judged):
    def part(drop, version="1", hours=0):
        same = {"video_id": video_id(1), "track_id": 0, "part": "mouth", "recipe_id": "r1", "model": "detector"}
        return {**same, "model_version": version, "drop": drop, "at": at(hours)}

    judged.append("part_scores", [part(1.0), part(2.5, hours=1), part(9.0, "2", hours=2)])
    assert rows(judged, 'SELECT name, track_id, part, "drop" FROM part_evidence') == [("1.mp4", 0, "mouth", 2.5)]


# --- lakes with nothing in them

VIEWS = (
    "champion", "champions", "champion_recipes", "stand_ins", "verdict_windows", "current_calibrations", "track_scores",
    "video_scores", "decisions", "timeline", "review_queue", "score_history", "model_comparison", "part_evidence",
)  # fmt: skip


def test_without_a_champion_there_are_verdicts_only_on_what_no_model_could_judge(lake):
    broken = trouble(9, video_id=video_id(9), message="broken")
    commit_videos(lake, [faceless(lake, 7)], [], [broken])
    commit_scores(lake, scores(1, [5.0]))
    found = rows(lake, "SELECT band, name FROM verdicts ORDER BY band")
    assert found == [("failed", "9.mp4"), ("not_applicable", None)]


@pytest.mark.parametrize("view", [*VIEWS, "verdicts"])
def test_every_view_answers_on_a_lake_that_was_never_scored(lake, view):
    assert rows(lake, f"SELECT count(*) FROM {view}") == [(0,)]
    with lake.connect() as connection:
        [(comment,)] = connection.execute(f"SELECT comment FROM duckdb_views() WHERE view_name = '{view}'").fetchall()
    assert comment


def test_a_failed_file_whose_name_is_no_text_hides_no_verdict(judged):
    commit_scores(judged, scores(1, [4.0, 4.0]))
    judged.append("quarantine", [trouble(90, uri="file:///in/caf%E9.mp4", video_id=video_id(90))])
    judged.append("quarantine", [trouble(91, uri="file:///in/caf%C3%A9.mp4", video_id=video_id(91))])
    assert verdict(judged, 1) == "fake"
    assert (verdict(judged, 90, "name"), verdict(judged, 91, "name")) == ("caf%E9.mp4", "café.mp4")
