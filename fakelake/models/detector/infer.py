"""Scoring clips: features frame by frame in large batches, then time; the same numbers whatever shares a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from fakelake.models.detector.network import Detector, fake_logit

# Frames through the trunk at once. On a CPU, maps of more frames fall out of its caches: 64 took three times as long.
BATCH = {"cpu": 32, "cuda": 512}


@dataclass(frozen=True, slots=True)
class ClipScore:
    """Of one clip of T frames. logit: z_fake - z_real; frame_logits: float32 [T], each frame's own, for a curve."""

    logit: float
    frame_logits: np.ndarray


def autocast(device: torch.device | str, precision: str) -> AbstractContextManager:
    """bf16 where it is asked for, else nothing."""
    return torch.autocast(torch.device(device).type, torch.bfloat16) if precision == "bf16" else nullcontext()


def best_precision(device: torch.device | str) -> str:
    """bf16 where the hardware multiplies it natively (a GPU since Ampere, AVX-512 BF16), else fp32."""
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32"


@torch.inference_mode()
def score_clips(
    detector: Detector, clips: Sequence[np.ndarray], *, batch: int | None = None, precision: str = "fp32"
) -> list[ClipScore]:
    """Score clips uint8 [T_i, px, px, 3] RGB, T_i >= 1, on the device that the detector is on.

    batch: frames that go through the trunk at once; None: what suits the device. Raises RuntimeError in
    training mode, where scores would depend on the batch.
    """
    if detector.training:
        raise RuntimeError("call detector.eval() first: in training mode scores depend on the batch")
    if not clips:
        return []
    device = detector.mean.device
    batch = batch or BATCH.get(device.type, BATCH["cpu"])
    with autocast(device, precision):
        features = torch.cat([detector.features(part.to(device)).float() for part in _frames(clips, batch)])
    lengths = [len(clip) for clip in clips]
    scores: list[ClipScore | None] = [None] * len(clips)
    # Clips of one length go through time together: padding could not change a score, but it costs.
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_length.setdefault(length, []).append(index)
    starts = np.cumsum([0, *lengths])
    for length, members in by_length.items():
        stacked = torch.stack([features[starts[i] : starts[i] + length] for i in members])
        states = detector.recur(stacked)
        everything = torch.ones(stacked.shape[:2], dtype=torch.bool, device=device)
        logits = fake_logit(detector.decide(detector.over_time(states, everything))).cpu().numpy()
        frame_logits = fake_logit(detector.decide(states)).cpu().numpy()
        for row, index in enumerate(members):
            scores[index] = ClipScore(float(logits[row]), frame_logits[row])
    return scores


def _frames(clips: Sequence[np.ndarray], batch: int) -> Iterator[torch.Tensor]:
    """uint8 [<= batch, 3, px, px], over the clips' ends."""
    waiting: list[np.ndarray] = []
    count = 0
    for clip in clips:
        while len(clip):
            taken = clip[: batch - count]
            clip = clip[len(taken) :]
            waiting.append(taken)
            count += len(taken)
            if count == batch:
                yield _tensor(waiting)
                waiting, count = [], 0
    if waiting:
        yield _tensor(waiting)


def _tensor(parts: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.concatenate(parts).transpose(0, 3, 1, 2)))
