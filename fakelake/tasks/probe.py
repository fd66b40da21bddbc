"""What a file is, before anything is decoded in earnest: its streams, times, orientation, or what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from fakelake.tasks import media_file, sniff
from fakelake.tasks.errors import MediaError
from fakelake.tasks.media_file import display_name
from fakelake.tasks.orientation import AS_STORED, Orientation, orientation_of
from fakelake.tasks.segments import Keyframe
from fakelake.tasks.timeline import Timeline, read_timeline, untimed

# Enough decoded frames to see the orientation and whether packets and pictures go one to one.
_SAMPLE_FRAMES = 4
# A stream that has given no picture by then is left to the decoder to judge.
_SAMPLE_PACKETS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """A video that can be read. Sizes are of the first picture; the stream may change them on the way."""

    container: str  # libav's name of the format, e.g. `mov,mp4,m4a,3gp,3g2,mj2`
    codec: str
    pix_fmt: str
    width: int  # upright, in stored pixels (a sample aspect ratio is not applied)
    height: int
    rotation: int  # clockwise degrees that make the stored picture upright
    fps: float  # average over the video
    vfr: bool
    frames: int  # shown video packets; a damaged file may give fewer pictures
    duration_s: float
    bytes: int
    has_audio: bool
    cut_short: bool  # the file ends before the container says it does
    timed: bool  # packets carry true times; otherwise the n-th picture is shown at n / fps
    time_base: Fraction  # seconds a tick of pts
    segments_at: tuple[Keyframe, ...]


def probe(path: str | bytes | os.PathLike, *, max_pixels: int = media_file.MAX_PIXELS) -> VideoInfo:
    """Demux `path` once from end to end and decode its first few frames.

    Raises MediaError(stage="probe") with error: empty | not_a_video | still_picture | audio_only | encrypted |
    absurd_dimensions | unsupported_codec | truncated | no_frames | no_permission | vanished | read_error.
    """
    try:
        size = os.stat(path).st_size  # noqa: PTH116 - paths may be bytes
        head = sniff.read_head(path)
    except OSError as error:
        raise media_file.os_error(path, error, "probe") from error
    sniff.refuse_by_content(path, head, size)
    try:
        with media_file.open_media(path, stage="probe") as container:
            return _describe(path, container, head, size, max_pixels)
    except av.FFmpegError as error:
        raise sniff.unreadable(path, head) from error


def _describe(
    path: str | bytes | os.PathLike, container: InputContainer, head: bytes, size: int, max_pixels: int
) -> VideoInfo:
    stream = _usable_stream(path, container)
    codec = stream.codec_context
    _refuse_absurd(path, codec.width, codec.height, max_pixels)
    broken: list[Exception] = []
    sample = _Sample(stream)
    packets = sample.watch(media_file.read_packets(container, stream, broken.append))
    nominal_fps = float(stream.average_rate or stream.guessed_rate or 25)
    timeline = read_timeline(packets, stream.time_base, nominal_fps)
    if sample.encrypted:
        raise sniff.encrypted(path)
    if not timeline.frames:
        raise _no_frames(path, stream.frames)
    # In AVI a picture's time is its place in the file, which is not the place in which it is shown.
    if not sample.agrees_with(timeline) or (container.format.name == "avi" and codec.has_b_frames):
        timeline = untimed(timeline.frames, nominal_fps)
    _refuse_absurd(path, codec.width, codec.height, max_pixels)
    width, height = sample.orientation.size(sample.width or codec.width, sample.height or codec.height)
    return VideoInfo(
        container=container.format.name,
        codec=codec.codec.canonical_name,
        pix_fmt=sample.pix_fmt or codec.pix_fmt or "",
        width=width,
        height=height,
        rotation=sample.orientation.rotation,
        fps=timeline.fps,
        vfr=timeline.vfr,
        frames=timeline.frames,
        duration_s=timeline.duration_s,
        bytes=size,
        has_audio=bool(container.streams.audio),
        cut_short=_is_cut_short(container, stream, head, size, timeline.frames + sample.hidden),
        timed=timeline.pts is not None,
        time_base=stream.time_base,
        segments_at=timeline.keyframes,
    )


def _usable_stream(path: str | bytes | os.PathLike, container: InputContainer) -> VideoStream:
    name = display_name(path)
    stream = media_file.video_stream(container)
    sniff.refuse_by_format(path, container, stream)
    if stream is None:
        if any(audio.rate for audio in container.streams.audio):
            raise MediaError("probe", "audio_only", f"{name} holds sound and no video.", "Nothing to do: leave it out.")
        raise sniff.not_a_video(path)
    if sniff.is_encrypted(stream):
        raise sniff.encrypted(path)
    if stream.codec_context is None:
        raise MediaError(
            "probe",
            "unsupported_codec",
            f"{name} holds video in a format that no decoder here knows.",
            "Convert it to H.264, for example with ffmpeg, and ingest that.",
        )
    return stream


def _refuse_absurd(path: str | bytes | os.PathLike, width: int, height: int, max_pixels: int) -> None:
    if max(width, height) > media_file.MAX_SIDE or width * height > max_pixels:
        raise sniff.absurd(path, width, height)


def _is_cut_short(container: InputContainer, stream: VideoStream, head: bytes, size: int, packets: int) -> bool:
    if container.format.name.startswith("mov"):  # whose index lists every packet, there or not
        return packets < stream.frames
    return sniff.promised_bytes(head) > size


def _no_frames(path: str | bytes | os.PathLike, declared: int) -> MediaError:
    name = display_name(path)
    if declared:
        return MediaError(
            "probe",
            "truncated",
            f"{name} promises {declared} frames and ends before the first one.",
            "Copy it again from where it came from.",
        )
    return MediaError(
        "probe", "no_frames", f"{name} has a video stream without a single frame.", "Export or copy it again."
    )


class _Sample:
    """Decodes the first few pictures while the packets pass by on their way to the timeline."""

    def __init__(self, stream: VideoStream) -> None:
        self.orientation: Orientation = AS_STORED
        self.pix_fmt, self.width, self.height, self.hidden, self.encrypted = "", 0, 0, 0, False
        self._pts: list[int | None] = []
        self._decoder = stream.codec_context
        self._decoder.thread_count = 1
        self._decoder.options = {"max_pixels": str(media_file.MAX_PIXELS)}

    def watch(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        fed = 0
        for packet in packets:
            self.hidden += packet.is_discard
            if packet.has_sidedata("encryption_info"):
                self.encrypted = True
                return
            if len(self._pts) < _SAMPLE_FRAMES and fed < _SAMPLE_PACKETS:
                fed += 1
                self._decode(packet)
            yield packet
        if len(self._pts) < _SAMPLE_FRAMES:
            self._decode(None)

    def _decode(self, packet: av.Packet | None) -> None:
        with suppress(av.FFmpegError):  # damage is the decoder's to report; here it only shortens the sample
            for frame in self._decoder.decode(packet):
                if not self._pts:
                    self.orientation = orientation_of(frame)
                    self.pix_fmt, self.width, self.height = frame.format.name, frame.width, frame.height
                self._pts.append(frame.pts)

    def agrees_with(self, timeline: Timeline) -> bool:
        """True if the first pictures came out at the times of consecutive packets: one picture each, in order."""
        if timeline.pts is None or None in self._pts:
            return False
        places = np.searchsorted(timeline.pts, np.array(self._pts, np.int64))
        known = places < len(timeline.pts)
        return bool(known.all() and (timeline.pts[places] == self._pts).all() and (np.diff(places) == 1).all())
