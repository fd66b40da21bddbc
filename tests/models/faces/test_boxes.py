import numpy as np
import pytest
import torch
from torchvision.ops import batched_nms, box_iou

from fakelake.models.faces.boxes import by_frame, iou, joined, nms, taken
from fakelake.models.faces.detector import Detections


def some_boxes(n, seed=0, inside=200):
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, inside, (n, 2)), rng.uniform(10, 60, (n, 2))
    return np.concatenate((corner, corner + size), axis=1).astype(np.float32), rng.random(n, np.float32)


def some_faces(n, seed=0):
    boxes, scores = some_boxes(n, seed)
    return Detections(boxes, scores, np.arange(n * 10, dtype=np.float32).reshape(n, 5, 2))


def test_iou_is_that_of_torchvision():
    a, b = some_boxes(30)[0], some_boxes(20, seed=1)[0]
    expected = box_iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(iou(a, b), expected, atol=1e-6)
    assert iou(a, np.zeros((0, 4), np.float32)).shape == (30, 0)


@pytest.mark.parametrize("most_iou", [0.1, 0.4, 0.7])
def test_suppression_keeps_what_torchvision_keeps_frame_by_frame(most_iou):
    boxes, scores = some_boxes(300)
    frame = np.random.default_rng(2).integers(0, 4, 300)
    expected = batched_nms(torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(frame), most_iou)
    assert nms(boxes, scores, most_iou, frame).tolist() == expected.tolist()


def test_suppression_of_nothing_is_nothing():
    assert nms(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.4, np.zeros(0, int)).tolist() == []


def test_boxes_are_clipped_to_the_frame_and_those_outside_are_dropped():
    boxes = np.array([[-5, -5, 10, 10], [90, 40, 120, 70], [101, 0, 120, 20], [10, 10, 20, 20]], np.float32)
    faces = Detections(boxes, np.array([0.9, 0.8, 0.7, 0.6], np.float32), np.zeros((4, 5, 2), np.float32))
    first, second = by_frame(faces, np.array([0, 0, 0, 1]), 2, height=50, width=100)
    assert first.boxes.tolist() == [[0, 0, 10, 10], [90, 40, 100, 50]]
    assert first.scores.tolist() == pytest.approx([0.9, 0.8])
    assert second.boxes.tolist() == [[10, 10, 20, 20]]


def test_joined_faces_know_the_part_they_came_from():
    faces, part = joined([some_faces(2), Detections.empty(), some_faces(3, seed=1)])
    assert part.tolist() == [0, 0, 2, 2, 2]
    np.testing.assert_array_equal(taken(faces, part == 2).boxes, some_faces(3, seed=1).boxes)
    assert len(joined([])[0]) == 0
