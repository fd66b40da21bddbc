"""The loop that one finds everywhere: OpenCV reads, every frame is converted, shrunk, searched, and faces cropped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from fakelake.models.faces.anchors import detections
from fakelake.models.faces.retinaface_onnx import BGR_MEAN
from fakelake.models.weights import resolve

LONG_SIDE, CROP_PX, QUALITY, MIN_SCORE, NMS_IOU = 640, 112, 95, 0.7, 0.4


@dataclass(slots=True)
class LoopRun:
    """boxes: of each file, float32 [N, 4] a frame, in pixels of the full frame."""

    frames: int
    faces: int
    seconds: float
    boxes: list[list[np.ndarray]]

    @property
    def fps(self) -> float:
        return self.frames / self.seconds


class PlainLoop:
    """The same network, weights, runtime and box decoding as fakelake's detector; one frame at a time."""

    def __init__(self, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._threads = threads
        self._session = ort.InferenceSession(
            resolve("retinaface-mobilenet025").path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, paths: list[Path]) -> LoopRun:
        """Every frame of every file; crops are encoded and thrown away."""
        before = cv2.getNumThreads()
        cv2.setNumThreads(self._threads)
        self._find(np.zeros((LONG_SIDE * 9 // 16, LONG_SIDE, 3), np.uint8))
        start = time.perf_counter()
        boxes = [self._file(path) for path in paths]
        seconds = time.perf_counter() - start
        cv2.setNumThreads(before)
        each = [found for file in boxes for found in file]
        return LoopRun(len(each), sum(map(len, each)), seconds, boxes)

    def _file(self, path: Path) -> list[np.ndarray]:
        video = cv2.VideoCapture(str(path))
        found = []
        while True:
            there, frame = video.read()
            if not there:
                video.release()
                return found
            height, width = frame.shape[:2]
            scale = LONG_SIDE / max(height, width)
            small = cv2.resize(frame, (round(width * scale), round(height * scale)))
            boxes = self._find(small) / scale
            for x1, y1, x2, y2 in boxes.astype(int):
                face = cv2.resize(frame[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)], (CROP_PX, CROP_PX))
                cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
            found.append(boxes)

    def _find(self, small: np.ndarray) -> np.ndarray:
        blob = cv2.dnn.blobFromImage(small, 1.0, mean=BGR_MEAN)
        offsets, scores, landmarks = self._session.run(("loc", "conf", "landmarks"), {"input": blob})
        height, width = small.shape[:2]
        settings = {"min_score": MIN_SCORE, "nms_iou": NMS_IOU}
        return detections(offsets, scores[..., 1], landmarks, height, width, **settings)[0].boxes
