"""Which frames are swapped, and in which windows."""

import numpy as np
import pytest

from fakelake.tasks.swap.errors import NoFittingFace
from fakelake.tasks.swap.plan import FADE, plan_swap
from tests.tasks.swap.made import FRONT, SIDEWAYS, box, followed

PX, MARGIN = 64, 0.5


def plan(face):
    return plan_swap(face, PX, MARGIN, "clip.mp4")


def test_a_window_stays_put_while_the_face_is_in_it():
    found = plan(followed([box(100 + n, 80 + n, 60) for n in range(20)]))
    assert len({found.at(n).window for n in range(20)}) == 1 and found.different == 1
    x1, y1, x2, y2 = found.at(0).window
    assert x2 - x1 == y2 - y1 == 120 and (x1 + x2) / 2 == pytest.approx(100, abs=2)  # twice the face
    assert not any(value % 2 for value in found.at(0).window)


def test_a_face_that_leaves_its_window_gets_another_and_no_frame_is_lost():
    found = plan(followed([box(100 + 5 * n, 80, 60) for n in range(40)]))
    assert found.counts["swapped"] == 40 and found.different > 2
    for n in range(40):
        x1, _, x2, _ = found.at(n).window
        assert x1 <= 100 + 5 * n - 24 and 100 + 5 * n + 24 <= x2


def test_a_face_that_grows_gets_a_larger_window():
    found = plan(followed([box(200, 200, 60 + 4 * n) for n in range(20)]))
    sides = [found.at(n).window[2] - found.at(n).window[0] for n in range(20)]
    assert sides[0] == 120 and sides[-1] >= 200


def test_profiles_are_left_alone_and_the_part_fades_beside_them():
    points = [FRONT] * 12 + [SIDEWAYS] * 5 + [FRONT] * 12
    found = plan(followed([box(100, 80, 60)] * 29, points))
    assert (found.counts["swapped"], found.counts["profile"]) == (24, 5)
    assert [found.at(n) for n in range(12, 17)] == [None] * 5
    strengths = [found.at(n).strength for n in (0, 11, 10, 17, 18, 28)]
    step = 1 / (FADE + 1)
    assert strengths == pytest.approx([1, step, 2 * step, step, 2 * step, 1])


def test_what_is_not_in_the_track_is_not_swapped():
    found = plan(followed([box(100, 80, 60)] * 5, first=7))
    assert found.at(6) is None and found.at(12) is None
    assert found.swapped().tolist() == [7, 8, 9, 10, 11]


def test_faces_far_smaller_than_the_models_pictures_are_left_alone():
    found = plan(followed([box(100, 80, 60)] * 3 + [box(100, 80, 7)] * 4))
    assert (found.counts["swapped"], found.counts["too_small"]) == (3, 4)
    assert found.at(4) is None
    with pytest.raises(NoFittingFace, match=r"clip\.mp4 is too small: at most 14 px .* draws 64 px"):
        plan(followed([box(100, 80, 7)] * 4))


def test_a_face_that_is_only_ever_seen_from_the_side_is_refused():
    with pytest.raises(NoFittingFace, match="never seen from the front"):
        plan(followed([box(100, 80, 60)] * 4, [SIDEWAYS] * 4))


def test_a_face_that_will_look_blurred_is_told():
    assert plan(followed([box(100, 80, 60)] * 3)).notes == ()
    (note,) = plan(followed([box(100, 80, 20)] * 3)).notes
    assert "40 px wide" in note and "blurred" in note


def test_a_plan_of_ten_minutes_is_small():
    found = plan(followed([box(100, 80, 60)] * 18_000))
    assert found.windows.nbytes + found.strength.nbytes < 1 << 20
    assert np.count_nonzero(found.strength) == 18_000
