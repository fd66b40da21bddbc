"""Clips for training: pairs of a real and a fake one, so that every batch is balanced whatever the lake holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fakelake.models.detector.augment import Augmentation
from fakelake.models.detector.blend import self_blend
from fakelake.models.epoch import epoch_loader
from fakelake.models.share import ALONE, Share

REAL, FAKE = 0, 1


class OneClassOnly(Exception):
    """There is nothing to tell apart; the text says which label is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Consecutive crops of one face.

    frames: uint8 [T, px, px, 3] RGB; landmarks: float32 [T, 5, 2], x and y in pixels of the crop, NaN where not known
    """

    frames: np.ndarray
    landmarks: np.ndarray


class ClipSource(Protocol):
    """Videos to train on. `labels`: 0 real or 1 fake, a video each."""

    labels: Sequence[int]

    def read(self, video: int, frames: int, rng: np.random.Generator) -> Clip:
        """Up to `frames` consecutive crops of a face of that video, from a place that `rng` draws."""
        ...


class PairedClips(Dataset):
    """Item (epoch, i) -> a real clip and a fake one, each uint8 [T, 3, px, px] with its mask [T].

    The fake is a self-blend of the very real clip in a share `blended` of the pairs, otherwise a clip of a fake video.
    Real and fake are treated alike after that. Which videos meet, where they are cut and how they are changed follows
    from (seed, epoch, i) alone: a resumed training goes on as if it had never stopped. Raises OneClassOnly.
    """

    def __init__(
        self, source: ClipSource, *, frames: int, blended: float, augment: Augmentation | None, seed: int,
        clips_per_video: int = 1,
    ) -> None:  # fmt: skip
        self.source, self.frames, self.blended, self.augment, self.seed = source, frames, blended, augment, seed
        labels = np.asarray(source.labels)
        self._real, self._fake = np.flatnonzero(labels == REAL), np.flatnonzero(labels == FAKE)
        refuse_one_class(len(self._real), len(self._fake), blended)
        self.pairs = clips_per_video * max(len(self._real), len(self._fake) if blended < 1 else 0)

    def __len__(self) -> int:
        return self.pairs

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """-> clips uint8 [2, T, 3, px, px], mask bool [2, T], labels int64 [2]."""
        epoch, i = item
        rng = np.random.default_rng((self.seed, epoch, i))
        real = self.source.read(self._turn(self._real, epoch, i, REAL), self.frames, rng)
        if rng.random() < self.blended:
            fake = Clip(self_blend(real.frames, real.landmarks, rng), real.landmarks)
        else:
            fake = self.source.read(self._turn(self._fake, epoch, i, FAKE), self.frames, rng)
        pair = [self.augment(clip.frames, rng) if self.augment else clip.frames for clip in (real, fake)]
        clips, mask = padded(pair, self.frames)
        return clips, mask, torch.tensor([REAL, FAKE])

    def _turn(self, videos: np.ndarray, epoch: int, i: int, label: int) -> int:
        """The i-th video of an epoch: each comes once before any comes again, in an order of that epoch's own."""
        turn, place = divmod(i, len(videos))
        order = np.random.default_rng((self.seed, epoch, label, turn)).permutation(len(videos))
        return int(videos[order[place]])


def refuse_one_class(real: int, fake: int, blended: float) -> None:
    """Raise OneClassOnly, in words, where pairs cannot be made of so many videos."""
    if not real:
        raise OneClassOnly(
            "No real video is among the training videos, so there is nothing to tell fakes from. "
            "Import labels (fakelake labels import FILE), or ingest authentic videos with --label real."
        )
    if not fake and blended < 1:
        raise OneClassOnly(
            f"None of the {real} training videos is labelled fake, and the recipe wants a share {1 - blended:.0%} of "
            "such. Import labels of fakes, or train with self-blended images: --set blended=1."
        )


def padded(clips: Sequence[np.ndarray], frames: int) -> tuple[Tensor, Tensor]:
    """uint8 [T_i, H, W, 3] each, T_i <= frames -> [B, frames, 3, H, W] with zeros behind, and the mask [B, frames]."""
    height, width = clips[0].shape[1:3]
    batch = torch.zeros(len(clips), frames, 3, height, width, dtype=torch.uint8)
    mask = torch.zeros(len(clips), frames, dtype=torch.bool)
    for row, clip in enumerate(clips):
        batch[row, : len(clip)] = torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2)))
        mask[row, : len(clip)] = True
    return batch, mask


def batches(
    dataset: PairedClips, batch: int, epoch: int, first_step: int, workers: int, share: Share = ALONE
) -> DataLoader:
    """Batches (clips [B, T, 3, px, px], mask [B, T], labels [B]) of one epoch; B is even, pairs stay together."""
    return epoch_loader(dataset, max(1, batch // 2), epoch, first_step, workers, share, _collate)


def _collate(pairs: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    clips, mask, labels = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    return clips, mask, labels
