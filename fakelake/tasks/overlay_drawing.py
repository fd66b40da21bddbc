"""Boxes and labels on a picture: a colour and a word for each band, never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fakelake.tasks.overlay_faces import UNNAMED, Face, Said

# BGR; apart in lightness too, for those who see few colours.
COLOURS = {
    "fake": (38, 38, 214), "suspicious": (20, 160, 245), "authentic": (200, 110, 20), UNNAMED: (160, 40, 120),
    None: (120, 120, 120),
}  # fmt: skip
WORDS = {
    "fake": "FAKE", "suspicious": "SUSPICIOUS", "authentic": "AUTHENTIC", UNNAMED: "the detector", None: "not scored",
}  # fmt: skip
FONT = cv2.FONT_HERSHEY_SIMPLEX
DASH = 8  # px, times the scale


@dataclass(frozen=True, slots=True)
class Label:
    """lines: ASCII; place: x1 y1 x2 y2 of its ground in the picture."""

    lines: tuple[str, ...]
    place: tuple[int, int, int, int]


def draw(picture: np.ndarray, faces: Sequence[tuple[Face, Said]]) -> list[Label]:
    """Draw on a picture uint8 [H, W, 3] BGR, in place. Returns the labels, in the order of the faces."""
    scale = float(np.clip(min(picture.shape[:2]) / 480, 0.65, 4))
    labels: list[Label] = []
    for face, said in faces:
        _box(picture, face, COLOURS[said.band], max(2, round((3 if said.band == "fake" else 2) * scale)), scale)
    for face, said in faces:  # after all boxes, so that none crosses a label
        labels.append(_label(picture, face, said, scale, [label.place for label in labels]))
    return labels


def note(picture: np.ndarray, text: str) -> None:
    """A line at the bottom left."""
    scale = float(np.clip(min(picture.shape[:2]) / 480, 0.65, 4))
    width, height, below = _size(text, scale)
    bottom = picture.shape[0]
    cv2.rectangle(picture, (0, bottom - height - below - 4), (width + 6, bottom), (40, 35, 32), -1)
    _text(picture, text, (3, bottom - below - 2), (235, 235, 235), scale)


def lines_of(face: Face, said: Said) -> tuple[str, ...]:
    """The words of a label: which face, which band, how sure."""
    head = f"face {face.track_id}: {WORDS[said.band]}"
    if said.p_fake is None:
        return (head,)
    when = "" if said.at_s is None else f" (at {said.at_s:.1f} s)"
    return head, f"p_fake {100 * min(max(said.p_fake, 0.001), 0.999):.1f} %{when}"


def _label(
    picture: np.ndarray, face: Face, said: Said, scale: float, taken: Sequence[tuple[int, int, int, int]]
) -> Label:
    lines = lines_of(face, said)
    sizes = [_size(line, scale) for line in lines]
    step = max(height + below for _, height, below in sizes) + 2
    width, height = max(width for width, _, _ in sizes) + 6, len(lines) * step + 4
    place = _free_place(picture.shape, face.box, width, height, taken)
    cv2.rectangle(picture, place[:2], (place[2] - 1, place[3] - 1), COLOURS[said.band], -1)
    for n, line in enumerate(lines):
        _text(picture, line, (place[0] + 3, place[1] + 2 + n * step + sizes[n][1]), _ink(said.band), scale)
    return Label(lines, place)


def _free_place(
    shape: tuple[int, ...], box: tuple[float, float, float, float], width: int, height: int,
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int, int, int]:  # fmt: skip
    """Above the box, below it, or inside at its top; of these the first that covers no other label, else the least."""
    left = int(np.clip(round(box[0]), 0, max(shape[1] - width, 0)))
    tops = (box[1] - height, box[3], box[1], box[3] - height, box[1] - 2 * height, box[3] + height)
    places = []
    for top in tops:
        at = int(np.clip(round(top), 0, max(shape[0] - height, 0)))
        places.append((left, at, left + width, at + height))
    return min(places, key=lambda place: sum(_common(place, other) for other in taken))


def _common(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def _box(picture: np.ndarray, face: Face, colour: tuple[int, int, int], thick: int, scale: float) -> None:
    x1, y1, x2, y2 = (round(value) for value in face.box)
    if face.measured:
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, thick)
        return
    step = max(2, round(DASH * scale))  # dashed: nobody measured this one
    for a, b, fixed, along_x in ((x1, x2, y1, True), (x1, x2, y2, True), (y1, y2, x1, False), (y1, y2, x2, False)):
        for at in range(a, b, 2 * step):
            end = min(at + step, b)
            ends = ((at, fixed), (end, fixed)) if along_x else ((fixed, at), (fixed, end))
            cv2.line(picture, *ends, colour, thick)


def _ink(band: str | None) -> tuple[int, int, int]:
    return (20, 20, 20) if band == "suspicious" else (255, 255, 255)


def _size(text: str, scale: float) -> tuple[int, int, int]:
    (width, height), below = cv2.getTextSize(text, FONT, 0.55 * scale, max(1, round(scale)))
    return width, height, below


def _text(picture: np.ndarray, text: str, at: tuple[int, int], ink: tuple[int, int, int], scale: float) -> None:
    cv2.putText(picture, text, at, FONT, 0.55 * scale, ink, max(1, round(scale)), cv2.LINE_AA)
