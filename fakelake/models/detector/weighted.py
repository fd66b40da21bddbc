"""Figures of one set of predictions under many weightings of its rows at once: what a bootstrap needs to be quick.

A resample of the identities only changes how often each row counts, so all resamples share one sorting of the rows.
Label 1 = fake = positive. Each figure is one value a weighting, [R]; those of ranking are NaN where a class weighs 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

ECE_BINS = 15
# Rows x weightings that are looked at together: about 8 MB an array, which stays near the processor.
_CELLS = 1_000_000


class Weighted:
    """`labels` [N] 0/1, `p` [N] probability of fake, `weights` [R, N] >= 0."""

    def __init__(self, labels: np.ndarray, p: np.ndarray, weights: np.ndarray) -> None:
        order = np.argsort(-p, kind="stable")
        self.p, self.labels, self.weights = p[order], labels[order].astype(float), weights[:, order]
        last_of_tie = np.flatnonzero(np.append(np.diff(self.p) != 0, True))
        fake = np.cumsum(self.weights * self.labels, axis=1)[:, last_of_tie]
        both = np.cumsum(self.weights, axis=1)[:, last_of_tie]
        self.total, fakes = both[:, -1], fake[:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.prevalence = fakes[:, 0] / self.total
            self.tpr = _from_zero(fake / fakes)
            self.fpr = _from_zero((both - fake) / (both[:, -1:] - fakes))
        self._half = int(np.count_nonzero(self.p[last_of_tie] >= 0.5))  # column of tpr and fpr for p >= .5

    def auc(self) -> np.ndarray:
        return np.sum(np.diff(self.fpr) * (self.tpr[:, 1:] + self.tpr[:, :-1]) / 2, axis=1)

    def average_precision(self, prevalence: float | None = None) -> np.ndarray:
        """Sum of precision over the steps of recall, classes weighted to `prevalence` (None: as they are)."""
        share = self.prevalence[:, None] if prevalence is None else prevalence
        hits, alarms = share * self.tpr[:, 1:], (1 - share) * self.fpr[:, 1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = hits / (hits + alarms)
        # Nothing is called at the top where its rows have weight 0: no recall is gained there either.
        return np.sum(np.diff(self.tpr) * np.nan_to_num(precision), axis=1) + 0 * (self.tpr[:, -1] + self.fpr[:, -1])

    def eer(self) -> np.ndarray:
        """The error where as many fakes are missed as authentic rows are called fake, on the line between two steps."""
        gap = 1 - self.tpr - self.fpr
        after = np.argmax(gap <= 0, axis=1)
        rows = np.arange(len(gap))
        before = np.maximum(after - 1, 0)
        start, end = gap[rows, before], gap[rows, after]
        with np.errstate(invalid="ignore", divide="ignore"):
            along = np.where(start == end, 0.0, start / (start - end))
        return self.fpr[rows, before] + along * (self.fpr[rows, after] - self.fpr[rows, before])

    def tpr_at_fpr(self, most: float) -> np.ndarray:
        """The highest recall at a threshold that really has at most this false positive rate: no interpolation."""
        allowed = self.fpr <= most + 1e-12
        return np.max(np.where(allowed, self.tpr, 0), axis=1) + 0 * (self.tpr[:, -1] + self.fpr[:, -1])

    def accuracy(self, prevalence: float | None = None) -> np.ndarray:
        share = self.prevalence if prevalence is None else prevalence
        return share * self.tpr[:, self._half] + (1 - share) * (1 - self.fpr[:, self._half])

    def precision(self, prevalence: float | None = None) -> np.ndarray:
        """NaN where nothing is called fake."""
        share = self.prevalence if prevalence is None else prevalence
        hits, alarms = share * self.tpr[:, self._half], (1 - share) * self.fpr[:, self._half]
        with np.errstate(invalid="ignore", divide="ignore"):
            return hits / (hits + alarms)

    def brier(self) -> np.ndarray:
        return self.weights @ np.square(self.p - self.labels) / self.total

    def log_loss(self) -> np.ndarray:
        """Natural logarithm; a probability of exactly 0 or 1 counts as one rounding error away from it."""
        tiny = np.finfo(float).eps
        right = np.clip(np.where(self.labels == 1, self.p, 1 - self.p), tiny, 1)
        return self.weights @ -np.log(right) / self.total

    def ece(self) -> np.ndarray:
        """Expected calibration error over 15 bins of equal mass, their borders from all rows."""
        bins = equal_mass_bins(self.p)
        starts = np.flatnonzero(np.append(True, np.diff(bins) != 0))
        over = np.add.reduceat(self.weights * (self.p - self.labels), starts, axis=1)
        return np.sum(np.abs(over), axis=1) / self.total


STATISTICS: dict[str, Callable[[Weighted], np.ndarray]] = {
    "auc": Weighted.auc,
    "ap": Weighted.average_precision,
    "ap_at_50": lambda rows: rows.average_precision(0.5),
    "ap_at_1": lambda rows: rows.average_precision(0.01),
    "eer": Weighted.eer,
    "tpr_at_fpr_1": lambda rows: rows.tpr_at_fpr(0.01),
    "accuracy": Weighted.accuracy,
    "accuracy_at_50": lambda rows: rows.accuracy(0.5),
    "accuracy_at_1": lambda rows: rows.accuracy(0.01),
    "precision": Weighted.precision,
    "precision_at_50": lambda rows: rows.precision(0.5),
    "precision_at_1": lambda rows: rows.precision(0.01),
    "brier": Weighted.brier,
    "ece": Weighted.ece,
    "log_loss": Weighted.log_loss,
}
LOWER_IS_BETTER = frozenset({"eer", "brier", "ece", "log_loss"})


def equal_mass_bins(p: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """Bin of each row, by rank, so that each bin holds as many rows as ties allow: equal p always share a bin."""
    return np.searchsorted(np.sort(p), p, side="left") * bins // max(len(p), 1)


def ece_by_chance(p: np.ndarray) -> float:
    """About the `ece` that perfectly calibrated predictions like these would show, with independent rows."""
    bins = equal_mass_bins(p)
    spread = np.bincount(bins, weights=p * (1 - p))
    return float(np.sum(np.sqrt(2 / np.pi * spread)) / max(len(p), 1))


def group_weights(
    groups: np.ndarray, resamples: int, seed: int, rows: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Weightings [R, N] in bites: first all rows once, then `resamples` draws of the groups with replacement.

    groups: [N]; rows: what each row counts by itself, [N]
    """
    names, index = np.unique(groups, return_inverse=True)
    rows = np.ones(len(index)) if rows is None else np.asarray(rows, float)
    yield rows[None]
    rng = np.random.default_rng(seed)
    bite = max(1, _CELLS // max(len(index), 1))
    for start in range(0, resamples, bite):
        drawn = rng.multinomial(
            len(names), np.full(len(names), 1 / len(names)), size=min(bite, resamples - start)
        ).astype(float)
        yield drawn[:, index] * rows


def _from_zero(columns: np.ndarray) -> np.ndarray:
    """[R, K] -> [R, K + 1]: the threshold above every row comes first."""
    return np.concatenate([np.zeros((len(columns), 1)), columns], axis=1)
