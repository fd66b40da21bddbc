"""Videos whose every face is known: real clips, scaled and set into a larger picture.

The face of each source clip is found once, at the clip's own size, where it is large. Only clips that show exactly one
sure face in each frame are used, so a mosaic holds what was placed and nothing else. Clips run forth and back, so
that the picture never jumps; cells are filled up with a blurred strip of their own clip. At crf 20 this takes about
the bits, and the decoding time, of a real talking head of the same size (1.7 Mbit/s at 720x1280).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from fakelake.models.faces.detector import FaceDetector, load_detector
from fakelake.tasks.demo_media import write_clips

SHARED = Path(__file__).resolve().parents[2] / "shared" / "media" / "real"
FPS = 30
SURE = 0.9  # score of the one face that each frame of a usable clip shows
SMALL, MEDIUM, LARGE = (26, 46), (50, 94), (100, 150)  # px, longer side of a face
MOST_ENLARGED = 1.6


@dataclass(frozen=True, slots=True)
class Clip:
    """A source clip; boxes: float32 [frames, 4], x1 y1 x2 y2 in its own pixels, one face a frame."""

    path: Path
    boxes: np.ndarray

    @property
    def face_px(self) -> float:
        return float((self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1).mean())


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in the mosaic (pixels) and the wanted face size."""

    x: int
    y: int
    width: int
    height: int
    faces_px: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A video file; faces: float32 [frames, faces, 4], x1 y1 x2 y2."""

    path: Path
    faces: np.ndarray


def crowd(width: int, height: int) -> list[Cell]:
    """9 faces at 1280x720, 12 at 1920x1080: a third of each size class, or a quarter with twice as many medium ones."""
    sizes = [SMALL, MEDIUM, LARGE] if width < 1920 else [SMALL, MEDIUM, LARGE, MEDIUM]
    w, h = width // len(sizes), height // 3
    return [Cell(column * w, row * h, w, h, faces) for row in range(3) for column, faces in enumerate(sizes)]


def talk(width: int, height: int) -> list[Cell]:
    """A talking head, and two smaller ones beside it: what most archives hold."""
    left, h = width * 3 // 5, height // 2
    head = Cell(0, 0, left, height, (height // 4, height // 3))
    return [head, Cell(left, 0, width - left, h, MEDIUM), Cell(left, h, width - left, h, SMALL)]


LAYOUTS = {"crowd": crowd, "talk": talk}


def source_clips(directory: Path, frames: int) -> list[Clip]:
    """Real clips with one known face in each of their first `frames` frames (fewer where the clip is shorter).

    The shared ones beside the checkout, else those that packages carry, which are put into `directory`.
    """
    if SHARED.is_dir():
        paths = sorted(SHARED.iterdir())
    else:
        write_clips(directory / "clips")
        paths = sorted(path for path in (directory / "clips").iterdir() if path.suffix in (".mp4", ".mov"))
    detector = load_detector(threads=2, min_score=0.5)
    clips = [Clip(path, boxes) for path in paths if (boxes := _one_face(path, frames, detector)) is not None]
    if not clips:
        raise RuntimeError("No clip shows one face throughout: there is nothing to make mosaics of.")
    return clips


def _one_face(path: Path, frames: int, detector: FaceDetector) -> np.ndarray | None:
    boxes = []
    for picture in _pictures(path, frames):
        scale = min(1.0, 640 / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = detector.detect(small[None])[0]
        if len(found) != 1 or found.scores[0] < SURE:
            return None
        boxes.append(found.boxes[0] / scale)
    return np.array(boxes, np.float32)


def _pictures(path: Path, frames: int) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for _, frame in zip(range(frames), container.decode(video=0), strict=False):
            yield frame.to_ndarray(format="bgr24")


def make_mosaics(
    directory: Path, layout: str, size: tuple[int, int], files: int, frames: int, seed: int = 0
) -> list[Mosaic]:
    """`files` mosaics of one layout and size; those that an earlier call made in `directory` are taken from there."""
    directory.mkdir(parents=True, exist_ok=True)
    made, clips = [], None
    for n in range(files):
        path = directory / f"{layout}-{size[1]}p-{frames}-{seed}-{n}.mp4"
        known = path.with_suffix(".json")
        if not known.exists():
            clips = clips or _cached_clips(directory, frames // 2)
            faces = _write(path, LAYOUTS[layout](*size), size, clips, frames, random.Random(f"{layout}{size}{seed}{n}"))
            known.write_text(json.dumps(np.round(faces, 2).tolist()))
        made.append(Mosaic(path, np.array(json.loads(known.read_text()), np.float32)))
    return made


def _cached_clips(directory: Path, frames: int) -> list[Clip]:
    known = directory / f"clips-{frames}.json"
    if not known.exists():
        found = {str(clip.path): clip.boxes.tolist() for clip in source_clips(directory, frames)}
        known.write_text(json.dumps(found))
    return [Clip(Path(path), np.array(boxes, np.float32)) for path, boxes in json.loads(known.read_text()).items()]


def _write(
    path: Path, cells: Sequence[Cell], size: tuple[int, int], clips: Sequence[Clip], frames: int, chance: random.Random
) -> np.ndarray:
    canvas = np.zeros((frames // 2, size[1], size[0], 3), np.uint8)
    faces = np.stack(
        [_fill(canvas, cell, clip, chance) for cell, clip in zip(cells, _cast(cells, clips, chance), strict=True)], 1
    )
    forth_and_back = np.r_[0 : frames // 2, frames // 2 - 1 : -1 : -1] if frames > 1 else np.zeros(1, int)
    partial = path.with_suffix(".tmp.mp4")
    with av.open(str(partial), "w") as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": "20", "preset": "fast"}
        for i in forth_and_back:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(canvas[i], format="bgr24")))
        out.mux(stream.encode())
    partial.replace(path)
    return faces[forth_and_back]


def _cast(cells: Sequence[Cell], clips: Sequence[Clip], chance: random.Random) -> Iterator[Clip]:
    """A clip for each cell, none twice while others are left, and none enlarged much where that can be helped."""
    waiting: list[Clip] = []
    for cell in cells:
        if not waiting:
            waiting = chance.sample(clips, len(clips))
        wanted = sum(cell.faces_px) / 2
        best = next((c for c in waiting if c.face_px * MOST_ENLARGED >= wanted), max(waiting, key=lambda c: c.face_px))
        waiting.remove(best)
        yield best


def _fill(canvas: np.ndarray, cell: Cell, clip: Clip, chance: random.Random) -> np.ndarray:
    """Draw the clip into its cell of every frame of canvas [N, H, W, 3]; returns its boxes, float32 [N, 4]."""
    count = len(canvas)
    scale = chance.uniform(*cell.faces_px) / clip.face_px
    centre = clip.boxes.mean(axis=0).reshape(2, 2).mean(axis=0)
    pictures = list(_pictures(clip.path, len(clip.boxes)))
    height, width = (round(side * scale) for side in pictures[0].shape[:2])
    grow = np.array([width / pictures[0].shape[1], height / pictures[0].shape[0]])
    left, top = (np.array([cell.width, cell.height]) / 2 - centre * grow).astype(int)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, cell.width), min(top + height, cell.height)
    boxes = np.empty((count, 4), np.float32)
    for i in range(count):
        n = i * len(pictures) // count  # a short clip is shown slower
        filter_ = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        inlay = cv2.resize(pictures[n], (width, height), interpolation=filter_)
        strip = cv2.GaussianBlur(pictures[n][: max(2, pictures[n].shape[0] // 8)], (0, 0), 2)
        place = canvas[i, cell.y : cell.y + cell.height, cell.x : cell.x + cell.width]
        place[:] = cv2.resize(strip, (cell.width, cell.height))
        place[y1:y2, x1:x2] = inlay[y1 - top : y2 - top, x1 - left : x2 - left]
        box = clip.boxes[n] * np.tile(grow, 2) + np.tile((left, top), 2)
        boxes[i] = np.clip(box, 0, (cell.width, cell.height) * 2) + np.tile((cell.x, cell.y), 2)
    return boxes


def lengthen(video: Path, seconds: float, path: Path) -> Path:
    """Repeat the video's packets until it lasts `seconds`: minutes of video in a second, nothing is encoded."""
    if path.exists():
        return path
    partial = path.with_suffix(".tmp.mp4")
    with av.open(str(video)) as source, av.open(str(partial), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [p for p in source.demux(stream) if p.dts is not None]
        span = round(Fraction(len(packets), FPS) / stream.time_base)
        times = [(p.pts, p.dts) for p in packets]
        for turn in range(round(seconds * FPS / len(packets))):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                packet.stream, packet.pts, packet.dts = copy, pts + turn * span, dts + turn * span
                packet.time_base = stream.time_base
                out.mux(packet)
    partial.replace(path)
    return path
