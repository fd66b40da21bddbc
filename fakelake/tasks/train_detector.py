"""Training a detector on a plan: first weights, the loop, then the judgement that its figures come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from fakelake.catalog.lake import Lake, one_of
from fakelake.models.detector.calibrate import DEFAULT_ALPHA, Calibration, calibrate, video_logits
from fakelake.models.detector.clips import FAKE
from fakelake.models.detector.metrics import figures
from fakelake.models.detector.network import TRUNKS, Detector, load_trunk
from fakelake.models.detector.recipes import TrainRecipe
from fakelake.models.detector.temperature import CalibrationError, sigmoid
from fakelake.models.detector.train import Epoch, Progress, TrainingDiverged, train
from fakelake.models.weights import ResolvedWeights, WeightsMissing, given, resolve
from fakelake.tasks.evaluate import EvaluationReport, evaluate
from fakelake.tasks.evaluation_plots import Epoch as PlottedEpoch
from fakelake.tasks.evaluation_plots import (
    RobustnessPoint,
    plot_calibration,
    plot_confusion,
    plot_losses,
    plot_robustness,
    plot_roc,
)
from fakelake.tasks.judge import Judged, held_out, judge, needs_blends
from fakelake.tasks.metadata_check import MetadataCheck, metadata_check
from fakelake.tasks.perturb import FAMILIES, PERTURBATIONS
from fakelake.tasks.training_plan import TrainingPlan

__all__ = ["TrainingDiverged", "WeightsMissing", "draw", "examine", "first_weights", "train_on", "video_scores"]
UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class Examination:
    """What a trained detector reached. remarks: why a calibration could not be made, or a warning on the data."""

    calibration: Calibration | None
    report: EvaluationReport | None
    test: Judged
    robustness: tuple[RobustnessPoint, ...]
    metadata: MetadataCheck | None
    remarks: tuple[str, ...]


def first_weights(recipe: TrainRecipe) -> ResolvedWeights | None:
    """What the network starts from; None for `scratch`. Raises WeightsMissing, WeightsCorrupt."""
    wanted = recipe.weights
    if wanted == "scratch":
        return None
    if wanted == "imagenet":
        return resolve(TRUNKS[recipe.network.trunk][2])
    return given("the detector", Path(wanted))


def train_on(
    plan: TrainingPlan, directory: Path, weights: ResolvedWeights | None, *, device: str, workers: int,
    on_epoch: Callable[[Epoch], None],
) -> tuple[Detector, Progress]:  # fmt: skip
    """Train, or go on with what `directory` holds of the same plan. Raises as `models.detector.train` does."""
    torch.manual_seed(plan.recipe.seed)
    detector = Detector(plan.recipe.network)
    if weights is not None:
        load_trunk(detector, weights)
    val = plan.parts["val"]
    looks = held_out(val, plan.recipe.network.frames, blended=needs_blends(val))
    progress = train(
        detector, plan.parts["train"], looks, plan.recipe, plan.blended, directory,
        device=device, workers=workers, on_epoch=on_epoch,
    )  # fmt: skip
    return detector, progress


@dataclass(frozen=True, slots=True)
class TrainingShare:
    """What each of several workers is given: the same plan, and a directory that all see."""

    plan: TrainingPlan
    directory: Path
    weights: ResolvedWeights | None
    loader_workers: int
    on_epoch: Callable[[Epoch], None]


def train_share(share: TrainingShare, device: str) -> None:
    """This process' share of a training, in the `torch.distributed` process group that it is in."""
    train_on(
        share.plan, share.directory, share.weights, device=device, workers=share.loader_workers,
        on_epoch=share.on_epoch,
    )  # fmt: skip


def examine(
    detector: Detector, plan: TrainingPlan, lake: Lake, run_id: str, *, alpha: float = DEFAULT_ALPHA,
    robustness: bool = True,
) -> Examination:  # fmt: skip
    """Calibrate on validation, then judge on the test part, which nothing before has seen.

    Both as scoring will do it, all windows in its precision: a threshold holds only for scores like those it was found
    on, and the highest of many windows is higher than that of a few.
    """
    val, test = plan.parts["val"], plan.parts["test"]
    remarks: list[str] = []
    judged_val, judged = (judge(detector, part, blended=needs_blends(part)) for part in (val, test))
    calibration = report = None
    points: tuple[RobustnessPoint, ...] = ()
    try:
        calibration = calibrate(
            judged_val.windows.logits, judged_val.windows.video_ids, judged_val.windows.track_ids, judged_val.labels,
            model="detector", model_version=UNREGISTERED, split_id=plan.split_id, run_id=run_id, alpha=alpha,
            at=datetime.now(UTC),
        )  # fmt: skip
    except CalibrationError as error:
        remarks.append(f"Not calibrated: {error}.")
    if calibration is not None:
        report = evaluate(judged.videos, judged.windows, calibration, seed=plan.recipe.seed)
        points = robustness_curve(detector, plan, calibration) if robustness else ()
    metadata = labels_from_metadata(lake, plan)
    if metadata is not None and metadata.warning:
        remarks.append(metadata.warning)
    if unread := _unread(lake):
        remarks.append(
            f"{unread} files of the lake are in quarantine without a frame. They carry no label, so the coverage of "
            "the test part does not count them: see `fakelake quarantine ls`."
        )
    return Examination(calibration, report, judged, points, metadata, tuple(remarks))


def _unread(lake: Lake) -> int:
    with lake.connect() as connection:
        query = "SELECT count(*) FROM open_quarantine WHERE coalesce(frames_kept, 0) = 0 AND stage <> 'score'"
        return connection.execute(query).fetchone()[0]


def robustness_curve(detector: Detector, plan: TrainingPlan, calibration: Calibration) -> tuple[RobustnessPoint, ...]:
    """AUC of the test part as it is and after each perturbation, the same one window a track each time."""
    test = plan.parts["test"]
    points = []
    for way in (None, *PERTURBATIONS):
        judged = judge(detector, test, blended=needs_blends(test), perturbation=way, most=1)
        named = (way.name, way.family, way.strength) if way else ("clean", "clean", 0.0)
        points.append(RobustnessPoint(*named, _auc(judged, calibration)))
    return tuple(points)


def labels_from_metadata(lake: Lake, plan: TrainingPlan) -> MetadataCheck | None:
    """How well codec, size and rate alone tell the labels of all parts; None without both labels in the lake."""
    infos = {video.video_id: video for part in plan.parts.values() for video in part.videos}
    if not any(video.label == FAKE for video in infos.values()):
        return None
    columns = ["codec", "container", "fps", "width", "height", "duration_s", "bytes", "has_audio"]
    rows = lake.read("videos", ["video_id", "recipe_id", *columns], one_of("video_id", infos)).to_pylist()
    rows = [row for row in rows if row["recipe_id"] == plan.recipe_id]
    videos = [infos[row["video_id"]] for row in rows]
    return metadata_check(rows, [video.label for video in videos], [video.group for video in videos])


def draw(examination: Examination, history: Sequence[Epoch], directory: Path) -> list[Path]:
    """All plots as PNG files."""
    directory.mkdir(parents=True, exist_ok=True)
    epochs = [PlottedEpoch(e.epoch, e.loss, e.val.get("log_loss")) for e in history]
    drawn = [plot_losses(directory / "losses.png", epochs)]
    report, calibration = examination.report, examination.calibration
    if report is None or calibration is None:
        return drawn
    labels, p, _ = video_scores(examination.test, calibration)
    drawn.append(plot_confusion(directory / "confusion.png", report.video.confusion))
    if len(np.unique(labels)) == 2:
        drawn.append(plot_roc(directory / "roc.png", labels, p, report.video))
        drawn.append(plot_calibration(directory / "calibration.png", labels, p, report.video))
    if any(point.figure.value is not None for point in examination.robustness):
        clean, *harmed = examination.robustness
        drawn.append(plot_robustness(directory / "robustness.png", clean.figure, harmed, FAMILIES))
    return drawn


def video_scores(judged: Judged, calibration: Calibration | None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Of the scored videos, by id: labels [V], p_fake [V], identities [V]. Without a calibration: by plain means."""
    windows = judged.windows
    how = calibration.aggregation if calibration else "mean"
    ids, logits = video_logits(windows.logits, windows.video_ids, windows.track_ids, how)
    known = {video.video_id: video for video in judged.videos}
    videos = [known[str(video_id)] for video_id in ids]
    p = calibration.p_fake(logits) if calibration else sigmoid(logits)
    return np.array([v.label for v in videos]), p, [v.identity for v in videos]


def _auc(judged: Judged, calibration: Calibration):
    labels, p, identities = video_scores(judged, calibration)
    return figures(labels, p, identities, resamples=300).figures.auc
