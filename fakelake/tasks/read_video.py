"""One video (or one segment of a long one) from file to spooled rows. Runs inside a Ray worker; knows no Ray."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2

from fakelake.catalog.failpoint import failpoint
from fakelake.catalog.recipe import Recipe
from fakelake.models.faces.detector import FaceDetector, load_detector
from fakelake.tasks.decode import Decoder, Frame, decode
from fakelake.tasks.errors import MediaError
from fakelake.tasks.face_stream import FaceStream, StreamSummary
from fakelake.tasks.marks.provenance import MarkWatch, provenance_of
from fakelake.tasks.media_file import os_error
from fakelake.tasks.phash import VideoHash
from fakelake.tasks.probe import VideoInfo, probe
from fakelake.tasks.segments import Segment
from fakelake.tasks.source_file import SourceFile, local_file
from fakelake.tasks.spool import Spool
from fakelake.tasks.whole_frame import WHOLE_FRAME, WholeFrameDetector

HASH_BLOCK = 4 << 20


class WorkerUnfit(Exception):
    """This worker cannot detect faces as the run is set up to. No video is at fault, and none should be blamed."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file is, before any frame is decoded."""

    source: SourceFile
    video_id: str
    info: VideoInfo | MediaError


@dataclass(slots=True)
class SegmentRead:
    """What reading one segment gave; its rows lie in the spool directory."""

    segment: int
    frames_read: int
    phash: str
    broken: str | None
    stream: StreamSummary
    provenance: str | None = None


def examine(source: SourceFile) -> Examined:
    """Hash the bytes and probe the container.

    Raises MediaError when the file cannot be read at all; a file that is readable but no usable video comes back
    with the error as its `info`, so that its bytes are known to later runs.
    """
    with local_file(source) as path:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(HASH_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise os_error(path, error, "hash") from error
        try:
            info: VideoInfo | MediaError = probe(path)
        except MediaError as error:
            if not error.lasting:
                raise
            info = error
    return Examined(source, digest.hexdigest(), info)


def read_segment(
    source: SourceFile, info: VideoInfo, segment: Segment, recipe: Recipe, spool_dir: Path, *, threads: int, device: str
) -> SegmentRead:
    """Decode, detect, track and crop one segment into `spool_dir`.

    Raises MediaError when no frame could be decoded, or when the file changed meanwhile, and WorkerUnfit. A decode
    error after some frames is not raised: `broken` says what happened and the frames before it are kept.
    """
    cv2.setNumThreads(threads)
    detector = _detector(recipe, threads, device)
    video_hash, watch = VideoHash(), MarkWatch()
    with (
        local_file(source) as path,
        Spool(spool_dir) as spool,
        closing(decode(path, info, segment, threads=threads)) as decoder,
    ):
        stream = FaceStream(detector, recipe, spool, segment.index)
        frames = _watched(_kept(decoder, recipe, stream.summary.seconds), watch)
        summary = stream.run(_hashed(frames, video_hash) if segment.index == 0 else frames)
        provenance = provenance_of(path if segment.index == 0 else None, watch.found())
    broken = decoder.first_error if decoder.errors else None
    return SegmentRead(segment.index, decoder.frames_read, video_hash.hex(), broken, summary, provenance)


def _kept(decoder: Decoder, recipe: Recipe, seconds: Counter[str]) -> Iterator[tuple[Frame, int]]:
    """The frames that the recipe keeps, each with its rank among them; their decoding is timed."""
    while True:
        start = time.perf_counter()
        frame = next(decoder, None)
        seconds["decode"] += time.perf_counter() - start
        if frame is None:
            return
        failpoint("decode")
        kept, between = divmod(frame.index, recipe.stride)
        if recipe.max_frames is not None and kept >= recipe.max_frames:
            return
        if not between:
            yield frame, kept
        if recipe.max_frames is not None and kept == recipe.max_frames - 1:
            return


def _watched(frames: Iterator[tuple[Frame, int]], watch: MarkWatch) -> Iterator[tuple[Frame, int]]:
    for frame, kept in frames:
        watch.see(frame, kept)
        yield frame, kept


def _hashed(frames: Iterator[tuple[Frame, int]], video_hash: VideoHash) -> Iterator[tuple[Frame, int]]:
    for frame, kept in frames:
        if video_hash.wants(frame.pts_s):
            video_hash.add(frame.small(64)[0])
        yield frame, kept


def _detector(recipe: Recipe, threads: int, device: str) -> FaceDetector:
    """Raises WorkerUnfit."""
    try:
        # Where a face was a moment ago, half the evidence is enough: see `follow`.
        least = recipe.min_score / 2 if recipe.search_every > 1 else recipe.min_score
        detector = _loaded(recipe.detector, threads, device, least, recipe.nms_iou)
    except Exception as error:
        raise WorkerUnfit(f"A worker cannot load the face detector {recipe.detector}: {error}") from error
    if recipe.detector_sha256 and detector.sha256 != recipe.detector_sha256:
        raise WorkerUnfit(
            f"A worker's weights of {recipe.detector} hash to {detector.sha256}, but the recipe was made with "
            f"{recipe.detector_sha256}. Give every node the same weights directory."
        )
    return detector


@lru_cache(maxsize=2)
def _loaded(name: str, threads: int, device: str, min_score: float, nms_iou: float) -> FaceDetector:
    if name == WHOLE_FRAME:
        return WholeFrameDetector()
    return load_detector(name, threads=threads, device=device, min_score=min_score, nms_iou=nms_iou)
