"""Frames: their numbers and times, what damage costs, and what decoding may use of the machine."""

from __future__ import annotations

import gc
import subprocess
import sys

import av
import numpy as np
import pytest

from fakelake.tasks.decode import decode
from fakelake.tasks.errors import MediaError
from fakelake.tasks.probe import probe
from fakelake.tasks.segments import plan_segments
from tests import media
from tests.tasks.decoding import assert_segments_equal_whole, frames_of, identity

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
    info = probe(clip)
    segment = plan_segments(info, 1)[1]
    one, two = ([identity(f) for f in decode(clip, info, segment, threads=n)] for n in (1, 2))
    assert one == two


def test_a_picture_that_is_let_go_is_freed_at_once_and_not_when_the_cycle_collector_comes_by():
    def pictures():
        return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())

    path = media.face_clip()
    gc.collect()
    gc.disable()
    try:
        before = pictures()  # what other tests keep
        for _ in decode(path, probe(path)):
            pass
        left = pictures() - before
    finally:
        gc.enable()
    # A few that probing and the first look at the orientation asked.
    assert left <= 8, "at 3 MB a picture, a hundred of them fill a worker"
