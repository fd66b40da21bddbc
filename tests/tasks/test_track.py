import numpy as np
import pytest

from fakelake.tasks.track import Tracklet, colour_histogram, iou_matrix, is_cut, join_tracklets, match
from tests.media import face_clip, packaged_clip
from tests.tasks.reading import pictures_of


def box(x, y=0, side=10):
    return np.array([x, y, x + side, y + side], np.float32)


def tracklet(local_id, first, last, x, *, segment=0, y=0, fps=10.0):
    """A face that stands still at `x` from frame `first` to `last`."""
    at = box(x, y)
    return Tracklet(segment, local_id, first, first / fps, at, last, last / fps, at, last - first + 1)


def join(*tracklets, cuts=(), gap_s=0.5):
    joined = join_tracklets(tracklets, cuts, least_iou=0.3, gap_s=gap_s)
    return [joined[t.segment, t.local_id] for t in tracklets]


def test_overlap_is_intersection_over_union():
    overlap = iou_matrix(np.array([box(0)]), np.array([box(0), box(5), box(20)]))
    np.testing.assert_allclose(overlap, [[1, 1 / 3, 0]], atol=1e-6)


def test_a_box_without_area_overlaps_nothing_and_divides_by_nothing():
    assert iou_matrix(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0]]


def test_matching_is_best_first_and_one_to_one():
    before, after = np.array([box(0), box(4)]), np.array([box(6), box(3)])
    assert match(before, after, 0.1) == {1: 1, 0: 0}
    assert match(before, np.array([box(4)]), 0.1) == {0: 1}


def test_a_match_below_the_least_overlap_is_none():
    assert match(np.array([box(0)]), np.array([box(6)]), 0.3) == {}


@pytest.mark.parametrize("before, after", [(0, 2), (2, 0), (0, 0)])
def test_no_faces_match_nothing(before, after):
    assert match(np.zeros((before, 4)), np.zeros((after, 4)), 0.3) == {}


def test_a_change_of_scene_is_a_cut_and_a_moving_face_is_none():
    face, moved = (colour_histogram(p) for p in pictures_of(face_clip(), 31)[::30])
    other = colour_histogram(pictures_of(packaged_clip("WolfgangLanger_Pexels.mp4"), 1)[0])
    assert is_cut(face, other, 0.5)
    assert not is_cut(face, moved, 0.5)


def test_a_histogram_does_not_care_for_the_size_of_the_picture():
    (picture,) = pictures_of(face_clip(), 1)
    assert not is_cut(colour_histogram(picture), colour_histogram(picture[::2, ::2].copy()), 0.1)


def test_a_face_lost_for_a_moment_keeps_its_track():
    assert join(tracklet(0, 0, 10, x=0), tracklet(1, 14, 20, x=0)) == [0, 0]


def test_a_face_lost_for_longer_starts_a_new_track():
    assert join(tracklet(0, 0, 10, x=0), tracklet(1, 16, 20, x=0)) == [0, 1]


def test_a_face_elsewhere_is_another_track():
    assert join(tracklet(0, 0, 10, x=0), tracklet(1, 11, 20, x=9)) == [0, 1]


def test_no_track_goes_on_over_a_cut():
    assert join(tracklet(0, 0, 10, x=0), tracklet(1, 12, 20, x=0), cuts=[12]) == [0, 1]
    assert join(tracklet(0, 0, 10, x=0), tracklet(1, 12, 20, x=0), cuts=[10, 13]) == [0, 0]


def test_tracks_are_numbered_by_their_first_frame_then_from_left_to_right_then_from_the_top():
    right, left, lower, earlier = (
        tracklet(0, 5, 9, x=50), tracklet(1, 5, 9, x=20), tracklet(2, 5, 9, x=20, y=50), tracklet(3, 0, 9, x=90)
    )  # fmt: skip
    assert join(right, left, lower, earlier) == [3, 1, 2, 0]


def test_two_faces_at_a_segment_border_each_go_on_as_their_own():
    # The left one's box overlaps both; only taken together does each find its own.
    a, b = tracklet(0, 0, 9, x=0), tracklet(1, 0, 9, x=4)
    left, right = tracklet(0, 10, 19, x=3, segment=1), tracklet(1, 10, 19, x=4, segment=1)
    assert join(a, b, left, right) == [0, 1, 0, 1]


def test_a_face_that_is_still_there_is_not_continued_by_another():
    assert join(tracklet(0, 0, 20, x=0), tracklet(1, 10, 20, x=0)) == [0, 1]


def test_one_face_through_three_segments_is_one_track():
    assert join(*(tracklet(0, 10 * s, 10 * s + 9, x=s, segment=s) for s in range(3))) == [0, 0, 0]
