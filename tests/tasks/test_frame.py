"""One frame: upright, small, in regions, valid for as long as it is held."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
from tests import media
from tests.tasks.decoding import assert_segments_equal_whole, frames_of


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_clip_turned_by_its_display_matrix_gives_the_upright_picture(tmp_path, degrees):
    images = list(media.pictures(3, 320, 240))
    back = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}[degrees]
    stored = [cv2.rotate(image, back) for image in images]
    clip = media.write_clip(tmp_path / "a.mp4", stored, rotation=degrees, options={"crf": "4"})
    frames = frames_of(clip)
    for frame, image in zip(frames, images, strict=True):
        assert (frame.width, frame.height) == (320, 240)
        assert np.abs(frame.full().astype(int) - image).mean() < 3
        small, scale = frame.small(160)
        assert (small.shape, scale) == ((120, 160, 3), 0.5)
        assert np.abs(small.astype(int) - cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA)).mean() < 3


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_region_is_cut_from_the_upright_picture(tmp_path, degrees):
    plain = media.write_clip(tmp_path / "a.mp4", frames=1, size=(160, 120))
    frame = frames_of(media.remux(plain, tmp_path / "b.mp4", rotation=degrees))[0]
    full = frame.full()
    assert full.shape == (frame.height, frame.width, 3)
    for x1, y1, x2, y2 in [(0, 0, 30, 40), (11, 23, 60, 24), (frame.width - 9, 3, frame.width, 50)]:
        np.testing.assert_array_equal(frame.region(x1, y1, x2, y2), full[y1:y2, x1:x2])


def test_mirrored_footage_is_mirrored_back(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=1, rotation=180)
    data = clip.read_bytes()
    both, vertical = (
        b"".join(v.to_bytes(4, "big", signed=True) for v in (a, 0, 0, 0, -65536)) for a in (-65536, 65536)
    )
    assert data.count(both) == 1
    (tmp_path / "b.mp4").write_bytes(data.replace(both, vertical))
    turned, mirrored = frames_of(clip)[0].full(), frames_of(tmp_path / "b.mp4")[0].full()
    np.testing.assert_array_equal(mirrored, turned[:, ::-1])


@pytest.mark.parametrize("box", [(-20, -10, 50, 40), (100, 100, 190, 150), (-5, -5, 165, 125), (200, 30, 230, 60)])
@pytest.mark.parametrize("degrees", [0, 90])
def test_beyond_the_picture_a_region_repeats_its_edge(tmp_path, box, degrees):
    plain = media.write_clip(tmp_path / "a.mp4", frames=1, size=(160, 120))
    frame = frames_of(media.remux(plain, tmp_path / "b.mp4", rotation=degrees))[0]
    x1, y1, x2, y2 = box
    full = frame.full()
    rows, columns = np.clip(np.arange(y1, y2), 0, frame.height - 1), np.clip(np.arange(x1, x2), 0, frame.width - 1)
    np.testing.assert_array_equal(frame.region(*box), full[rows][:, columns])


@pytest.mark.parametrize("box", [(20, 10, 80, 60), (-20, -10, 50, 40), (101, 33, 161, 93), (200, 30, 230, 60)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_halved_region_shows_what_the_whole_one_shows(tmp_path, box, degrees):
    plain = media.write_clip(tmp_path / "a.mp4", frames=1, size=(160, 120))
    frame = frames_of(media.remux(plain, tmp_path / "b.mp4", rotation=degrees))[0]
    size = (box[2] - box[0]) // 2, (box[3] - box[1]) // 2
    wanted = cv2.resize(frame.region(*box), size, interpolation=cv2.INTER_AREA)
    halved = frame.region(*box, halved=True)
    assert halved.shape == wanted.shape and cv2.PSNR(halved, wanted) > 33


def test_a_region_without_area_is_refused(tmp_path):
    frame = frames_of(media.write_clip(tmp_path / "a.mp4", frames=1))[0]
    with pytest.raises(ValueError, match="positive size"):
        frame.region(10, 10, 10, 20)


def test_small_pictures_are_never_enlarged(tmp_path):
    frame = frames_of(media.write_clip(tmp_path / "a.mp4", frames=1, size=(160, 120)))[0]
    picture, scale = frame.small(640)
    assert (picture.shape, scale) == ((120, 160, 3), 1.0)


def test_a_frame_stays_valid_when_later_ones_are_decoded():
    clip = media.face_clip()
    at_once = [f.region(200, 60, 400, 320) for f in decode(clip, probe(clip))]
    kept = frames_of(clip)
    for now, later in zip(at_once, (f.region(200, 60, 400, 320) for f in kept), strict=True):
        np.testing.assert_array_equal(now, later)


def test_pictures_that_change_their_size_on_the_way_keep_their_own(tmp_path):
    clip = media.changing_size(tmp_path / "a.ts")
    frames = frames_of(clip)
    assert [(f.width, f.height) for f in frames] == [(160, 120)] * 25 + [(320, 240)] * 25
    assert [f.index for f in frames] == list(range(50))
    assert frames[40].small(160)[0].shape == (120, 160, 3)
    assert frames[40].region(150, 100, 320, 240).shape == (140, 170, 3)
    assert assert_segments_equal_whole(clip, 0.4) > 1


def test_a_transparent_clip_shows_its_colours(tmp_path):
    images = list(media.pictures(5))
    clip = media.write_clip(tmp_path / "a.webm", images, codec="libvpx-vp9", pix_fmt="yuva420p", options={"crf": "10"})
    frames = frames_of(clip)
    assert np.abs(frames[4].full().astype(int) - images[4]).mean() < 6
