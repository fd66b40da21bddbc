"""`export overlay`: the video again, with box, band and p_fake on every face, for any browser."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from fakelake.catalog.lake import Lake
from fakelake.tasks import media_file
from fakelake.tasks.decode import Decoder, Frame, decode
from fakelake.tasks.errors import MediaError
from fakelake.tasks.facts import Facts
from fakelake.tasks.known_source import SourceUnfit, known_file
from fakelake.tasks.overlay_drawing import draw, note
from fakelake.tasks.overlay_faces import Face, FaceRows, TrackScores, labelled, looked_until
from fakelake.tasks.overlay_sound import Sound
from fakelake.tasks.probe import VideoInfo, probe
from fakelake.tasks.scratch import scratch

ENCODER = {"crf": "20", "preset": "veryfast"}
_EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND  # otherwise every grey turns a little green
_BT709, _LIMITED = 1, 1  # ITU-T H.273; AVCOL_RANGE_MPEG


class NothingToDraw(Exception):
    """The video has no scored face; the text says why."""


@dataclass(slots=True)
class Overlaid:
    """What was written. sound: none, copied, or AAC; broken: damage that was passed over, for people, else empty."""

    path: Path
    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    sound: str = "none"
    broken: str = ""


def write_overlay(
    lake: Lake, facts: Facts, out: Path, *, threads: int = 2, on_frame: Callable[[int, int], None] | None = None
) -> Overlaid:
    """Write an H.264 mp4 whose frames stand at the times of the video's own, from its first frame on.

    Memory does not grow with the length. `on_frame` hears (frames done, frames in all). The file appears under its
    name only when it is whole. Raises NothingToDraw, SourceUnfit; ValueError where `out` is the video itself.
    """
    if not facts.verdict.scored:
        raise NothingToDraw(f"{facts.verdict.title} has no scored face to draw: {facts.verdict.reason}")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.tmp")
    try:
        with known_file(lake, facts.verdict.video_id) as source, scratch() as spill, lake.connect() as connection:
            if out.exists() and out.samefile(source):
                raise ValueError(f"{out} is the video itself: give another file for the overlay.")
            verdict, stride = facts.verdict, facts.recipe.stride if facts.recipe else 1
            rows = FaceRows(connection, verdict.video_id, verdict.recipe_id, stride, spill)
            done = _Overlay(facts, rows, Overlaid(out), on_frame).write(source, temporary, threads)
        temporary.replace(out)
    except MediaError as error:
        raise SourceUnfit(f"{error.message} {error.remedy}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return done


class _Overlay:
    """One video on its way through."""

    def __init__(
        self, facts: Facts, rows: FaceRows, done: Overlaid, on_frame: Callable[[int, int], None] | None
    ) -> None:
        self._facts, self._rows, self._done, self._on_frame = facts, rows, done, on_frame
        self._scores = TrackScores(facts.windows, facts.reading)
        self._until = looked_until(facts)
        self._reformatter = VideoReformatter()

    def write(self, source: Path, target: Path, threads: int) -> Overlaid:
        info = probe(source)
        with ExitStack() as stack:
            container = stack.enter_context(media_file.open_media(source, stage="decode"))
            options = {"movflags": "+faststart"}
            out = stack.enter_context(av.open(str(target), "w", format="mp4", options=options))
            out.metadata["title"] = f"Overlay of {self._facts.verdict.title}"
            out.metadata["comment"] = f"Boxes and scores by fakelake, detector {self._facts.verdict.model_version}"
            stream = _video_stream(out, info, container)
            sound = Sound(container, out, float(info.segments_at[0].pts * info.time_base) if info.timed else 0.0)
            frames: Decoder = stack.enter_context(closing(decode(source, info, threads=threads)))
            for frame in frames:
                for packet in stream.encode(self._picture(frame, info)):
                    out.mux(packet)
                sound.until(frame.pts_s)
                self._done.frames, self._done.seconds = self._done.frames + 1, frame.pts_s
                if self._on_frame:
                    self._on_frame(self._done.frames, info.frames)
            out.mux(stream.encode(None))
            sound.rest()
            self._done.sound = sound.how
            self._done.broken = frames.first_error or (sound.broken and f"sound: {sound.broken}")
        return self._done

    def _picture(self, frame: Frame, info: VideoInfo) -> av.VideoFrame:
        """The frame with its faces, yuv420p, at its own time."""
        width, height = info.width, info.height
        picture, scale, left, top = _fitted(frame.full(), width, height)
        faces = [
            (_moved(face, scale, left, top), said)
            for face, said in labelled(self._rows, self._scores, frame.index, frame.pts_s)
        ]
        self._done.faces += len(draw(picture, faces))
        if self._until is not None and frame.index >= self._until:
            note(picture, f"not looked at from frame {self._until} on (recipe {self._facts.recipe.name})")
        if width % 2 or height % 2:  # yuv420p has one colour for 2 x 2 pixels
            picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        made = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(picture, format="bgr24"), format="yuv420p",
            dst_colorspace=_BT709, dst_color_range=_LIMITED, interpolation=_EXACT,
        )  # fmt: skip
        made.pts, made.time_base = _pts(frame, info)
        return made


def _video_stream(out: av.container.OutputContainer, info: VideoInfo, source: av.container.InputContainer):
    rate = Fraction(info.fps).limit_denominator(1001)
    stream = out.add_stream("libx264", rate=rate if rate > 0 else 25, options=ENCODER)
    stream.width, stream.height = info.width + info.width % 2, info.height + info.height % 2
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = info.time_base if info.timed else 1 / rate
    # Said, so that a small picture is not taken for BT.601.
    codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
    codec.color_range = _LIMITED
    shape = media_file.video_stream(source).sample_aspect_ratio
    if shape and shape != 1:
        codec.sample_aspect_ratio = 1 / shape if info.rotation % 180 else shape
    return stream


def _pts(frame: Frame, info: VideoInfo) -> tuple[int, Fraction]:
    """Ticks from the video's first picture, and the tick: the source's own."""
    if info.timed:
        return round(frame.pts_s / float(info.time_base)), info.time_base
    return frame.index, 1 / Fraction(info.fps).limit_denominator(1001)


def _fitted(picture: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float, int, int]:
    """A picture that changed its size in mid-stream, in the first one's: (picture, scale, left, top)."""
    if picture.shape[:2] == (height, width):
        return picture, 1.0, 0, 0
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    return canvas, scale, left, top


def _moved(face: Face, scale: float, left: int, top: int) -> Face:
    x1, y1, x2, y2 = face.box
    box = (x1 * scale + left, y1 * scale + top, x2 * scale + left, y2 * scale + top)
    return Face(face.track_id, box, face.measured)
