"""The report picture of a swap: for some frames the source, the target, the mask and what came out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fakelake.tasks import crop
from fakelake.tasks.swap.paste import cover_of
from fakelake.tasks.swap.render import Rendered

ROWS = 4
CELL, LINE = 256, 22  # px
HEADS = ("source", "target", "mask", "result")
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class SwapReport:
    """Takes up the frames that it shows as they come by.

    source: uint8 [px, px, 3] BGR; swapped: numbers of all frames that get a part, of which ROWS are shown
    """

    def __init__(self, source: np.ndarray, swapped: np.ndarray) -> None:
        spread = np.linspace(0, len(swapped) - 1, 2 * ROWS + 1)[1::2].round().astype(int)
        self._wanted = set(swapped[spread].tolist()) if len(swapped) else set()
        self._source = _cell(source)
        self._rows: list[np.ndarray] = []

    def see(self, rendered: Rendered) -> None:
        if rendered.drawn is None or rendered.frame.index not in self._wanted:
            return
        window, px = rendered.place.window, CELL
        target = crop.picture(rendered.frame.region, window, px)
        cover = cover_of(rendered.drawn.mask, CELL)[..., None]
        tinted = target * (1 - 0.65 * cover) + np.float32([60, 60, 255]) * 0.65 * cover
        row = np.hstack([self._source, target, tinted.astype(np.uint8), _result(rendered)])
        self._rows.append(_captioned(row, f"frame {rendered.frame.index}, {rendered.frame.pts_s:.2f} s"))

    def write(self, path: Path, title: str) -> None:
        """A PNG, under its name only when it is whole."""
        head = np.full((2 * LINE, len(HEADS) * CELL, 3), 255, np.uint8)
        cv2.putText(head, title, (4, LINE - 6), _FONT, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
        for n, words in enumerate(HEADS):
            cv2.putText(head, words, (n * CELL + 4, 2 * LINE - 6), _FONT, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
        data = cv2.imencode(".png", np.vstack([head, *self._rows]))[1].tobytes()
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _result(rendered: Rendered) -> np.ndarray:
    """The window as it will be encoded; what lies beyond the frame is grey."""
    x1, y1, x2, y2 = rendered.place.window
    height, width = rendered.planes.y.shape
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    whole = np.full((y2 - y1, x2 - x1, 3), 128, np.uint8)
    whole[top - y1 : bottom - y1, left - x1 : right - x1] = rendered.planes.part(left, top, right, bottom)
    return _cell(whole)


def _cell(picture: np.ndarray) -> np.ndarray:
    shrink = picture.shape[0] > CELL
    return cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)


def _captioned(row: np.ndarray, words: str) -> np.ndarray:
    line = np.full((LINE, row.shape[1], 3), 255, np.uint8)
    cv2.putText(line, words, (4, LINE - 7), _FONT, 0.42, (90, 90, 90), 1, cv2.LINE_AA)
    return np.vstack([row, line])
