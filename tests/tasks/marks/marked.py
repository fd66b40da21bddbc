"""Clips with our mark and credentials, re-encoded as the world does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from fakelake.tasks.marks.certificate import Signer
from fakelake.tasks.marks.credentials import sign
from fakelake.tasks.marks.invisible import FoundMark, Mark, MarkReader
from tests.media import write_clip

ASSET = "0123456789abcdef"
WRITTEN = {"crf": "20", "preset": "veryfast"}  # as our own videos are


def pictures(path: Path, count: int = 16) -> list[np.ndarray]:
    """The first pictures as yuv420p arrays, uint8 [3 H / 2, W]; an odd last row or column is cut off."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            planes = frame.reformat(frame.width // 2 * 2, frame.height // 2 * 2, format="yuv420p").to_ndarray()
            found.append(planes)
            if len(found) == count:
                break
    return found


def luma(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[: picture.shape[0] * 2 // 3])


def marked(originals: Sequence[np.ndarray], asset_id: str = ASSET) -> list[np.ndarray]:
    mark, done = Mark(asset_id), []
    for picture in originals:
        copy = picture.copy()
        copy[: len(picture) * 2 // 3] = mark.embed(luma(picture))
        done.append(copy)
    return done


def encoded(originals: Sequence[np.ndarray], path: Path, **options: str) -> Path:
    frames = (av.VideoFrame.from_ndarray(picture, format="yuv420p") for picture in originals)
    return write_clip(path, frames, options=options or WRITTEN)


def resized(originals: Sequence[np.ndarray], width: int, height: int) -> list[np.ndarray]:
    frames = (av.VideoFrame.from_ndarray(picture, format="yuv420p") for picture in originals)
    return [frame.reformat(width, height, interpolation="BICUBIC").to_ndarray() for frame in frames]


def read_mark(path: Path, every: int = 2) -> FoundMark | None:
    reader = MarkReader()
    for picture in pictures(path, 1000)[::every]:
        reader.add(luma(picture))
    return reader.read()


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return cv2.PSNR(a, b)


def signed(unsigned: Path, out: Path, signer: Signer, *, target: Path | None = None, **changes: object) -> Path:
    said = {"title": "Made", "asset_id": ASSET, "source": target or unsigned, "actions": ["mouth"], **changes}
    sign(unsigned, out, signer=signer, target=target or unsigned, **said)
    return out
