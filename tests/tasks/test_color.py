"""Region and small conversion against swscale and against the picture that was stored."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter

from fakelake.tasks import color, tonemap
from tests import media

BT709, BT601, BT2020 = 1, 5, 9
LIMITED, FULL = 1, 2
DIRECT = ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "p010le"]
INDIRECT = ["gbrp", "rgb24", "bgra", "yuv411p", "yuv410p", "nv21", "yuv444p16le", "uyvy422", "gbrp10le"]


def smooth(width: int = 160, height: int = 120) -> np.ndarray:
    """A picture without edges, so that the way in which chroma is interpolated hardly matters."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    planes = [128 + 100 * np.sin(x / 31 + k) * np.cos(y / 29 - k) for k in range(3)]
    return np.stack(planes, axis=2).round().astype(np.uint8)


def stored_as(picture: np.ndarray, pix_fmt: str, matrix: int = BT709, range_: int = LIMITED) -> av.VideoFrame:
    frame = VideoReformatter().reformat(
        av.VideoFrame.from_ndarray(picture, format="bgr24"),
        format=pix_fmt,
        dst_colorspace=matrix,
        dst_color_range=range_,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )
    frame.colorspace, frame.color_range = matrix, range_
    return frame


def whole(frame: av.VideoFrame) -> np.ndarray:
    return color.region(frame, 0, 0, frame.width, frame.height)


def difference(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b).max())


@pytest.mark.parametrize("matrix", [BT601, BT709, BT2020])
@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("pix_fmt", DIRECT)
def test_a_picture_comes_back_from_every_layout_matrix_and_range(pix_fmt, range_, matrix):
    picture = smooth()
    shown = whole(stored_as(picture, pix_fmt, matrix, range_))
    assert difference(shown, picture) <= 6
    assert np.abs(shown.astype(int) - picture).mean() < 1.2


@pytest.mark.parametrize("pix_fmt", INDIRECT)
def test_unusual_layouts_go_through_swscale_and_come_back_too(pix_fmt):
    picture = smooth()
    assert difference(whole(stored_as(picture, pix_fmt)), picture) <= 6


def test_the_wrong_matrix_would_be_seen():
    frame = stored_as(smooth(), "yuv420p", BT601)
    frame.colorspace = BT709
    assert difference(whole(frame), smooth()) >= 10


def test_jpeg_layouts_are_full_range_even_when_they_do_not_say_so():
    frame = stored_as(smooth(), "yuvj420p", BT601, FULL)
    frame.color_range = 0
    assert difference(whole(frame), smooth()) <= 6


@pytest.mark.parametrize(("size", "matrix"), [((720, 576), BT601), ((1280, 720), BT709), ((720, 1280), BT709)])
def test_an_unmarked_picture_is_bt601_up_to_standard_definition_and_bt709_above(size, matrix):
    frame = stored_as(smooth(*size), "yuv420p", matrix)
    frame.colorspace, frame.color_range = 2, 0
    assert difference(whole(frame), smooth(*size)) <= 6


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj422p", "yuv444p", "nv12", "yuv420p10le", "yuv411p"])
@pytest.mark.parametrize("corner", [(0, 0, 33, 21), (7, 5, 8, 6), (51, 33, 160, 120), (1, 1, 159, 119)])
def test_a_region_has_the_very_pixels_of_the_whole_picture(pix_fmt, corner):
    picture = next(iter(media.pictures(1)))
    frame = stored_as(picture, pix_fmt, BT601)
    x1, y1, x2, y2 = corner
    np.testing.assert_array_equal(color.region(frame, *corner), whole(frame)[y1:y2, x1:x2])


@pytest.mark.parametrize("corner", [(0, 0, 160, 120), (8, 6, 90, 40), (120, 100, 160, 120)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv444p", "nv12", "yuv420p10le", "yuv411p"])
def test_a_halved_region_is_the_mean_of_each_two_by_two_pixels(pix_fmt, corner):
    frame = stored_as(smooth(), pix_fmt, BT601, FULL if pix_fmt.startswith("yuvj") else LIMITED)
    x1, y1, x2, y2 = corner
    means = smooth()[y1:y2, x1:x2].astype(float).reshape((y2 - y1) // 2, 2, (x2 - x1) // 2, 2, 3).mean(axis=(1, 3))
    halved = color.region(frame, *corner, halved=True)
    assert halved.shape == means.shape
    assert np.abs(halved - means).max() <= 5
    full = color.region(frame, *corner).astype(float)
    unshifted = full.reshape(means.shape[0], 2, means.shape[1], 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - unshifted).mean() < 1


def test_odd_sizes_keep_their_last_row_and_column():
    frame = stored_as(smooth(161, 121)[:121, :161], "yuv420p")
    assert whole(frame).shape == (121, 161, 3)
    assert difference(whole(frame), smooth(161, 121)) <= 6


@pytest.mark.parametrize("sides", [(1280, 720, 320, 180), (1920, 1080, 640, 360), (640, 480, 500, 375)])
def test_the_small_picture_is_not_shifted(sides):
    width, height, small_width, small_height = sides
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (small_height // 4, small_width // 4, 3), np.uint8)
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    small = color.small(stored_as(picture, "yuv420p"), small_width, small_height, VideoReformatter())
    expected = cv2.resize(picture, (small_width, small_height), interpolation=cv2.INTER_AREA)
    for step in ((0.4, 0), (0, 0.4)):
        ahead, behind = (moved_by(expected, *np.multiply(step, sign)) for sign in (1, -1))
        ahead, behind = (np.abs(other.astype(int) - small)[8:-8, 8:-8].mean() for other in (ahead, behind))
        assert abs(ahead - behind) < 0.1 * (ahead + behind), f"nearer to a picture moved by {step} than by its opposite"


def moved_by(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    height, width = picture.shape[:2]
    return cv2.warpAffine(picture, np.array([[1, 0, x], [0, 1, y]], np.float64), (width, height), flags=cv2.INTER_CUBIC)


@pytest.mark.parametrize("clip", media.PACKAGED)
def test_a_real_picture_looks_as_swscale_would_show_it(clip):
    with av.open(str(media.packaged_clip(clip))) as container:
        frame = next(container.decode(video=0))
    coding = color.coding_of(frame)
    reference = VideoReformatter().reformat(
        frame,
        format="bgr24",
        src_colorspace=coding.matrix,
        src_color_range=FULL if coding.full_range else LIMITED,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    )
    error = np.abs(whole(frame).astype(int) - reference.to_ndarray())
    assert error.mean() < 1
    assert np.percentile(error, 99) <= 6


def test_the_small_picture_has_the_same_colours_as_the_large_one():
    picture = smooth(640, 480)
    for pix_fmt, matrix, range_ in [("yuv420p", BT601, FULL), ("yuv420p10le", BT2020, LIMITED), ("gbrp", BT709, FULL)]:
        small = color.small(stored_as(picture, pix_fmt, matrix, range_), 160, 120, VideoReformatter())
        assert small.flags["C_CONTIGUOUS"]
        assert difference(small, cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA)) <= 8


# ---- high dynamic range ----


def pq_code(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: cd/m^2 -> code 0..1, written here from the standard's fractions."""
    y = (np.asarray(light, np.float64) / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


def hdr_frame(codes: np.ndarray, transfer: int, pix_fmt: str = "yuv444p10le") -> av.VideoFrame:
    """codes: float R'G'B' 0..1 [h, w, 3] -> a BT.2020 frame marked with `transfer`."""
    rgb = av.VideoFrame.from_ndarray((codes * 65535).round().astype(np.uint16), format="rgb48le")
    frame = VideoReformatter().reformat(rgb, format=pix_fmt, dst_colorspace=BT2020, dst_color_range=LIMITED)
    frame.colorspace, frame.color_range, frame.color_trc = BT2020, LIMITED, transfer
    return frame


def grey(code: float, transfer: int) -> int:
    b, g, r = (int(v) for v in whole(hdr_frame(np.full((16, 16, 3), code), transfer))[8, 8])
    assert max(b, g, r) - min(b, g, r) <= 1, "a grey must stay a grey"
    return g


@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv420p10le", "p010le", "gbrp10le"])
def test_a_standard_picture_carried_in_pq_comes_back_as_it_was(pix_fmt):
    """At 203 cd/m^2 for white (BT.2408) everything under the curve's knee must be the picture on a BT.1886 display."""
    picture = (smooth() * 0.5 + 30).astype(np.uint8)
    light = (picture[..., ::-1] / 255.0) ** 2.4 * 203
    bt709_to_bt2020 = np.array(
        [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    )  # BT.2087
    frame = hdr_frame(pq_code(light @ bt709_to_bt2020.T), tonemap.PQ, pix_fmt)
    assert np.abs(whole(frame).astype(int) - picture).mean() < 2
    assert difference(whole(frame), picture) <= 12


def test_brighter_light_is_never_shown_darker_and_the_peak_is_white():
    for transfer in (tonemap.PQ, tonemap.HLG):
        shown = [grey(code, transfer) for code in np.linspace(0, 1, 26)]
        assert shown == sorted(shown)
        assert shown[0] <= 1
        assert shown[-1] == 255


def test_hdr_reference_white_keeps_room_above_it_for_highlights():
    white = grey(float(pq_code(203)), tonemap.PQ)
    assert 215 <= white <= 245
    assert grey(float(pq_code(1000)), tonemap.PQ) == 255


def test_pq_and_hlg_agree_on_reference_white():
    """BT.2408: 203 cd/m^2 are 58 % in PQ and 75 % in HLG on a 1000 cd/m^2 display."""
    assert abs(grey(0.75, tonemap.HLG) - grey(0.58, tonemap.PQ)) <= 2


def test_small_hdr_pictures_are_tone_mapped_like_regions():
    picture = smooth(320, 240) / 255.0 * 0.6
    frame = hdr_frame(picture[..., ::-1], tonemap.PQ)
    small = color.small(frame, 160, 120, VideoReformatter())
    expected = cv2.resize(whole(frame), (160, 120), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 3
