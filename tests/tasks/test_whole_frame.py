import cv2
import numpy as np
import pytest

from fakelake.catalog.recipe import face_clips
from fakelake.tasks.face_clip import write_clip
from fakelake.tasks.whole_frame import WholeFrameDetector
from tests.media import packaged_clip
from tests.tasks.reading import read_clip, small_recipe


@pytest.fixture(scope="module")
def there_and_back(tmp_path_factory):
    """Crops of a real video, and those that its exported face clip gives."""
    folder = tmp_path_factory.mktemp("clips")
    video = read_clip(packaged_clip("carphone_pristine.mp4"), folder / "video", small_recipe(max_frames=30))
    write_clip(folder / "face.mp4", [c["image"] for c in video.crops])
    return video, read_clip(folder / "face.mp4", folder / "back", face_clips())


def test_an_exported_face_clip_comes_back_with_as_many_crops(there_and_back):
    video, clip = there_and_back
    assert len(video.crops) == len(clip.crops) == 30
    assert (clip.video["status"], clip.video["tracks"], clip.track_frames()) == ("ready", 1, list(range(30)))


def test_its_pictures_are_nearly_those_that_went_out(there_and_back):
    def pictures(clip):
        return [cv2.imdecode(np.frombuffer(c["image"], np.uint8), cv2.IMREAD_COLOR) for c in clip.crops]

    for before, after in zip(*map(pictures, there_and_back), strict=True):
        assert before.shape == after.shape == (112, 112, 3)
        assert cv2.PSNR(before, after) > 30


def test_the_whole_frame_is_the_box_and_no_landmark_is_made_up(there_and_back):
    _, clip = there_and_back
    np.testing.assert_array_equal(clip.boxes(), [[0, 0, 112, 112]] * 30)
    assert all(np.isnan(r["landmarks"]).all() and r["det_score"] == 1 for r in clip.frames)


def test_a_face_clip_has_no_portraits(there_and_back):
    assert there_and_back[1].portraits == []


def test_a_batch_gives_a_face_a_frame():
    found = WholeFrameDetector().detect(np.zeros((3, 40, 60, 3), np.uint8))
    assert [d.boxes.tolist() for d in found] == [[[0, 0, 60, 40]]] * 3
