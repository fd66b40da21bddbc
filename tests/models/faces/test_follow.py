import numpy as np
import pytest

from fakelake.models.faces.boxes import iou
from fakelake.models.faces.detector import load_detector
from fakelake.models.faces.follow import expected_boxes, follow


@pytest.fixture(scope="module")
def low():
    """As `follow` wants it: windows may accept less than the 0.7 that a search must give."""
    return load_detector("retinaface-mobilenet025", threads=2, min_score=0.35)


class Counting:
    """A detector that notes how many frames of which size it was shown."""

    def __init__(self, detector):
        self.detector, self.seen = detector, []

    def detect(self, frames):
        self.seen += [frames.shape[1:3]] * len(frames)
        return self.detector.detect(frames)


@pytest.fixture(scope="module")
def pan(group):
    """uint8 [20, 400, 640, 3]: the camera glides over the group, 5 px right and 3 px down a frame."""
    return np.stack([group[40 + 3 * t : 440 + 3 * t, 180 + 5 * t : 820 + 5 * t] for t in range(20)])


def test_on_a_talking_person_every_face_that_searches_find_is_found(detector, low, talking):
    searched = detector.detect(talking)
    followed = list(follow(low, talking, 8))
    assert len(followed) == len(talking)
    overlaps = [iou(a.boxes, b.boxes).max(initial=0) for a, b in zip(searched, followed, strict=True) if len(a)]
    assert len(overlaps) > 40
    assert np.mean(np.array(overlaps) > 0.6) > 0.97
    assert sum(len(found) for found in followed) <= len(talking)


def test_several_faces_in_motion_are_each_found_once_and_where_they_are(detector, low, pan):
    for searched, followed in zip(detector.detect(pan), follow(low, pan, 6), strict=True):
        # A face cut off by the edge may be seen by the one and not by the other.
        whole = (searched.boxes[:, :2] > 5).all(axis=1) & (searched.boxes[:, 2:] < [635, 395]).all(axis=1)
        assert whole.sum() >= 3
        assert iou(searched.boxes[whole], followed.boxes).max(axis=1).min() > 0.7
        assert len(followed) <= 5
        assert (iou(followed.boxes, followed.boxes) > 0.4).sum() == len(followed)


def test_landmarks_come_in_pixels_of_the_frame(detector, low, pan):
    searched, followed = detector.detect(pan[3:4])[0], list(follow(low, pan[:8], 7))[3]
    match = iou(searched.boxes, followed.boxes).argmax(axis=1)
    size = (searched.boxes[:, 2] - searched.boxes[:, 0])[:, None, None]
    assert (np.abs(searched.landmarks - followed.landmarks[match]) / size).max() < 0.2


@pytest.mark.parametrize("frames", range(0, 12))
def test_there_is_one_result_a_frame_for_any_length_of_video(low, talking, frames):
    results = list(follow(low, iter(talking[:frames]), 4))
    assert [len(found) for found in results] == [1] * frames


def test_whole_frames_are_searched_every_nth_frame_and_at_the_end(low, talking):
    counting = Counting(low)
    list(follow(counting, talking[:15], 4))
    whole = talking.shape[1:3]
    assert sum(size == whole for size in counting.seen) == 5  # frames 0, 4, 8, 12 and the last, 14
    assert sum(size != whole for size in counting.seen) == 15  # one window a frame


def test_with_n_of_one_each_frame_is_searched_and_nothing_else(low, detector, talking):
    counting = Counting(detector)
    for followed, searched in zip(follow(counting, talking[:5], 1), detector.detect(talking[:5]), strict=True):
        np.testing.assert_allclose(followed.boxes, searched.boxes, atol=0.05)
    assert counting.seen == [talking.shape[1:3]] * 5


def test_results_come_at_most_n_frames_late(low, talking):
    taken = []
    following = follow(low, (taken.append(t) or frame for t, frame in enumerate(talking[:20])), 4)
    for t, _ in enumerate(following):
        assert len(taken) - t <= 5


def test_the_size_of_the_frames_may_change_in_the_middle(low, talking):
    smaller = talking[:, ::2, ::2]
    frames = [*talking[:6], *smaller[6:11], *talking[11:13]]
    results = list(follow(low, frames, 4))
    assert len(results) == 13
    for frame, found in zip(frames, results, strict=True):
        assert len(found) == 1 and found.boxes[0, 2] <= frame.shape[1]
    assert results[5].boxes[0] == pytest.approx(results[6].boxes[0] * 2, abs=12)


def test_frames_without_a_face_cost_searches_only(low):
    counting = Counting(low)
    results = list(follow(counting, np.full((9, 90, 160, 3), 127, np.uint8), 4))
    assert [len(found) for found in results] == [0] * 9
    assert len(counting.seen) == 3


def test_a_face_is_reported_only_where_it_is_seen(low, talking):
    """It goes dark in frames 3 to 5, between two searches that see it."""
    frames = talking[:9].copy()
    frames[3:6] = 0
    assert [len(found) for found in follow(low, frames, 8)] == [1, 1, 1, 0, 0, 0, 1, 1, 1]


def test_a_face_that_only_one_of_two_searches_sees_is_followed_from_there(low, talking):
    frames = talking[:9].copy()
    frames[7:] = 0
    assert [len(found) for found in follow(low, frames, 8)] == [1] * 7 + [0, 0]
    assert [len(found) for found in follow(low, frames[::-1], 8)] == [0, 0] + [1] * 7


def test_expected_boxes_move_from_search_to_search_and_lonely_ones_stay():
    before = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    after = np.array([[80, 80, 90, 90], [4, 0, 14, 10]], np.float32)
    assert expected_boxes(before, after, 0.25).tolist() == [[1, 0, 11, 10], [50, 50, 60, 60], [80, 80, 90, 90]]
    none = np.zeros((0, 4), np.float32)
    assert expected_boxes(none, after, 0.5).tolist() == after.tolist()
    assert expected_boxes(none, none, 0.5).shape == (0, 4)
