"""The face that is put in: out of a still, or the best moment of a video."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from fakelake.models.faces.detector import FaceDetector
from fakelake.tasks import crop
from fakelake.tasks.decode import decode
from fakelake.tasks.errors import MediaError
from fakelake.tasks.media_file import MAX_PIXELS, display_name
from fakelake.tasks.probe import probe
from fakelake.tasks.sniff import read_head, refuse_by_content
from fakelake.tasks.swap.errors import NoFittingFace
from fakelake.tasks.swap.follow import FOLLOWING, FollowedFace, follow_faces, one_face
from fakelake.tasks.swap.plan import LEAST_WINDOW, plan_swap

LOOKED_AT = 300  # frames of a source video, from its first one on
# Sharpness is measured on the crops that an ingest would cut.
CHOOSING = replace(FOLLOWING, name="swap-source", max_frames=LOOKED_AT, crop_window=None, crop_every=None)
MOST_FRONTAL = 0.25  # of the frames, among which the sharpest is taken
STILL_TRACKS = "from left to right"


@dataclass(frozen=True, slots=True)
class SourceFace:
    """picture: uint8 [px, px, 3] BGR, cut as portraits are; frame, pts_s: of a video, else None."""

    picture: np.ndarray
    frame: int | None
    pts_s: float | None
    notes: tuple[str, ...]


def is_still(path: Path) -> bool:
    """A file that a picture viewer opens, and not a video."""
    try:
        refuse_by_content(path, read_head(path), path.stat().st_size)
    except MediaError as error:
        return error.error == "still_picture"
    return False


def bytes_id(path: Path) -> str:
    """SHA-256 of a file, which is a video's id."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_face(
    path: Path, px: int, margin: float, detector: FaceDetector, *, track: int | None = None, threads: int = 1
) -> SourceFace:
    """The face of a still or a video. px, margin: as `plan_swap` takes them; track: which one where there are several.

    Raises NoFittingFace, MediaError.
    """
    if is_still(path):
        return _of_still(path, px, margin, detector, track)
    info = probe(path)
    faces = follow_faces(path, info, detector, CHOOSING, threads=threads)
    face = chosen(faces, track, display_name(path), "--source-track", f"the first {LOOKED_AT} frames of ")
    plan = plan_swap(face, px, margin, display_name(path))
    frame_number = _best(face, plan.swapped() - plan.first)
    with closing(decode(path, info, threads=threads)) as frames:
        frame = next(frame for frame in frames if frame.index == frame_number)
        row = frame_number - int(face.frames[0])
        picture = crop.picture(frame.region, crop.square(face.boxes[row], margin), px)
    return SourceFace(picture, frame.index, frame.pts_s, plan.notes)


def chosen(faces: Sequence[FollowedFace], track: int | None, name: str, option: str, where: str = "") -> FollowedFace:
    """The one face, or the one of that track. Raises NoFittingFace, which lists them."""
    face = one_face(faces, track)
    if isinstance(face, FollowedFace):
        return face
    if not face:
        raise NoFittingFace(f"There is no face in {where}{name}. Give a file that shows one.")
    listed = "\n  ".join(each.told for each in face)
    if track is None:
        raise NoFittingFace(
            f"There are {len(face)} faces, or one face in {len(face)} shots, in {where}{name}. Say which with "
            f"{option} N:\n  {listed}"
        )
    raise NoFittingFace(f"{name} has no track {track}. {option} takes one of these:\n  {listed}")


def _best(face: FollowedFace, rows: np.ndarray) -> int:
    """Number of the sharpest frame among those in which the nose is nearest to the middle between the eyes."""
    eyes, mouth = face.landmarks[rows, :2], face.landmarks[rows, 3:].mean(1)
    across, middle = eyes[:, 1] - eyes[:, 0], (eyes.mean(1) + mouth) / 2
    turned = np.abs(((face.landmarks[rows, 2] - middle) * across).sum(1)) / np.maximum((across**2).sum(1), 1e-6)
    sharpness = np.nan_to_num(face.sharpness[rows], nan=-1.0)
    front = np.argsort(turned, kind="stable")[: max(1, round(MOST_FRONTAL * len(rows)))]
    return int(face.frames[rows[front[sharpness[front].argmax()]]])


def _of_still(path: Path, px: int, margin: float, detector: FaceDetector, track: int | None) -> SourceFace:
    name = display_name(path)
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_BGR)
    if picture is None or picture.shape[0] * picture.shape[1] > MAX_PIXELS:
        raise NoFittingFace(f"{name} cannot be read as a picture. Give a JPEG or PNG file.")
    scale = min(1.0, FOLLOWING.detect_px / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    found = detector.detect(small[None])[0]
    sure = found.scores >= FOLLOWING.min_score
    order = np.argsort(found.boxes[sure, 0], kind="stable")
    boxes, points = found.boxes[sure][order] / scale, found.landmarks[sure][order] / scale
    faces = [
        FollowedFace(n, np.zeros(1, np.int64), np.zeros(1), box[None], mine[None], np.full(1, np.nan, np.float32))
        for n, (box, mine) in enumerate(zip(boxes, points, strict=True))
        if (box[2:] - box[:2]).max() * LEAST_WINDOW >= FOLLOWING.min_face_px
    ]
    face = chosen(faces, track, name, "--source-track")
    plan = plan_swap(face, px, margin, name)
    cut = crop.picture(_region_of(picture), crop.square(face.boxes[0], margin), px)
    return SourceFace(cut, None, None, plan.notes)


def _region_of(picture: np.ndarray) -> crop.Region:
    """As `Frame.region`, of a picture in memory."""

    def region(x1: int, y1: int, x2: int, y2: int, *, halved: bool = False) -> np.ndarray:
        height, width = picture.shape[:2]
        ys, xs = (np.arange(a, b).clip(0, end - 1) for a, b, end in ((y1, y2, height), (x1, x2, width)))
        cut = picture[np.ix_(ys, xs)]
        return cv2.resize(cut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if halved else cut

    return region
