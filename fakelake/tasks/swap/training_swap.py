"""One swap for training and its control: the same frames through the same encoder, with and without the swap.

Both are encoded to a file that lives as long as the call, then cut into crops as any video is. Without the control a
detector would learn that what was encoded once more is fake.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path

import av
import cv2
import torch

from fakelake.catalog.lake import Lake
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.recipe import Recipe
from fakelake.catalog.training_swaps import DATASET, Origin
from fakelake.models.faces.detector import FaceDetector, load_detector
from fakelake.models.generator.bundle import GeneratorBundle, read_bundle
from fakelake.models.generator.network import Generator
from fakelake.models.generator.swap import Swapper
from fakelake.tasks import media_file
from fakelake.tasks.decode import decode
from fakelake.tasks.ingest_task import SegmentJob, read_task
from fakelake.tasks.known_source import known_file
from fakelake.tasks.probe import probe
from fakelake.tasks.scratch import scratch
from fakelake.tasks.segments import plan_segments
from fakelake.tasks.source_file import SourceFile
from fakelake.tasks.swap.auto_plan import AutoSwap
from fakelake.tasks.swap.follow import FOLLOWING, follow_faces
from fakelake.tasks.swap.plan import plan_swap
from fakelake.tasks.swap.planes import PlaneReader, Planes
from fakelake.tasks.swap.render import render, to_tensor
from fakelake.tasks.swap.source import chosen, source_face
from fakelake.tasks.upright_video import pts_of, video_stream
from fakelake.tasks.write_video import WrittenVideo

VISIBLE = 6  # codes of luma by which a pixel has to change
LEAST_CHANGED = 0.003  # of the window's pixels, on average over the swapped frames


class NothingSwapped(Exception):
    """The part is nowhere to be seen in the target, or looks the same in both: such a swap is no fake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSwapJob:
    """bundle: the generator's files; recipe: of the crops, as the target's own were cut."""

    location: LakeLocation
    swap: AutoSwap
    bundle: str
    recipe: Recipe
    threads: int
    device: str = "cpu"


def make_training_swap(job: TrainingSwapJob) -> tuple[WrittenVideo, WrittenVideo]:
    """The swap's parts in the lake and its control's, waiting for their commit.

    Raises NoFittingFace, NothingSwapped, MediaError, SourceUnfit, BundleUnfit.
    """
    lake, swap = Lake(job.location), job.swap
    with ExitStack() as stack:
        target = stack.enter_context(known_file(lake, swap.origin.target))
        source = stack.enter_context(known_file(lake, swap.origin.source))
        directory = stack.enter_context(scratch())
        swapped, control = directory / "swap.mp4", directory / "control.mp4"
        _render(job, source, target, swapped, control)
        return _cut(job, swap.origin, swapped), _cut(job, swap.control, control)


def _render(job: TrainingSwapJob, source: Path, target: Path, swapped: Path, control: Path) -> None:
    generator, bundle = _model(job.bundle, job.threads)
    px, margin = generator.config.px, bundle.portrait_margin
    detector, info = _detector(job.threads), probe(target)
    kept = job.recipe.max_frames
    count = info.frames if kept is None else min(info.frames, kept * job.recipe.stride)
    face = source_face(source, px, margin, detector, threads=job.threads)
    looking = replace(FOLLOWING, max_frames=count)
    found = follow_faces(target, info, detector, looking, threads=job.threads)
    name = media_file.display_name(target)
    plan = plan_swap(chosen(found, None, name, "--track"), px, margin, name)
    swapper = Swapper(
        generator, to_tensor([face.picture]).to(job.device), job.swap.channels, hard=job.swap.hard,
        masks_from=job.swap.masks_from,
    )  # fmt: skip
    with ExitStack() as stack:
        container = stack.enter_context(media_file.open_media(target, stage="decode"))
        decoder = stack.enter_context(closing(decode(target, info, threads=job.threads)))
        frames = islice(decoder, count)
        first = next(frames)
        reader = PlaneReader(first, info.width, info.height)
        writers = []
        for path in (swapped, control):
            out = stack.enter_context(av.open(str(path), "w", format="mp4"))
            encoder = {"crf": str(job.swap.crf), "preset": "veryfast"}
            writers.append((out, video_stream(out, info, container, encoder, reader.marks)))
        changed = []
        for rendered in render(chain([first], frames), plan, swapper, reader, px):
            pts, tick = pts_of(rendered.frame, info)
            untouched = reader.read(rendered.frame)
            for (out, stream), planes in zip(writers, (rendered.planes, untouched), strict=True):
                out.mux(stream.encode(_picture(planes, pts, tick)))
            if rendered.place is not None:
                x1, y1, x2, y2 = rendered.place.window
                change = cv2.absdiff(rendered.planes.y, untouched.y) > VISIBLE
                changed.append(change.sum() / ((x2 - x1) * (y2 - y1)))
        for out, stream in writers:
            out.mux(stream.encode(None))
    if not changed or sum(changed) / len(changed) < LEAST_CHANGED:
        raise NothingSwapped(f"nothing that one could see changes in {name} by a swap of {job.swap.origin.parts}")


def _picture(planes: Planes, pts: int, tick) -> av.VideoFrame:
    picture = planes.frame()
    picture.pts, picture.time_base = pts, tick
    return picture


def _cut(job: TrainingSwapJob, origin: Origin, path: Path) -> WrittenVideo:
    """Crops of a file as an ingest cuts them, under the name of what they were made of."""
    info = probe(path)
    (segment,) = plan_segments(info, float("inf"))
    stat = path.stat()
    source = SourceFile(uri=path.as_uri(), dataset=DATASET, bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)
    return read_task(
        SegmentJob(
            location=job.location, source=source, video_id=origin.video_id, info=info, segment=segment, segments=1,
            recipe=job.recipe, attempt_id=uuid.uuid4().hex, threads=job.threads, device=job.device,
        )
    )  # fmt: skip


@lru_cache(maxsize=1)
def _model(bundle: str, threads: int) -> tuple[Generator, GeneratorBundle]:
    torch.set_num_threads(threads)
    return read_bundle(Path(bundle))


@lru_cache(maxsize=1)
def _detector(threads: int) -> FaceDetector:
    return load_detector(
        FOLLOWING.detector, threads=threads, min_score=FOLLOWING.min_score / 2, nms_iou=FOLLOWING.nms_iou
    )
