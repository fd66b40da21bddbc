"""A recipe is every setting that changes the bytes an ingest writes; its hash is `recipe_id`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

# Raise this when a change of code changes rows or pictures under unchanged settings.
BYTES_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Settings of one ingest. Two runs with equal recipes write equal rows for equal video bytes.

    Frames: of every video, frames 0, stride, 2*stride, ... are *kept*, at most `max_frames` of them.
    The detector sees every `detect_every`-th kept frame; boxes between are interpolated along the track.
    """

    name: str
    max_frames: int | None = None  # kept frames a video; None = all of it
    stride: int = 1  # 3 turns 30 fps into 10 fps
    detector: str = "retinaface-mobilenet025"
    detector_sha256: str = ""  # of the weights; filled in when they are resolved
    detect_px: int = 640  # long side of the frame the detector sees; never enlarged
    detect_every: int = 1
    # Of the frames that the detector sees, every n-th is searched whole; on the others it looks into a window around
    # each face of the searches before and after. 10 is some three times as fast; boxes are coarser by a few per cent.
    search_every: int = 1
    min_score: float = 0.7
    nms_iou: float = 0.4
    min_face_px: float = 24.0  # longer side of the box, in pixels of the full frame
    min_sharpness: float = 0.0  # variance of the Laplacian of the 112 px grey crop
    min_track_frames: int = 3  # a face seen in fewer frames is taken for a false alarm
    track_iou: float = 0.3  # least overlap of one face in consecutive detections
    track_gap_s: float = 0.5  # a face lost for longer starts a new track
    cut_threshold: float = 0.5  # Bhattacharyya distance of colour histograms that makes a cut
    crop_px: int = 112
    crop_margin: float = 0.0  # added on each side, as a share of the box's longer side
    crop_quality: int = 95  # JPEG
    crop_window: int | None = None  # kept frames of a crop window; None = crop every kept frame
    crop_every: int | None = None  # kept frames from one window's start to the next one's
    portrait_px: int = 256  # 0 = no portraits
    portrait_every: int = 5  # every n-th kept frame that has a crop
    portrait_margin: float = 0.5
    segment_s: float = 300.0  # longer videos are cut at keyframes and decoded in parallel; tracks are joined after
    bytes_version: int = BYTES_VERSION

    def __post_init__(self) -> None:
        for field in ("stride", "detect_every", "search_every", "crop_px", "portrait_every"):
            if getattr(self, field) < 1:
                raise ValueError(f"recipe {self.name!r}: {field} must be at least 1, not {getattr(self, field)}")
        if self.max_frames is not None and self.max_frames < 1:
            raise ValueError(f"recipe {self.name!r}: max_frames must be at least 1, or none for all of a video")
        if (self.crop_window is None) != (self.crop_every is None):
            raise ValueError(f"recipe {self.name!r}: crop_window and crop_every go together")

    @property
    def recipe_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the settings as canonical JSON (`name` included)."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def with_weights(self, sha256: str) -> Recipe:
        return replace(self, detector_sha256=sha256)


def paper() -> Recipe:
    """The source report's preprocessing: the first 150 frames in sequence, 112x112, no margin.

    150 frames are 5 s at 30 fps. The report also speaks of 10 frames a second: that is `stride=3`, where ten
    frames span 1 s instead of 1/3 s. Frames without a face are dropped and counted.
    """
    return Recipe(name="paper", max_frames=150)


def archive() -> Recipe:
    """Long footage: every detection is a row; crops come from a window of 32 frames in every 300."""
    return Recipe(name="archive", detect_every=5, crop_margin=0.3, crop_window=32, crop_every=300)


def face_clips() -> Recipe:
    """Face-only clips, as `export clips` writes them: each frame is a crop, nothing is detected."""
    return Recipe(
        name="face-clips", max_frames=150, detector="whole-frame", detect_px=112, min_face_px=0, min_track_frames=1,
        cut_threshold=1.0, portrait_px=0,
    )  # fmt: skip


RECIPES = {"paper": paper, "archive": archive, "face-clips": face_clips}
