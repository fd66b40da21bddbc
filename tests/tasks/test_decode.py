"""Frames: their numbers, times and pixels, whole or in segments, upright, and from damaged files."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakelake.tasks.decode import Frame, decode
from fakelake.tasks.errors import MediaError
from fakelake.tasks.probe import VideoInfo, probe
from fakelake.tasks.segments import plan_segments
from tests import media


def frames_of(path: Path, **how) -> list[Frame]:
    return list(decode(path, probe(path), **how))


def identity(frame: Frame) -> tuple[int, float, int, int, str]:
    """Number, time, size, and a hash of the decoded picture's planes (as decoded, before any conversion)."""
    digest = hashlib.blake2b(digest_size=8)
    for plane, component in zip(frame._picture.planes, frame._picture.format.components, strict=False):
        rows = np.frombuffer(plane, np.uint8, plane.line_size * plane.height).reshape(plane.height, plane.line_size)
        digest.update(np.ascontiguousarray(rows[:, : plane.width * ((component.bits + 7) // 8)]))
    return frame.index, round(frame.pts_s, 6), frame.width, frame.height, digest.hexdigest()


def assert_segments_equal_whole(path: Path, seconds: float) -> int:
    """Decode whole and in segments of about `seconds`; returns how many segments there were."""
    info = probe(path)
    segments = plan_segments(info, seconds)
    if len(segments) > 1:  # with one segment both are the same call
        whole = [identity(frame) for frame in decode(path, info)]
        pieces = [[identity(frame) for frame in decode(path, info, segment)] for segment in segments]
        assert [frame for piece in pieces for frame in piece] == whole
        for segment, piece in zip(segments, pieces, strict=True):
            assert all(segment.first_frame <= f[0] and f[0] < (segment.end_frame or info.frames) for f in piece)
    return len(segments)


# ---- numbers and times ----


def test_frames_are_numbered_and_timed_from_the_first(tmp_path):
    frames = frames_of(media.write_clip(tmp_path / "a.mp4", frames=30, fps=25, b_frames=3))
    assert [f.index for f in frames] == list(range(30))
    assert [f.pts_s for f in frames] == pytest.approx([n / 25 for n in range(30)])


def test_times_begin_at_zero_where_the_stream_does_not(tmp_path):
    times = [5000 + 40 * n for n in range(20)]
    frames = frames_of(media.write_clip(tmp_path / "a.ts", frames=20, times=times, container="mpegts"))
    assert [f.pts_s for f in frames] == pytest.approx([n / 25 for n in range(20)])


def test_a_variable_frame_rate_keeps_its_true_times(tmp_path):
    times = [0, 40, 80, 200, 210, 220, 500, 540, 1040, 1041]
    frames = frames_of(media.write_clip(tmp_path / "a.mkv", frames=10, times=times, b_frames=0))
    assert [f.pts_s for f in frames] == pytest.approx([t / 1000 for t in times], abs=0.0011)


@pytest.mark.parametrize("container", ["h264", "avi"])
def test_without_usable_times_frames_come_in_order_at_the_frame_rate(tmp_path, container):
    greys = [np.full((64, 64, 3), 8 * n + 10, np.uint8) for n in range(28)]
    clip = media.write_clip(tmp_path / f"a.{container}", greys, container=container, b_frames=3)
    frames = frames_of(clip)
    assert [f.pts_s for f in frames] == pytest.approx([n / 25 for n in range(28)])
    levels = [f.full().mean() for f in frames]
    assert levels == sorted(levels)


def test_frames_hidden_by_an_edit_list_do_not_count():
    clip = media.odd_clips() / "torchcodec_discard_first_keyframe.mp4"
    frames = frames_of(clip)
    assert [f.index for f in frames] == list(range(25))
    assert frames[0].pts_s == 0
    assert assert_segments_equal_whole(clip, 0.1) > 1


# ---- segments ----


@pytest.mark.parametrize("clip", media.real_clips() if media.shared_media() else list(media.PACKAGED), ids=str)
def test_segmented_decoding_equals_whole_decoding_on_real_clips(clip):
    assert_segments_equal_whole(media.packaged_clip(clip) if isinstance(clip, str) else clip, 1.0)


MADE = {
    "b_frames.mp4": {"b_frames": 3},
    "b_frames.mkv": {"b_frames": 3},
    "b_frames.ts": {"b_frames": 3, "container": "mpegts"},
    "b_frames.flv": {"b_frames": 3},
    "open_gop.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal:scenecut=0"}},
    "open_gop.mkv": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal:scenecut=0"}},
    "open_gop.ts": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal:scenecut=0"}},
    "intra_refresh.ts": {"options": {"intra-refresh": "1"}, "b_frames": 0},
    "open_gop_hevc.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "open-gop=1:keyint=12:min-keyint=12:bframes=4"},
    },
    "open_gop_hevc.ts": {
        "codec": "libx265",
        "options": {"x265-params": "open-gop=1:keyint=12:min-keyint=12:bframes=4"},
    },
    "program_stream.mpg": {"codec": "mpeg2video", "container": "mpeg"},
    "mpeg4.mp4": {"codec": "mpeg4"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "ten_bits.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le"},
    "late_start.mp4": {"times": [7000 + 40 * n for n in range(100)], "b_frames": 0},
}


@pytest.mark.parametrize("name", MADE)
def test_segmented_decoding_equals_whole_decoding_in_every_container(tmp_path, name):
    clip = media.write_clip(tmp_path / name, frames=100, **MADE[name])
    assert assert_segments_equal_whole(clip, 0.9) >= 3


def test_segments_of_a_damaged_video_equal_the_whole(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=100, size=(320, 240))
    damaged = media.with_hole(clip, tmp_path / "b.mp4", at=0.4, size=4000)
    decoder = decode(damaged, probe(damaged))
    assert 0 < len(list(decoder)) < 100
    assert decoder.errors > 0
    assert assert_segments_equal_whole(damaged, 0.9) >= 3


def test_a_picture_lost_to_damage_does_not_shift_the_numbers_after_the_next_keyframe(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=100, size=(320, 240), b_frames=0)
    damaged = media.with_hole(clip, tmp_path / "b.mp4", at=0.4, size=4000)
    last = frames_of(damaged)[-1]
    assert (last.index, last.pts_s) == (99, pytest.approx(3.96))


def test_a_plan_covers_the_video_without_gap_or_overlap():
    info = probe(media.packaged_clip("WolfgangLanger_Pexels.mp4"))
    segments = plan_segments(info, 3)
    assert len(segments) > 3
    assert (segments[0].first_frame, segments[0].start_pts) == (0, None)
    assert (segments[-1].end_frame, segments[-1].end_pts) == (None, None)
    for before, after in pairwise(segments):
        assert (before.end_frame, before.end_pts) == (after.first_frame, after.start_pts)
        assert (after.first_frame - before.first_frame) / info.fps >= 2.9
    assert len(plan_segments(info, 1000)) == 1


def test_a_segment_can_look_ahead_into_the_next_one(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=60, options={"sc_threshold": "0"})
    info = probe(clip)
    first, second, *_ = plan_segments(info, 0.9)
    ahead = [identity(f) for f in decode(clip, info, first, extra_frames=5)]
    assert len(ahead) == second.first_frame + 5
    assert ahead[-5:] == [identity(f) for f in decode(clip, info, second)][:5]


# ---- upright pictures ----


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


# ---- damage ----


def test_a_damaged_packet_costs_its_picture_and_decoding_goes_on():
    clip = media.odd_clips() / "decord_corrupted.mp4"
    decoder = decode(clip, probe(clip))
    frames = list(decoder)
    assert (len(frames), decoder.frames_read, decoder.errors) == (49, 49, 1)
    assert "3.00 s" in decoder.first_error
    assert frames[-1].pts_s == pytest.approx(4.9)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_copy_cut_short_gives_what_it_has_and_an_error(tmp_path, name):
    clip = media.write_clip(tmp_path / name, frames=50, b_frames=0)
    if name == "a.mp4":
        clip = media.index_first(clip, tmp_path / "b.mp4")
    short = media.cut_off(clip, tmp_path / f"c_{name}", 0.6)
    info = probe(short)
    decoder = decode(short, info)
    assert 10 < len(list(decoder)) < 50
    assert decoder.errors > 0
    assert decoder.first_error
    assert str(tmp_path) not in decoder.first_error
    by_segment = [decode(short, info, segment) for segment in plan_segments(info, 0.5)]
    assert [bool(list(d)) and d.errors > 0 for d in by_segment] == [False] * (len(by_segment) - 1) + [True]


def test_a_whole_clip_counts_no_error(tmp_path):
    decoder = decode(clip := media.face_clip(), probe(clip))
    assert len(list(decoder)) == decoder.frames_read == 72
    assert (decoder.errors, decoder.first_error) == (0, "")


def test_a_video_of_which_no_picture_can_be_decoded_is_an_error(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=20)
    data = bytearray(clip.read_bytes())
    start = data.find(b"mdat") + 4
    data[start : data.find(b"moov") - 4] = bytes(data.find(b"moov") - 4 - start)
    clip.write_bytes(data)
    with pytest.raises(MediaError, match=r"undecodable.*a\.mp4") as caught:
        frames_of(clip)
    assert caught.value.stage == "decode"


def test_a_file_that_vanishes_after_the_probe_is_an_error(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=5)
    info = probe(clip)
    clip.unlink()
    with pytest.raises(MediaError, match="vanished") as caught:
        list(decode(clip, info))
    assert (caught.value.stage, caught.value.lasting) == ("decode", False)


@pytest.mark.parametrize("name", media.unreadable_names())
def test_names_of_any_bytes_are_decoded(tmp_path, name):
    path = media.copy_as(media.write_clip(tmp_path / "a.mp4", frames=5), tmp_path, name)
    assert len(frames_of(path)) == 5


# ---- memory and threads ----

PEAK = """
import resource, sys
from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
n = sum(1 for frame in decode(sys.argv[1], probe(sys.argv[1])) if frame.small(64)[1] < 1)
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
THREADS = """
import os, sys, cv2
cv2.setNumThreads(1)  # OpenCV's own pool is pinned by the worker
from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
info = probe(sys.argv[1])
before = len(os.listdir("/proc/self/task"))
frames = decode(sys.argv[1], info, threads=int(sys.argv[2]))
next(frames).small(64), next(frames).region(0, 0, 50, 50)
print(len(os.listdir("/proc/self/task")) - before)
"""
ABANDON = """
import sys
from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
info = probe(sys.argv[1])
for n in range(40):
    frames = decode(sys.argv[1], info, threads=3)
    for _ in range(1 + n % 7):
        next(frames)
    frames.close()
print(n + 1)
"""


def run(script: str, *arguments: object) -> list[int]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=media.REPOSITORY)
    return [int(word) for word in result.stdout.split()]


def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path):
    how = {"size": (320, 240), "options": {"preset": "ultrafast"}, "keyframe_every": 50}
    short = media.write_clip(tmp_path / "short.mp4", frames=150, **how)
    long = media.write_clip(tmp_path / "long.mp4", frames=3000, **how)
    (short_frames, short_peak), (long_frames, long_peak) = run(PEAK, short), run(PEAK, long)
    assert (short_frames, long_frames) == (150, 3000)
    assert long_peak - short_peak < 16_000, "KiB; the frames of the long clip alone would be 340,000"


def test_decoding_starts_no_more_threads_than_it_is_given():
    assert run(THREADS, media.face_clip(), 1) == [0]
    assert run(THREADS, media.face_clip(), 2)[0] >= 2


def test_a_decoder_of_several_threads_can_be_left_at_any_frame():
    assert run(ABANDON, media.packaged_clip("noface_face.mov")) == [40]


def test_more_threads_give_the_same_frames():
    clip = media.packaged_clip("noface_face.mov")
    info: VideoInfo = probe(clip)
    segment = plan_segments(info, 1)[1]
    one, two = ([identity(f) for f in decode(clip, info, segment, threads=n)] for n in (1, 2))
    assert one == two
