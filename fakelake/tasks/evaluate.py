"""What a test says of a detector: by video, by frame, by method, and with what could not be scored counted in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fakelake.models.detector.calibrate import Calibration, band, video_logits
from fakelake.models.detector.metrics import Figure, Report, figures, too_small

# What a video without a score counts as where every video counts: as good as a coin.
UNSCORED_P = 0.5
LEAST_SEEDS = 3


class EvaluationError(ValueError):
    """These predictions and these videos do not belong together. The message says where they differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedVideo:
    """One video of the test part, scored or not.

    label: 1 = fake; identity: whose it is, the unit of the intervals (a split's group_id)
    missing: why it has no score (`failed`, `no face`, `too short`, ...), None if it has one
    """

    video_id: str
    label: int
    identity: str
    method: str | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Windows:
    """Predictions [N]: whose window, of which track, its logit (z_fake - z_real), and its frames (1 each if None)."""

    video_ids: np.ndarray
    track_ids: np.ndarray
    logits: np.ndarray
    frames: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Authentic and fake videos of one kind: a reason for no score, or a band."""

    name: str
    authentic: int
    fake: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of all videos of the part, how many have a score, and why the others have none."""

    videos: int
    scored: int
    missing: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class MethodReport:
    """The fakes of one method against all authentic videos."""

    method: str
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """video: scored videos; frame: each frame with the p of its window; everything: unscored videos count as p = .5."""

    model_version: str
    aggregation: str
    temperature: float
    promise: str
    video: Report
    frame: Report
    everything: Report
    methods: tuple[MethodReport, ...]
    coverage: Coverage
    bands: tuple[Count, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def values(self) -> dict[str, float]:
        """The numbers alone, `video/auc` and so on, for a tracker of runs."""
        named = {f"{level}/{name}": x for level, report in self.levels() for name, x in report.values().items()}
        share = self.coverage.scored / self.coverage.videos if self.coverage.videos else 0.0
        return {**named, "coverage": share}

    def levels(self) -> Iterator[tuple[str, Report]]:
        yield from (("video", self.video), ("frame", self.frame), ("everything", self.everything))
        yield from ((f"method/{found.method}", found.report) for found in self.methods)


def evaluate(
    videos: Sequence[EvaluatedVideo],
    windows: Windows,
    calibration: Calibration,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> EvaluationReport:
    """Judge the scored windows of a test part against its videos, aggregated and calibrated as validation chose.

    videos: all of the part, those that failed or have no face among them, or the figures flatter
    Raises EvaluationError for no windows, windows of an unknown video, a video given twice or both scored and missing.
    """
    if not len(windows.logits):
        raise EvaluationError("not one video of the test part has a score: score the part with this model first")
    by_id = {video.video_id: video for video in videos}
    scored, logits = video_logits(windows.logits, windows.video_ids, windows.track_ids, calibration.aggregation)
    _check(videos, by_id, scored)
    p = dict(zip(scored.tolist(), calibration.p_fake(logits).tolist(), strict=True))
    measure = _Measure(seed, resamples)
    judged = [video for video in videos if video.video_id in p]
    authentic = [video for video in judged if not video.label]
    methods = sorted({video.method or "unnamed" for video in judged if video.label})
    of_window = [by_id[video_id] for video_id in np.asarray(windows.video_ids).tolist()]
    return EvaluationReport(
        model_version=calibration.model_version,
        aggregation=calibration.aggregation,
        temperature=calibration.temperature,
        promise=calibration.statement(),
        video=measure(judged, [p[video.video_id] for video in judged]),
        frame=measure(of_window, calibration.p_fake(windows.logits), windows.frames, windows.video_ids),
        everything=measure(videos, [p.get(video.video_id, UNSCORED_P) for video in videos]),
        methods=tuple(
            MethodReport(name, measure(some, [p[video.video_id] for video in some]))
            for name in methods
            for some in [authentic + [v for v in judged if v.label and (v.method or "unnamed") == name]]
        ),
        coverage=Coverage(
            len(videos),
            len(judged),
            _counts([(v.missing or "not scored", v.label) for v in videos if v.video_id not in p]),
        ),
        bands=_counts([(band(p[v.video_id], calibration), v.label) for v in judged]),
    )


def over_seeds(found: Sequence[Figure]) -> Figure:
    """One headline figure of several trainings that differ in their seed: their mean, between the outermost ends.

    Fewer than three seeds are too few, and so is any seed that has no figure.
    """
    if len(found) < LEAST_SEEDS:
        return too_small(len(found), LEAST_SEEDS, "seeds")
    if lacking := next((figure for figure in found if figure.value is None), None):
        return lacking
    values = [figure.value for figure in found]
    lows = [figure.low for figure in found if figure.low is not None]
    highs = [figure.high for figure in found if figure.high is not None]
    each = ", ".join(f"{value:.3f}" for value in values)
    return Figure(
        float(np.mean(values)),
        min(lows, default=None),
        max(highs, default=None),
        min(figure.n for figure in found),
        f"mean of {len(values)} seeds: {each}",
    )


@dataclass(frozen=True, slots=True)
class _Measure:
    seed: int
    resamples: int

    def __call__(
        self,
        rows: Sequence[EvaluatedVideo],
        p: Sequence[float],
        weights: np.ndarray | None = None,
        units: np.ndarray | None = None,
    ) -> Report:
        labels, who = np.array([row.label for row in rows]), [row.identity for row in rows]
        return figures(labels, np.asarray(p), who, self.seed, self.resamples, weights=weights, units=units)


def _check(videos: Sequence[EvaluatedVideo], by_id: dict[str, EvaluatedVideo], scored: np.ndarray) -> None:
    if len(by_id) < len(videos):
        twice = Counter(video.video_id for video in videos).most_common(1)[0][0]
        raise EvaluationError(f"video {twice} is in the test part twice: give each video once")
    if strangers := [str(v) for v in scored if v not in by_id]:
        raise EvaluationError(
            f"{len(strangers)} scored videos are not in the test part, e.g. {strangers[0]}: give the part's own windows"
        )
    if both := [str(v) for v in scored if by_id[v].missing]:
        raise EvaluationError(f"video {both[0]} has windows, yet is said to be missing ({by_id[both[0]].missing})")


def _counts(named: Sequence[tuple[str, int]]) -> tuple[Count, ...]:
    cells = Counter(named)
    return tuple(Count(name, cells[name, 0], cells[name, 1]) for name in sorted({name for name, _ in named}))
