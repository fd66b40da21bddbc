import numpy as np
import pytest
from sklearn import metrics as sk

from fakelake.models.detector.weighted import ece_by_chance, equal_mass_bins
from tests.models.detector.scores import noisy, value


def test_turning_the_labels_over_turns_the_auc_over():
    labels, p = noisy(300)
    assert value("auc", 1 - labels, p) == pytest.approx(1 - value("auc", labels, p))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_figures_agree_with_scikit_learn(ties, weighted):
    labels, p = noisy(400, ties=ties)
    weights = np.random.default_rng(1).integers(0, 4, 400).astype(float) if weighted else np.ones(400)
    peers = {
        "auc": sk.roc_auc_score(labels, p, sample_weight=weights),
        "ap": sk.average_precision_score(labels, p, sample_weight=weights),
        "brier": sk.brier_score_loss(labels, p, sample_weight=weights),
        "accuracy": sk.accuracy_score(labels, p >= 0.5, sample_weight=weights),
        "precision": sk.precision_score(labels, p >= 0.5, sample_weight=weights),
        "log_loss": sk.log_loss(labels, p, sample_weight=weights),
    }
    for name, peer in peers.items():
        assert value(name, labels, p, weights) == pytest.approx(peer)


def test_recall_at_a_false_positive_rate_of_1_percent_is_that_of_a_threshold_that_exists():
    labels, p = noisy(4000)
    fpr, tpr, _ = sk.roc_curve(labels, p, drop_intermediate=False)
    assert value("tpr_at_fpr_1", labels, p) == pytest.approx(tpr[fpr <= 0.01].max())


def test_at_the_equal_error_rate_as_many_fakes_are_missed_as_authentic_videos_are_called_fake():
    labels, p = noisy(5000)
    fpr, tpr, _ = sk.roc_curve(labels, p, drop_intermediate=False)
    closest = np.argmin(np.abs(1 - tpr - fpr))
    assert value("eer", labels, p) == pytest.approx(fpr[closest], abs=1e-3)


def test_prevalence_is_reached_by_weighting_the_classes():
    labels, p = noisy(600)
    one_percent = np.where(labels == 1, 0.01 / labels.sum(), 0.99 / (1 - labels).sum())
    for name, peer in (
        ("ap_at_1", sk.average_precision_score(labels, p, sample_weight=one_percent)),
        ("precision_at_1", sk.precision_score(labels, p >= 0.5, sample_weight=one_percent)),
        ("accuracy_at_1", sk.accuracy_score(labels, p >= 0.5, sample_weight=one_percent)),
    ):
        assert value(name, labels, p) == pytest.approx(peer)
    assert value("accuracy_at_50", labels, p) == pytest.approx(sk.balanced_accuracy_score(labels, p >= 0.5))


def test_precision_that_looks_good_among_many_fakes_is_poor_where_one_video_in_a_hundred_is_fake():
    labels, p = np.repeat([0, 1], 100), np.tile([0.9] * 10 + [0.1] * 90, 2)
    p[100:] = [0.9] * 90 + [0.1] * 10
    assert value("precision_at_50", labels, p) == pytest.approx(0.9)
    assert value("precision_at_1", labels, p) == pytest.approx(0.01 * 0.9 / (0.01 * 0.9 + 0.99 * 0.1))


def test_calibration_error_is_the_gap_between_said_and_true_over_bins_of_equal_mass():
    labels, p = np.tile([1, 0, 0, 0, 0], 60), np.full(300, 0.5)  # one bin, since all tie: says .5, is .2
    assert value("ece", labels, p) == pytest.approx(0.3)
    assert np.bincount(equal_mass_bins(np.random.default_rng(0).permutation(300) / 300)).tolist() == [20] * 15


def test_a_perfectly_calibrated_model_shows_about_the_error_that_chance_alone_gives():
    rng = np.random.default_rng(3)
    p = rng.uniform(size=600)
    shown = [value("ece", (rng.uniform(size=600) < p).astype(int), p) for _ in range(200)]
    assert ece_by_chance(p) == pytest.approx(np.mean(shown), rel=0.05)


def test_resampling_by_weights_is_resampling_by_rows():
    labels, p = noisy(120)
    drawn = np.random.default_rng(5).integers(0, 120, 120)
    weights = np.bincount(drawn, minlength=120)
    assert value("auc", labels, p, weights) == pytest.approx(sk.roc_auc_score(labels[drawn], p[drawn]))
    assert value("ap", labels, p, weights) == pytest.approx(sk.average_precision_score(labels[drawn], p[drawn]))
