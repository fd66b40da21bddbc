import hashlib
import zipfile

import cv2
import numpy as np
import pytest
import torch

from fakelake.models.faces.boxes import iou
from fakelake.models.faces.detector import load_detector
from fakelake.models.faces.retinaface_torch import RetinaFaceMobileNet, retinaface_resnet50
from fakelake.models.weights import WeightsCorrupt
from tests.models.faces.conftest import SHARED_WEIGHTS
from tests.models.faces.test_anchors import slow_detections

PUBLISHED = SHARED_WEIGHTS / "retinaface_mobilenet0.25_Final.pth"


@pytest.fixture(scope="module")
def resnet50_weights(tmp_path_factory):
    """A state dict of the ResNet-50 network with random values: not a face detector, but deterministic arithmetic."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "retinaface_resnet50.pth"
    torch.save(retinaface_resnet50().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def resnet50(resnet50_weights):
    # Random classifiers answer about 0.5 everywhere: this threshold leaves some hundred boxes to compare.
    return load_detector("retinaface-resnet50", threads=2, min_score=0.5, weights=resnet50_weights)


@pytest.fixture(scope="module")
def frames(talking):
    return np.stack([cv2.resize(frame, (120, 88)) for frame in talking[:3]])


def assert_equal_faces(a, b):
    assert len(a) == len(b)
    np.testing.assert_allclose(a.boxes, b.boxes, atol=0.05)
    np.testing.assert_allclose(a.landmarks, b.landmarks, atol=0.05)


def test_resnet50_finds_in_a_batch_what_it_finds_one_by_one(resnet50, frames):
    together = resnet50.detect(frames)
    assert all(len(found) > 20 for found in together)
    for frame, found in zip(frames, together, strict=True):
        assert_equal_faces(found, resnet50.detect(frame[None])[0])


def test_resnet50_gives_what_the_published_network_and_functions_give(resnet50, resnet50_weights, frames):
    network = retinaface_resnet50().eval()
    network.load_state_dict(torch.load(resnet50_weights, weights_only=True))
    rgb = torch.from_numpy(frames[:1, :, :, ::-1].copy()).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        boxes, classes, landmarks = network((rgb - mean[:, None, None]) / std[:, None, None])
    outputs = boxes[0].numpy(), classes.softmax(-1)[0, :, 1].numpy(), landmarks[0].numpy()
    boxes, scores, landmarks = slow_detections(*outputs, 88, 120, 0.5, 0.4)
    found = resnet50.detect(frames[:1])[0]
    assert len(found) == len(scores)
    np.testing.assert_allclose(found.boxes, boxes, atol=0.01)
    np.testing.assert_allclose(found.landmarks, landmarks, atol=0.01)


def test_resnet50_reads_its_checkpoint_out_of_the_zip_it_is_published_in(resnet50, resnet50_weights, frames, tmp_path):
    zipped = tmp_path / "retinaface_resnet50.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(resnet50_weights, "retinaface_resnet50_2020-07-20.pth")
    from_zip = load_detector("retinaface-resnet50", threads=2, min_score=0.5, weights=zipped)
    assert_equal_faces(from_zip.detect(frames[:1])[0], resnet50.detect(frames[:1])[0])
    assert from_zip.sha256 == hashlib.sha256(zipped.read_bytes()).hexdigest()


def test_a_checkpoint_of_another_network_is_refused(resnet50_weights):
    with pytest.raises(WeightsCorrupt, match="another network"):
        load_detector("retinaface-mobilenet025-torch", weights=resnet50_weights)


def test_a_batch_of_no_frames_gives_no_detections(resnet50):
    assert resnet50.detect(np.zeros((0, 90, 160, 3), np.uint8)) == []


def test_mobilenet_takes_a_state_dict_saved_from_data_parallel(tmp_path, frames):
    torch.manual_seed(0)
    state = RetinaFaceMobileNet().state_dict()
    torch.save(state, tmp_path / "plain.pth")
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "parallel.pth")
    plain, parallel = (
        load_detector("retinaface-mobilenet025-torch", threads=2, min_score=0.5, weights=tmp_path / name)
        for name in ("plain.pth", "parallel.pth")
    )
    assert_equal_faces(plain.detect(frames)[0], parallel.detect(frames)[0])


@pytest.mark.skipif(not PUBLISHED.exists(), reason="needs the published checkpoint in ../shared/weights")
def test_the_published_checkpoint_agrees_with_the_onnx_file_on_where_the_faces_are(detector, group):
    """Two trainings of one architecture: the tensors differ, so boxes agree closely but not to the last digit."""
    published = load_detector("retinaface-mobilenet025-torch", threads=2, weights=PUBLISHED)
    ours, theirs = detector.detect(group[None])[0], published.detect(group[None])[0]
    assert len(ours) == len(theirs) == 5
    assert iou(ours.boxes, theirs.boxes).max(axis=1).min() > 0.85


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_finds_what_the_cpu_finds(resnet50, resnet50_weights, frames):
    on_gpu = load_detector("retinaface-resnet50", device="cuda", min_score=0.5, weights=resnet50_weights)
    for a, b in zip(resnet50.detect(frames), on_gpu.detect(frames), strict=True):
        assert abs(len(a) - len(b)) <= 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error(resnet50_weights):
    with pytest.raises(ValueError, match="cuda"):
        load_detector("retinaface-resnet50", device="cuda", weights=resnet50_weights)
