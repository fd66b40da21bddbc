"""Lakes of made faces: crops, boxes and labels as an ingest files them, without one second of detection."""

from __future__ import annotations

import atexit
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import cv2
import numpy as np
import pyarrow as pa

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.recipe import Recipe, paper
from fakelake.tasks.crop import square
from tests.models.detector.pictures import made_clip, made_landmarks
from tests.tasks.labels.lake_of_names import video_id

PX, FPS = 64, 25.0
RECIPE = replace(paper(), crop_px=PX, crop_margin=0.25)
NO_PICTURE = b"\xff\xd8 this is no JPEG"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOX = (100.0, 80.0, 180.0, 190.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One video. frames: of each track, the frames that have a crop; none: it has no face.

    paint:  (track, frame) -> uint8 [px, px, 3] RGB, in place of the made face
    broken: how many of its crops, from the last on, are no pictures
    portraits: of each clip of the first track, the frames that have a portrait
    """

    name: str
    fake: bool = False
    person: str | None = None
    frames: Sequence[Sequence[int]] = (range(12),)
    paint: Callable[[int, int], np.ndarray] | None = None
    broken: int = 0
    portraits: Sequence[Sequence[int]] = ()
    row: dict = field(default_factory=dict)

    @property
    def id(self) -> str:
        return video_id(self.name)


def people(count: int, *, fakes: bool = True, frames: int = 12) -> list[Made]:
    """An authentic video and, with `fakes`, a fake one of each of so many people."""
    return [
        Made(
            name=f"{'fake' if fake else 'real'}_{n:02d}.mp4", fake=fake, person=f"made:{n:02d}", frames=(range(frames),)
        )
        for n in range(count)
        for fake in ((False, True) if fakes else (False,))
    ]


def lake_of_faces(
    root: Path, videos: Sequence[Made], recipe: Recipe = RECIPE, *, labels: bool = True, run: bool = True
) -> Lake:
    """The lake at `root`, made if it is not there, with these videos under a recipe; `labels`: and who is in them."""
    if not Path(root).exists():
        shutil.copytree(_empty(), root)
    lake = Lake.open(root)
    if labels:
        label(lake, videos, publish=False)
    if run:
        row = {"run_id": uuid4().hex, "flow": "ingest", "outcome": "done", "recipe_id": recipe.recipe_id}
        row |= {"recipe": recipe.to_json(), "started_at": NOW, "finished_at": NOW}
        lake.append("runs", [row], publish=False)
    commit_videos(lake, [_ingested(lake, made, recipe) for made in videos], [_source(made) for made in videos])
    return lake


def label(
    lake: Lake, videos: Sequence[Made], *, fake: bool | None = None, at: datetime = NOW, publish: bool = True, **more
) -> None:
    """Labels as a list gives them; `fake` says another word than the videos' own."""
    row = {"origin": "dataset", "labelled_by": "made", "labelled_at": at, **more}
    words = {made.id: "fake" if (made.fake if fake is None else fake) else "real" for made in videos}
    rows = [{**row, "video_id": m.id, "label": words[m.id], "target_identity": m.person} for m in videos]
    lake.append("labels", rows, publish=publish)


def picture_of(made: Made, track: int, frame: int, px: int) -> np.ndarray:
    """uint8 [px, px, 3] RGB: a face; over half of a fake one lies a chessboard, which a tiny network learns at once."""
    seed = int(hashlib.sha256(f"{made.name} {track}".encode()).hexdigest()[:8], 16)
    face = made_clip(seed + frame // 6, 1, px)[0]
    if made.fake:
        board = np.indices((px, px)).sum(0) // 4 % 2 * 255
        face[:, : px // 2] = board[:, : px // 2, None]
    return face


@cache
def _empty() -> Path:
    """An empty lake, to be copied: making one takes longer."""
    root = Path(mkdtemp(prefix="fakelake-tests-")) / "lake"
    atexit.register(shutil.rmtree, root.parent, ignore_errors=True)
    Lake.create(root)
    return root


def _ingested(lake: Lake, made: Made, recipe: Recipe) -> IngestedVideo:
    attempt = uuid4().hex
    keys = [(track, frame) for track, frames in enumerate(made.frames) for frame in frames]
    row = {
        "video_id": made.id, "recipe_id": recipe.recipe_id, "attempt_id": attempt, "dataset": "made",
        "codec": "h264", "container": "mp4", "fps": FPS, "width": 640, "height": 360, "duration_s": 3.0,
        "bytes": 100_000, "has_audio": False, "status": "ready" if keys else "no_face",
        "reason": None if keys else "no face in 12 frames", "frames_with_face": len(keys), **made.row,
    }  # fmt: skip
    return IngestedVideo(row, _parts(lake, made, recipe, attempt, keys) if keys else ())


def _parts(lake: Lake, made: Made, recipe: Recipe, attempt: str, keys: list[tuple[int, int]]) -> list[Part]:
    px, count = recipe.crop_px, len(keys)
    same = {
        "video_id": [made.id] * count, "track_id": [track for track, _ in keys], "frame": [frame for _, frame in keys],
        "recipe_id": [recipe.recipe_id] * count, "attempt_id": [attempt] * count,
    }  # fmt: skip
    paint = made.paint or (lambda track, frame: picture_of(made, track, frame, px))
    images = [cv2.imencode(".jpg", paint(*key)[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes() for key in keys]
    images[count - made.broken :] = [NO_PICTURE] * made.broken
    left, top, right, _ = square(np.array(BOX), recipe.crop_margin)
    face = made_landmarks(1, 1)[0] * (right - left) + (left, top)
    corners = {name: [value] * count for name, value in zip(("x1", "y1", "x2", "y2"), BOX, strict=True)}
    frames = {"pts_s": [frame / FPS for _, frame in keys], **corners, "landmarks": [face.ravel().tolist()] * count}
    tables = {"crops": {**same, "image": images, "crop_px": [px] * count}, "frames": {**same, **frames}}
    if made.portraits:
        tables["portraits"] = _portraits(made, recipe, attempt)
    parts = []
    for table, columns in tables.items():
        with PartWriter(lake.location, table, attempt) as writer:
            writer.write(pa.table(columns))
            parts.append(writer.close())
    return parts


def _portraits(made: Made, recipe: Recipe, attempt: str) -> dict[str, list]:
    """Pictures in which the face moves on by a pixel a frame."""
    keys = [(f"{clip[0]:04d}", frame) for clip in made.portraits for frame in clip]
    count, window = len(keys), square(np.array(BOX), recipe.portrait_margin)
    pictures = [np.roll(picture_of(made, 0, 0, recipe.portrait_px), frame, 1)[..., ::-1] for _, frame in keys]
    return {
        "video_id": [made.id] * count, "track_id": [0] * count, "clip_id": [clip for clip, _ in keys],
        "frame": [frame for _, frame in keys], "pts_s": [frame / FPS for _, frame in keys],
        "window": [[int(at) for at in window]] * count,
        "image": [cv2.imencode(".jpg", each, (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes() for each in pictures],
        "recipe_id": [recipe.recipe_id] * count, "attempt_id": [attempt] * count,
    }  # fmt: skip


def _source(made: Made) -> dict[str, object]:
    return {"uri": f"file:///data/{made.name}", "name": Path(made.name).name, "video_id": made.id, "dataset": "made"}
