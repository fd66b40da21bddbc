"""The named points of a robustness curve: what happens to a test clip before the detector sees it.

The same codecs as the training's augmentation, with x264's slower preset: an encoder setting that no training saw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from fakelake.models.detector import degrade

TEST_PRESET = "medium"


@dataclass(frozen=True, slots=True)
class Perturbation:
    """name: e.g. `crf 32`; family: h264 | resize | blur | jpeg; strength: in the family's own unit, see FAMILIES.

    apply: uint8 [T, H, W, 3] RGB -> the same shape, type and colours, in memory of its own
    """

    name: str
    family: str
    strength: float
    change: Callable[[np.ndarray], np.ndarray]

    def apply(self, clip: np.ndarray) -> np.ndarray:
        if clip.ndim != 4 or clip.shape[-1] != 3 or clip.dtype != np.uint8:
            raise ValueError(f"a clip is uint8 [T, H, W, 3] RGB, not {clip.dtype} {list(clip.shape)}")
        return np.ascontiguousarray(self.change(clip))


# What the strength of each family is: the words of a plot's axis.
FAMILIES = {
    "h264": "H.264 constant rate factor",
    "resize": "resized to this share of its sides and back",
    "blur": "Gaussian blur, px",
    "jpeg": "JPEG quality",
}


def h264(crf: int) -> Perturbation:
    """Of the crops themselves: harder than the same CRF on the whole picture, where the face has more pixels."""
    return Perturbation(f"crf {crf}", "h264", crf, partial(degrade.h264, crf=crf, preset=TEST_PRESET))


def resize(factor: float) -> Perturbation:
    return Perturbation(f"resize {factor:g}", "resize", factor, partial(degrade.rescale, factor=factor))


def blur(sigma: float) -> Perturbation:
    return Perturbation(f"blur {sigma:g} px", "blur", sigma, partial(degrade.blur, sigma=sigma))


def jpeg(quality: int) -> Perturbation:
    return Perturbation(f"jpeg {quality}", "jpeg", quality, partial(degrade.jpeg, quality=quality))


PERTURBATIONS: tuple[Perturbation, ...] = (
    *(h264(crf) for crf in (23, 32, 40)),
    *(resize(factor) for factor in (0.5, 0.25)),
    *(blur(sigma) for sigma in (1, 2)),
    jpeg(60),
)
