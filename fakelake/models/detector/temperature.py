"""One number that makes logits honest: p = sigmoid(logit / temperature) (Guo et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

# Beyond these the fit is no longer about confidence: the logits are noise, or separate the classes without a miss.
BOUNDS = (0.01, 100.0)


class CalibrationError(ValueError):
    """These validation scores cannot calibrate a model. The message says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """log_loss: on the videos it was fitted on, the classes weighing alike; note: what hindered the fit, or empty."""

    value: float
    log_loss: float
    note: str = ""


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), without overflow."""
    tail = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1, tail) / (1 + tail)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> Temperature:
    """The temperature of least log loss for video logits [N] and labels [N] (1 = fake), both classes weighing alike.

    Training pairs a real clip with a fake one, so a logit speaks of footage of which one half is fake. A temperature
    cannot move that; were the commoner class of a lake to weigh more, it would only blur it.
    Where every fake lies above 0 and every authentic video below, the likelihood would have them certain (temperature
    0). Then the targets are Platt's (1999), as if one more video a class had come out the other way: ten videos a
    class without a miss earn p = 11/12, not 1.
    Raises CalibrationError for no videos, one class alone, logits that are not finite or all the same.
    """
    logits, labels = np.asarray(logits, float), np.asarray(labels)
    if not len(logits):
        raise CalibrationError("there is no scored validation video to calibrate on")
    if not np.isfinite(logits).all():
        raise CalibrationError("a validation logit is NaN or infinite: the model or its input is broken")
    fakes = int(np.sum(labels == 1))
    if fakes in (0, len(labels)):
        raise CalibrationError(
            f"all {len(labels)} scored validation videos are {'fake' if fakes else 'authentic'}: calibrating needs both"
        )
    if np.ptp(logits) == 0:
        raise CalibrationError(f"every validation video has the logit {logits[0]:.3g}: the model tells nothing apart")
    targets, note = labels.astype(float), ""
    if logits[labels == 1].min() > 0 > logits[labels == 0].max():
        targets = np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (len(labels) - fakes + 2))
        note = f"{len(labels)} validation videos are told apart without a miss: Platt's targets keep p from certainty"
    low, high = np.log(BOUNDS)
    weights = np.where(labels == 1, 0.5 / fakes, 0.5 / (len(labels) - fakes))
    found = minimize_scalar(
        lambda t: _log_loss(logits / np.exp(t), targets, weights),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-6},
    )
    # The loss has one valley (it is convex in 1/T), but the search stops short of its ends.
    best = min((float(found.x), float(low), float(high)), key=lambda t: _log_loss(logits / np.exp(t), targets, weights))
    if not note and best == high:
        note = "the logits hardly tell fakes from authentic videos: every p is near .5"
    return Temperature(float(np.exp(best)), _log_loss(logits / np.exp(best), labels.astype(float), weights), note)


def _log_loss(z: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Weighted sum of -t log sigmoid(z) - (1 - t) log sigmoid(-z)."""
    return float(np.sum(weights * (np.logaddexp(0, z) - targets * z)))
