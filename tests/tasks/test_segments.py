"""Segments: what they cover, and that they give the very frames of the whole."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
from fakelake.tasks.segments import plan_segments
from tests import media
from tests.tasks.decoding import assert_segments_equal_whole, frames_of, identity


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
