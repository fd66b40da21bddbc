"""What a stream of kept frames gives, on real faces: rows, tracks, pictures."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from fakelake.models.faces.detector import Detections, load_detector
from fakelake.tasks.decode import decode
from fakelake.tasks.face_stream import FaceStream
from fakelake.tasks.probe import probe
from fakelake.tasks.spool import Spool, read_spool
from tests.media import changing_size, face_clip, packaged_clip, paste_faces, write_clip
from tests.tasks.reading import QUICK, pictures_of, read_clip, small_recipe


@pytest.fixture(scope="module")
def every_frame(tmp_path_factory):
    return read_clip(face_clip(), tmp_path_factory.mktemp("every"))


@pytest.fixture(scope="module")
def every_fifth(tmp_path_factory):
    return read_clip(face_clip(), tmp_path_factory.mktemp("fifth"), small_recipe(detect_every=5))


def test_each_face_of_each_kept_frame_is_a_row_and_a_crop(every_frame):
    assert every_frame.track_frames() == list(range(24))
    assert [c["frame"] for c in every_frame.crops] == list(range(24))


def test_boxes_are_in_pixels_of_the_full_frame_though_a_smaller_one_was_searched(every_frame):
    (picture,) = pictures_of(face_clip(), 1)
    searched_whole = load_detector().detect(picture[None])[0].boxes[0]
    np.testing.assert_allclose(every_frame.boxes()[0], searched_whole, atol=8)


def test_a_box_over_the_whole_small_picture_is_the_whole_frame_though_its_sides_were_rounded(tmp_path):
    path = write_clip(tmp_path / "odd.mkv", frames=4, size=(359, 405), codec="ffv1", pix_fmt="bgr0", b_frames=0)
    clip = read_clip(path, tmp_path, small_recipe(detector="whole-frame", detect_px=203))
    np.testing.assert_array_equal(clip.boxes(), [[0, 0, 359, 405]] * 4)


def test_landmarks_lie_in_the_box_with_the_eyes_above_the_mouth(every_frame):
    for row in every_frame.frames:
        points = np.reshape(row["landmarks"], (5, 2))
        assert (points > (row["x1"], row["y1"])).all() and (points < (row["x2"], row["y2"])).all()
        assert points[:2, 1].max() < points[3:, 1].min()


def test_a_row_says_how_sharp_and_how_sure_it_is(every_frame):
    assert all(row["sharpness"] > 20 and 0.7 <= row["det_score"] <= 1 for row in every_frame.frames)


def test_every_n_th_frame_is_searched_and_the_last_one_always(every_fifth):
    assert [r["frame"] for r in every_fifth.frames if r["detected"]] == [0, 5, 10, 15, 20, 23]
    assert every_fifth.track_frames() == list(range(24))


def test_between_two_detections_boxes_and_points_go_in_a_straight_line(every_fifth):
    boxes = every_fifth.boxes()
    points = np.array([r["landmarks"] for r in every_fifth.frames])
    for before, after in pairwise([0, 5, 10, 15, 20, 23]):
        for frame in range(before, after + 1):
            w = (frame - before) / (after - before)
            np.testing.assert_allclose(boxes[frame], (1 - w) * boxes[before] + w * boxes[after], atol=0.02)
            np.testing.assert_allclose(points[frame], (1 - w) * points[before] + w * points[after], atol=0.02)


def test_interpolated_boxes_are_near_those_that_a_search_finds(every_frame, every_fifth):
    overlap = np.array([iou(a, b) for a, b in zip(every_frame.boxes(), every_fifth.boxes(), strict=True)])
    assert overlap.min() > 0.85


def test_where_only_every_tenth_frame_is_searched_whole_each_frame_is_still_looked_at(every_frame, tmp_path):
    followed = read_clip(face_clip(), tmp_path, small_recipe(search_every=10))
    assert followed.track_frames() == list(range(24))
    assert all(r["detected"] for r in followed.frames)
    overlap = np.array([iou(a, b) for a, b in zip(every_frame.boxes(), followed.boxes(), strict=True)])
    assert overlap.min() > 0.8


def iou(a, b):
    overlap = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return overlap / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - overlap)


def test_two_faces_side_by_side_are_two_tracks_from_left_to_right(tmp_path):
    paste_faces(tmp_path / "two.mp4", [(480, 180, 120), (160, 180, 120)], frames=6)
    clip = read_clip(tmp_path / "two.mp4", tmp_path)
    assert clip.video["tracks"] == 2
    assert abs(clip.boxes(0).mean(axis=0)[[0, 2]].mean() - 160) < 10
    assert abs(clip.boxes(1).mean(axis=0)[[0, 2]].mean() - 480) < 10
    assert [(r["track_id"], r["frame"]) for r in clip.frames] == [(t, f) for t in (0, 1) for f in range(6)]


def cut_clip(folder):
    """Eight frames of one person, then eight of another, whose face is moved to the same place."""
    first = pictures_of(face_clip(), 8)
    second = [np.roll(p, (60, -110), (0, 1)) for p in pictures_of(packaged_clip("WolfgangLanger_Pexels.mp4"), 8)]
    return write_clip(folder / "cut.mp4", first + second, options=QUICK)


@pytest.mark.parametrize("detect_every", [1, 4])
def test_tracks_break_at_a_cut(tmp_path, detect_every):
    clip = read_clip(cut_clip(tmp_path), tmp_path, small_recipe(detect_every=detect_every))
    assert clip.read[0].stream.cuts == [8]
    before, after = (t for t in (0, 1) if clip.track_frames(t))
    assert max(clip.track_frames(before)) < 8 <= min(clip.track_frames(after))
    assert clip.video["tracks"] == 2


def test_a_face_that_is_covered_for_a_moment_keeps_its_track(tmp_path):
    pictures = [p.copy() for p in pictures_of(face_clip(), 16)]
    for picture in pictures[6:10]:
        picture[60:320, 210:390] = 90
    path = write_clip(tmp_path / "covered.mp4", pictures, fps=30, options=QUICK)
    gap = 5 / 30  # from frame 5 to frame 10
    kept = read_clip(path, tmp_path / "a", small_recipe(track_gap_s=gap + 0.01))
    broken = read_clip(path, tmp_path / "b", small_recipe(track_gap_s=gap - 0.01))
    assert (kept.video["tracks"], kept.video["frames_with_face"]) == (1, 12)
    assert kept.track_frames() == [*range(6), *range(10, 16)]
    assert (broken.video["tracks"], broken.video["frames_with_face"]) == (2, 12)


def test_a_small_face_is_left_out_and_its_size_remembered(tmp_path):
    paste_faces(tmp_path / "sizes.mp4", [(160, 180, 160), (480, 180, 60)], frames=4)
    clip = read_clip(tmp_path / "sizes.mp4", tmp_path, small_recipe(min_face_px=100.0, detect_px=640))
    assert clip.video["tracks"] == 1
    assert clip.read[0].stream.largest_small_face == pytest.approx(60, abs=8)


def test_a_picture_too_blurred_for_the_recipe_is_no_crop_and_still_a_row(tmp_path):
    sharp = pictures_of(face_clip(), 8)
    mixed = [cv2.GaussianBlur(p, (0, 0), 6) if n >= 4 else p for n, p in enumerate(sharp)]
    path = write_clip(tmp_path / "blur.mp4", mixed, options=QUICK | {"crf": "12"})
    clip = read_clip(path, tmp_path, small_recipe(min_sharpness=60.0))
    assert len(clip.frames) == 8
    assert [c["frame"] for c in clip.crops] == [0, 1, 2, 3] == [r["frame"] for r in clip.frames if r["sharpness"] >= 60]


def test_windows_of_crops_are_sampled_while_every_detection_is_a_row(tmp_path):
    clip = read_clip(face_clip(), tmp_path, small_recipe(crop_window=3, crop_every=10))
    assert clip.track_frames() == list(range(24))
    assert [c["frame"] for c in clip.crops] == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert [r["frame"] for r in clip.frames if r["sharpness"] is not None] == [c["frame"] for c in clip.crops]


def test_a_crop_is_the_boxs_square_of_the_full_frame(every_frame):
    image = cv2.imdecode(np.frombuffer(every_frame.crops[0]["image"], np.uint8), cv2.IMREAD_COLOR)
    x1, y1, x2, y2 = every_frame.boxes()[0]
    side, cx, cy = max(x2 - x1, y2 - y1), (x1 + x2) / 2, (y1 + y2) / 2
    left, top, size = round(cx - side / 2), round(cy - side / 2), round(side)
    cut = pictures_of(face_clip(), 1)[0][top : top + size, left : left + size]
    assert cv2.PSNR(image, cv2.resize(cut, (112, 112), interpolation=cv2.INTER_AREA)) > 28


def test_portraits_are_every_n_th_picture_of_one_window(every_frame):
    assert [p["frame"] for p in every_frame.portraits] == [0, 5, 10, 15, 20]
    assert {p["clip_id"] for p in every_frame.portraits} == {"0"}
    (window,) = {tuple(p["window"]) for p in every_frame.portraits}
    x1, y1, x2, y2 = every_frame.boxes()[0]
    side = max(x2 - x1, y2 - y1)
    assert window[2] - window[0] == window[3] - window[1] == pytest.approx(2 * side, abs=1)
    image = cv2.imdecode(np.frombuffer(every_frame.portraits[0]["image"], np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (64, 64, 3)


def moving_clip(path, steps):
    """The face clip's picture shifted to the right by `steps` pixels, frame for frame."""
    pictures = pictures_of(face_clip(), len(steps))
    shifted = [np.roll(p, x, axis=1) for p, x in zip(pictures, steps, strict=True)]
    return write_clip(path, shifted, fps=30, options=QUICK)


def test_a_face_that_leaves_its_window_starts_a_new_clip_of_the_same_track(tmp_path):
    path = moving_clip(tmp_path / "walk.mp4", [-100 + 12 * n for n in range(20)])
    clip = read_clip(path, tmp_path, small_recipe(portrait_every=2, portrait_margin=0.3))
    assert clip.video["tracks"] == 1
    windows = {}
    for portrait in clip.portraits:
        windows.setdefault(portrait["clip_id"], set()).add(tuple(portrait["window"]))
        box = clip.boxes()[portrait["frame"]]
        assert (box[:2] >= np.array(portrait["window"][:2])).all() and (
            box[2:] <= np.array(portrait["window"][2:])
        ).all()
    assert len(windows) >= 2
    assert all(len(of_one) == 1 for of_one in windows.values())
    assert sorted(map(int, windows)) == sorted(
        min(p["frame"] for p in clip.portraits if p["clip_id"] == name) for name in windows
    )


def test_portraits_stand_still_for_a_face_that_stays_in_its_window(tmp_path):
    path = moving_clip(tmp_path / "nod.mp4", [(n % 3) * 8 for n in range(20)])
    clip = read_clip(path, tmp_path, small_recipe(portrait_every=2))
    assert {p["clip_id"] for p in clip.portraits} == {"0"}


def test_no_portraits_where_the_recipe_wants_none(tmp_path):
    clip = read_clip(face_clip(), tmp_path, small_recipe(max_frames=4, portrait_px=0))
    assert clip.crops and not clip.portraits


def test_a_picture_that_changes_its_size_on_the_way_is_searched_at_its_own_size(tmp_path):
    path = changing_size(tmp_path / "grows.ts")
    seen = []

    class Watch:
        name, sha256, batch_size = "watch", "", 4

        def detect(self, frames):
            seen.extend([frames.shape[1:3]] * len(frames))
            return [Detections.empty()] * len(frames)

    recipe = small_recipe(max_frames=None, detect_every=3, search_every=1)
    frames = list(decode(path, probe(path)))
    sizes = [(frame.height, frame.width) for frame in frames]
    with Spool(tmp_path / "spool") as spool:
        FaceStream(Watch(), recipe, spool).run((frame, kept) for kept, frame in enumerate(frames))
    assert set(sizes) == {(120, 160), (240, 320)}
    assert seen == [*sizes[::3], sizes[-1]]
    assert read_spool(tmp_path / "spool", "frames").num_rows == 0
