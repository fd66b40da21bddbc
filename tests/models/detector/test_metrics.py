import time

import numpy as np
import pytest
from sklearn import metrics as sk

from fakelake.models.detector.metrics import figures, paired_difference, too_small
from tests.models.detector.scores import noisy, value

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
P = np.array([0.1, 0.2, 0.3, 0.8, 0.4, 0.7, 0.7, 0.9])
ALONE = [f"person {i}" for i in range(8)]


# ---- the numbers themselves ----


def test_eight_videos_counted_by_hand():
    report = figures(LABELS, P, ALONE)
    cells = report.confusion
    assert (cells.tp, cells.fp, cells.tn, cells.fn) == (3, 1, 3, 1)
    assert report.figures.auc.value == pytest.approx(13 / 16)  # pairs in the right order: 4 + 3 + 3 + 3 of 16
    assert report.figures.accuracy.value == pytest.approx(6 / 8)
    assert report.figures.precision.value == pytest.approx(3 / 4)
    assert report.figures.brier.value == pytest.approx((0.01 + 0.04 + 0.09 + 0.64 + 0.36 + 0.09 + 0.09 + 0.01) / 8)
    assert report.figures.eer.value == pytest.approx(0.25)
    assert (report.rows, report.authentic, report.fake, report.identities) == (8, 4, 4, 8)


def test_fake_is_positive_so_a_fake_called_authentic_is_a_false_negative():
    cells = figures(np.array([1, 1, 0, 0]), np.array([0.2, 0.3, 0.1, 0.2]), list("abcd")).confusion
    assert (cells.fn, cells.fp, cells.tp, cells.tn) == (2, 0, 0, 2)


def test_a_frame_that_counts_double_is_as_good_as_two():
    labels, p = noisy(200)
    doubled = figures(labels, p, [str(i) for i in range(200)], resamples=0, weights=np.full(200, 2.0))
    assert doubled.confusion.tp == 2 * figures(labels, p, [str(i) for i in range(200)], resamples=0).confusion.tp
    assert doubled.figures.auc.value == pytest.approx(sk.roc_auc_score(labels, p))


# ---- intervals ----


def test_twenty_copies_of_each_person_make_the_interval_over_people_no_narrower():
    labels, p = noisy(40)
    people = np.arange(40).astype(str)
    once = figures(labels, p, people).figures.auc
    copied = figures(np.repeat(labels, 20), np.repeat(p, 20), np.repeat(people, 20)).figures.auc
    as_rows = figures(np.repeat(labels, 20), np.repeat(p, 20), np.arange(800).astype(str)).figures.auc
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-6)
    assert (as_rows.high - as_rows.low) < 0.4 * (copied.high - copied.low)


def test_nineteen_intervals_in_twenty_hold_the_true_auc():
    truth = value("auc", *noisy(200_000, seed=99))
    held = []
    for seed in range(100):
        labels, p = noisy(150, seed=seed)
        auc = figures(labels, p, np.arange(150).astype(str), seed, 200).figures.auc
        held.append(auc.low <= truth <= auc.high)
    assert 0.89 <= np.mean(held) <= 0.99


def test_every_figure_lies_in_its_interval_and_the_seed_decides_it():
    labels, p = noisy(400)
    people = np.arange(400).astype(str)
    first, again = figures(labels, p, people, seed=4), figures(labels, p, people, seed=4)
    assert first == again != figures(labels, p, people, seed=5)
    for name, figure in first.figures.items():
        assert figure.low <= figure.value <= figure.high, name
        assert figure.high > figure.low, name


def test_a_thousand_resamples_of_two_thousand_rows_take_about_a_second():
    labels, p = noisy(2000)
    start = time.process_time()
    figures(labels, p, (np.arange(2000) // 5).astype(str))
    assert time.process_time() - start < 4  # 0.5 s on a machine that does nothing else


# ---- n too small ----


def test_one_person_of_a_class_gives_no_figure_but_says_what_it_needs():
    report = figures(LABELS, P, [*ALONE[:4], "x", "x", "x", "x"])
    assert {figure.as_text() for _, figure in report.figures.items()} == {"n too small (n=1 fake identities, needs 2)"}
    assert report.confusion.tp == 3  # counting needs no people
    assert report.values() == {}


def test_99_authentic_videos_do_not_support_a_rate_of_1_percent_and_100_do():
    labels = np.array([0] * 100 + [1] * 60)
    p = np.random.default_rng(0).uniform(size=160)
    people = np.arange(160).astype(str)
    enough, short = figures(labels, p, people), figures(labels[1:], p[1:], people[1:])
    assert enough.figures.tpr_at_fpr_1.value is not None
    for figure in (short.figures.tpr_at_fpr_1, short.figures.precision_at_1, short.figures.ap_at_1):
        assert figure.as_text() == "n too small (n=99 authentic, needs 100)"
    assert short.figures.auc.value is not None


def test_calibration_error_of_few_videos_is_too_small():
    assert figures(LABELS, P, ALONE).figures.ece.as_text() == "n too small (n=8, needs 150)"


def test_few_people_get_a_word_of_doubt_beside_their_interval():
    assert figures(LABELS, P, ALONE).figures.auc.note == "n=8 identities: the true interval is wider"


def test_a_perfect_score_says_that_its_interval_of_no_width_proves_little():
    report = figures(np.repeat([0, 1], 20), np.repeat([0.1, 0.9], 20), np.arange(40).astype(str))
    assert (report.figures.auc.low, report.figures.auc.high) == (1, 1)
    assert "rules little out" in report.figures.auc.note


def test_precision_where_nothing_is_called_fake_is_undefined():
    figure = figures(LABELS, P / 3, ALONE).figures.precision
    assert (figure.value, figure.as_text()) == (None, "undefined: nothing is called fake")


def test_a_figure_prints_itself_with_its_interval_or_with_why_there_is_none():
    auc = figures(*noisy(400), np.arange(400).astype(str)).figures.auc
    assert auc.as_text() == f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})"
    assert too_small(3, 5, "seeds").as_text() == "n too small (n=3 seeds, needs 5)"


@pytest.mark.parametrize(
    "labels, p, groups, words",
    [
        ([0, 2], [0.1, 0.2], ["a", "b"], "labels are 1"),
        ([0, 1], [0.1, 3.0], ["a", "b"], "probabilities"),
        ([0, 1], [0.1, float("nan")], ["a", "b"], "probabilities"),
        ([0, 1], [0.1, 0.2], ["a"], "as long as each other"),
    ],
)
def test_input_that_makes_no_sense_is_refused(labels, p, groups, words):
    with pytest.raises(ValueError, match=words):
        figures(np.array(labels), np.array(p), groups)


# ---- one model against another ----


def test_a_model_is_not_better_than_itself():
    labels, p = noisy(300)
    same = paired_difference(labels, p, p, np.arange(300).astype(str))
    assert (same.difference, same.low, same.high, same.a_is_better) == (0, 0, 0, False)


def test_pairing_shows_a_small_steady_gain_that_two_separate_intervals_hide():
    labels, p = noisy(600)
    people = np.arange(600).astype(str)
    better = p + 0.03 * (labels - 0.5) * np.random.default_rng(1).uniform(0.5, 1.5, 600)
    better = np.clip(better, 0, 1)
    gain = paired_difference(labels, better, p, people)
    a, b = figures(labels, better, people).figures.auc, figures(labels, p, people).figures.auc
    assert b.high > a.low  # seen apart, they overlap
    assert gain.difference == pytest.approx(a.value - b.value)
    assert 0 < gain.low < gain.difference < gain.high
    assert gain.a_is_better


def test_less_log_loss_is_better_and_more_auc_is_better():
    labels, good = noisy(600, apart=3)
    bad = np.clip(1 - good, 0, 1)
    people = np.arange(600).astype(str)
    for metric, sign in (("auc", 1), ("log_loss", -1), ("eer", -1), ("brier", -1)):
        found = paired_difference(labels, good, bad, people, metric)
        assert np.sign(found.difference) == sign
        assert found.a_is_better
        assert not paired_difference(labels, bad, good, people, metric).a_is_better


def test_a_gain_on_one_person_s_many_videos_is_not_shown_to_be_a_gain():
    labels, p = noisy(60)
    people = np.arange(60).astype(str)
    labels, p, people = np.append(labels, [1] * 30), np.append(p, [0.5] * 30), np.append(people, ["star"] * 30)
    lucky = np.where(people == "star", 0.99, p)
    assert not paired_difference(labels, lucky, p, people).a_is_better
    assert paired_difference(labels, lucky, p, np.arange(90).astype(str)).a_is_better  # as rows it would have been


def test_a_difference_over_too_few_people_is_none_and_says_why():
    found = paired_difference(LABELS, P, P, ["x"] * 4 + ALONE[4:])
    assert (found.difference, found.a_is_better) == (None, False)
    assert found.as_text() == "n too small (n=1 authentic identities, needs 2)"


def test_an_unknown_metric_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="auc, ap"):
        paired_difference(LABELS, P, P, ALONE, "f1")
