"""What both models' training loops share: their ends that are no result, checkpoints that are never half, memory."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import torch

_M_MMAP_THRESHOLD = -3  # of glibc's mallopt(3)


class TrainingDiverged(Exception):
    """A loss is no number any more; the text says what to change."""


class OtherTraining(Exception):
    """The checkpoint in the directory belongs to a training with other settings."""


def save_whole(state: object, path: Path) -> None:
    """Write a checkpoint: a process that is killed meanwhile leaves the one before."""
    partial = path.with_suffix(".tmp")
    torch.save(state, partial)
    partial.replace(path)


def give_memory_back() -> None:
    """Have glibc return every block of 128 KiB or more as soon as it is freed.

    By itself it raises that limit up to 32 MiB as a program goes on, and keeps for itself what tensors of other sizes
    cannot fill: 7 % more memory at the peak of the report's training batch (benchmarks/detector.py).
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, 128 << 10)


def left_off(path: Path, recipe: str, pairs: int) -> dict | None:
    """The checkpoint of a training with this recipe on so many pairs; None if there is none. Raises OtherTraining."""
    if not path.exists():
        return None
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["recipe"] != recipe or state["pairs"] != pairs:
        raise OtherTraining(
            f"{path} belongs to a training with other settings or other videos. Name another directory, or delete it."
        )
    return state
