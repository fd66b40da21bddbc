"""Which frames of a target get a new part, in which window, and which are left alone, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from fakelake.models.generator.naming import frontal
from fakelake.tasks import crop
from fakelake.tasks.swap.errors import NoFittingFace
from fakelake.tasks.swap.follow import FollowedFace

ZOOM = (0.6, 1.6)  # of a face against the first one of its window, as in the portraits that generators learn from
LEAST_WINDOW = 4  # a window smaller than this part of the model's pictures has no face to speak of
FADE = 4  # frames over which a part comes and goes beside a profile


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame's part goes. window: x1 y1 x2 y2, even numbers; strength: 0 to 1, how much of it is shown."""

    window: tuple[int, int, int, int]
    strength: float


@dataclass(frozen=True, slots=True)
class SwapPlan:
    """For frames first, first + 1, ...: windows int32 [n, 4], strength float32 [n], 0 where nothing is swapped.

    counts: frames by what becomes of them: swapped, profile, too_small; windows: how many different ones
    """

    first: int
    windows: np.ndarray
    strength: np.ndarray
    counts: Counter[str]
    different: int
    notes: tuple[str, ...]

    def at(self, frame: int) -> Place | None:
        n = frame - self.first
        if not 0 <= n < len(self.strength) or not self.strength[n]:
            return None
        return Place(tuple(self.windows[n].tolist()), float(self.strength[n]))

    def swapped(self) -> np.ndarray:
        """Numbers of the frames that get a new part."""
        return self.first + np.flatnonzero(self.strength)


def plan_swap(face: FollowedFace, px: int, margin: float, name: str) -> SwapPlan:
    """A plan for one followed face of the file `name`.

    px: side of the model's pictures; margin: of the portraits that it learnt from, as `GeneratorBundle` has it.
    A window stays put until the face leaves it or changes its size, as a portrait's does. Profiles and faces far
    smaller than the model's pictures are left alone. Raises NoFittingFace where that leaves no frame.
    """
    windows = _windows(face, margin)
    sides = windows[:, 2] - windows[:, 0]
    small = sides * LEAST_WINDOW < px
    profile = ~frontal(torch.from_numpy(face.landmarks)).numpy() & ~small
    usable = ~small & ~profile
    if not usable.any():
        why = (
            f"too small: at most {sides.max()} px with its surroundings, and the model draws {px} px"
            if small.all()
            else "never seen from the front"
        )
        raise NoFittingFace(f"The face in {name} is {why}. Give a clip in which it is larger or turned to the camera.")
    notes = []
    if np.median(sides[usable]) < px:
        notes.append(
            f"{name}: with its surroundings the face is {np.median(sides[usable]):.0f} px wide and the model draws "
            f"{px} px; what comes out will look blurred."
        )
    counts = Counter(swapped=int(usable.sum()), profile=int(profile.sum()), too_small=int(small.sum()))
    changes = 1 + int((np.diff(windows[usable], axis=0) != 0).any(axis=1).sum())
    strength = np.where(usable, _fade(profile), 0).astype(np.float32)
    return SwapPlan(int(face.frames[0]), windows, strength, counts, changes, tuple(notes))


def _windows(face: FollowedFace, margin: float) -> np.ndarray:
    windows, window, begun = np.empty((len(face), 4), np.int32), None, 1.0
    for n, box in enumerate(face.boxes):
        side = float((box[2:] - box[:2]).max())
        gone = window is None or not crop.inside(box, window)
        if gone or not ZOOM[0] <= side / begun <= ZOOM[1]:
            window, begun = _even(crop.square(box, margin)), side
        windows[n] = window
    return windows


def _even(window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """4:2:0 has one colour for two pixels: a window begins and ends with one."""
    left, top, side = window[0] // 2 * 2, window[1] // 2 * 2, -(-(window[2] - window[0]) // 2) * 2
    return left, top, left + side, top + side


def _fade(left_alone: np.ndarray) -> np.ndarray:
    """float [n]: 1, and less the nearer a frame is to one that is left alone."""
    away = np.full(len(left_alone), np.inf)
    at = np.flatnonzero(left_alone)
    if len(at):
        every = np.arange(len(left_alone))
        near = np.searchsorted(at, every).clip(0, len(at) - 1)
        away = np.minimum(np.abs(every - at[near]), np.abs(every - at[np.maximum(near - 1, 0)]))
    return np.minimum(1.0, away / (FADE + 1))
