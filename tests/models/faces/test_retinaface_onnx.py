import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from fakelake.models.faces.boxes import iou
from fakelake.models.faces.detector import load_detector
from fakelake.models.weights import REGISTRY

# Looked at with the boxes drawn: hair line to chin of the five people, from left to right.
GROUP_FACES = [
    [219, 67, 308, 175],
    [316, 235, 409, 361],
    [437, 216, 519, 311],
    [531, 309, 630, 435],
    [682, 290, 791, 423],
]


def assert_equal_faces(a, b):
    np.testing.assert_allclose(a.boxes, b.boxes, atol=0.05)
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)
    np.testing.assert_allclose(a.landmarks, b.landmarks, atol=0.05)


def test_every_face_of_a_group_is_found_and_nothing_else(detector, group):
    found = detector.detect(group[None])[0]
    best = iou(np.array(GROUP_FACES, np.float32), found.boxes).max(axis=1)
    assert len(found) == 5
    assert best.min() > 0.95
    assert (found.scores > 0.99).all()
    assert (np.diff(found.scores) <= 0).all()


def test_landmarks_lie_in_the_face_in_the_order_eyes_nose_mouth(detector, group):
    found = detector.detect(group[None])[0]
    for box, (right_eye, left_eye, nose, right_mouth, left_mouth) in zip(found.boxes, found.landmarks, strict=True):
        assert right_eye[0] < left_eye[0] and right_mouth[0] < left_mouth[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
        assert (found.landmarks[0] >= found.boxes[0, :2]).all() and (box[2:] > nose).all()


def test_a_frame_gets_the_same_faces_alone_and_in_any_batch(detector, group):
    small = cv2.resize(group, (500, 334), interpolation=cv2.INTER_AREA)
    frames = np.stack([small, np.zeros_like(small), small[:, ::-1], np.roll(small, 40, axis=1), small[::-1]] * 4)
    together = detector.detect(frames)
    assert len(together) == 20 and len(together[0]) == 5 and len(together[1]) == 0
    for frame, found in zip(frames[:5], together[:5], strict=True):
        assert_equal_faces(found, detector.detect(frame[None])[0])
    for first, again in zip(together[:5], together[15:], strict=True):
        assert_equal_faces(first, again)


def test_a_picture_without_a_face_gives_none(detector):
    noise = np.random.default_rng(0).integers(0, 255, (2, 240, 320, 3), np.uint8)
    for found in detector.detect(noise):
        assert len(found) == 0 and found.boxes.shape == (0, 4) and found.landmarks.shape == (0, 5, 2)


def test_a_batch_of_no_frames_gives_no_detections(detector):
    assert detector.detect(np.zeros((0, 90, 160, 3), np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 65), (333, 499)])
def test_frames_of_any_size_are_taken(detector, group, size):
    frame = cv2.resize(group, size[::-1])
    found = detector.detect(frame[None])[0]
    assert (found.boxes >= 0).all() and (found.boxes <= [size[1], size[0], size[1], size[0]]).all()


def test_boxes_of_a_face_cut_off_by_the_edge_end_at_the_edge(detector, group):
    cut = group[:, 700:]
    found = detector.detect(cut[None])[0]
    assert found.boxes[:, 0].min() == 0


def test_it_carries_the_name_and_the_hash_that_a_recipe_records(detector):
    assert detector.name == "retinaface-mobilenet025"
    assert detector.sha256 == REGISTRY["retinaface-mobilenet025"].sha256


def test_it_says_that_it_runs_on_the_cpu_only():
    with pytest.raises(ValueError, match="retinaface-resnet50"):
        load_detector("retinaface-mobilenet025", device="cuda")


IN_A_WORKER = """
import os, sys
import numpy as np
from fakelake.models.faces.detector import load_detector

detector = load_detector("retinaface-mobilenet025", threads=1)
before = len(os.listdir("/proc/self/task"))
for batch in (16, 3, 16):
    detector.detect(np.zeros((batch, 360, 640, 3), np.uint8))
print("torch" in sys.modules, len(os.listdir("/proc/self/task")) - before)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_needs_neither_torch_nor_more_threads_nor_much_memory():
    done = subprocess.run([sys.executable, "-c", IN_A_WORKER], capture_output=True, text=True, check=True)
    torch_loaded, more_threads, peak_kib = done.stdout.split()
    assert (torch_loaded, more_threads) == ("False", "0")
    assert int(peak_kib) < 500 * 1024


def test_loading_the_runtime_does_not_switch_on_its_telemetry(tmp_path):
    """Switched on, it leaves a log of its own in the temporary directory as soon as it is imported."""
    command = [sys.executable, "-c", "import fakelake.models.faces.retinaface_onnx"]
    subprocess.run(command, check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert not list(tmp_path.glob("mat-debug*"))
