"""The banner: there at every size, legible, and nowhere but along the lower edge."""

import cv2
import numpy as np
import pytest

from fakelake.tasks.marks.banner import draw


@pytest.mark.parametrize(
    ("height", "width"), [(1080, 1920), (720, 1280), (360, 640), (1280, 720), (144, 176), (97, 61)]
)
def test_a_strip_with_text_fitted_to_the_picture(height, width):
    picture = np.full((height, width, 3), 150, np.uint8)
    assert draw(picture) is picture
    strip = max(18, height // 14)
    assert (picture[:-strip] == 150).all()
    bright = np.argwhere(picture[-strip:, :, 0] > 140)
    assert len(bright) > 20
    left, right = bright[:, 1].min(), width - 1 - bright[:, 1].max()
    assert left >= 1 and right >= 1 and abs(left - right) <= max(6, width // 25)
    assert bright[:, 0].min() >= 1 and bright[:, 0].max() <= strip - 2


def test_it_can_say_something_else():
    one, other = (draw(np.zeros((360, 640, 3), np.uint8), text) for text in ("SYNTHETIC", "MADE BY A MODEL"))
    assert cv2.absdiff(one, other).any()


@pytest.mark.parametrize("text", ["", "  ", "künstlich", "two\nlines"])
def test_text_that_cannot_be_drawn_is_refused(text):
    with pytest.raises(ValueError, match="printable ASCII"):
        draw(np.zeros((360, 640, 3), np.uint8), text)


def test_a_picture_lower_than_the_strip_is_all_strip():
    assert draw(np.full((5, 200, 3), 255, np.uint8)).shape == (5, 200, 3)
