"""The held-out videos that choose the epoch: the same clips at every look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fakelake.models.detector.infer import score_clips
from fakelake.models.detector.network import Detector


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Clips uint8 [T_i, px, px, 3] RGB to validate on; `labels`: 0 or 1, a clip each."""

    clips: Sequence[np.ndarray]
    labels: Sequence[int]


def validate(detector: Detector, held_out: HeldOut, precision: str) -> dict[str, float]:
    """log_loss, accuracy and auc (NaN with one class only) over clips, with equal weight for both classes."""
    was_training = detector.training
    detector.eval()
    logits = np.array([score.logit for score in score_clips(detector, held_out.clips, precision=precision)])
    detector.train(was_training)
    labels = np.asarray(held_out.labels)
    p = torch.from_numpy(logits).double()
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        p, torch.from_numpy(labels).double(), reduction="none"
    ).numpy()
    classes = [labels == label for label in np.unique(labels)]
    return {
        "log_loss": float(np.mean([losses[rows].mean() for rows in classes])),
        "accuracy": float(np.mean([((logits > 0) == labels)[rows].mean() for rows in classes])),
        "auc": _auc(labels, logits),
    }


def _auc(labels: np.ndarray, logits: np.ndarray) -> float:
    """The chance that a fake scores above a real one, ties half."""
    fake, real = logits[labels == 1], logits[labels == 0]
    if not len(fake) or not len(real):
        return float("nan")
    above = (fake[:, None] > real).mean()
    return float(above + 0.5 * (fake[:, None] == real).mean())
