"""A drawn portrait back into its frame: only the swapped part, in the colours around it, without an edge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fakelake.tasks import color
from fakelake.tasks.swap.plan import Place
from fakelake.tasks.swap.planes import Planes

FROM, FULL = 0.1, 0.5  # of the mask: below, nothing is pasted; from there on, in full
FEATHER = 0.012  # sigma of the blur of the part's edge, in sides of the window
RIM = 0.06  # of the window, along its edge: nothing is pasted there in full
RING = 0.06  # width of the ring along the part's edge, inside of it, in which colours are compared
LEAST_RING = 48  # pixels of the model's picture
GAIN = (0.75, 1.33)  # of the contrast, at most


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the model made of one portrait.

    target, picture: uint8 [px, px, 3] BGR, as it was and as it was drawn; mask: float32 [64, 64], 0 to 1
    """

    target: np.ndarray
    picture: np.ndarray
    mask: np.ndarray


def paste(planes: Planes, place: Place, drawn: Drawn) -> None:
    """Blend the part into the planes, in place. Where the mask is low, and outside of the window, no code changes."""
    x1, y1, x2, _ = place.window
    side = x2 - x1
    cover = cover_of(drawn.mask, side) * np.float32(place.strength)
    height, width = planes.y.shape
    left, top = max(x1, 0), max(y1, 0)
    right, bottom = min(x2, width), min(place.window[3], height)
    if right <= left or bottom <= top:
        return
    codes = color.to_codes(matched(drawn), planes.coding)
    whole = np.s_[top - y1 : bottom - y1, left - x1 : right - x1]
    half = np.s_[(top - y1) // 2 : (bottom - y1) // 2, (left - x1) // 2 : (right - x1) // 2]
    luma = _sized(codes[..., 0], side)[whole]
    _blend(planes.y[top:bottom, left:right], luma, cover[whole])
    thin = cv2.resize(cover, (side // 2, side // 2), interpolation=cv2.INTER_AREA)[half]
    for plane, channel in ((planes.u, 1), (planes.v, 2)):
        into = plane[top // 2 : bottom // 2, left // 2 : right // 2]
        _blend(into, _sized(codes[..., channel], side // 2)[half], thin)


def cover_of(mask: np.ndarray, side: int) -> np.ndarray:
    """float32 [64, 64] -> float32 [side, side], 0 to 1: how much of the drawn picture is shown where in the window."""
    large = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    cover = np.clip((large - FROM) / (FULL - FROM), 0, 1)
    sigma = FEATHER * side
    soft = cv2.GaussianBlur(cover, (0, 0), sigma) if sigma > 0.3 else cover
    inward = np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / (RIM * side)
    rim = np.clip(inward - 0.5, 0, 1).astype(np.float32)
    return soft * rim[:, None] * rim


def matched(drawn: Drawn) -> np.ndarray:
    """float32 [px, px, 3] BGR: the drawn picture with the mean and contrast that the target has along the part's edge.

    Reinhard et al., "Color Transfer between Images", 2001, in Lab, over a ring just inside the edge: there the drawn
    colours are the source's and the target's own are to go over into them unseen.
    """
    px = drawn.picture.shape[0]
    large = cv2.resize(drawn.mask.astype(np.float32), (px, px), interpolation=cv2.INTER_LINEAR)
    part = (large > (FROM + FULL) / 2).astype(np.uint8)
    reach = max(1, round(RING * px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ring = (part - cv2.erode(part, kernel)).astype(bool)
    if ring.sum() < LEAST_RING:
        return drawn.picture.astype(np.float32)
    theirs, ours = (cv2.cvtColor(p.astype(np.float32) / 255, cv2.COLOR_BGR2Lab) for p in (drawn.target, drawn.picture))
    wanted, have = theirs[ring], ours[ring]
    gain = np.clip(wanted.std(0) / np.maximum(have.std(0), 1e-3), *GAIN)
    moved = (ours - have.mean(0)) * gain + wanted.mean(0)
    return np.clip(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_Lab2BGR) * 255, 0, 255)


def _sized(plane: np.ndarray, side: int) -> np.ndarray:
    px = plane.shape[0]
    return cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA if side < px else cv2.INTER_CUBIC)


def _blend(into: np.ndarray, codes: np.ndarray, cover: np.ndarray) -> None:
    """Where nothing covers a code it stays as it is."""
    into[:] = np.clip(np.rint(into + cover * (codes - into)), 0, 255).astype(np.uint8)
