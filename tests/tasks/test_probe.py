"""What the probe says of files that are videos, and of those that are not."""

from __future__ import annotations

import csv
import os
import pickle

import av
import cv2
import numpy as np
import pytest

from fakelake.tasks.errors import MediaError
from fakelake.tasks.probe import probe
from fakelake.tasks.timeline import MAX_KEYFRAMES
from tests import media
from tests.tasks.odd_expectations import ODD_EXPECTATIONS


def error_of(path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe(path)
    assert caught.value.stage == "probe"
    return caught.value


# ---- videos ----


def test_a_plain_clip_is_described(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=50, fps=25, size=(160, 120), keyframe_every=10, sound=True)
    info = probe(clip)
    assert (info.codec, info.pix_fmt, info.width, info.height, info.rotation) == ("h264", "yuv420p", 160, 120, 0)
    assert (info.frames, info.vfr, info.has_audio, info.timed, info.cut_short) == (50, False, True, True, False)
    assert info.fps == pytest.approx(25)
    assert info.duration_s == pytest.approx(2)
    assert info.bytes == clip.stat().st_size
    assert pickle.loads(pickle.dumps(info)) == info, "workers get it by pickle"


def test_keyframes_are_numbered_as_they_are_shown_not_as_they_are_stored(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=40, keyframe_every=10, b_frames=3, options={"sc_threshold": "0"})
    info = probe(clip)
    assert [key.frame for key in info.segments_at] == [0, 10, 20, 30]
    assert [key.pts_s for key in info.segments_at] == pytest.approx([0, 0.4, 0.8, 1.2])


def test_a_variable_frame_rate_is_told_and_averaged(tmp_path):
    times = [40 * n + (300 if n > 12 else 0) + 15 * (n % 2) for n in range(30)]
    info = probe(media.write_clip(tmp_path / "a.mp4", frames=30, times=times, b_frames=0))
    assert info.vfr
    assert info.fps == pytest.approx(30 / 1.53, rel=0.05)


def test_rounding_to_milliseconds_is_no_variable_frame_rate(tmp_path):
    assert not probe(media.write_clip(tmp_path / "a.mkv", frames=40, fps=30)).vfr


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_clip_has_its_upright_size(tmp_path, degrees):
    plain = media.write_clip(tmp_path / "a.mp4", frames=5)
    info = probe(media.remux(plain, tmp_path / "b.mp4", rotation=degrees))
    assert info.rotation == degrees
    assert (info.width, info.height) == ((160, 120) if degrees == 180 else (120, 160))


def test_footage_of_keyframes_only_keeps_a_bounded_number_of_them(tmp_path):
    frames = (np.full((16, 16, 3), n % 256, np.uint8) for n in range(3 * MAX_KEYFRAMES))
    info = probe(media.write_clip(tmp_path / "a.avi", frames, codec="mjpeg", pix_fmt="yuvj420p", b_frames=0))
    assert info.frames == 3 * MAX_KEYFRAMES
    assert MAX_KEYFRAMES / 2 < len(info.segments_at) <= MAX_KEYFRAMES + 1


@pytest.mark.parametrize("container", ["h264", "avi"])
def test_a_file_without_usable_times_is_timed_by_its_frame_rate(tmp_path, container):
    info = probe(media.write_clip(tmp_path / f"a.{container}", frames=50, container=container))
    assert not info.timed
    assert (info.frames, info.fps, info.duration_s) == (50, 25, 2)
    assert len(info.segments_at) == 1, "it cannot be cut"


def test_two_recordings_pasted_together_are_timed_by_their_frame_rate(tmp_path):
    first = media.write_clip(tmp_path / "a.ts", frames=20, container="mpegts")
    (tmp_path / "b.ts").write_bytes(first.read_bytes() * 2)
    info = probe(tmp_path / "b.ts")
    assert info.frames == 40
    assert not info.timed


def test_a_moving_gif_or_png_is_a_video(tmp_path):
    for name, codec, pix_fmt in [("a.gif", "gif", "rgb8"), ("a.apng", "apng", "rgb24")]:
        info = probe(media.write_clip(tmp_path / name, frames=6, codec=codec, pix_fmt=pix_fmt, fps=10))
        assert info.frames == 6


@pytest.mark.parametrize("name", media.unreadable_names())
def test_names_of_any_bytes_are_read(tmp_path, name):
    clip = media.write_clip(tmp_path / "a.mp4", frames=5)
    path = media.copy_as(clip, tmp_path, name)
    assert probe(path).frames == 5
    assert probe(os.fsdecode(path)).frames == 5


def test_the_shared_clips_are_as_their_manifest_says():
    folder = media.shared_media()
    if folder is None:
        pytest.skip("the shared clips are not beside this checkout")
    with (folder / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["frames"] and not row["path"].endswith(".jpg")]
    for row in rows:
        info = probe(folder / row["path"])
        turned = info.rotation in (90, 270)
        stored = (info.height, info.width) if turned else (info.width, info.height)
        assert stored == (int(row["width"]), int(row["height"])), row["path"]
        assert (info.frames, info.has_audio) == (int(row["frames"]), row["has_audio"] == "1"), row["path"]
        assert info.codec == row["video_codec"].replace("libdav1d", "av1"), row["path"]
        assert info.fps == pytest.approx(float(row["fps"]), rel=0.02), row["path"]


def test_every_odd_file_is_what_was_written_down_beforehand():
    folder = media.odd_clips()
    assert {path.name for path in folder.iterdir()} == set(ODD_EXPECTATIONS)
    for name, expected in ODD_EXPECTATIONS.items():
        if expected.startswith("quarantined:"):
            assert f"quarantined:{error_of(folder / name).error}" == expected
        else:
            assert probe(folder / name).frames > 0


# ---- everything else ----


def picture(path, suffix):
    path = path.with_suffix(suffix)
    path.write_bytes(cv2.imencode(suffix, np.full((40, 40, 3), 90, np.uint8))[1].tobytes())
    return path


def written(path, data: bytes):
    path.write_bytes(data)
    return path


def gif_claiming(path, width: int, height: int):
    data = bytearray(media.write_clip(path, frames=2, codec="gif", pix_fmt="rgb8").read_bytes())
    data[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return written(path, bytes(data))


def without_pictures(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        out.start_encoding()
    return path


TEXTS = {
    "notes.txt": b"hello world\n" * 1000,
    "table.csv": b"path,label\na.mp4,real\n" * 500,
    "latin.txt": "été à Zürich\n".encode("latin-1") * 500,
    "wide.txt": "hello\n".encode("utf-16") * 300,
    "titles.srt": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 50,
    "titles.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\nhi\n" * 50,
    "ansi.txt": b"\x1b[31mred\x1b[0m\n" * 300,
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.ts\n#EXT-X-ENDLIST\n",
    "list.txt": b"ffconcat version 1.0\nfile a.mp4\n",
    "stream.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_any_kind_is_not_a_video(tmp_path, name):
    media.write_clip(tmp_path / "a.mp4", frames=5)  # a playlist must not be followed to it
    error = error_of(written(tmp_path / name, TEXTS[name]))
    assert error.error == "not_a_video"
    assert error.lasting


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_not_a_video(tmp_path, seed):
    noise = np.random.default_rng(seed).bytes([10, 5_000, 100_000, 400_000][seed % 4])
    assert error_of(written(tmp_path / "noise", noise)).error == "not_a_video"


@pytest.mark.parametrize("head", [b"%PDF-1.7\n", b"PK\3\4", b"PAR1", b"\x7fELF", b"\0" * 64])
def test_other_binary_files_are_not_videos(tmp_path, head):
    data = head + np.random.default_rng(1).bytes(20_000)
    assert error_of(written(tmp_path / "file", data)).error == "not_a_video"


def test_folders_and_pipes_are_not_videos_and_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert error_of(path).error == "not_a_video"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".avif", ".ppm", ".jp2"])
def test_a_still_picture_says_so(tmp_path, suffix):
    assert error_of(picture(tmp_path / "a", suffix)).error == "still_picture"


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.mkv"])
def test_sound_without_video_is_audio_only(tmp_path, name):
    assert error_of(media.write_sound(tmp_path / name)).error == "audio_only"


def test_a_song_with_a_cover_picture_is_audio_only(tmp_path):
    cover = picture(tmp_path / "cover", ".jpg").read_bytes()
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as out:
        image = out.add_stream("mjpeg", rate=1)
        image.width, image.height, image.pix_fmt = 40, 40, "yuvj420p"
        image.disposition = av.stream.Disposition.attached_pic
        tone = out.add_stream("aac", rate=16_000)
        packet = av.Packet(cover)
        packet.stream, packet.pts, packet.dts = image, 0, 0
        out.mux(packet)
        media.write_tone(out, tone, 1)
    assert error_of(tmp_path / "a.m4a").error == "audio_only"


def test_zero_bytes_are_told_apart_from_no_video(tmp_path):
    assert error_of(written(tmp_path / "a.mp4", b"")).error == "empty"


def test_a_vanished_file_may_come_back(tmp_path):
    error = error_of(tmp_path / "gone.mp4")
    assert error.error == "vanished"
    assert not error.lasting


def test_a_file_that_may_not_be_read_may_be_readable_tomorrow(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=5)
    clip.chmod(0)
    me = os.geteuid()
    try:
        if me == 0:  # root may read everything
            os.seteuid(65534)
        error = error_of(clip)
    finally:
        os.seteuid(me)
    assert error.error == "no_permission"
    assert not error.lasting


def test_an_encrypted_clip_says_so(tmp_path):
    plain = media.write_clip(tmp_path / "a.mp4", frames=10)
    assert error_of(media.encrypted(plain, tmp_path / "b.mp4")).error == "encrypted"


@pytest.mark.parametrize("size", [(65_000, 65_000), (20_000, 10), (12_000, 12_000)])
def test_absurd_dimensions_are_refused_from_the_header(tmp_path, size):
    error = error_of(gif_claiming(tmp_path / "a.gif", *size))
    assert error.error == "absurd_dimensions"
    assert f"{size[0]} x {size[1]}" in error.message


def test_absurd_dimensions_are_refused_in_other_containers_too(tmp_path):
    wide = [np.zeros((16, 20_000, 3), np.uint8)] * 2
    clip = media.write_clip(tmp_path / "a.mkv", wide, codec="ffv1")
    assert error_of(clip).error == "absurd_dimensions"


def test_a_limit_of_pixels_can_be_set(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=5)
    with pytest.raises(MediaError, match="160 x 120"):
        probe(clip, max_pixels=160 * 120 - 1)
    assert probe(clip, max_pixels=160 * 120).frames == 5


def test_a_copy_cut_off_before_its_index_is_truncated(tmp_path):
    clip = media.write_clip(tmp_path / "a.mp4", frames=50)
    error = error_of(media.cut_off(clip, tmp_path / "b.mp4", 0.5))
    assert error.error == "truncated"
    assert "moov" in error.message


@pytest.mark.parametrize("container", ["matroska", "avi", "flv", "mpegts"])
def test_a_copy_cut_off_in_its_header_is_truncated(tmp_path, container):
    clip = media.write_clip(tmp_path / "a", frames=5, container=container, b_frames=0)
    data = clip.read_bytes()
    assert error_of(written(tmp_path / "b", data[: 400 if container == "mpegts" else 60])).error == "truncated"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_copy_cut_off_among_its_pictures_can_be_read_and_says_that_it_is_short(tmp_path, name):
    clip = media.write_clip(tmp_path / name, frames=50, b_frames=0)
    if name == "a.mp4":
        clip = media.index_first(clip, tmp_path / "b.mp4")
    assert not probe(clip).cut_short
    info = probe(media.cut_off(clip, tmp_path / f"c_{name}", 0.6))
    assert info.cut_short
    assert 10 < info.frames < 50


def test_a_video_without_a_frame_has_no_frames(tmp_path):
    assert error_of(without_pictures(tmp_path / "a.avi")).error == "no_frames"


def test_errors_name_the_file_and_not_the_machine(tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir()
    for path in (folder / "gone.mp4", written(folder / "no.mp4", b"x" * 99), written(folder / "e.mp4", b"")):
        text = str(error_of(path))
        assert path.name in text
        assert "secret" not in text
