"""One part swap from files to a file: the face found, its parts drawn and pasted, the pictures marked, sound copied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import av
import numpy as np

from fakelake.catalog.failpoint import failpoint
from fakelake.models.faces.detector import FaceDetector, load_detector
from fakelake.models.generator.network import Generator
from fakelake.models.generator.swap import Swapper
from fakelake.tasks import media_file
from fakelake.tasks.decode import decode
from fakelake.tasks.marks import banner
from fakelake.tasks.marks.invisible import Mark
from fakelake.tasks.overlay_sound import CARRIED, Sound
from fakelake.tasks.probe import VideoInfo, probe
from fakelake.tasks.swap.follow import FOLLOWING, follow_faces
from fakelake.tasks.swap.plan import SwapPlan, plan_swap
from fakelake.tasks.swap.planes import PlaneReader, Planes
from fakelake.tasks.swap.render import render, to_tensor
from fakelake.tasks.swap.report import SwapReport
from fakelake.tasks.swap.source import chosen, source_face
from fakelake.tasks.upright_video import pts_of, video_stream

COARSE = 2  # times the model's pictures: a window from which on the loss of detail is told
ENCODER = {"crf": "17", "preset": "veryfast"}
OnFrame = Callable[[str, int, int], None]  # what is being done, frames done, frames in all


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapJob:
    """What is put where.

    channels: of the generator's parts; margin: of its portraits; track, source_track: where there are several faces
    asset_id: of the invisible mark; banner: a visible one too
    """

    source: Path
    target: Path
    channels: tuple[int, ...]
    margin: float
    asset_id: str
    track: int | None = None
    source_track: int | None = None
    hard: bool = False
    masks_from: str = "target"
    precision: str = "fp32"
    banner: bool = False
    device: str = "cpu"
    threads: int = 2


@dataclass(slots=True)
class SwapDone:
    """What was made. Frames: in all, swapped, and left alone as a profile, as too small, or without the face.

    windows: how many the face needed; source_frame: of a source video; sound: none, copied or AAC
    broken: damage that was passed over, for people, else empty
    """

    frames: int = 0
    swapped: int = 0
    profile: int = 0
    too_small: int = 0
    no_face: int = 0
    windows: int = 0
    track: int = 0
    source_frame: int | None = None
    sound: str = "none"
    broken: str = ""
    notes: list[str] = field(default_factory=list)


def swap_video(
    generator: Generator, job: SwapJob, out: Path, report: Path | None = None, *, on_frame: OnFrame | None = None
) -> SwapDone:
    """Write the target with the source's parts as an H.264 mp4, marked but not yet signed, and its report picture.

    Frames stream: memory does not grow with the length. Raises NoFittingFace, MediaError.
    """
    px = generator.config.px
    detector = load_detector(
        FOLLOWING.detector, threads=job.threads, min_score=FOLLOWING.min_score / 2, nms_iou=FOLLOWING.nms_iou
    )
    source = source_face(job.source, px, job.margin, detector, track=job.source_track, threads=job.threads)
    info = probe(job.target)
    plan, done = _planned(job, info, detector, px, on_frame)
    done.source_frame = source.frame
    done.notes = [*source.notes, *plan.notes, *_coarse(plan, px)]
    face = to_tensor([source.picture]).to(job.device)
    options = {"hard": job.hard, "masks_from": job.masks_from, "precision": job.precision}
    swapper = Swapper(generator, face, job.channels, **options)
    shown = SwapReport(source.picture, plan.swapped())
    _write(job, info, plan, swapper, px, out, shown, done, on_frame)
    done.no_face = done.frames - done.swapped - done.profile - done.too_small
    if report is not None:
        shown.write(report, f"{job.source.name} into {job.target.name}, channels {', '.join(map(str, job.channels))}")
    return done


def _coarse(plan: SwapPlan, px: int) -> list[str]:
    rows = plan.swapped() - plan.first
    side = int(np.median(plan.windows[rows, 2] - plan.windows[rows, 0]))
    if side <= COARSE * px:
        return []
    return [
        f"the model draws {px} px and the face's window is {side} px wide: the part will look softer than its "
        "surroundings. A generator of more px draws it finer."
    ]


def _planned(
    job: SwapJob, info: VideoInfo, detector: FaceDetector, px: int, on_frame: OnFrame | None
) -> tuple[SwapPlan, SwapDone]:
    told = (lambda n, of: on_frame("find the face", n, of)) if on_frame else None
    faces = follow_faces(job.target, info, detector, threads=job.threads, on_frame=told)
    name = media_file.display_name(job.target)
    face = chosen(faces, job.track, name, "--track")
    plan = plan_swap(face, px, job.margin, name)
    counts = {name: plan.counts[name] for name in ("profile", "too_small")}
    return plan, SwapDone(**counts, windows=plan.different, track=face.track_id)


def _write(
    job: SwapJob, info: VideoInfo, plan: SwapPlan, swapper: Swapper, px: int, out: Path, shown: SwapReport,
    done: SwapDone, on_frame: OnFrame | None,
) -> None:  # fmt: skip
    mark = Mark(job.asset_id)
    with ExitStack() as stack:
        container = stack.enter_context(media_file.open_media(job.target, stage="decode"))
        writer = stack.enter_context(av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}))
        frames = stack.enter_context(closing(decode(job.target, info, threads=job.threads)))
        first = next(frames)
        reader = PlaneReader(first, info.width, info.height)
        stream = video_stream(writer, info, container, ENCODER, reader.marks)
        stream.codec_context.thread_count = job.threads
        origin_s = float(info.segments_at[0].pts * info.time_base) if info.timed else 0.0
        sound = Sound(container, writer, origin_s, copied=CARRIED)
        for rendered in render(chain([first], frames), plan, swapper, reader, px):
            shown.see(rendered)
            done.swapped += rendered.drawn is not None
            planes = rendered.planes
            if job.banner:
                _banner(planes)
            planes.y = mark.embed(planes.y)
            picture = planes.frame()
            picture.pts, picture.time_base = pts_of(rendered.frame, info)
            writer.mux(stream.encode(picture))
            sound.until(rendered.frame.pts_s)
            done.frames += 1
            failpoint("swap_frame")
            if on_frame:
                on_frame("swap", done.frames, info.frames)
        writer.mux(stream.encode(None))
        sound.rest()
        done.sound = sound.how
        done.broken = frames.first_error or (sound.broken and f"sound: {sound.broken}")


def _banner(planes: Planes) -> None:
    """The strip on all planes: it takes the colour out of what is under it."""
    grey = np.repeat(planes.y[..., None], 3, axis=2)
    drawn = banner.draw(grey.copy())[..., 0]
    top = int((drawn != planes.y).any(axis=1).argmax())
    top += top % 2
    planes.y[top:] = np.maximum(drawn[top:], 16)
    for plane in (planes.u, planes.v):
        strip = plane[top // 2 :]
        strip[:] = 128 + (strip.astype(np.int16) - 128) // 4
