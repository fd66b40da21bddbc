"""A file from its bytes to the rows of a segment, and what is said of a file that does not hold still."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from fakelake.catalog.recipe import paper
from fakelake.tasks import read_video
from fakelake.tasks.errors import MediaError
from fakelake.tasks.probe import VideoInfo
from fakelake.tasks.read_video import WorkerUnfit, examine, read_segment
from fakelake.tasks.segments import plan_segments
from fakelake.tasks.source_file import SourceFile
from tests.another_user import another_user, needs_root
from tests.media import (
    copy_as,
    face_clip,
    index_first,
    no_face_clip,
    packaged_clip,
    turned,
    unreadable_names,
    with_hole,
    write_clip,
    write_sound,
)
from tests.tasks.reading import QUICK, pictures_of, read_clip, small_recipe, source_of


def blank_clip(path, frames, fps=30):
    return write_clip(path, [np.full((64, 64, 3), 90, np.uint8)] * frames, fps=fps, options=QUICK)


@pytest.fixture(scope="module")
def long_blank(tmp_path_factory):
    """16 s at 30 fps."""
    return blank_clip(tmp_path_factory.mktemp("blank") / "blank.mp4", 480)


def times_of(path, folder, **changes):
    """pts_s of the kept frames: a detector that takes every frame for a face makes a row of each."""
    recipe = small_recipe(detector="whole-frame", min_face_px=0.0, portrait_px=0, crop_px=8, detect_px=8, **changes)
    return [row["pts_s"] for row in read_clip(path, folder, recipe).frames]


# ---- the timing of the source report ----
# It keeps the first 150 frames of a video and shows a model ten frames at a time, and it speaks of 30 frames a second
# as well as of 10. Both cannot hold for one set of frames: this is what either reading means in seconds of video.


def test_150_frames_in_sequence_of_a_30_fps_video_are_its_first_five_seconds(long_blank, tmp_path):
    assert (paper().max_frames, paper().stride) == (150, 1)
    times = times_of(long_blank, tmp_path, max_frames=150)
    assert len(times) == 150
    assert times[-1] - times[0] + 1 / 30 == pytest.approx(5.0, abs=0.01)


def test_ten_frames_in_sequence_are_a_third_of_a_second(long_blank, tmp_path):
    times = times_of(long_blank, tmp_path, max_frames=10)
    assert times[-1] - times[0] + 1 / 30 == pytest.approx(1 / 3, abs=0.01)


def test_with_a_stride_of_three_it_is_10_fps_ten_frames_are_a_second_and_150_are_fifteen(long_blank, tmp_path):
    ten = times_of(long_blank, tmp_path / "ten", max_frames=10, stride=3)
    np.testing.assert_allclose(np.diff(ten), 0.1, atol=0.002)
    assert ten[-1] - ten[0] + 3 / 30 == pytest.approx(1.0, abs=0.01)
    many = times_of(long_blank, tmp_path / "many", max_frames=150, stride=3)
    assert len(many) == 150
    assert many[-1] - many[0] + 3 / 30 == pytest.approx(15.0, abs=0.01)


def test_a_stride_of_three_keeps_frames_0_3_6(tmp_path):
    clip = read_clip(face_clip(), tmp_path, small_recipe(max_frames=5, stride=3))
    assert clip.track_frames() == [0, 3, 6, 9, 12]
    assert (clip.read[0].stream.frames, clip.video["frames_read"]) == (5, 13)


def test_a_video_shorter_than_the_limit_is_read_to_its_end(tmp_path):
    path = blank_clip(tmp_path / "short.mp4", 7)
    assert read_clip(path, tmp_path, small_recipe(stride=3)).read[0].stream.frames == 3


# ---- what the videos row says ----


def test_the_video_id_is_the_hash_of_the_bytes(tmp_path):
    examined = examine(source_of(face_clip()))
    assert examined.video_id == hashlib.sha256(face_clip().read_bytes()).hexdigest()
    assert isinstance(examined.info, VideoInfo)


@pytest.mark.parametrize("name", unreadable_names(), ids=repr)
def test_a_file_of_any_name_is_read(tmp_path, name):
    path = Path(os.fsdecode(copy_as(packaged_clip("carphone_pristine.mp4"), tmp_path, name)))
    clip = read_clip(path, tmp_path / "out", small_recipe(max_frames=4))
    assert clip.video["status"] == "ready"


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_clip_stored_turned_gives_the_boxes_of_the_upright_one_within_2_px(tmp_path, degrees):
    # Both are encoded once more, so that they differ in nothing but the turn.
    options = QUICK | {"crf": "10"}
    upright = write_clip(tmp_path / "upright.mp4", pictures_of(face_clip(), 12), fps=30, options=options)
    stored_turned = turned(upright, tmp_path / "turned.mp4", degrees)
    recipe = small_recipe(max_frames=12, detect_px=640)
    a = read_clip(upright, tmp_path / "a", recipe)
    b = read_clip(stored_turned, tmp_path / "b", recipe)
    assert (b.video["width"], b.video["height"], b.video["rotation"]) == (640, 360, degrees)
    assert a.track_frames() == b.track_frames() == list(range(12))
    assert np.abs(a.boxes() - b.boxes()).max() <= 2
    assert np.abs(np.array([r["landmarks"] for r in a.frames]) - [r["landmarks"] for r in b.frames]).max() <= 2


def test_where_no_face_is_shown_there_are_no_rows(tmp_path):
    clip = read_clip(no_face_clip(), tmp_path)
    assert (clip.video["status"], clip.frames, clip.crops, clip.portraits) == ("no_face", [], [], [])
    assert clip.video["reason"] == "no face in 24 frames"


# ---- files that do not hold still ----


def error_of(call, *arguments, **named):
    with pytest.raises(MediaError) as caught:
        call(*arguments, **named)
    return caught.value


def copy_of_face(folder):
    path = folder / "face.mp4"
    path.write_bytes(face_clip().read_bytes())
    return path


def read_after(path, change, folder):
    """Examine, let something happen, read."""
    source = source_of(path)
    info = examine(source).info
    change(path)
    (segment,) = plan_segments(info, float("inf"))
    return error_of(read_segment, source, info, segment, small_recipe(), folder / "s", threads=1, device="cpu")


def test_a_file_that_vanishes_is_not_blamed_for_good(tmp_path):
    path = copy_of_face(tmp_path)
    source = source_of(path)
    path.unlink()
    error = error_of(examine, source)
    assert (error.error, error.lasting) == ("vanished", False)
    assert "face.mp4" in error.message and str(tmp_path) not in error.message
    again = copy_of_face(tmp_path)
    assert read_after(again, os.unlink, tmp_path).error == "vanished"


def test_a_file_that_grows_between_two_looks_has_changed(tmp_path):
    path = copy_of_face(tmp_path)
    source = source_of(path)
    with path.open("ab") as file:
        file.write(b"more")
    error = error_of(examine, source)
    assert (error.error, error.lasting) == ("changed", False)


def test_the_same_size_and_another_time_has_changed_too(tmp_path):
    error = read_after(copy_of_face(tmp_path), lambda path: os.utime(path, (1, 1)), tmp_path)
    assert (error.error, error.lasting) == ("changed", False)


def test_damage_by_a_change_is_put_down_to_the_change(tmp_path):
    """Cut to nothing after it was examined, not one frame can be decoded; the video itself is sound."""
    error = read_after(copy_of_face(tmp_path), lambda path: os.truncate(path, 100), tmp_path)
    assert (error.error, error.lasting) == ("changed", False)


def test_a_change_while_frames_are_being_read_is_seen(tmp_path, monkeypatch):
    path = copy_of_face(tmp_path)
    source = source_of(path)
    info = examine(source).info
    (segment,) = plan_segments(info, float("inf"))
    monkeypatch.setattr(read_video, "failpoint", lambda name: os.utime(path))
    error = error_of(read_segment, source, info, segment, small_recipe(), tmp_path / "s", threads=1, device="cpu")
    assert error.error == "changed"


# ---- files with something wrong ----


def test_what_is_readable_and_no_video_is_known_by_its_bytes(tmp_path):
    path = write_sound(tmp_path / "sound.mp3")
    examined = examine(source_of(path))
    assert examined.video_id == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (examined.info.error, examined.info.lasting) == ("audio_only", True)


def test_a_folder_in_place_of_a_file_is_an_error_in_words(tmp_path):
    info = tmp_path.stat()
    source = SourceFile(uri=f"file://{tmp_path}", dataset=None, bytes=info.st_size, mtime_ns=info.st_mtime_ns)
    error = error_of(examine, source)
    assert (error.error, error.lasting) == ("read_error", False)


@needs_root
def test_a_file_without_permission_is_refused_in_words(tmp_path):
    path = copy_of_face(tmp_path)
    source = source_of(path)
    path.chmod(0)
    with another_user(tmp_path):
        error = error_of(examine, source)
    assert (error.error, error.lasting) == ("no_permission", False)


def test_a_file_that_breaks_on_the_way_keeps_what_it_gave_and_says_so(tmp_path):
    whole = index_first(packaged_clip("carphone_pristine.mp4"), tmp_path / "whole.mp4")
    broken = with_hole(whole, tmp_path / "broken.mp4", at=0.6, size=60_000)
    clip = read_clip(broken, tmp_path, small_recipe(max_frames=None))
    assert clip.video["status"] == "ready"
    assert clip.written.broken
    assert clip.video["reason"] == f"broken after {clip.video['frames_read']} frames: {clip.written.broken}"
    assert 40 <= clip.video["frames_read"] < 120


def test_damage_beyond_the_frames_that_are_wanted_does_not_matter(tmp_path):
    whole = index_first(packaged_clip("carphone_pristine.mp4"), tmp_path / "whole.mp4")
    broken = with_hole(whole, tmp_path / "broken.mp4", at=0.9, size=20_000)
    assert read_clip(broken, tmp_path, small_recipe(max_frames=8)).written.broken is None


# ---- workers that are not set up as the run is ----


@pytest.mark.parametrize(
    "changes, device, words",
    [
        ({"detector_sha256": "0" * 64}, "cpu", "Give every node the same weights"),
        ({"detector": "retinaface-mobilenet025"}, "cuda", "retinaface-mobilenet025"),
        ({"detector": "no-such"}, "cpu", "no-such"),
    ],
)
def test_a_worker_with_other_weights_or_devices_blames_no_video(tmp_path, changes, device, words):
    source = source_of(face_clip())
    info = examine(source).info
    (segment,) = plan_segments(info, float("inf"))
    with pytest.raises(WorkerUnfit, match=words):
        read_segment(source, info, segment, small_recipe(**changes), tmp_path / "s", threads=1, device=device)


def test_the_share_of_time_is_counted_by_what_it_went_into(tmp_path):
    seconds = read_clip(face_clip(), tmp_path).read[0].stream.seconds
    assert set(seconds) == {"decode", "detect", "encode"}
    assert all(s > 0 for s in seconds.values())


# Seen by eye: frames from .. to show a face, the others a title or black.
@pytest.mark.parametrize("name, first, last", [("face_noface.mov", 0, 71), ("noface_face.mov", 96, 167)])
@pytest.mark.parametrize("changes", [{"stride": 3}, {"detect_every": 5}, {"search_every": 10}], ids=str)
def test_the_face_free_part_of_a_clip_gives_no_face_rows(tmp_path, name, first, last, changes):
    clip = read_clip(
        packaged_clip(name), tmp_path, small_recipe(max_frames=None, portrait_px=0, detect_px=192, **changes)
    )
    frames = {r["frame"] for r in clip.frames}
    assert first <= min(frames) and max(frames) <= last
    assert len(frames) > 0.9 * (last - first) / changes.get("stride", 1)
    assert clip.video["tracks"] == 1
