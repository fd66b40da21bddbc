import cv2
import numpy as np
import pytest

from fakelake.tasks import crop
from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
from tests.media import SINGLE_FACE_BOX, face_clip


@pytest.fixture(scope="module")
def frame():
    return next(decode(face_clip(), probe(face_clip())))


def test_the_square_is_centred_and_as_long_as_the_longer_side():
    assert crop.square(np.array([10, 20, 30, 60]), 0.0) == (0, 20, 40, 60)


def test_a_margin_is_added_on_each_side():
    assert crop.square(np.array([0, 0, 100, 100]), 0.3) == (-30, -30, 130, 130)


@pytest.mark.parametrize("seed", range(5))
def test_a_square_is_square_and_within_a_pixel_of_the_boxs_centre(seed):
    rng = np.random.default_rng(seed)
    box = np.sort(rng.uniform(0, 300, (2, 2)), axis=0).ravel()
    x1, y1, x2, y2 = crop.square(box, rng.uniform(0, 0.5))
    assert x2 - x1 == y2 - y1 >= 2
    assert abs((x1 + x2) / 2 - (box[0] + box[2]) / 2) <= 1
    assert abs((y1 + y2) / 2 - (box[1] + box[3]) / 2) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_the_corners_of_large_squares_are_even_so_that_they_can_be_converted_at_half_size(seed):
    x, y, side = np.random.default_rng(seed).uniform(100, 900, 3)
    window = crop.square(np.array([x, y, x + max(side, 200), y + 100]), 0.0)
    assert not any(corner % 2 for corner in window)
    assert window[2] - window[0] == window[3] - window[1] == pytest.approx(max(side, 200), abs=1.51)


def test_a_box_of_no_size_still_gives_a_picture(frame):
    window = crop.square(np.array([5, 5, 5, 5]), 0.0)
    assert crop.picture(frame.region, window, 112).shape == (112, 112, 3)


def test_a_picture_shows_the_window_of_the_frame(frame):
    x1, y1, x2, y2 = crop.square(np.array(SINGLE_FACE_BOX), 0.0)
    wanted = cv2.resize(frame.full()[y1:y2, x1:x2], (112, 112), interpolation=cv2.INTER_AREA)
    assert cv2.PSNR(crop.picture(frame.region, (x1, y1, x2, y2), 112), wanted) > 40


def test_beyond_the_edge_of_the_frame_its_last_pixels_are_repeated(frame):
    picture = crop.picture(frame.region, (-112, 0, 0, 112), 112)
    np.testing.assert_array_equal(picture, np.repeat(frame.full()[:112, :1], 112, axis=1))


def test_a_jpeg_comes_back_nearly_equal_and_smaller_at_a_lower_quality(frame):
    picture = crop.picture(frame.region, crop.square(np.array(SINGLE_FACE_BOX), 0.0), 112)
    fine, coarse = crop.jpeg(picture, 95), crop.jpeg(picture, 50)
    assert cv2.PSNR(cv2.imdecode(np.frombuffer(fine, np.uint8), cv2.IMREAD_COLOR), picture) > 35
    assert len(coarse) < len(fine) / 2


def test_a_blurred_face_is_less_sharp_and_a_larger_crop_of_it_about_as_sharp(frame):
    window = crop.square(np.array(SINGLE_FACE_BOX), 0.0)
    small, large = (crop.picture(frame.region, window, px) for px in (112, 224))
    assert crop.sharpness(cv2.GaussianBlur(small, (0, 0), 4)) < 20 < crop.sharpness(small)
    assert crop.sharpness(large) == pytest.approx(crop.sharpness(small), rel=0.5)


def test_a_box_is_inside_up_to_the_windows_edge():
    assert crop.inside(np.array([0, 0, 10, 10]), (0, 0, 10, 10))
    assert not crop.inside(np.array([0, 0, 10.1, 10]), (0, 0, 10, 10))
