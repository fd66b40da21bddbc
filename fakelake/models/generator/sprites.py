"""Articulated figures with known parts: where no face parser is at hand, these say how well parts are found.

A body stays about where it is, two arms and a head turn about their joints on it; shades and sizes are those of the
figure, the pose is another in each picture. A part has its own range of hues in all figures, as lips or hair do in
people. Backgrounds are smooth noise that stays put within a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PARTS = ("body", "head", "left arm", "right arm")
OVERSAMPLED = 2
HUES = 0.08  # a part's own hues, of the circle of them, to either side


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. colours: [4, 3] 0 to 255; sizes in shares of the picture's side."""

    colours: np.ndarray
    body: tuple[float, float]
    head: float
    arm: tuple[float, float]
    background: np.ndarray


class Sprites:
    """A `PortraitSource`: each figure a person with one clip of `poses` pictures. All follows from the seed."""

    def __init__(self, figures: int, poses: int, px: int, seed: int = 0) -> None:
        self.px, self.poses, self.seed = px, poses, seed
        self.figures = [_figure(np.random.default_rng((seed, n)), px) for n in range(figures)]

    def __len__(self) -> int:
        return len(self.figures)

    def clip(self, person: int, rng: np.random.Generator) -> int:
        return person

    def length(self, clip: int) -> int:
        return self.poses

    def read(self, clip: int, frames: list[int], px: int) -> np.ndarray:
        """uint8 [N, px, px, 3] RGB."""
        pictures = [self.drawn(clip, frame)[0] for frame in frames]
        return np.stack(
            [p if px == self.px else cv2.resize(p, (px, px), interpolation=cv2.INTER_AREA) for p in pictures]
        )

    def drawn(self, clip: int, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Picture uint8 [px, px, 3] RGB and labels int64 [px, px]: 0 background, then PARTS from 1."""
        rng = np.random.default_rng((self.seed, clip, frame, 7))
        figure, side = self.figures[clip], self.px * OVERSAMPLED
        picture = cv2.resize(figure.background, (side, side), interpolation=cv2.INTER_LINEAR)
        labels = np.zeros((side, side), np.uint8)
        centre = np.array([0.5, 0.6]) + rng.uniform(-0.08, 0.08, 2)
        lean = rng.uniform(-0.2, 0.2)
        width, height = figure.body
        up = np.array([np.sin(lean), -np.cos(lean)])
        across = np.array([up[1], -up[0]]) * -1
        shapes = {"body": _box(centre, up, height, width)}
        neck = centre + up * height / 2
        nod = lean + rng.uniform(-0.6, 0.6)
        shapes["head"] = _ellipse(neck + figure.head * np.array([np.sin(nod), -np.cos(nod)]), figure.head)
        for name, sign in (("left arm", -1), ("right arm", 1)):
            shoulder = centre + up * height * 0.4 + across * sign * width / 2
            angle = lean + sign * rng.uniform(0.3, 2.4)
            along = np.array([np.sin(angle), -np.cos(angle)])
            length, thick = figure.arm
            shapes[name] = _box(shoulder + along * length / 2, along, length, thick)
        for number, name in enumerate(PARTS, start=1):
            points = (shapes[name] * side).round().astype(np.int32)
            cv2.fillPoly(picture, [points], figure.colours[number - 1].tolist())
            cv2.fillPoly(labels, [points], number)
        small = cv2.resize(picture, (self.px, self.px), interpolation=cv2.INTER_AREA)
        return small, cv2.resize(labels, (self.px, self.px), interpolation=cv2.INTER_NEAREST).astype(np.int64)


def _figure(rng: np.random.Generator, px: int) -> Figure:
    noise = rng.integers(60, 200, (4, 4, 3)).astype(np.uint8)
    hues = (rng.uniform(-HUES, HUES, len(PARTS)) + np.arange(len(PARTS)) / len(PARTS)) % 1
    hsv = np.stack([hues * 255, rng.uniform(150, 255, 4), rng.uniform(120, 255, 4)], 1).astype(np.uint8)
    colours = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB_FULL)[0]
    return Figure(
        colours=colours, body=(rng.uniform(0.18, 0.26), rng.uniform(0.3, 0.38)), head=rng.uniform(0.09, 0.13),
        arm=(rng.uniform(0.26, 0.34), rng.uniform(0.07, 0.1)),
        background=cv2.resize(noise, (px, px), interpolation=cv2.INTER_CUBIC),
    )  # fmt: skip


def _box(centre: np.ndarray, along: np.ndarray, length: float, width: float) -> np.ndarray:
    side = np.array([along[1], -along[0]])
    return np.array([centre + a * along * length / 2 + b * side * width / 2 for a, b in
                     ((1, 1), (1, -1), (-1, -1), (-1, 1))])  # fmt: skip


def _ellipse(centre: np.ndarray, radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return centre + radius * np.stack([0.85 * np.cos(turn), np.sin(turn)], 1)
