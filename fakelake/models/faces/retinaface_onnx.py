"""RetinaFace with the MobileNet-0.25 backbone in onnxruntime: the detector for CPUs. Never imports torch."""

from __future__ import annotations

import os

# Wheels of onnxruntime report their use to their maker unless told not to, and before the import. An archive under
# investigation is nobody's business.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import cv2
import numpy as np
import onnxruntime as ort

from fakelake.models.faces.anchors import detections
from fakelake.models.faces.detector import Detections, check_frames
from fakelake.models.weights import ResolvedWeights, WeightsCorrupt

BGR_MEAN = (104, 117, 123)
# Frames a run of the network: beyond this many pixels its activations leave the caches (640 x 360: 63 frames/s
# a core singly or in fours, 53 in sixteens).
PIXELS_A_RUN = 640 * 360 * 4


class OnnxRetinaFace:
    """A FaceDetector on `threads` CPU threads."""

    batch_size = 16

    def __init__(
        self, weights: ResolvedWeights, *, threads: int, device: str, min_score: float, nms_iou: float
    ) -> None:
        if device != "cpu":
            raise ValueError(f"{weights.name} runs on the cpu only, not on {device!r}: take retinaface-resnet50 there")
        self.name, self.sha256 = weights.name, weights.sha256
        self._min_score, self._nms_iou = min_score, nms_iou
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would take the cores of the decoders beside this one.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Its fused, blocked convolutions are 1.8 times as fast as the graph with basic optimisations only.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        try:
            self._session = ort.InferenceSession(
                weights.path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's many error classes share no public base
            raise WeightsCorrupt(
                f"{weights.path} cannot be read as an ONNX network for {weights.name} ({error}). "
                f"Replace it by the published file."
            ) from error

    def detect(self, frames: np.ndarray) -> list[Detections]:
        check_frames(frames)
        at_once = max(1, PIXELS_A_RUN // (frames.shape[1] * frames.shape[2]))
        return [
            found
            for start in range(0, len(frames), at_once)
            for found in self._detect_batch(frames[start : start + at_once])
        ]

    def _detect_batch(self, frames: np.ndarray) -> list[Detections]:
        height, width = frames.shape[1:3]
        blob = cv2.dnn.blobFromImages(list(frames), 1.0, mean=BGR_MEAN)
        boxes, scores, landmarks = self._session.run(("loc", "conf", "landmarks"), {"input": blob})
        return detections(
            boxes, scores[..., 1], landmarks, height, width, min_score=self._min_score, nms_iou=self._nms_iou
        )
