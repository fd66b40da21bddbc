import numpy as np
import pytest
import torch
from retinaface.box_utils import decode, decode_landm
from retinaface.prior_box import priorbox
from torchvision.ops import nms

from fakelake.models.faces.anchors import anchors, detections


def published_priors(height, width):
    """retinaface-pytorch's own, in shares of the frame: float32 [A, 4]."""
    return priorbox([[16, 32], [64, 128], [256, 512]], [8, 16, 32], clip=False, image_size=(height, width))


def slow_detections(box_offsets, scores, landmark_offsets, height, width, min_score, nms_iou):
    """One frame by the published functions: decode every anchor, then choose."""
    priors, size = published_priors(height, width), torch.tensor([width, height])
    boxes = decode(torch.from_numpy(box_offsets), priors, [0.1, 0.2]) * size.repeat(2)
    landmarks = decode_landm(torch.from_numpy(landmark_offsets), priors, [0.1, 0.2]) * size.repeat(5)
    sure = torch.from_numpy(scores) > min_score
    boxes, landmarks, scores = boxes[sure], landmarks[sure], torch.from_numpy(scores)[sure]
    keep = nms(boxes, scores, nms_iou)
    boxes = boxes[keep].clamp(min=0).minimum(size.repeat(2))
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return boxes[inside], scores[keep][inside], landmarks[keep][inside].view(-1, 5, 2)


@pytest.mark.parametrize("size", [(360, 640), (37, 101), (64, 64), (5, 7)])
def test_anchors_are_the_published_ones_in_pixels(size):
    height, width = size
    expected = published_priors(height, width).numpy() * [width, height, width, height]
    np.testing.assert_allclose(anchors(height, width), expected, rtol=1e-5)


@pytest.mark.parametrize("size", [(96, 160), (61, 87)])
def test_detections_of_a_batch_are_those_of_a_direct_slow_computation(size):
    height, width = size
    rng = np.random.default_rng(1)
    count = len(anchors(height, width))
    boxes = rng.normal(0, 2, (3, count, 4)).astype(np.float32)
    landmarks = rng.normal(0, 3, (3, count, 10)).astype(np.float32)
    scores = rng.random((3, count), np.float32)
    found = detections(boxes, scores, landmarks, height, width, min_score=0.8, nms_iou=0.4)
    for i in range(3):
        expected = slow_detections(boxes[i], scores[i], landmarks[i], height, width, 0.8, 0.4)
        assert len(found[i]) == len(expected[1]) > 10
        for got, slow in zip((found[i].boxes, found[i].scores, found[i].landmarks), expected, strict=True):
            np.testing.assert_allclose(got, slow, atol=2e-3)


def test_a_frame_with_no_score_above_the_threshold_has_no_faces():
    count = len(anchors(64, 64))
    outputs = np.zeros((2, count, 4), np.float32), np.full((2, count), 0.7, np.float32), np.zeros((2, count, 10))
    for found in detections(*outputs, 64, 64, min_score=0.7, nms_iou=0.4):
        assert (found.boxes.shape, found.scores.shape, found.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))
