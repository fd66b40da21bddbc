"""Which part of a face a detector read: how far a window's logit falls when that part alone is blurred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np

from fakelake.models.detector.infer import best_precision, score_clips
from fakelake.models.detector.network import Detector
from fakelake.tasks.evidence import SAME_LOGIT, place_of
from fakelake.tasks.face_tracks import CropReader, FaceTrack
from fakelake.tasks.facts import Facts, Window
from fakelake.tasks.part_masks import PartMasks

REST = "rest"  # what is none of the parts: the control that every part is compared with
MOST_WINDOWS = 8  # of a face: each costs as much as scoring it once for every part
LEAST_AREA = 0.01  # share of the crop, under which a part lies outside of it
# Share of the face's side. Of stripes a fifth of the face wide and finer (eyes, lips, teeth, a seam) under 1 % is
# left, exp(-2 pi^2 sigma^2 / width^2); colour and light stay, so that no hole is seen that no camera makes.
SIGMA = 0.1


class ScoreChanged(Exception):
    """The model at hand does not say of a window what the lake has on record."""


@dataclass(frozen=True, slots=True)
class PartDrop:
    """drop: logit of the window less its logit with the part blurred; area: share of the picture, mean over it."""

    part: str
    drop: float
    area: float
    window: Window


def measure_parts(
    facts: Facts, tracks: Mapping[int, FaceTrack], reader: CropReader, detector: Detector, crop_margin: float,
    masks: PartMasks,
) -> list[PartDrop]:  # fmt: skip
    """The parts of the worst face, in its highest windows, at most MOST_WINDOWS of them; by window, REST last.

    Raises ScoreChanged, CropsChanged; ValueError for a crop that is no picture.
    """
    drops = []
    for window in worst_windows(facts):
        at = place_of(window, tracks.get(window.track_id))
        crops = reader.read(tracks[window.track_id], at, detector.config.px)
        drops += drops_of(window, crops, detector, crop_margin, masks)
    return drops


def worst_windows(facts: Facts) -> list[Window]:
    """Of the worst track, the highest first."""
    of_track = facts.of_track(facts.verdict.worst_track)
    return sorted(of_track, key=lambda window: (-window.logit, window.start_s))[:MOST_WINDOWS]


def drops_of(
    window: Window, crops: np.ndarray, detector: Detector, crop_margin: float, masks: PartMasks
) -> list[PartDrop]:
    """Of one window, crops uint8 [T, px, px, 3] RGB. Raises ScoreChanged."""
    found = with_rest(masks.names, masks.find(crops, crop_margin))
    soft = blurred(crops, crop_margin)
    clips = [crops, *(replaced(crops, soft, mask) for mask in found.values())]
    own, *others = score_clips(detector, clips, precision=best_precision(detector.mean.device))
    if abs(own.logit - window.logit) > SAME_LOGIT:
        raise ScoreChanged(
            f"Scored again, face {window.track_id} from {window.start_s:.2f} to {window.end_s:.2f} s gives the logit "
            f"{own.logit:.2f}, but {window.logit:.2f} is on record: parts are measured only with the model and on the "
            "kind of machine that scored."
        )
    return [
        PartDrop(name, own.logit - other.logit, float(mask.mean()), window)
        for (name, mask), other in zip(found.items(), others, strict=True)
    ]


def with_rest(names: Sequence[str], maps: np.ndarray) -> dict[str, np.ndarray]:
    """Masks [T, px, px] by name: of `maps` [P, T, px, px] those that lie on the crops, then what is none of them."""
    found = {name: mask for name, mask in zip(names, maps, strict=True) if mask.mean() >= LEAST_AREA}
    rest = 1 - sum(found.values(), np.zeros(maps.shape[1:], np.float32))
    if rest.mean() >= LEAST_AREA:
        found[REST] = rest.clip(0, 1)
    return found


def blurred(crops: np.ndarray, crop_margin: float) -> np.ndarray:
    """uint8 [T, px, px, 3] -> the same with nothing on it that tells a part; edges repeated."""
    sigma = SIGMA * crops.shape[1] / (1 + 2 * crop_margin)
    return np.stack([cv2.GaussianBlur(crop, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for crop in crops])


def replaced(crops: np.ndarray, soft: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """crops * (1 - M) + soft * M, uint8 [T, px, px, 3]; mask: float [T, px, px]."""
    share = mask[..., None]
    return (crops * (1 - share) + soft * share).round().clip(0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class PartMean:
    """A part over all windows in which it was measured. drop, area: means; largest_second: seconds, its start."""

    part: str
    drop: float
    largest_drop: float
    largest_second: float
    area: float
    windows: int


def means_of(drops: Sequence[PartDrop]) -> list[PartMean]:
    """As the view `part_evidence` has them; the greatest drop first, REST last."""
    by_part: dict[str, list[PartDrop]] = {}
    for each in drops:
        by_part.setdefault(each.part, []).append(each)
    means = []
    for part, of_part in by_part.items():
        most = max(of_part, key=lambda each: (each.drop, -each.window.start_s))
        drop, area = (float(np.mean([getattr(each, name) for each in of_part])) for name in ("drop", "area"))
        means.append(PartMean(part, drop, most.drop, most.window.start_s, area, len(of_part)))
    return sorted(means, key=lambda mean: (mean.part == REST, -mean.drop, mean.part))


def key_of(facts: Facts, masks: PartMasks) -> dict[str, object]:
    """What `part_scores` has one measurement of; see `catalog.part_scores.KEY`."""
    verdict = facts.verdict
    return {
        "video_id": verdict.video_id, "track_id": verdict.worst_track, "recipe_id": verdict.recipe_id,
        "model": "detector", "model_version": verdict.model_version, "generator_version": masks.version,
    }  # fmt: skip


def rows_of(drops: Sequence[PartDrop], key: dict[str, object], run_id: str) -> list[dict]:
    """Rows of `part_scores`."""
    now = datetime.now(UTC)
    return [
        {
            **key, "part": each.part, "drop": each.drop, "area": each.area, "window": each.window.number,
            "start_s": each.window.start_s, "end_s": each.window.end_s, "run_id": run_id, "at": now,
        }
        for each in drops
    ]  # fmt: skip


def drops_on_record(rows: Sequence[dict], facts: Facts) -> list[PartDrop]:
    """The other way: what was measured before."""
    windows = {window.number: window for window in facts.of_track(facts.verdict.worst_track)}
    return [
        PartDrop(row["part"], row["drop"], row["area"], windows[row["window"]])
        for row in rows
        if row["window"] in windows
    ]
