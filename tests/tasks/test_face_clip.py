import av
import cv2
import numpy as np
import pytest

from fakelake.tasks.crop import jpeg
from fakelake.tasks.face_clip import resample, write_clip
from tests.media import face_clip
from tests.tasks.reading import pictures_of


@pytest.fixture(scope="module")
def crops():
    """Twelve pictures of a face, 112 px, as JPEG."""
    return [jpeg(cv2.resize(p[75:300, 190:415], (112, 112)), 95) for p in pictures_of(face_clip(), 12)]


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_a_clip_plays_its_pictures_one_after_another_at_30_fps(tmp_path, crops):
    assert write_clip(tmp_path / "a.mp4", crops) == 12
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 112, 112)
        times = [frame.time for frame in container.decode(stream)]
    np.testing.assert_allclose(times, np.arange(12) / 30, atol=1e-3)


def test_its_pictures_are_nearly_those_that_went_in(tmp_path, crops):
    write_clip(tmp_path / "a.mp4", crops)
    for before, after in zip(crops, pictures_of(tmp_path / "a.mp4"), strict=True):
        assert cv2.PSNR(decoded(before), after) > 33


def test_larger_crops_are_shrunk_to_the_clips_size(tmp_path, crops):
    large = [jpeg(cv2.resize(decoded(c), (256, 256)), 95) for c in crops[:2]]
    write_clip(tmp_path / "a.mp4", large)
    assert {p.shape for p in pictures_of(tmp_path / "a.mp4")} == {(112, 112, 3)}


def test_a_clip_that_cannot_be_finished_leaves_no_file(tmp_path, crops):
    def breaks_off():
        yield crops[0]
        raise RuntimeError("the lake is gone")

    with pytest.raises(RuntimeError):
        write_clip(tmp_path / "a.mp4", breaks_off())
    assert list(tmp_path.iterdir()) == []


def test_at_true_speed_a_slow_clip_repeats_pictures_and_a_fast_one_leaves_some_out():
    assert resample([0.0, 0.1, 0.2]) == [0, 0, 0, 1, 1, 1, 2]
    assert resample([n / 60 for n in range(7)]) == [0, 2, 4, 6]


def test_at_true_speed_29_97_and_30_fps_show_each_picture_once():
    assert resample([n / 30 for n in range(150)]) == list(range(150))
    assert resample([n * 1001 / 30000 for n in range(150)]) == list(range(150))


def test_at_true_speed_a_gap_is_bridged_by_the_picture_before_it():
    assert resample([5.0, 5 + 1 / 30, 5 + 4 / 30]) == [0, 1, 1, 1, 2]


def test_no_times_no_pictures():
    assert resample([]) == []
