"""Tracks with crops out of a lake: the pictures are those of the very frames, and windows break where footage does."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from fakelake.catalog.compact import compact
from fakelake.catalog.lake import Lake
from fakelake.tasks.face_tracks import CropReader, FaceTrack, face_tracks
from tests.models.detector.pictures import made_landmarks
from tests.tasks.lake_of_faces import FPS, PX, RECIPE, Made, lake_of_faces

SMALL = replace(RECIPE, crop_px=16)
OTHER = replace(SMALL, crop_margin=0.0)
STEP = 8  # of a colour: JPEG moves a flat one by less than half of it


def painted(number, px=16):
    """A flat picture whose colour says of which video, track and frame it is."""

    def paint(track, frame):
        colour = np.array([frame % 32, frame // 32, 4 * number + track]) * STEP
        return np.broadcast_to(colour.astype(np.uint8), (px, px, 3))

    return paint


def said(pictures):
    """(video, track, frame) that each picture shows, as `painted` coded it."""
    colours = np.round(pictures.mean((1, 2)) / STEP).astype(int)
    return [(int(b) // 4, int(b) % 4, int(r + 32 * g)) for r, g, b in colours]


def shown(lake, recipe, videos):
    """What the pictures of all tracks show, and what they were asked to show."""
    reader, numbers = CropReader(lake), {made.id: n for n, made in enumerate(videos)}
    found, asked = [], []
    for track in face_tracks(lake, recipe.recipe_id, recipe.crop_margin, list(numbers)):
        found += said(reader.read(track, slice(0, len(track)), 16))
        asked += [(numbers[track.video_id], track.track_id, int(frame)) for frame in track.frames]
    return found, asked


@pytest.fixture(scope="module")
def videos():
    """400 crops a video or less, of two tracks: together more than one row group."""
    frames = (range(0, 300), range(100, 200, 2))
    return [Made(name=f"{n}.mp4", frames=frames if n else (range(7, 400),), paint=painted(n)) for n in range(4)]


@pytest.fixture(scope="module")
def root(videos, tmp_path_factory):
    return lake_of_faces(tmp_path_factory.mktemp("faces") / "lake", videos, SMALL, labels=False).location.root


@pytest.fixture(scope="module")
def compacted(videos, tmp_path_factory):
    """The same and a second recipe with frames of its own between, all in one file."""
    lake = lake_of_faces(tmp_path_factory.mktemp("compact") / "lake", videos, SMALL, labels=False)
    others = [replace(made, frames=(range(3, 90, 3),), paint=painted(n + 4)) for n, made in enumerate(videos)]
    lake_of_faces(lake.location.root, others, OTHER, labels=False)
    compact(lake, target_bytes=1 << 30)
    return lake


def test_pictures_are_those_of_the_very_frames(root, videos):
    found, asked = shown(Lake.open(root), SMALL, videos)
    assert found == asked and len(asked) == 393 + 3 * 350


def test_after_compaction_two_recipes_in_one_file_of_many_row_groups_are_not_confused(compacted, videos):
    assert len(compacted.parts("crops")) == 1
    found, asked = shown(compacted, SMALL, videos)
    assert found == asked and len(asked) == 393 + 3 * 350
    found, asked = shown(compacted, OTHER, videos)
    assert found == [(number + 4, track, frame) for number, track, frame in asked]
    assert len(asked) == 4 * 29


def test_a_window_reads_its_part_of_the_track_only(root, videos):
    track = face_tracks(Lake.open(root), SMALL.recipe_id, SMALL.crop_margin, [videos[1].id])[1]
    pictures = CropReader(Lake.open(root)).read(track, slice(5, 9), 32)
    assert pictures.shape == (4, 32, 32, 3) and pictures.dtype == np.uint8
    assert said(pictures) == [(1, 1, frame) for frame in (110, 112, 114, 116)]


def test_only_the_videos_asked_for_come_by_video_and_track(root, videos):
    wanted = [videos[2].id, videos[1].id]
    tracks = face_tracks(Lake.open(root), SMALL.recipe_id, SMALL.crop_margin, wanted)
    assert [(t.video_id, t.track_id) for t in tracks] == sorted((v, t) for v in wanted for t in (0, 1))
    assert face_tracks(Lake.open(root), "another recipe", 0.0, wanted) == []


def test_times_are_those_of_the_frames(root, videos):
    track = face_tracks(Lake.open(root), SMALL.recipe_id, SMALL.crop_margin, [videos[1].id])[1]
    assert track.pts_s == pytest.approx(np.arange(100, 200, 2) / FPS)


def test_a_reader_travels_to_another_process_after_it_has_read(root, videos):
    lake = Lake.open(root)
    (track,) = face_tracks(lake, SMALL.recipe_id, SMALL.crop_margin, [videos[0].id])
    reader = CropReader(lake)
    before = reader.read(track, slice(0, 3), 16)
    there_reader, there_track = pickle.loads(pickle.dumps((reader, track)))
    assert (there_reader.read(there_track, slice(0, 3), 16) == before).all()


@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_landmarks_land_on_the_crop_and_follow_its_size(tmp_path, margin):
    recipe = replace(RECIPE, crop_margin=margin)
    made = Made(name="a.mp4")
    lake = lake_of_faces(tmp_path / "lake", [made], recipe, labels=False)
    (track,) = face_tracks(lake, recipe.recipe_id, margin, [made.id])
    assert track.landmarks == pytest.approx(made_landmarks(12, PX), abs=0.01)
    assert track.landmarks_at(slice(2, 5), 2 * PX) == pytest.approx(made_landmarks(3, 2 * PX), abs=0.02)


@pytest.mark.parametrize("nothing", [b"", b"\xff\xd8 this is no JPEG"])
def test_a_broken_picture_is_an_error_that_names_the_video(tmp_path, monkeypatch, nothing):
    monkeypatch.setattr("tests.tasks.lake_of_faces.NO_PICTURE", nothing)
    made = Made(name="a.mp4", broken=1)
    lake = lake_of_faces(tmp_path / "lake", [made], labels=False)
    (track,) = face_tracks(lake, RECIPE.recipe_id, RECIPE.crop_margin, [made.id])
    reader = CropReader(lake)
    assert len(reader.read(track, slice(0, 11), PX)) == 11
    with pytest.raises(ValueError, match=f"{made.id} .*is no picture.*catalog check"):
        reader.read(track, slice(0, 12), PX)


def track_at(seconds):
    n = len(seconds)
    return FaceTrack("v", 0, "f", np.arange(n), np.arange(n), np.array(seconds, float), np.zeros((n, 5, 2)), PX)


def sizes(track, length, most=None):
    return [(window.start, window.stop) for window in track.windows(length, most)]


def test_windows_follow_one_another():
    assert sizes(track_at(np.arange(40) / 25), 20) == [(0, 20), (20, 40)]


@pytest.mark.parametrize(
    "crops, windows",
    [
        (29, [(0, 20)]),  # a rest of 9 is less than half a window
        (30, [(0, 20), (20, 30)]),
        (19, [(0, 19)]),
        (5, [(0, 5)]),  # alone, five crops are enough
        (4, []),
    ],
)
def test_a_rest_counts_from_half_a_window_and_alone_from_five_crops(crops, windows):
    assert sizes(track_at(np.arange(crops) / 25), 20) == windows


def test_a_window_never_spans_a_gap_of_more_than_a_second():
    seconds = [*np.arange(8) / 25, *(10 + np.arange(8) / 25), *(20 + np.arange(4) / 25)]
    assert sizes(track_at(seconds), 6) == [(0, 6), (8, 14)]
    assert sizes(track_at(seconds), 20) == [(0, 8), (8, 16)]
    assert sizes(track_at(np.arange(8) * 1.0), 20) == [(0, 8)]
    assert sizes(track_at(np.arange(8) * 1.01), 20) == []


def test_at_most_so_many_windows_spread_over_the_track_with_both_ends():
    track = track_at(np.arange(100) / 25)
    assert sizes(track, 10, most=3) == [(0, 10), (40, 50), (90, 100)]
    assert len(sizes(track, 10, most=99)) == 10


def test_a_model_of_clips_shorter_than_five_crops_has_windows_too():
    assert sizes(track_at(np.arange(9) / 25), 3) == [(0, 3), (3, 6), (6, 9)]
