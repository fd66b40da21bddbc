import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fakelake.models.detector.metrics import Figure
from fakelake.tasks.evaluate import EvaluatedVideo, EvaluationError, Windows, evaluate, over_seeds
from fakelake.tasks.evaluation_text import markdown
from tests.tasks.evaluated import calibration, part


@pytest.fixture(scope="module")
def report():
    videos, windows = part()
    return evaluate(videos, windows, calibration(), resamples=200)


def four_videos():
    """Two people, each with an authentic and a fake video; `b` has its fake track beside an honest one."""
    videos = [
        EvaluatedVideo(video_id=name, label=label, identity=name + "'s", method="swap" if label else None)
        for name, label in (("a", 0), ("b", 1), ("c", 0), ("d", 1))
    ]
    names = np.array(["a", "a", "b", "b", "b", "c", "d"])
    tracks = np.array([0, 0, 0, 1, 1, 0, 0])
    return videos, Windows(names, tracks, np.array([-3.0, 1, -4, 1, 3, 1, -1]))


def test_a_video_is_judged_by_its_highest_track():
    videos, windows = four_videos()
    cells = evaluate(videos, windows, calibration()).video.confusion
    assert (cells.tp, cells.fp, cells.tn, cells.fn) == (1, 1, 1, 1)  # b by its second track; a's mean is -1


def test_the_aggregation_is_the_one_that_validation_chose():
    videos, windows = four_videos()
    cells = evaluate(videos, windows, calibration(aggregation="max")).video.confusion
    assert (cells.tp, cells.fp, cells.tn, cells.fn) == (1, 2, 0, 1)  # a's highest window is +1


def test_frames_are_counted_as_often_as_their_window_has_them():
    videos, windows = four_videos()
    of_windows = evaluate(videos, windows, calibration()).frame.confusion
    assert (of_windows.tp, of_windows.fp, of_windows.tn, of_windows.fn) == (2, 2, 1, 2)
    frames = replace(windows, frames=np.array([20, 20, 20, 20, 7, 5, 1]))
    of_frames = evaluate(videos, frames, calibration()).frame.confusion
    assert (of_frames.tp, of_frames.fp, of_frames.tn, of_frames.fn) == (27, 25, 20, 21)


def test_many_frames_of_few_videos_do_not_support_a_rate_of_1_percent():
    videos, windows = part(windows=20)
    frame = evaluate(videos, windows, calibration(), resamples=20).frame
    assert frame.authentic == 1200
    assert frame.figures.tpr_at_fpr_1.as_text() == "n too small (n=60 authentic, needs 100)"


def test_figures_of_videos_agree_with_scikit_learn(report):
    videos, windows = part()
    logits = windows.logits.reshape(120, 4).mean(axis=1)
    assert report.video.figures.auc.value == pytest.approx(roc_auc_score([v.label for v in videos], logits))


def test_a_temperature_changes_how_sure_it_is_and_not_who_is_ahead(report):
    videos, windows = part()
    cooler = evaluate(videos, windows, calibration(temperature=4.0), resamples=50)
    assert cooler.video.figures.auc.value == pytest.approx(report.video.figures.auc.value)
    assert cooler.video.figures.brier.value != pytest.approx(report.video.figures.brier.value, abs=0.01)


def test_each_method_is_judged_against_all_authentic_videos(report):
    videos, windows = part()
    logits = windows.logits.reshape(120, 4).mean(axis=1)
    assert [found.method for found in report.methods] == ["blend", "swap"]
    for found in report.methods:
        mine = [i for i, video in enumerate(videos) if video.method in (None, found.method)]
        peer = roc_auc_score([videos[i].label for i in mine], logits[mine])
        assert found.report.figures.auc.value == pytest.approx(peer)
        assert (found.report.authentic, found.report.fake) == (60, 30)


def test_videos_that_failed_stay_in_the_denominator_as_a_coin_toss():
    videos, windows = part()
    lost = [
        EvaluatedVideo(video_id=f"x{i}", label=i % 2, identity=f"x{i}", missing="failed" if i < 10 else "no face")
        for i in range(40)
    ]
    report = evaluate([*videos, *lost], windows, calibration(), resamples=50)
    assert (report.coverage.videos, report.coverage.scored) == (160, 120)
    assert [(m.name, m.authentic, m.fake) for m in report.coverage.missing] == [("failed", 5, 5), ("no face", 15, 15)]
    assert report.video.rows == 120
    p = np.append(windows.logits.reshape(120, 4).mean(axis=1), np.zeros(40))  # p = .5 is logit 0
    labels = [video.label for video in [*videos, *lost]]
    assert report.everything.figures.auc.value == pytest.approx(roc_auc_score(labels, p))
    assert report.everything.figures.auc.value < report.video.figures.auc.value
    assert report.values()["coverage"] == 0.75


def test_with_every_video_scored_all_videos_are_the_scored_ones(report):
    assert report.everything == report.video


def test_bands_count_authentic_and_fake_videos_apart(report):
    assert sum(count.authentic for count in report.bands) == 60
    assert sum(count.fake for count in report.bands) == 60
    called = {count.name: count for count in report.bands}
    assert called["fake"].fake > called["fake"].authentic
    assert called["authentic"].authentic > called["authentic"].fake


def test_without_a_guarantee_no_video_is_in_the_band_fake():
    videos, windows = part()
    report = evaluate(videos, windows, calibration(fake_at=None, refused="99 are needed"), resamples=20)
    assert "fake" not in {count.name for count in report.bands}
    assert "99 are needed" in markdown(report)


@pytest.mark.parametrize(
    "harm, words",
    [
        (lambda videos, windows: (videos[1:], windows), "not in the test part, e.g. v0"),
        (lambda videos, windows: ([*videos, videos[3]], windows), "v3 is in the test part twice"),
        (lambda videos, windows: ([replace(videos[0], missing="failed"), *videos[1:]], windows), "v0 has windows"),
        (lambda videos, windows: (videos, Windows(*(np.array([]) for _ in range(3)))), "score the part"),
    ],
)
def test_videos_and_windows_that_do_not_belong_together_are_refused(harm, words):
    with pytest.raises(EvaluationError, match=words):
        evaluate(*harm(*part(12)), calibration())


# ---- seeds ----


def test_a_headline_is_the_mean_of_three_seeds_between_their_outermost_ends():
    headline = over_seeds([Figure(0.90, 0.85, 0.94, 50), Figure(0.92, 0.86, 0.97, 50), Figure(0.91, 0.80, 0.95, 50)])
    assert (headline.value, headline.low, headline.high) == (pytest.approx(0.91), 0.80, 0.97)
    assert headline.note == "mean of 3 seeds: 0.900, 0.920, 0.910"


def test_two_seeds_are_no_headline():
    assert over_seeds([Figure(0.9, 0.8, 1.0, 50)] * 2).as_text() == "n too small (n=2 seeds, needs 3)"


# ---- the page ----


def test_the_page_says_each_number_with_its_interval_and_names_the_cells_of_the_matrix_right(report):
    page = markdown(report)
    cells, auc = report.video.confusion, report.video.figures.auc
    assert f"| AUC | {auc.as_text()} |" in page
    assert f"| is fake | {cells.tp} (true positive) | {cells.fn} (false negative) |" in page
    assert f"| is authentic | {cells.fp} (false positive) | {cells.tn} (true negative) |" in page
    assert "At most 1 % of authentic videos are called fake" in page
    assert "120 of 120 videos have a score" in page


def test_the_page_says_n_too_small_where_it_is(report):
    assert "| TPR at FPR 1 % | n too small (n=60 authentic, needs 100)" in markdown(report)
    assert "video/tpr_at_fpr_1" not in report.values()
    assert report.values()["video/auc"] == report.video.figures.auc.value


def test_a_perfect_method_is_shown_with_its_caveat():
    videos, windows = part(apart=12)
    page = markdown(evaluate(videos, windows, calibration(), resamples=50))
    assert "- swap: AUC, AP at 50 % fakes, EER, accuracy at 50 % fakes: no resample differs" in page


def test_the_same_report_as_json(report):
    told = json.loads(report.to_json())
    assert told["video"]["figures"]["auc"]["value"] == report.video.figures.auc.value
    assert told["video"]["figures"]["tpr_at_fpr_1"]["value"] is None
    assert told["methods"][0]["method"] == "blend"
