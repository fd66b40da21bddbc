from datetime import UTC, datetime

import numpy as np
import pytest

from fakelake.models.detector.calibrate import (
    Calibration,
    aggregate,
    band,
    calibrate,
    choose_aggregation,
    fake_threshold,
    suspicious_threshold,
    video_logits,
)
from fakelake.models.detector.temperature import CalibrationError, sigmoid


def calibration(fake_at=0.9, suspicious_at=0.4, refused=None):
    return Calibration(
        model="detector", model_version="3", calibration_id="c", aggregation="mean", temperature=2.0, alpha=0.01,
        fake_at=fake_at, suspicious_at=suspicious_at, authentic=120, fake=80, refused=refused, split_id="s",
        run_id="r", at=datetime.now(UTC),
    )  # fmt: skip


def scored(videos, *, windows=6, apart=2.0, spread=0.5, seed=0):
    """logits, video ids, track ids of windows, and the videos' labels: every other video is fake."""
    rng = np.random.default_rng(seed)
    labels = {f"v{i}": i % 2 for i in range(videos)}
    names = np.repeat(list(labels), windows)
    centre = np.repeat([apart * (label - 0.5) + rng.normal() for label in labels.values()], windows)
    return centre + spread * rng.normal(size=len(names)), names, np.zeros(len(names), int), labels


# ---- windows to a video ----


@pytest.mark.parametrize(
    "aggregation, logit",
    [
        ("mean", 2.0),  # track 1: (1 + 2 + 3) / 3; track 0: (-6 + 0 + 4) / 3
        ("max", 4.0),
        ("top", 2.5),  # the highest two of three: track 1 (2 + 3) / 2, track 0 (0 + 4) / 2
    ],
)
def test_windows_make_a_track_and_the_highest_track_makes_the_video(aggregation, logit):
    assert aggregate(np.array([4, 1, 3, -6, 2, 0]), np.array([0, 1, 1, 0, 1, 0]), aggregation) == pytest.approx(logit)


def test_half_of_an_odd_number_of_windows_is_rounded_up_and_of_one_is_one():
    assert aggregate(np.array([5.0, 3, 1, -1, -9]), np.zeros(5, int), "top") == pytest.approx(3)
    assert aggregate(np.array([-2.0]), np.array([7]), "top") == pytest.approx(-2)


@pytest.mark.parametrize("aggregation", ["mean", "max", "top"])
def test_many_videos_at_once_are_each_what_they_are_alone(aggregation):
    rng = np.random.default_rng(0)
    logits, videos, tracks = rng.normal(size=200), rng.integers(0, 9, 200).astype(str), rng.integers(0, 3, 200)
    names, of_video = video_logits(logits, videos, tracks, aggregation)
    assert names.tolist() == sorted(set(videos))
    for name, logit in zip(names, of_video, strict=True):
        assert logit == pytest.approx(aggregate(logits[videos == name], tracks[videos == name], aggregation))


def test_a_video_without_windows_and_a_logit_that_is_not_a_number_are_refused():
    with pytest.raises(CalibrationError, match="not_applicable"):
        aggregate(np.array([]), np.array([]))
    with pytest.raises(CalibrationError, match="NaN"):
        aggregate(np.array([1.0, np.nan]), np.array([0, 0]))
    with pytest.raises(CalibrationError, match="mean, max, top"):
        aggregate(np.array([1.0]), np.array([0]), "median")


def test_the_aggregation_that_tells_most_is_chosen():
    rng = np.random.default_rng(0)
    labels = {f"v{i}": i % 2 for i in range(120)}
    windows = rng.normal(-3, 0.5, (120, 8))
    windows[1::2, 0] += rng.uniform(2, 8, 60)  # a fake shows in one window of eight
    choice = choose_aggregation(windows.ravel(), np.repeat(list(labels), 8), np.zeros(960, int), labels)
    assert choice.aggregation == "max"
    assert choice.log_losses[1] == min(choice.log_losses) < choice.log_losses[0]


def test_where_all_aggregations_are_equal_the_mean_is_taken():
    logits, names, tracks, labels = scored(40, windows=1)
    choice = choose_aggregation(logits, names, tracks, labels)
    assert (choice.aggregation, len(set(np.round(choice.log_losses, 9)))) == ("mean", 1)


# ---- the promise ----


def test_99_authentic_videos_support_a_bound_of_1_percent_and_98_do_not():
    p = np.linspace(0, 0.8, 99)
    assert fake_threshold(p, 0.01).refused is None
    short = fake_threshold(p[:98], 0.01)
    assert short.at is None
    assert "1 %" in short.refused and "needs 99" in short.refused and "there are 98" in short.refused


@pytest.mark.parametrize("alpha, needed", [(0.01, 99), (0.05, 19), (0.1, 9), (0.07, 14), (0.3, 3), (0.005, 199)])
def test_the_number_it_asks_for_is_the_least_that_will_do(alpha, needed):
    p = np.linspace(0, 0.8, needed)
    assert fake_threshold(p, alpha).refused is None
    assert f"needs {needed} authentic" in fake_threshold(p[1:], alpha).refused


def test_the_threshold_lies_just_above_the_kth_smallest_authentic_score():
    p = np.random.default_rng(0).permutation(np.linspace(0.5, 0.99, 199))
    at = fake_threshold(p, 0.01).at  # k = ceil(200 x .99) = 198
    assert np.sum(p >= at) == 1
    assert np.sort(p)[197] < at < np.sort(p)[197] + 1e-12


def test_no_authentic_video_that_ties_with_the_kth_score_is_called_fake():
    p = np.array([0.7] * 150 + [0.2] * 50)
    assert np.sum(p >= fake_threshold(p, 0.01).at) == 0


def test_the_threshold_never_falls_below_one_half():
    assert fake_threshold(np.full(200, 0.1), 0.01).at == 0.5


def test_authentic_videos_that_score_1_leave_no_room_for_a_threshold():
    assert "score 1" in fake_threshold(np.ones(200), 0.01).refused


def test_over_many_splits_the_share_of_authentic_videos_called_fake_stays_under_alpha():
    rng = np.random.default_rng(0)
    for n, alpha in ((99, 0.01), (150, 0.01), (19, 0.05), (200, 0.05)):
        called = []
        for _ in range(3000):
            scores = 0.5 + rng.beta(1, 4, n + 20) / 2  # all above .5, so that the floor of .5 hides nothing
            called.append(np.mean(scores[n:] >= fake_threshold(scores[:n], alpha).at))
        error = np.std(called) / np.sqrt(len(called))
        promised = np.floor(alpha * (n + 1)) / (n + 1)
        assert np.mean(called) <= alpha + 3 * error
        assert abs(np.mean(called) - promised) <= 4 * error  # and it is not bought with a needlessly high threshold


def test_with_scores_that_tie_the_share_only_gets_smaller():
    rng = np.random.default_rng(1)
    scores = np.round(0.5 + rng.beta(1, 4, (3000, 119)) / 2, 2)
    called = [np.mean(row[99:] >= fake_threshold(row[:99], 0.01).at) for row in scores]
    assert np.mean(called) < 0.01


def test_the_whole_of_it_keeps_its_promise_on_videos_it_has_not_seen():
    called = []
    for seed in range(60):
        logits, names, tracks, labels = scored(500, windows=3, apart=1.0, seed=seed)
        known = np.array([int(name[1:]) < 250 for name in names])
        learnt = calibrate(
            logits[known], names[known], tracks[known], labels, model="detector", model_version="1", split_id="s",
            run_id="r", alpha=0.05,
        )  # fmt: skip
        videos, of_video = video_logits(logits[~known], names[~known], tracks[~known], learnt.aggregation)
        authentic = np.array([labels[video] == 0 for video in videos])
        called.append(np.mean(learnt.p_fake(of_video)[authentic] >= learnt.fake_at))
    assert np.mean(called) <= 0.05 + 3 * np.std(called) / np.sqrt(len(called))


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2])
def test_an_alpha_that_is_no_share_is_refused(alpha):
    with pytest.raises(CalibrationError, match="share"):
        fake_threshold(np.ones(10) / 2, alpha)


def test_at_most_one_fake_in_twenty_falls_below_suspicious():
    rng = np.random.default_rng(2)
    missed = []
    for _ in range(3000):
        fakes = rng.beta(2, 8, 59)  # nearly all under .5, so that the ceiling of .5 hides nothing
        missed.append(np.mean(fakes[39:] < suspicious_threshold(fakes[:39])))
    assert np.mean(missed) == pytest.approx(0.05, abs=0.006)


def test_18_fakes_are_too_few_to_lower_suspicious_and_19_are_enough():
    fakes = np.full(19, 0.3)
    assert suspicious_threshold(fakes[:18]) == 0.5
    assert suspicious_threshold(fakes) == pytest.approx(0.3)
    assert suspicious_threshold(fakes) <= 0.3


def test_suspicious_never_starts_above_one_half():
    assert suspicious_threshold(np.full(100, 0.9)) == 0.5


# ---- bands ----


def test_bands_start_at_their_thresholds():
    bands = [band(p, calibration()) for p in (0.0, 0.399, 0.4, 0.899, 0.9, 1.0)]
    assert bands == ["authentic", "authentic", "suspicious", "suspicious", "fake", "fake"]


def test_without_a_guarantee_nothing_is_called_fake_and_suspicious_stands_in():
    assert band(1.0, calibration(fake_at=None, refused="too few")) == "suspicious"


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_has_no_band(p):
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        band(p, calibration())


def test_fakes_get_the_higher_p():
    logits, names, tracks, labels = scored(300, apart=4)
    learnt = calibrate(logits, names, tracks, labels, model="d", model_version="1", split_id="s", run_id="r")
    videos, of_video = video_logits(logits, names, tracks, learnt.aggregation)
    p = learnt.p_fake(of_video)
    fake = np.array([labels[v] == 1 for v in videos])
    assert p[fake].mean() > 0.8 > 0.2 > p[~fake].mean()
    assert np.allclose(p, sigmoid(of_video / learnt.temperature))


def test_a_calibration_is_a_row_of_its_table_and_says_what_it_rests_on():
    logits, names, tracks, labels = scored(300)
    learnt = calibrate(logits, names, tracks, labels, model="d", model_version="1", split_id="s", run_id="r")
    row = learnt.row()
    assert (row["authentic"], row["fake"], row["refused"], row["alpha"]) == (150, 150, None, 0.01)
    assert list(row) == [
        "model", "model_version", "calibration_id", "aggregation", "temperature", "alpha", "fake_at", "suspicious_at",
        "authentic", "fake", "refused", "split_id", "run_id", "at",
    ]  # fmt: skip
    assert learnt.suspicious_at <= 0.5 <= learnt.fake_at
    assert "At most 1 %" in learnt.statement() and "150 authentic" in learnt.statement()


def test_a_small_validation_part_makes_no_promise_and_says_why():
    logits, names, tracks, labels = scored(60)
    learnt = calibrate(logits, names, tracks, labels, model="d", model_version="1", split_id="s", run_id="r")
    assert learnt.fake_at is None
    assert "needs 99 authentic validation videos, there are 30" in learnt.statement()


def test_a_scored_video_without_a_label_is_named():
    logits, names, tracks, labels = scored(10)
    del labels["v3"]
    with pytest.raises(CalibrationError, match="v3"):
        choose_aggregation(logits, names, tracks, labels)
