"""The pictures of an explanation: as files, and as what the page shows of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fakelake.tasks import explain_page as page
from fakelake.tasks.score_chart import standalone


class Album:
    """Writes pictures into a folder; files: those that it wrote."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.files: list[Path] = []

    def picture(self, name: str, image: np.ndarray, alt: str, caption: str) -> page.Picture:
        """image: uint8 [H, W, 3] BGR. The ending of the name says PNG or JPEG."""
        kind = Path(name).suffix
        options = (cv2.IMWRITE_JPEG_QUALITY, 92) if kind == ".jpg" else ()
        data = cv2.imencode(kind, image, options)[1].tobytes()
        self._file(name, data)
        mime = "image/jpeg" if kind == ".jpg" else "image/png"
        return page.Picture(page.image(data, mime, image.shape[1], image.shape[0], alt), caption)

    def chart(self, name: str, svg: str, caption: str) -> page.Picture:
        """svg: as `score_chart` makes them."""
        self._file(name, standalone(svg).encode())
        return page.Picture(svg, caption)

    def _file(self, name: str, data: bytes) -> None:
        path = self.out / name
        path.write_bytes(data)
        self.files.append(path)
