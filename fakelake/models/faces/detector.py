"""One interface to every face detector, and the one place that knows which there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from fakelake.models.weights import ResolvedWeights, given, resolve


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces of one frame, best score first; N may be 0.

    boxes:     float32 [N, 4], x1 y1 x2 y2 in pixels of the frame that was given, clipped to it
    scores:    float32 [N], 0..1
    landmarks: float32 [N, 5, 2], x y in pixels: right eye, left eye, nose, right and left corner of the
               mouth (right and left of the person; may lie outside the frame)
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


class FaceDetector(Protocol):
    """Finds faces in batches of equally large frames.

    name:       as given to `load_detector`
    sha256:     of the weights file
    batch_size: how many frames at once it runs fastest with; `detect` takes any number
    """

    name: str
    sha256: str
    batch_size: int

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """frames: uint8 [B, H, W, 3], BGR. Returns B Detections. A frame's result does not depend on its batch."""
        ...


def in_batches(detector: FaceDetector, frames: Iterable[np.ndarray], size: int) -> Iterator[Detections]:
    """One Detections per frame, in order, at most `size` frames behind; only frames of one shape share a batch.

    frames: uint8 [H, W, 3], BGR.
    """
    batch: list[np.ndarray] = []
    for frame in frames:
        if batch and (len(batch) == size or frame.shape != batch[0].shape):
            yield from detector.detect(np.stack(batch))
            batch = []
        batch.append(frame)
    if batch:
        yield from detector.detect(np.stack(batch))


def load_detector(
    name: str = "retinaface-mobilenet025",
    *,
    threads: int = 1,
    device: str = "cpu",
    min_score: float = 0.7,
    nms_iou: float = 0.4,
    weights: Path | None = None,
) -> FaceDetector:
    """A detector with its weights loaded, kept to `threads` CPU threads.

    name:    retinaface-mobilenet025 (onnxruntime, CPU), retinaface-mobilenet025-torch or
             retinaface-resnet50 (torch, `device` cpu or cuda)
    weights: a file to use instead of the registered one; its hash is recorded, not compared
    Raises KeyError for an unknown name, ValueError for a device that the detector cannot run on,
    WeightsMissing and WeightsCorrupt.
    """
    if name not in DETECTORS:
        raise KeyError(f"no face detector is called {name!r}; known: {', '.join(DETECTORS)}")
    resolved = resolve(name) if weights is None else given(name, Path(weights))
    return DETECTORS[name](resolved, threads=threads, device=device, min_score=min_score, nms_iou=nms_iou)


# Each imports its runtime only when chosen: torch costs a worker 0.6 GB that onnxruntime does not need.
def _onnx(weights: ResolvedWeights, **settings) -> FaceDetector:
    from fakelake.models.faces.retinaface_onnx import OnnxRetinaFace

    return OnnxRetinaFace(weights, **settings)


def _torch(weights: ResolvedWeights, **settings) -> FaceDetector:
    from fakelake.models.faces.retinaface_torch import TorchRetinaFace

    return TorchRetinaFace(weights, **settings)


DETECTORS = {
    "retinaface-mobilenet025": _onnx,
    "retinaface-mobilenet025-torch": _torch,
    "retinaface-resnet50": _torch,
}


def check_frames(frames: np.ndarray) -> None:
    """Raises ValueError unless frames is uint8 [B, H, W, 3]."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise ValueError(f"frames must be uint8 [B, H, W, 3], not {frames.dtype} {list(frames.shape)}")
