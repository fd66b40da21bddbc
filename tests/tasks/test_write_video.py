"""Segments to final rows: one person is one track, false alarms go, rows are sorted."""

from itertools import pairwise

import numpy as np
import pytest

from fakelake.catalog.location import LakeLocation
from fakelake.catalog.schemas import SCHEMAS
from fakelake.tasks.errors import MediaError
from fakelake.tasks.face_stream import StreamSummary
from fakelake.tasks.probe import probe
from fakelake.tasks.read_video import SegmentRead
from fakelake.tasks.spool import Spool
from fakelake.tasks.write_video import write_video
from tests.media import face_clip, packaged_clip, paste_faces, write_clip
from tests.tasks.reading import QUICK, pictures_of, read_clip, small_recipe, source_of


@pytest.fixture(scope="module")
def two_people(tmp_path_factory):
    """48 frames of two faces side by side, a keyframe every 12 frames."""
    path = tmp_path_factory.mktemp("two") / "two.mp4"
    paste_faces(path, [(160, 180, 140), (480, 180, 140)], frames=48)
    return path


@pytest.fixture(scope="module")
def whole(two_people, tmp_path_factory):
    return read_clip(two_people, tmp_path_factory.mktemp("whole"), small_recipe(max_frames=None))


@pytest.fixture(scope="module")
def in_segments(two_people, tmp_path_factory):
    return read_clip(two_people, tmp_path_factory.mktemp("segments"), small_recipe(max_frames=None), segment_s=0.4)


def test_read_in_segments_a_video_gives_the_tracks_and_rows_of_the_whole(whole, in_segments):
    assert len(in_segments.read) == 4 and len(whole.read) == 1
    assert in_segments.video["tracks"] == whole.video["tracks"] == 2
    assert in_segments.frames == whole.frames
    assert in_segments.crops == whole.crops


def test_searched_every_fifth_frame_each_person_is_one_track_over_all_segments(two_people, tmp_path):
    clip = read_clip(two_people, tmp_path, small_recipe(max_frames=None, detect_every=5), segment_s=0.4)
    assert len(clip.read) == 4
    assert clip.track_frames(0) == clip.track_frames(1) == list(range(48))
    assert clip.video["tracks"] == 2
    starts = [0, 12, 24, 36]
    assert {f for start in starts for f in (start, start + 5, start + 10, start + 11)} == {
        r["frame"] for r in clip.frames if r["detected"]
    }


def test_a_stride_wider_than_the_gap_does_not_break_tracks_at_segment_borders(two_people, tmp_path):
    recipe = small_recipe(max_frames=None, stride=6, track_gap_s=0.1)
    assert read_clip(two_people, tmp_path, recipe, segment_s=0.4).video["tracks"] == 2


def test_a_cut_at_a_segment_border_breaks_the_track(tmp_path):
    first = pictures_of(face_clip(), 12)
    second = [np.roll(p, (60, -110), (0, 1)) for p in pictures_of(packaged_clip("WolfgangLanger_Pexels.mp4"), 12)]
    path = write_clip(tmp_path / "cut.mp4", first + second, fps=24, options=QUICK)
    clip = read_clip(path, tmp_path, small_recipe(max_frames=None, track_iou=0.01), segment_s=0.4)
    assert len(clip.read) == 2
    assert clip.video["tracks"] == 2
    assert max(clip.track_frames(0)) < 12 <= min(clip.track_frames(1))


def test_rows_are_sorted_by_track_then_frame(in_segments):
    for rows in (in_segments.frames, in_segments.crops, in_segments.portraits):
        keys = [(r["track_id"], r["frame"]) for r in rows]
        assert all(a < b for a, b in pairwise(keys))


def test_parts_have_the_columns_of_their_tables_and_the_keys_of_their_video(whole):
    for part, rows in zip(whole.written.video.parts, (whole.frames, whole.crops, whole.portraits), strict=True):
        assert list(rows[0]) == SCHEMAS[part.table].names
        assert part.rows == len(rows)
        assert {(r["video_id"], r["recipe_id"], r["attempt_id"]) for r in rows} == {
            (whole.video["video_id"], whole.video["recipe_id"], "attempt")
        }


def test_the_videos_row_counts_frames_and_tracks(whole):
    assert (whole.video["frames"], whole.video["frames_read"], whole.video["frames_with_face"]) == (48, 48, 48)
    assert whole.written.faces == len(whole.frames) == 96
    assert set(whole.video) <= set(SCHEMAS["videos"].names)


# Half of the picture going grey is no cut here.
BELIEVING = small_recipe(min_track_frames=3, cut_threshold=1.0)


def false_alarm_clip(path, shown):
    """A face on the left throughout, and one on the right in the first `shown` frames."""
    pictures = []
    for n, picture in enumerate(pictures_of(face_clip(), 12)):
        both = np.hstack(
            [picture[:, 140:460], picture[:, 140:460] if n < shown else np.full((360, 320, 3), 90, np.uint8)]
        )
        pictures.append(both)
    return write_clip(path, pictures, fps=30, options=QUICK)


@pytest.mark.parametrize("shown, tracks", [(2, 1), (3, 2)])
def test_a_face_in_fewer_frames_than_the_recipe_believes_is_dropped(tmp_path, shown, tracks):
    clip = read_clip(false_alarm_clip(tmp_path / "alarm.mp4", shown), tmp_path, BELIEVING)
    assert clip.video["tracks"] == tracks
    assert clip.track_frames(0) == list(range(12))
    assert {r["track_id"] for rows in (clip.frames, clip.crops, clip.portraits) for r in rows} == set(range(tracks))


def test_tracks_are_numbered_without_gaps_when_an_earlier_one_is_dropped(tmp_path):
    # The short-lived face is mirrored to the left, so that it would have been track 0.
    mirrored = [p[:, ::-1].copy() for p in pictures_of(false_alarm_clip(tmp_path / "alarm.mp4", 2), 12)]
    path = write_clip(tmp_path / "mirrored.mp4", mirrored, fps=30, options=QUICK)
    clip = read_clip(path, tmp_path, BELIEVING)
    assert {r["track_id"] for r in clip.frames} == {0}
    assert clip.boxes()[:, 0].min() > 320


def test_a_face_too_short_lived_is_no_face_with_the_reason(tmp_path):
    path = write_clip(tmp_path / "short.mp4", pictures_of(face_clip(), 2), fps=30, options=QUICK)
    clip = read_clip(path, tmp_path)
    assert (clip.video["status"], clip.video["tracks"], clip.written.video.parts) == ("no_face", 0, [])
    assert clip.video["reason"] == "too short: no face in at least 3 frames on end, of 2 looked at"


def test_faces_too_small_are_no_face_with_the_largest_size(tmp_path):
    clip = read_clip(face_clip(), tmp_path, small_recipe(max_frames=4, min_face_px=1000.0))
    assert clip.video["status"] == "no_face"
    size = max(clip.read[0].stream.largest_small_face, 0)
    assert clip.video["reason"] == f"too small: the largest face is {size:.0f} px, the recipe wants 1000"


def test_pictures_by_the_hundred_are_written_in_order(tmp_path):
    """More rows than one write takes: 4 faces in 150 frames."""
    path = write_clip(tmp_path / "grey.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 600, options=QUICK)
    recipe = small_recipe(
        detector="whole-frame", max_frames=None, min_face_px=0.0, detect_px=8, crop_px=8, portrait_px=0
    )
    clip = read_clip(path, tmp_path, recipe, segment_s=5)
    assert len(clip.read) == 5
    assert [c["frame"] for c in clip.crops] == list(range(600))


def test_segments_that_gave_not_one_frame_are_an_error_and_no_row(tmp_path):
    read, spools = [], []
    for n in range(2):
        spools.append(tmp_path / str(n))
        with Spool(spools[-1]):
            read.append(SegmentRead(n, 0, "", "no picture came out", StreamSummary()))
    lake, source, info = LakeLocation.from_str(tmp_path / "lake"), source_of(face_clip()), probe(face_clip())
    with pytest.raises(MediaError, match="no picture came out") as caught:
        write_video(lake, source, "id", info, small_recipe(), "attempt", read, spools)
    assert (caught.value.error, caught.value.lasting) == ("undecodable", True)
    assert not (tmp_path / "lake").exists()
