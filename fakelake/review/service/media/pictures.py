"""What is made from a video's own bytes for a browser: what it is, a copy that plays, single pictures.

Runs in the maker's process only (service/media/making.py): here decoders meet files of strangers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import av
import cv2
from av.video.reformatter import VideoReformatter

from fakelake.catalog.lake import Lake
from fakelake.review.service.media.look import Look, identity
from fakelake.tasks import media_file, scratch
from fakelake.tasks.decode import decode
from fakelake.tasks.errors import MediaError
from fakelake.tasks.frame import Frame
from fakelake.tasks.known_source import known_file
from fakelake.tasks.orientation import orientation_of
from fakelake.tasks.overlay_sound import Sound
from fakelake.tasks.probe import VideoInfo, probe
from fakelake.tasks.segments import Segment
from fakelake.tasks.sniff import read_head
from fakelake.tasks.upright_video import fitted, pts_of, to_yuv420p, video_stream

Tell = Callable[[float], None]  # hears of progress, 0 to 1

# What the browsers of today play on every platform: 8 bits, colour at half size.
PLAYED = {
    "video/mp4": ({"h264", "vp9", "av1"}, {"aac", "mp3", "opus", "flac"}),
    "video/webm": ({"vp8", "vp9", "av1"}, {"opus", "vorbis"}),
}
PLAYED_FORMATS = ("yuv420p", "yuvj420p", "yuva420p")
ENCODER = {"crf": "20", "preset": "veryfast", "g": "50"}  # a key picture each two seconds or so, to seek quickly
TOLD_EVERY = 25  # pictures
LONG_SIDE = 320  # px, of a single picture
SAME_S = 0.0005  # times of a file are told in ticks
COPY_SIDE = 1920  # px; of a copy: an encoder holds some forty pictures in memory
TURNS = {(False, False, False), (True, True, False), (False, True, True), (True, False, True)}  # without a mirror


def look(lake: Lake, order: Mapping[str, object], out: Path, tell: Tell) -> None:
    """Find a place that holds the very bytes, and say how a browser takes them. Raises SourceUnfit, MediaError."""
    with known_file(lake, order["video_id"]) as path:
        remote = path.parent.name.startswith(scratch.PREFIX)
        before = identity(path.stat())
        info = probe(path)
        mime, why = suits(path, info)
        found = Look(
            path=None if remote else str(path), identity=None if remote else before,
            mime=None if remote else mime, why="its file lies on S3" if remote and mime else why,
            offset_s=browser_offset(path, info), width=info.width, height=info.height, frames=info.frames,
            duration_s=info.duration_s,
        )  # fmt: skip
    found.write(out)


def suits(path: Path, info: VideoInfo) -> tuple[str | None, str | None]:
    """(content type, None) of a file that any browser plays as it is; (None, why not) of another."""
    mime = "video/mp4" if info.container.startswith("mov,") else None
    if info.container.startswith("matroska") and b"webm" in read_head(path)[:64]:
        mime = "video/webm"
    if mime is None:
        return None, f"browsers do not play {info.container.partition(',')[0]} files"
    codecs, sounds = PLAYED[mime]
    if info.codec not in codecs:
        return None, f"browsers do not play {info.codec}"
    if info.pix_fmt not in PLAYED_FORMATS or (info.codec == "h264" and info.pix_fmt == "yuva420p"):
        return None, f"not all browsers play {info.codec} in {info.pix_fmt}"
    if not info.timed:
        return None, "its pictures carry no usable times"
    with media_file.open_media(path, stage="probe") as container:
        stream = media_file.video_stream(container)
        if stream is not container.streams.video[0]:
            return None, "another of its pictures comes first"
        for heard in container.streams.audio[:1]:
            sound = heard.codec_context.codec.canonical_name if heard.codec_context else "an unknown format"
            if sound not in sounds:
                return None, f"not all browsers play sound in {sound}"
        stream.codec_context.thread_count = 1
        first = next(iter(container.decode(stream)), None)
        turn = orientation_of(first) if first is not None else None
    if turn is None or (turn.transposed, turn.flip_x, turn.flip_y) not in TURNS:
        return None, "its pictures are stored mirrored"
    return mime, None


def browser_offset(path: Path, info: VideoInfo) -> float:
    """Seconds to add to the lake's pts_s, which begins with the first picture, for a player's currentTime.

    That counts by the file's own clock: sound that begins before the pictures, or pictures that begin late without any
    sound, have their time before the first picture. Only a clock that begins below 0 is moved up to 0. (Measured with
    Chromium over mp4, mov, webm and mkv: tests/review/test_playback.py.)
    """
    if not info.timed:
        return 0.0
    with media_file.open_media(path, stage="probe") as container:
        start = min(0.0, (container.start_time or 0) / av.time_base)
    return float(info.segments_at[0].pts * info.time_base) - start


def copy(lake: Lake, order: Mapping[str, object], out: Path, tell: Tell) -> None:
    """H.264 in mp4, upright, its pictures at the video's own times from 0 on, its sound kept, at most COPY_SIDE large.

    Raises MediaError.
    """
    with _bytes(lake, order) as source, ExitStack() as stack:
        info, reformatter = _at_most(probe(source), COPY_SIDE), VideoReformatter()
        container = stack.enter_context(media_file.open_media(source, stage="decode"))
        made = stack.enter_context(av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}))
        stream = video_stream(made, info, container, ENCODER)
        sound = Sound(container, made, float(info.segments_at[0].pts * info.time_base) if info.timed else 0.0)
        frames = stack.enter_context(closing(decode(source, info, threads=2)))
        for frame in frames:
            picture, *_ = fitted(frame.full(), info.width, info.height)
            ready = to_yuv420p(picture, reformatter)
            ready.pts, ready.time_base = pts_of(frame, info)
            made.mux(stream.encode(ready))
            sound.until(frame.pts_s)
            if frame.index % TOLD_EVERY == 0:
                tell(frame.index / max(1, info.frames))
        made.mux(stream.encode(None))
        sound.rest()


def _at_most(info: VideoInfo, side: int) -> VideoInfo:
    scale = min(1.0, side / max(info.width, info.height))
    return replace(info, width=max(2, round(info.width * scale)), height=max(2, round(info.height * scale)))


def strip(lake: Lake, order: Mapping[str, object], out: Path, tell: Tell) -> None:
    """Pictures over the whole length, `count` of them and those at `seconds`, as out's folder/frames/<number>.jpg.

    `out` tells of them, as JSON: {"frames": [{"number", "at"}, ...]}, by time; at: pts_s. A damaged one is left out.
    """
    with _bytes(lake, order) as source:
        info = probe(source)
        count, last = int(order["count"]), info.frames - 1
        wanted = {round(last * n / max(1, count - 1)) for n in range(count)}
        wanted |= {_number_at(source, info, float(at)) for at in order.get("seconds", ())}
        shown = {frame.index: frame.pts_s for frame in _save(source, info, sorted(wanted), out.parent / "frames")}
    if not shown:
        raise MediaError("decode", "undecodable", "Not one picture can be shown.", "Copy the file again.")
    out.write_text(json.dumps({"frames": [{"number": n, "at": s} for n, s in sorted(shown.items())]}))


def single(lake: Lake, order: Mapping[str, object], out: Path, tell: Tell) -> None:
    """One picture by its number. Raises MediaError where the video has no such one, or it is damaged."""
    with _bytes(lake, order) as source:
        number, info = int(order["number"]), probe(source)
        for frame in _pictures(source, info, [number]):
            if frame.index == number:
                out.write_bytes(_jpeg(frame))
                return
    raise MediaError("decode", "undecodable", f"There is no picture {number}.", f"The video has {info.frames}.")


def _save(source: Path, info: VideoInfo, numbers: Sequence[int], folder: Path) -> Iterator[Frame]:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in _pictures(source, info, numbers):
        temporary = folder / f".{frame.index}.{os.getpid()}.tmp"
        temporary.write_bytes(_jpeg(frame))
        temporary.replace(folder / f"{frame.index}.jpg")
        yield frame


def _number_at(source: Path, info: VideoInfo, at_s: float) -> int:
    """Of the picture that is on the screen at `at_s` seconds from the first one, however long pictures last."""
    keys = info.segments_at
    place = max((n for n, key in enumerate(keys) if key.pts_s <= at_s + SAME_S), default=0)
    number = keys[place].frame
    with suppress(MediaError), closing(decode(source, info, _segment(info, place))) as frames:
        for frame in takewhile(lambda frame: frame.pts_s <= at_s + SAME_S, frames):
            number = frame.index
    return number


def _pictures(source: Path, info: VideoInfo, numbers: Sequence[int]) -> Iterator[Frame]:
    """Each picture, found from the key picture before it; of a damaged place, the next one that can be shown."""
    keys = info.segments_at
    for number in numbers:
        place = max(n for n, key in enumerate(keys) if key.frame <= number)
        try:
            with closing(decode(source, info, _segment(info, place))) as frames:
                found = next((frame for frame in frames if frame.index >= number), None)
        except MediaError:
            continue
        if found is not None:
            yield found


def _jpeg(frame: Frame) -> bytes:
    picture, _ = frame.small(LONG_SIDE)
    return cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()


@contextmanager
def _bytes(lake: Lake, order: Mapping[str, object]) -> Iterator[Path]:
    """The file that a look has found to hold the very bytes, if it is still the same; else as a look finds it."""
    if order.get("path"):
        path = Path(order["path"])
        try:
            same = identity(path.stat()) == list(order["identity"])
        except OSError:
            same = False
        if same:
            yield path
            return
    with known_file(lake, order["video_id"]) as path:
        yield path


def _segment(info: VideoInfo, place: int) -> Segment:
    """From one key picture to the next."""
    begin, end = info.segments_at[place], next(iter(info.segments_at[place + 1 :]), None)
    return Segment(
        index=place, first_frame=begin.frame, end_frame=end.frame if end else None,
        start_pts=begin.pts if place else None, end_pts=end.pts if end else None,
    )  # fmt: skip
