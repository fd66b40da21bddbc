"""Pairs of frames of one clip, treated alike: what the generator learns motion from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2 import functional as T

from fakelake.models.epoch import epoch_loader
from fakelake.models.share import ALONE, Share


class PortraitSource(Protocol):
    """Portraits of people. A clip is pictures of one window that stays put in one video."""

    def __len__(self) -> int:
        """How many people."""
        ...

    def clip(self, person: int, rng: np.random.Generator) -> int:
        """A clip of that person, drawn."""
        ...

    def length(self, clip: int) -> int:
        """Its pictures."""
        ...

    def read(self, clip: int, frames: list[int], px: int) -> np.ndarray:
        """uint8 [len(frames), px, px, 3] RGB."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PairAugmentation:
    """Chances of the flips; reach of the colour jitter. Time is turned or, if not, left and right may be."""

    time: float = 0.5
    mirror: float = 0.5
    brightness: float = 0.1
    contrast: float = 0.1
    saturation: float = 0.1
    hue: float = 0.1

    def __call__(self, pair: Tensor, rng: np.random.Generator) -> Tensor:
        """uint8 [2, 3, px, px] -> the same."""
        if rng.random() < self.time:
            pair = pair.flip(0)
        elif rng.random() < self.mirror:
            pair = pair.flip(3)
        steps = (
            (T.adjust_brightness, self.brightness, 1), (T.adjust_contrast, self.contrast, 1),
            (T.adjust_saturation, self.saturation, 1), (T.adjust_hue, self.hue, 0),
        )  # fmt: skip
        for n in rng.permutation(len(steps)):
            change, reach, usual = steps[n]
            if reach:
                pair = change(pair, float(rng.uniform(usual - reach, usual + reach)))
        return pair


class FramePairs(Dataset):
    """Item (epoch, i) -> source and target, uint8 [2, 3, px, px].

    An epoch goes over people, not over videos, `repeats` times: whoever is in many videos is not seen more often. All
    that is drawn follows from (seed, epoch, i), so a resumed training goes on as if it had never stopped.
    """

    def __init__(
        self, source: PortraitSource, px: int, *, repeats: int, augment: PairAugmentation | None, seed: int
    ) -> None:
        self.source, self.px, self.repeats, self.augment, self.seed = source, px, repeats, augment, seed

    def __len__(self) -> int:
        return len(self.source) * self.repeats

    def __getitem__(self, item: tuple[int, int]) -> Tensor:
        epoch, i = item
        rng = np.random.default_rng((self.seed, epoch, i))
        turn, place = divmod(i, len(self.source))
        person = int(np.random.default_rng((self.seed, epoch, turn, 1)).permutation(len(self.source))[place])
        clip = self.source.clip(person, rng)
        frames = sorted(int(n) for n in rng.integers(0, self.source.length(clip), 2))
        pair = torch.from_numpy(self.source.read(clip, frames, self.px).transpose(0, 3, 1, 2).copy())
        return self.augment(pair, rng) if self.augment else pair


def batches(
    pairs: FramePairs, batch: int, epoch: int, first_step: int, workers: int, share: Share = ALONE
) -> DataLoader:
    """Batches uint8 [B, 2, 3, px, px] of one epoch, from a step on. workers: processes that read ahead."""
    return epoch_loader(pairs, batch, epoch, first_step, workers, share)
