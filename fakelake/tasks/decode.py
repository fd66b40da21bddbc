"""Frames of a video, or of one segment of it, in the order in which they are shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain

import av
from av.video.reformatter import VideoReformatter

from fakelake.tasks import media_file
from fakelake.tasks.errors import MediaError
from fakelake.tasks.frame import Frame
from fakelake.tasks.frame_clock import FrameClock
from fakelake.tasks.media_file import display_name
from fakelake.tasks.orientation import orientation_of
from fakelake.tasks.probe import VideoInfo
from fakelake.tasks.segments import Keyframe, Segment

# Containers whose index leads to the very packet; the others are cut anywhere.
_EXACT_CONTAINERS = ("mov", "matroska", "flv", "avi", "gif", "ivf")

_Numbered = tuple[av.VideoFrame, int, int]  # picture, number in the whole video, pts


def decode(
    path: str | bytes | os.PathLike,
    info: VideoInfo,
    segment: Segment | None = None,
    *,
    extra_frames: int = 0,
    threads: int = 1,
) -> Decoder:
    """Iterate over the frames of `segment` (None: of all) and `extra_frames` of the following one.

    Both ways give the same index, pts_s and pixels for the same picture. Memory: one picture and libav's references.
    """
    return Decoder(path, info, segment, extra_frames, threads)


class Decoder:
    """The iterator that `decode` returns. Damage is skipped where libav can, and counted.

    errors: damaged places met so far; first_error: the first, for people; frames_read: frames handed out.
    Raises MediaError(stage="decode") when the file cannot be opened, or when a whole video gives no frame at all.
    A segment that gives none ends without a frame and with errors > 0.
    """

    def __init__(
        self, path: str | bytes | os.PathLike, info: VideoInfo, segment: Segment | None, extra_frames: int, threads: int
    ) -> None:
        self.errors, self.first_error, self.frames_read = 0, "", 0
        self._path, self._info, self._threads, self._extra = path, info, threads, extra_frames
        self._start = segment.start_pts if segment else None
        self._end = segment.end_pts if segment else None
        self._clock = FrameClock(info)
        self._frames = self._cut()

    def __iter__(self) -> Decoder:
        return self

    def __next__(self) -> Frame:
        frame = next(self._frames)
        self.frames_read += 1
        return frame

    def close(self) -> None:
        """Let go of the file; otherwise that happens when the frames are used up."""
        self._frames.close()

    def _cut(self) -> Iterator[Frame]:
        """The asked-for stretch of the numbered pictures."""
        reformatter, extra = VideoReformatter(), 0
        turned: tuple[int, int, int] | None = None
        for picture, number, pts in self._from_start():
            if self._end is not None and pts >= self._end:
                extra += 1
                if extra > self._extra:
                    return
            # Side data is asked for only where the picture changes: a picture that was asked holds itself in memory
            # until Python's cycle collector comes by, and at 3 MB a picture that is too late.
            if turned != (turned := (picture.rotation, picture.width, picture.height)):
                orientation = orientation_of(picture)
            yield Frame(picture, number, self._clock.seconds(pts), reformatter, orientation)
        if self._end is None and self._info.cut_short:
            self._failed(None, "the file is cut short: it ends before its own index says so")
        if self.frames_read == 0 and self._start is None and self._end is None:
            name = display_name(self._path)
            raise MediaError(
                "decode",
                "undecodable",
                f"not one picture of {name} can be decoded: {self.first_error or 'the decoder gives none'}.",
                "Copy it again from where it came from, or convert it to H.264.",
            )

    def _from_start(self) -> Iterator[_Numbered]:
        """Numbered pictures from the segment's first one on.

        A seek that misses (an inexact container, a keyframe that does not stand alone) is seen by its first picture,
        and tried again from keyframes further back, at last from the file's start.
        """
        if self._start is None:
            yield from self._pictures(None)
            return
        for attempt, key in enumerate(self._entries()):
            pictures, warm = self._pictures(key), False
            for numbered in pictures:
                if numbered[2] >= self._start:
                    break
                warm = True
            else:
                numbered = None
            exact = numbered is not None and numbered[2] == self._start
            # Arriving from pictures before it, a first keyframe that is not there is simply damaged.
            if key is None or exact or (warm and attempt):
                yield from chain([numbered] if numbered else [], pictures)
                return
            pictures.close()

    def _entries(self) -> Iterator[Keyframe | None]:
        """Keyframes to seek to, best first; None = the file's start."""
        keys = self._info.segments_at
        place = next(n for n, key in enumerate(keys) if key.pts == self._start)
        # Program and transport streams are cut anywhere and their keyframes may need pictures before them.
        back = 0 if self._info.container.startswith(_EXACT_CONTAINERS) else 1
        while place - back > 0:
            yield keys[place - back]
            back = 2 * back + 1
        yield None

    def _pictures(self, key: Keyframe | None) -> Iterator[_Numbered]:
        """Everything that comes out of the decoder when it starts at `key`, numbered."""
        with media_file.open_media(self._path, stage="decode") as container:
            stream = media_file.video_stream(container)
            codec = stream.codec_context
            codec.thread_count, codec.thread_type = self._threads, "AUTO"
            codec.options = {"max_pixels": str(media_file.MAX_PIXELS)}
            self._clock = clock = FrameClock(self._info)
            if key is not None:
                by_pts = key.dts is None or self._info.container.startswith(("mov", "matroska"))
                container.seek(key.pts if by_pts else key.dts, stream=stream)
            for packet in chain(media_file.read_packets(container, stream, lambda e: self._failed(None, e)), [None]):
                try:
                    decoded = codec.decode(packet)
                except av.EOFError:
                    continue
                except av.FFmpegError as error:
                    self._failed(packet, error)
                    continue
                for picture in decoded:
                    place = clock.read(picture.pts)
                    if place is None:
                        self._failed(packet, "a picture out of order")
                    else:
                        yield picture, *place

    def _failed(self, packet: av.Packet | None, error: Exception | str) -> None:
        where = ""
        if packet is not None and packet.pts is not None and self._info.timed:
            before = self._start is not None and packet.pts < self._start
            if before or (self._end is not None and packet.pts >= self._end):
                return  # another segment's
            where = f" near {self._clock.seconds(packet.pts):.2f} s"
        if not self.errors:
            self.first_error = f"{_words(error)}{where}"
        self.errors += 1


def _words(error: Exception | str) -> str:
    """libav's words without its error numbers, function names and paths."""
    return error if isinstance(error, str) else (getattr(error, "strerror", None) or str(error))
