"""Middling detectors for the tests of figures."""

import numpy as np

from fakelake.models.detector.weighted import STATISTICS, Weighted


def noisy(rows, *, apart=1.5, seed=0, ties=False):
    """Labels and p of a middling detector."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    p = 1 / (1 + np.exp(-(rng.normal(size=rows) + apart * (labels - 0.5))))
    return labels, np.clip(np.round(p, 1), 0.1, 0.9) if ties else p


def value(name, labels, p, weights=None):
    weights = np.ones(len(labels)) if weights is None else weights
    return STATISTICS[name](Weighted(np.asarray(labels), np.asarray(p), np.asarray(weights)[None]))[0]
