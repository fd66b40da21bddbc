"""From logits to a verdict: windows to a video's logit, the temperature, and thresholds with a guarantee or without.

All of it is learnt from validation videos and stated with their number. Label 1 = fake; a logit is z_fake - z_real.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from fakelake.models.detector.temperature import CalibrationError, Temperature, fit_temperature, sigmoid

# The order is that of preference where two do equally well.
AGGREGATIONS = ("mean", "max", "top")
DEFAULT_ALPHA = 0.01
# Of the fakes, at most this share may fall below `suspicious_at`.
MISSED_FAKES = 0.05
# SQL and numpy may round the same sigmoid differently in its last bits; a threshold keeps this far from a score.
_ROUNDING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A row of `calibrations`. fake_at: least p called `fake`, None where `refused` says why no such promise is made.

    alpha: the largest share of authentic videos that may be called fake; authentic, fake: validation videos it rests on
    """

    model: str
    model_version: str
    calibration_id: str
    aggregation: str
    temperature: float
    alpha: float
    fake_at: float | None
    suspicious_at: float
    authentic: int
    fake: int
    refused: str | None
    split_id: str
    run_id: str
    at: datetime

    def row(self) -> dict:
        """For the `calibrations` table."""
        return asdict(self)

    def p_fake(self, video_logits: np.ndarray) -> np.ndarray:
        return sigmoid(np.asarray(video_logits, float) / self.temperature)

    def statement(self) -> str:
        """What may be said of the bands, for a person."""
        if self.fake_at is None:
            return f"No video is called fake: {self.refused}"
        return (
            f"At most {100 * self.alpha:.3g} % of authentic videos are called fake (p >= {self.fake_at:.4f}), if they "
            f"come as the {self.authentic} authentic validation videos came (split-conformal)."
        )


@dataclass(frozen=True, slots=True)
class AggregationChoice:
    """log_losses: of each name of AGGREGATIONS, after its own temperature, on validation."""

    aggregation: str
    temperature: Temperature
    log_losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """at: least p that is called so, or None and why not."""

    at: float | None
    refused: str | None = None


def aggregate(logits: np.ndarray, track_ids: np.ndarray, aggregation: str = "mean") -> float:
    """Logits of all windows of one video -> its logit: within each track by `aggregation`, then the highest track.

    mean | max | top (mean of the highest half of a track's windows, rounded up)
    """
    return float(video_logits(logits, np.zeros(len(logits), int), track_ids, aggregation)[1][0])


def video_logits(
    logits: np.ndarray, video_ids: Sequence, track_ids: np.ndarray, aggregation: str = "mean"
) -> tuple[np.ndarray, np.ndarray]:
    """Windows [N] of many videos -> (distinct ids, sorted [V]; one logit each [V]), by the rule of `aggregate`."""
    if aggregation not in AGGREGATIONS:
        raise CalibrationError(f"{aggregation} is not an aggregation; choose one of {', '.join(AGGREGATIONS)}")
    logits, track_ids = np.asarray(logits, float), np.asarray(track_ids)
    if not len(logits):
        raise CalibrationError("a video without a scored window has no logit: it is not_applicable, not authentic")
    if not np.isfinite(logits).all():
        raise CalibrationError("a window's logit is NaN or infinite: the model or its input is broken, score it again")
    videos, index = np.unique(np.asarray(video_ids), return_inverse=True)
    order = np.lexsort((-logits, track_ids, index))  # a track's windows side by side, highest first
    of_video, of_track, sorted_logits = index[order], track_ids[order], logits[order]
    starts = np.flatnonzero(np.append(True, (np.diff(of_video) != 0) | (of_track[1:] != of_track[:-1])))
    sizes = np.diff(np.append(starts, len(logits)))
    counted = {"mean": sizes, "max": np.ones_like(sizes), "top": (sizes + 1) // 2}[aggregation]
    rank = np.arange(len(logits)) - np.repeat(starts, sizes)
    tracks = np.add.reduceat(np.where(rank < np.repeat(counted, sizes), sorted_logits, 0), starts) / counted
    highest = np.full(len(videos), -np.inf)
    np.maximum.at(highest, of_video[starts], tracks)
    return videos, highest


def choose_aggregation(
    logits: np.ndarray, video_ids: Sequence, track_ids: np.ndarray, labels: Mapping[str, int]
) -> AggregationChoice:
    """The aggregation with the least log loss on validation after its own temperature; equals go to `mean`.

    labels: video -> 1 (fake) or 0. Raises CalibrationError where no temperature can be fitted.
    """
    tried = []
    for name in AGGREGATIONS:
        videos, of_video = video_logits(logits, video_ids, track_ids, name)
        tried.append(fit_temperature(of_video, _labels_of(videos, labels)))
    losses = tuple(t.log_loss for t in tried)
    best = next(i for i, loss in enumerate(losses) if loss <= min(losses) + 1e-6)
    return AggregationChoice(AGGREGATIONS[best], tried[best], losses)


def fake_threshold(p_authentic: np.ndarray, alpha: float = DEFAULT_ALPHA) -> Threshold:
    """Split-conformal: `p >= at` marks at most `alpha` of authentic videos that are exchangeable with these [n].

    With k = ceil((n + 1)(1 - alpha)) a new score exceeds the k-th smallest of n with probability <= 1 - k / (n + 1);
    ties only lower it, because `at` lies strictly above that score. (Vovk et al. 2005; Angelopoulos and Bates 2021.)
    Videos of one person agree, so many videos of few people support less than their number says.
    Refused, never faked, where k > n. Raises CalibrationError for an alpha outside 0..1.
    """
    if not 0 < alpha < 1:
        raise CalibrationError(f"alpha is a share between 0 and 1, not {alpha}")
    n = len(p_authentic)
    beyond = _floor(alpha * (n + 1))  # scores that may lie above the threshold: n + 1 - k
    if beyond < 1:
        return Threshold(
            None,
            f"a bound of {100 * alpha:.3g} % on authentic videos called fake needs {_needed(alpha)} authentic "
            f"validation videos, there are {n}",
        )
    at = _above(float(np.sort(p_authentic)[n - beyond]))
    if at > 1:
        return Threshold(
            None, f"authentic validation videos score 1, so no threshold keeps to a bound of {100 * alpha:.3g} %"
        )
    return Threshold(max(0.5, at))


def suspicious_threshold(p_fakes: np.ndarray) -> float:
    """`p >= at` keeps at least 95 % of fakes exchangeable with these, and is at most .5; .5 for fewer than 19 fakes."""
    below = _floor(MISSED_FAKES * (len(p_fakes) + 1))
    return 0.5 if below < 1 else max(0.0, min(0.5, _below(float(np.sort(p_fakes)[below - 1]))))


def calibrate(
    logits: np.ndarray,
    video_ids: Sequence,
    track_ids: np.ndarray,
    labels: Mapping[str, int],
    *,
    model: str,
    model_version: str,
    split_id: str,
    run_id: str,
    alpha: float = DEFAULT_ALPHA,
    choice: AggregationChoice | None = None,
    at: datetime | None = None,
) -> Calibration:
    """Everything between scores and verdicts, from the scored windows of the validation videos.

    labels: video -> 1 (fake) or 0; choice: made before, perhaps on other videos (then the guarantee is exact: a
    choice made on these very videos has seen them, if only to pick one name of three)
    Raises CalibrationError where there is nothing to learn from.
    """
    choice = choice or choose_aggregation(logits, video_ids, track_ids, labels)
    videos, of_video = video_logits(logits, video_ids, track_ids, choice.aggregation)
    p, truth = sigmoid(of_video / choice.temperature.value), _labels_of(videos, labels)
    fake_at = fake_threshold(p[truth == 0], alpha)
    learnt = {
        "model": model, "model_version": model_version, "aggregation": choice.aggregation,
        "temperature": choice.temperature.value, "alpha": alpha, "fake_at": fake_at.at,
        "suspicious_at": suspicious_threshold(p[truth == 1]), "authentic": int(np.sum(truth == 0)),
        "fake": int(np.sum(truth == 1)), "refused": fake_at.refused, "split_id": split_id,
    }  # fmt: skip
    name = hashlib.sha256(repr(sorted(learnt.items())).encode()).hexdigest()[:12]
    return Calibration(**learnt, calibration_id=name, run_id=run_id, at=at or datetime.now(UTC))


def band(p: float, calibration: Calibration) -> str:
    """authentic | suspicious | fake, of a video that has a score."""
    if not 0 <= p <= 1:
        raise CalibrationError(f"p must lie between 0 and 1, not {p}")
    if calibration.fake_at is not None and p >= calibration.fake_at:
        return "fake"
    return "suspicious" if p >= calibration.suspicious_at else "authentic"


def _labels_of(videos: np.ndarray, labels: Mapping[str, int]) -> np.ndarray:
    if missing := [str(v) for v in videos if v not in labels]:
        raise CalibrationError(f"{len(missing)} scored videos have no label, e.g. {missing[0]}")
    return np.array([labels[v] for v in videos])


def _floor(x: float) -> int:
    return math.floor(x + 1e-9)  # .01 x 100 and its like must not fall short by rounding


def _needed(alpha: float) -> int:
    return math.ceil(1 / alpha - 1e-9) - 1


def _above(p: float) -> float:
    return p + _ROUNDING * float(np.spacing(p))


def _below(p: float) -> float:
    return p - _ROUNDING * float(np.spacing(p))
