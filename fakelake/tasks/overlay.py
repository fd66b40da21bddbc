"""`export overlay`: the video again, with box, band and p_fake on every face, for any browser."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

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
from fakelake.tasks.upright_video import fitted, pts_of, to_yuv420p, video_stream

ENCODER = {"crf": "20", "preset": "veryfast"}


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
        self._scores = TrackScores(facts.windows, facts.reading, named=not facts.by_marks)
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
            stream = video_stream(out, info, container, ENCODER)
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
        picture, scale, left, top = fitted(frame.full(), width, height)
        faces = [
            (_moved(face, scale, left, top), said)
            for face, said in labelled(self._rows, self._scores, frame.index, frame.pts_s)
        ]
        self._done.faces += len(draw(picture, faces))
        if self._until is not None and frame.index >= self._until:
            note(picture, f"not looked at from frame {self._until} on (recipe {self._facts.recipe.name})")
        elif self._facts.by_marks:
            note(picture, f"called {self._facts.verdict.band} by its marks, not by these figures")
        made = to_yuv420p(picture, self._reformatter)
        made.pts, made.time_base = pts_of(frame, info)
        return made


def _moved(face: Face, scale: float, left: int, top: int) -> Face:
    x1, y1, x2, y2 = face.box
    box = (x1 * scale + left, y1 * scale + top, x2 * scale + left, y2 * scale + top)
    return Face(face.track_id, box, face.measured)
