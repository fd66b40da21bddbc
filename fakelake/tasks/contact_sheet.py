"""One picture of what an ingest found: a row of face crops a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

TILE = 112
LABEL_PX = 20


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One video: its name and some of its crops, as JPEG bytes."""

    title: str
    crops: Sequence[bytes]


def contact_sheet(rows: Sequence[SheetRow], columns: int = 8) -> np.ndarray:
    """uint8 [H, W, 3] BGR; a strip of at most `columns` crops under each video's name, two videos side by side."""
    strips = [_strip(row, columns) for row in rows] or [np.full((LABEL_PX, columns * TILE, 3), 32, np.uint8)]
    if len(strips) % 2:
        strips.append(np.full_like(strips[0], 32))
    gap = np.full((strips[0].shape[0], 8, 3), 32, np.uint8)
    pairs = [np.hstack([a, gap, b]) for a, b in zip(strips[::2], strips[1::2], strict=True)]
    return np.vstack(pairs)


def _strip(row: SheetRow, columns: int) -> np.ndarray:
    strip = np.full((TILE + LABEL_PX, columns * TILE, 3), 32, np.uint8)
    cv2.putText(
        strip,
        row.title.encode("ascii", "replace").decode(),
        (4, 14),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.42,
        (235, 235, 235),
        1,
    )
    for i, data in enumerate(row.crops[:columns]):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        strip[LABEL_PX:, i * TILE : (i + 1) * TILE] = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
    return strip
