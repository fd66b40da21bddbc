"""A part goes back into its frame and nothing else does."""

import cv2
import numpy as np
import pytest

from fakelake.tasks import color
from fakelake.tasks.swap.paste import cover_of, matched, paste
from fakelake.tasks.swap.plan import Place
from tests.tasks.swap.made import CODING, copied, disc, drawn, noise

PX = 64


def smooth(seed=0, px=PX):
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(60, 200, (6, 6, 3), np.uint8), (px, px), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("window", [(40, 20, 120, 100), (-20, 60, 60, 140), (100, -30, 180, 50), (31, 21, 111, 101)])
def test_outside_the_part_not_one_code_changes(window):
    """In the middle of the frame, and where a window reaches beyond its edge."""
    window = tuple(value // 2 * 2 for value in window)
    before = noise()
    after = copied(before)
    paste(after, Place(window, 1.0), drawn(smooth(1), smooth(2)))
    x, y = (window[0] + window[2]) / 2, (window[1] + window[3]) / 2
    for plane, was, step in ((after.y, before.y, 1), (after.u, before.u, 2), (after.v, before.v, 2)):
        ys, xs = np.indices(plane.shape) * step + (step - 1) / 2
        away = np.hypot(ys + 0.5 - y, xs + 0.5 - x) > 0.25 * 80 + 0.06 * 80 + 2  # the disc and its feather
        assert np.array_equal(plane[away], was[away])
        assert (plane[~away] != was[~away]).mean() > 0.4


def test_a_window_that_misses_the_frame_changes_nothing():
    before = noise()
    after = copied(before)
    paste(after, Place((400, 0, 480, 80), 1.0), drawn(smooth(1), smooth(2)))
    assert np.array_equal(after.y, before.y)


def test_in_the_middle_of_the_part_is_what_was_drawn():
    planes, made = noise(), drawn(smooth(1), smooth(2))
    paste(planes, Place((40, 20, 104, 84), 1.0), made)
    wanted = color.to_codes(matched(made), CODING)
    inner = np.s_[26:38, 26:38]
    assert np.abs(planes.y[20:84, 40:104][inner] - wanted[..., 0][inner]).max() <= 1
    halves = [cv2.resize(wanted[..., n], (32, 32), interpolation=cv2.INTER_AREA)[13:19, 13:19] for n in (1, 2)]
    for plane, half in zip((planes.u, planes.v), halves, strict=True):
        assert np.abs(plane[10:42, 20:52][13:19, 13:19] - half).max() <= 1


def test_half_the_strength_is_half_the_change():
    before, made = noise(), drawn(smooth(1), smooth(2))
    changes = []
    for strength in (1.0, 0.5):
        planes = copied(before)
        paste(planes, Place((40, 20, 104, 84), strength), made)
        changes.append(planes.y.astype(float) - before.y)
    assert np.abs(changes[1] - changes[0] / 2).max() <= 1


def test_the_edge_is_feathered_and_the_windows_rim_stays_free():
    cover = cover_of(disc(), 256)
    assert np.abs(np.diff(cover, axis=1)).max() < 0.15 and cover[128, 128] == 1
    everywhere = cover_of(np.ones((64, 64), np.float32), 256)
    assert everywhere[0].max() == 0 and everywhere[:, -1].max() == 0 and everywhere[128, 128] == 1
    assert cover_of(np.full((64, 64), 0.09, np.float32), 256).max() == 0


def test_a_picture_drawn_in_other_light_takes_the_targets():
    target = smooth(1)
    lit = np.clip(target.astype(np.float32) * 0.9 + (25, 5, -10), 0, 255).astype(np.uint8)
    made = drawn(target, lit)
    inside = disc(side=PX).astype(bool)
    before = np.abs(lit[inside].astype(float) - target[inside]).mean()
    after = np.abs(matched(made)[inside] - target[inside]).mean()
    assert after < 0.3 * before


def test_a_part_too_small_to_compare_keeps_its_colours():
    made = drawn(smooth(1), smooth(2), disc(0.02))
    assert np.array_equal(matched(made), made.picture.astype(np.float32))
