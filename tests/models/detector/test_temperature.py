import warnings

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fakelake.models.detector.temperature import CalibrationError, fit_temperature, sigmoid


def overconfident(rows, temperature, seed=0):
    """Logits that are `temperature` times what the labels bear out."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 2, rows)
    return temperature * honest, (rng.uniform(size=rows) < sigmoid(honest)).astype(int)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 12.0])
def test_the_temperature_that_made_logits_overconfident_is_found(temperature):
    assert fit_temperature(*overconfident(20_000, temperature)).value == pytest.approx(temperature, rel=0.06)


def test_no_other_temperature_has_less_log_loss():
    logits, labels = overconfident(500, 3.0)
    fitted = fit_temperature(logits, labels)

    def loss(inverse):
        p = sigmoid(logits * inverse)
        return -np.mean([np.mean(np.log(p[labels == 1])), np.mean(np.log(1 - p[labels == 0]))])

    peer = minimize_scalar(loss, bounds=(0.05, 1.5), method="bounded", options={"xatol": 1e-9})
    assert fitted.value == pytest.approx(1 / peer.x, rel=1e-3)
    assert fitted.log_loss == pytest.approx(peer.fun)


def test_however_many_of_the_videos_are_fake_the_temperature_is_the_same():
    """Logits of pairs speak of one half: with nine fakes to one authentic video nothing about them changes."""
    rng = np.random.default_rng(0)
    fakes, reals = rng.normal(2, 2, 9000), rng.normal(-2, 2, 9000)  # log-likelihood ratios, as they should be
    half = fit_temperature(np.r_[fakes, reals], np.r_[np.ones(9000), np.zeros(9000)])
    tenth = fit_temperature(np.r_[fakes, reals[:1000]], np.r_[np.ones(9000), np.zeros(1000)])
    assert half.value == pytest.approx(1, abs=0.05)
    assert tenth.value == pytest.approx(half.value, abs=0.1)


def test_a_temperature_changes_no_order():
    logits, labels = overconfident(200, 5.0)
    assert (np.argsort(logits) == np.argsort(logits / fit_temperature(logits, labels).value)).all()


def test_a_model_without_a_miss_on_ten_videos_a_class_is_not_made_certain():
    fitted = fit_temperature(np.repeat([-9.0, 9.0], 10), np.repeat([0, 1], 10))
    assert sigmoid(np.array([9.0]) / fitted.value)[0] == pytest.approx(11 / 12, abs=1e-4)
    assert "without a miss" in fitted.note


def test_logits_that_point_the_wrong_way_end_near_one_half_with_a_word_on_it():
    logits, labels = overconfident(500, 3.0)
    fitted = fit_temperature(-logits, labels)
    assert np.abs(sigmoid(-logits / fitted.value) - 0.5).max() < 0.1
    assert "hardly tell" in fitted.note


@pytest.mark.parametrize(
    "logits, labels, words",
    [
        ([], [], "no scored validation video"),
        ([1.0, 2.0], [1, 1], "all 2 scored validation videos are fake"),
        ([1.0, 2.0], [0, 0], "are authentic"),
        ([1.0, np.inf], [0, 1], "infinite"),
        ([3.0, 3.0], [0, 1], "tells nothing apart"),
    ],
)
def test_scores_that_cannot_calibrate_are_refused_in_words(logits, labels, words):
    with pytest.raises(CalibrationError, match=words):
        fit_temperature(np.array(logits), np.array(labels))


def test_huge_logits_neither_overflow_nor_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0, 0.5, 1]
        assert np.isfinite(fit_temperature(np.array([-900.0, 800.0, -700.0]), np.array([0, 1, 1])).log_loss)
