"""Figures of a test with intervals over identities, or "n too small" where people or videos are too few for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from fakelake.models.detector.weighted import (
    ECE_BINS,
    LOWER_IS_BETTER,
    STATISTICS,
    Weighted,
    ece_by_chance,
    group_weights,
)

# An interval over people needs people; one a class has nothing to vary.
LEAST_IDENTITIES = 2
# From here on the interval itself is worth its name: fewer clusters make a bootstrap too narrow.
ENOUGH_IDENTITIES = 10
# Below this many authentic rows a false positive rate of 1 % cannot be told from none.
LEAST_AUTHENTIC = {"tpr_at_fpr_1": 100, "ap_at_1": 100, "precision_at_1": 100}
LEAST_ROWS = {"ece": 10 * ECE_BINS}


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval, or none and `note` says why. n: identities that the interval is over."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""

    def as_text(self) -> str:
        if self.value is None:
            return self.note
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def too_small(n: int, needs: int, of: str = "") -> Figure:
    """In place of a figure. `of`: what there are too few of, e.g. "authentic identities"."""
    return Figure(None, None, None, n, f"n too small (n={n}{' ' if of else ''}{of}, needs {needs})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Rows at p >= .5, FAKE positive: tp = fake called fake, fp = authentic called fake, fn = fake called authentic."""

    tp: int
    fp: int
    tn: int
    fn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`_at_50` and `_at_1`: the classes weighted to a prevalence of fakes of 50 % and 1 %; without: as in these rows.

    accuracy, precision: at p >= .5; ece: 15 bins of equal mass; log_loss: natural; tpr_at_fpr_1: recall at FPR <= 1 %
    """

    auc: Figure
    ap: Figure
    ap_at_50: Figure
    ap_at_1: Figure
    eer: Figure
    tpr_at_fpr_1: Figure
    accuracy: Figure
    accuracy_at_50: Figure
    accuracy_at_1: Figure
    precision: Figure
    precision_at_50: Figure
    precision_at_1: Figure
    brier: Figure
    ece: Figure
    log_loss: Figure

    def items(self) -> Iterable[tuple[str, Figure]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one set of predictions reached: counts of rows and of the identities in them, and the figures."""

    rows: int
    authentic: int
    fake: int
    identities: int
    confusion: Confusion
    figures: Figures

    def to_dict(self) -> dict:
        return asdict(self)

    def values(self) -> dict[str, float]:
        """The numbers that there are, for a tracker of runs: `auc`, `auc_low`, `auc_high`, ..."""
        ends = ((name, figure, end) for name, figure in self.figures.items() for end in ("value", "low", "high"))
        named = {name if end == "value" else f"{name}_{end}": getattr(figure, end) for name, figure, end in ends}
        return {name: number for name, number in named.items() if number is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`a` - `b` of one metric on the same rows, with its 95 % interval; None and a note where n is too small."""

    metric: str
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""

    @property
    def a_is_better(self) -> bool:
        """The whole interval lies on the good side of 0; that of a few people is too narrow to say so."""
        if self.low is None or self.high is None or self.n < ENOUGH_IDENTITIES:
            return False
        return self.high < 0 if self.metric in LOWER_IS_BETTER else self.low > 0

    def as_text(self) -> str:
        if self.difference is None:
            return self.note
        return f"{self.metric} {self.difference:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


def figures(
    labels: np.ndarray,
    p: np.ndarray,
    groups: Sequence[str],
    seed: int = 0,
    resamples: int = 1000,
    *,
    weights: np.ndarray | None = None,
    units: Sequence[str] | None = None,
) -> Report:
    """All figures of predictions `p` [N] of fake for `labels` [N] (1 = fake), with 95 % bootstrap intervals.

    groups: [N] who is in each row; identities are drawn, not rows, since the rows of one person agree
    weights: [N] what a row counts (e.g. its frames); one each where not given
    units: [N] what counts once towards "n too small" (e.g. the video of each window); each row where not given
    Raises ValueError for labels that are not 0 or 1, for p outside 0..1 and for lengths that differ.
    """
    labels, p, groups = _checked(labels, p, groups)
    rows = np.ones(len(labels)) if weights is None else np.asarray(weights, float)
    called = p >= 0.5
    cells = {"tp": called & labels, "fp": called & ~labels, "tn": ~called & ~labels, "fn": ~called & labels}
    counted = np.arange(len(labels)) if units is None else np.asarray(units)
    absent = {name: _absence(name, labels, groups, counted) for name in STATISTICS}
    found: dict[str, np.ndarray] = {}
    if wanted := [name for name, figure in absent.items() if figure is None]:
        drawn = [
            {name: STATISTICS[name](weighted) for name in wanted}
            for weighted in (Weighted(labels, p, w) for w in group_weights(groups, resamples, seed, rows))
        ]
        found = {name: np.concatenate([part[name] for part in drawn]) for name in wanted}
    identities = len(np.unique(groups))
    made = {name: absent[name] or _figure(name, found[name], identities) for name in STATISTICS}
    if made["ece"].value is not None and units is None:
        made["ece"] = replace(made["ece"], note=f"chance alone gives about {ece_by_chance(p):.3f}")
    return Report(
        rows=len(labels), authentic=int(np.sum(~labels)), fake=int(np.sum(labels)), identities=identities,
        confusion=Confusion(**{name: round(float(rows[cell].sum())) for name, cell in cells.items()}),
        figures=Figures(**made),
    )  # fmt: skip


def paired_difference(
    labels: np.ndarray,
    p_a: np.ndarray,
    p_b: np.ndarray,
    groups: Sequence[str],
    metric: str = "auc",
    resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """How much better model a is than b on the same rows: both are measured on the same draws of identities.

    metric: a field of `Figures`. Raises ValueError for another name and for the reasons of `figures`.
    """
    if metric not in STATISTICS:
        raise ValueError(f"{metric} is not a metric here; choose one of {', '.join(STATISTICS)}")
    truth, p_a, names = _checked(labels, p_a, groups)
    _, p_b, _ = _checked(labels, p_b, groups)
    n = len(np.unique(names))
    if absent := _absence(metric, truth, names, np.arange(len(truth))):
        return Difference(metric=metric, a=None, b=None, difference=None, low=None, high=None, n=n, note=absent.note)
    statistic = STATISTICS[metric]
    pairs = [
        (statistic(Weighted(truth, p_a, w)), statistic(Weighted(truth, p_b, w)))
        for w in group_weights(names, resamples, seed)
    ]
    a, b = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
    found = _figure("difference", a - b, n)
    return Difference(
        metric=metric, a=None if np.isnan(a[0]) else float(a[0]), b=None if np.isnan(b[0]) else float(b[0]),
        difference=found.value, low=found.low, high=found.high, n=n, note=found.note,
    )  # fmt: skip


def _checked(labels: np.ndarray, p: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, p, groups = np.asarray(labels), np.asarray(p, float), np.asarray(groups, str)
    if not labels.shape == p.shape == groups.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape}, p {p.shape} and groups {groups.shape} must be as long as each other")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels are 1 (fake) or 0 (authentic), not {np.unique(labels)[:5].tolist()}")
    if not (np.isfinite(p) & (p >= 0) & (p <= 1)).all():
        raise ValueError("p must be probabilities between 0 and 1: put logits through the calibration first")
    return labels.astype(bool), p, groups


def _absence(name: str, labels: np.ndarray, groups: np.ndarray, units: np.ndarray) -> Figure | None:
    """What stands in place of a figure that these rows cannot carry."""
    for rows, kind in ((~labels, "authentic"), (labels, "fake")):
        if (people := len(np.unique(groups[rows]))) < LEAST_IDENTITIES:
            return too_small(people, LEAST_IDENTITIES, f"{kind} identities")
    if (authentic := len(np.unique(units[~labels]))) < LEAST_AUTHENTIC.get(name, 0):
        return too_small(authentic, LEAST_AUTHENTIC[name], "authentic")
    if (rows := len(np.unique(units))) < LEAST_ROWS.get(name, 0):
        return too_small(rows, LEAST_ROWS[name])
    return None


def _figure(name: str, values: np.ndarray, n: int) -> Figure:
    """values: [1 + R], the rows themselves first, then the resamples (NaN where one lost a class)."""
    value, drawn = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not np.isfinite(value):
        return Figure(None, None, None, n, "undefined: nothing is called fake")
    if not len(drawn):
        return Figure(value, None, None, n, "without an interval")
    low, high = (float(end) for end in np.percentile(drawn, (2.5, 97.5)))
    if name == "ece":  # any resample looks worse calibrated than the rows it is drawn from: keep its spread alone
        shift = value - float(np.mean(drawn))
        low, high = max(0.0, min(low + shift, value)), min(1.0, max(high + shift, value))
    note = f"n={n} identities: the true interval is wider" if n < ENOUGH_IDENTITIES else ""
    if low == high:
        note = f"no resample differs: with n={n} identities that rules little out"
    return Figure(value, low, high, n, note)
