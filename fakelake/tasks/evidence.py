"""Looking again at the window that a verdict rests on: its frames, their own logits, and the heat of the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fakelake.catalog.lake import Lake
from fakelake.models.detector.gradcam import heat_maps
from fakelake.models.detector.infer import ClipScore, best_precision, score_clips
from fakelake.models.detector.network import Detector
from fakelake.tasks.face_tracks import CropReader, FaceTrack, face_tracks
from fakelake.tasks.facts import Facts, Window

SAME_LOGIT = 0.15  # bf16 on one machine and fp32 on another may differ by so much


class CropsChanged(Exception):
    """The crops of the lake are not those that were scored."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The highest window of the worst track, under the model.

    crops: uint8 [T, px, px, 3] RGB as the network saw them; heat: float32 [T, px, px], 0 to 1
    decided: which of them has the highest logit of its own
    at: where the window lies in the track
    """

    track: FaceTrack
    window: Window
    at: slice
    crops: np.ndarray
    score: ClipScore
    heat: np.ndarray
    decided: int

    @property
    def pts_s(self) -> np.ndarray:
        return self.track.pts_s[self.at]

    @property
    def reproduced(self) -> bool:
        """Whether the model at hand says what the lake has on record."""
        return abs(self.score.logit - self.window.logit) <= SAME_LOGIT


def tracks_of(lake: Lake, facts: Facts, margin: float) -> dict[int, FaceTrack]:
    """The video's tracks with crops, by track_id, under the recipe that was scored."""
    verdict = facts.verdict
    found = face_tracks(lake, verdict.recipe_id, margin, [verdict.video_id])
    return {track.track_id: track for track in found}


def evidence_of(facts: Facts, tracks: Mapping[int, FaceTrack], reader: CropReader, detector: Detector) -> Evidence:
    """Score the worst window again, frame by frame. Raises CropsChanged; ValueError for a crop that is no picture."""
    window = facts.worst
    at = place_of(window, tracks.get(window.track_id))
    track = tracks[window.track_id]
    crops = reader.read(track, at, detector.config.px)
    device = detector.mean.device
    (score,) = score_clips(detector, [crops], precision=best_precision(device))
    return Evidence(track, window, at, crops, score, heat_maps(detector, crops), int(score.frame_logits.argmax()))


def place_of(window: Window, track: FaceTrack | None) -> slice:
    """Where a window of `scores` lies in its track. Raises CropsChanged."""
    if track is not None:
        start, stop = np.searchsorted(track.pts_s, [window.start_s - 1e-6, window.end_s + 1e-6]).tolist()
        if stop - start == window.frames:
            return slice(start, stop)
    raise CropsChanged(
        f"Face {window.track_id} has other crops from {window.start_s:.2f} to {window.end_s:.2f} s than when it was "
        "scored. See what is wrong with: fakelake catalog check"
    )
