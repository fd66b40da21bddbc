"""Drift: whether what comes in now is still like what the detector was trained beside.

Two figures say how far a measure has moved, and a third whether chance alone may have moved it:

- PSI, the population stability index, sum over bins of (r - q) ln(r / q), with q the reference's share of a bin and r
  the recent one. Values fall into ten bins of equal mass of the reference, the outer two open; categories are bins.
  Half a video is added to every bin of both sides (Jeffreys' prior), so that an empty bin gives a finite figure
- KS, the Kolmogorov-Smirnov statistic: the largest distance between the two sides' distribution functions; of values
- p, how often two sides drawn from one archive would differ so much: of the KS statistic for values (asymptotic), of
  the PSI for categories (permutations). PSI alone is no proof: of two samples of 50 from one archive, in ten bins, it
  is .3 in the mean, as it grows with (bins - 1) (1/N + 1/M)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

BINS = 10
SMOOTHING = 0.5
# Five measures are looked at every time: with .001 each, fewer than one comparison in two hundred is a false alarm.
BY_CHANCE = 0.001
DRAWS = 9_999
WITH, WITHOUT = "with a face", "no face"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: what its videos measure, one value a video, in no order.

    scores:       float64 [n], logits of the champion, 1 = fake, of the videos that it could score
    face_heights: float64 [m], px of the upright frame, the median over the video's faces
    sharpness:    float64 [m], variance of the Laplacian of the crop, the median over the video's faces
    faces:        WITH and WITHOUT -> how many videos; codecs: codec -> how many videos
    """

    scores: np.ndarray
    face_heights: np.ndarray
    sharpness: np.ndarray
    faces: Mapping[str, int]
    codecs: Mapping[str, int]

    @property
    def videos(self) -> int:
        return sum(self.faces.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on a measure has drifted: `psi` or `ks` is reached. least: videos that each side takes to be judged."""

    psi: float = 0.2
    ks: float = 0.2
    least: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How one measure has moved from the reference to the recent videos.

    reference_n, recent_n: videos that have the measure
    psi, ks, p:            see above; None: too few videos, and ks of categories
    threshold, ks_threshold: the PSI and the KS from which it counts as drifted, unless chance explains it
    drifted:               None: not told, too few videos
    words:                 what moved from where to where, or why it is not told
    """

    measure: str
    reference_n: int
    recent_n: int
    psi: float | None = None
    ks: float | None = None
    p: float | None = None
    threshold: float
    ks_threshold: float | None = None
    drifted: bool | None = None
    words: str


def compare(reference: Side, recent: Side, limits: Limits) -> list[Drift]:
    """All measures: score, face_height, sharpness, no_face, codec."""
    return [
        drift_of_values("score", reference.scores, recent.scores, limits, "logit "),
        drift_of_values("face_height", reference.face_heights, recent.face_heights, limits, unit=" px"),
        drift_of_values("sharpness", reference.sharpness, recent.sharpness, limits),
        drift_of_counts("no_face", reference.faces, recent.faces, limits, told=WITHOUT),
        drift_of_counts("codec", reference.codecs, recent.codecs, limits),
    ]


def drift_of_values(
    measure: str, reference: np.ndarray, recent: np.ndarray, limits: Limits, what: str = "", unit: str = ""
) -> Drift:
    """Of a continuous measure: finite values [N] and [M], one a video. what, unit: words around a value."""
    sides = {"measure": measure, "reference_n": len(reference), "recent_n": len(recent)}
    sides |= {"threshold": limits.psi, "ks_threshold": limits.ks}
    if few := too_few(len(reference), len(recent), limits.least):
        return Drift(**sides, words=few)
    edges = quantile_edges(reference)
    moved = psi(*(binned(values, edges) for values in (reference, recent)))
    test = ks_2samp(reference, recent, method="asymp")  # the exact one takes N x M steps, and adds nothing from 50 on
    ks, p = float(test.statistic), float(test.pvalue)
    drifted = (moved >= limits.psi or ks >= limits.ks) and p < BY_CHANCE
    words = (
        f"median {what}{np.median(recent):.4g}{unit}, was {np.median(reference):.4g}{unit} "
        f"({_figures(psi=moved, ks=ks, p=p)})"
    )
    return Drift(**sides, psi=moved, ks=ks, p=p, drifted=drifted, words=words)


def drift_of_counts(
    measure: str, reference: Mapping[str, int], recent: Mapping[str, int], limits: Limits, told: str | None = None
) -> Drift:
    """Of categories: how many videos of each. told: the words' category; default: what adds most."""
    names = sorted({*reference, *recent})
    was, now = (np.array([side.get(name, 0) for name in names], int) for side in (reference, recent))
    sides = {"measure": measure, "reference_n": int(was.sum()), "recent_n": int(now.sum()), "threshold": limits.psi}
    if few := too_few(was.sum(), now.sum(), limits.least):
        return Drift(**sides, words=few)
    moved, p = psi(was, now), chance_of_psi(was, now)
    before, after = was / was.sum(), now / now.sum()
    most = names.index(told) if told else int(psi_terms(was, now).argmax())
    words = f"{names[most]} {after[most]:.1%} of videos, was {before[most]:.1%} ({_figures(psi=moved, p=p)})"
    return Drift(**sides, psi=moved, p=p, drifted=moved >= limits.psi and p < BY_CHANCE, words=words)


def psi(reference: np.ndarray, recent: np.ndarray) -> float | np.ndarray:
    """Population stability index of counts [..., bins]; a float for one pair of counts, else [...]."""
    index = psi_terms(reference, recent).sum(-1)
    return float(index) if index.ndim == 0 else index


def psi_terms(reference: np.ndarray, recent: np.ndarray) -> np.ndarray:
    """What each bin of counts [..., bins] adds to the PSI; none is below 0."""
    q, r = (
        (np.asarray(counts) + SMOOTHING) / (np.sum(counts, -1, keepdims=True) + SMOOTHING * np.shape(counts)[-1])
        for counts in (reference, recent)
    )
    return (r - q) * np.log(r / q)


def chance_of_psi(reference: np.ndarray, recent: np.ndarray) -> float:
    """How often dealing the same videos out by lot makes sides [bins] whose PSI is at least as large; above 0."""
    rng, both = np.random.default_rng(0), reference + recent
    dealt = rng.multivariate_hypergeometric(both, recent.sum(), size=DRAWS, method="marginals")
    # A billionth: the same counts in another order may add up to a little less.
    as_large = psi(both - dealt, dealt) >= psi(reference, recent) - 1e-9
    return float((1 + as_large.sum()) / (1 + DRAWS))


def quantile_edges(reference: np.ndarray) -> np.ndarray:
    """Inner edges [at most BINS - 1] of bins of equal mass; fewer where many values are the same."""
    return np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))


def binned(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many values fall into each of the len(edges) + 1 bins; a value on an edge belongs to the bin above."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def too_few(reference: int, recent: int, least: int) -> str | None:
    """Why a comparison would not be told; None: there are enough."""
    short = [f"{n} {side}" for n, side in ((reference, "reference"), (recent, "recent")) if n < least]
    return f"not told: {' and '.join(short)} videos have it, {least} a side are needed" if short else None


def _figures(**figures: float) -> str:
    p = figures.pop("p")
    said = [f"{name.upper()} {value:.2f}" for name, value in figures.items()]
    return ", ".join([*said, f"p {p:.2g}" if p >= BY_CHANCE else f"p below {BY_CHANCE:g}"])
