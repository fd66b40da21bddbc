"""Segments of one video to its final rows: tracks joined, false alarms dropped, parts written, the `videos` row."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fakelake.catalog.commit import IngestedVideo
from fakelake.catalog.failpoint import failpoint
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.recipe import Recipe
from fakelake.catalog.schemas import SCHEMAS
from fakelake.tasks.errors import MediaError
from fakelake.tasks.marks.provenance import best_of
from fakelake.tasks.probe import VideoInfo
from fakelake.tasks.read_video import SegmentRead
from fakelake.tasks.source_file import SourceFile
from fakelake.tasks.spool import SpooledTable
from fakelake.tasks.track import is_cut, join_tracklets

ROWS_A_WRITE = 512
TABLES = ("frames", "crops", "portraits")


@dataclass(slots=True)
class WrittenVideo:
    """A video whose parts lie in the lake, waiting for its commit."""

    video: IngestedVideo
    broken: str | None
    seconds: Counter[str] = field(default_factory=Counter)
    faces: int = 0


def write_video(
    location: LakeLocation,
    source: SourceFile,
    video_id: str,
    info: VideoInfo,
    recipe: Recipe,
    attempt_id: str,
    read: Sequence[SegmentRead],
    spools: Sequence[Path],
) -> WrittenVideo:
    """Join the tracks over all segments and write the parts of one video, sorted by track and frame.

    Raises MediaError when no segment gave a single frame.
    """
    broken = next((r.broken for r in read if r.broken), None)
    if not any(r.frames_read for r in read):
        raise MediaError(
            "decode", "undecodable", f"Not one picture of {source.name} can be decoded: {broken}.",
            "Copy it again from where it came from, or convert it to H.264.",
        )  # fmt: skip
    track_of = _tracks(read, recipe, info.fps)
    parts: list[Part] = []
    counts: dict[str, int] = {}
    frames_with_face = 0
    for table in TABLES:
        spooled = [SpooledTable(path, table) for path in spools]
        part, written_frames = _write_table(location, table, video_id, recipe, attempt_id, track_of, spooled)
        counts[table] = part.rows if part else 0
        if part:
            parts.append(part)
        if table == "frames":
            frames_with_face = written_frames
    failpoint("part_written")
    row = {
        "video_id": video_id,
        "recipe_id": recipe.recipe_id,
        "attempt_id": attempt_id,
        "dataset": source.dataset,
        "container": info.container,
        "codec": info.codec,
        "pix_fmt": info.pix_fmt,
        "width": info.width,
        "height": info.height,
        "rotation": info.rotation,
        "fps": info.fps,
        "vfr": info.vfr,
        "frames": info.frames,
        "duration_s": info.duration_s,
        "bytes": info.bytes,
        "has_audio": info.has_audio,
        "phash": read[0].phash,
        "provenance": best_of([r.provenance for r in read]),
        "frames_read": sum(r.frames_read for r in read),
        "frames_with_face": frames_with_face,
        "tracks": len(set(track_of.values())),
        "status": "ready" if counts["frames"] else "no_face",
        "reason": _reason(counts["frames"], broken, read, recipe),
    }
    seconds: Counter[str] = sum((r.stream.seconds for r in read), Counter())
    return WrittenVideo(IngestedVideo(row, parts), broken, seconds, counts["frames"])


def _tracks(read: Sequence[SegmentRead], recipe: Recipe, fps: float) -> dict[tuple[int, int], int]:
    """(segment, tracklet) -> track, less the tracks too short to be believed; numbered without gaps."""
    cuts = [c for r in read for c in r.stream.cuts]
    for before, after in itertools.pairwise(read):
        a, b = before.stream.last_histogram, after.stream.first_histogram
        if a is not None and b is not None and is_cut(a, b, recipe.cut_threshold):
            cuts.append(after.stream.first_frame)
    tracklets = [t for r in read for t in r.stream.tracklets]
    step_s = 1.5 * recipe.stride / fps  # from one kept frame to the next, across a segment border too
    gap_s = max(recipe.track_gap_s, step_s)
    joined = join_tracklets(tracklets, cuts, least_iou=recipe.track_iou, gap_s=gap_s)
    rows: Counter[int] = Counter()
    for t in tracklets:
        rows[joined[(t.segment, t.local_id)]] += t.rows
    kept = sorted(track for track, n in rows.items() if n >= recipe.min_track_frames)
    renumbered = {track: i for i, track in enumerate(kept)}
    return {key: renumbered[track] for key, track in joined.items() if track in renumbered}


def _write_table(
    location: LakeLocation,
    table: str,
    video_id: str,
    recipe: Recipe,
    attempt_id: str,
    track_of: dict[tuple[int, int], int],
    spooled: Sequence[SpooledTable],
) -> tuple[Part | None, int]:
    """Write one part, rows by (track, frame). Returns it (None when empty) and how many distinct frames it has."""
    track = np.concatenate([_track_column(s.rows, i, track_of) for i, s in enumerate(spooled)])
    frame = np.concatenate([s.rows["frame"].to_numpy() for s in spooled])
    keep = np.flatnonzero(track >= 0)
    order = keep[np.lexsort((frame[keep], track[keep]))]
    if not len(order):
        return None, 0
    rows = _Rows(pa.concat_tables([s.rows for s in spooled]))
    writer = PartWriter(location, table, attempt_id)
    try:
        for batch in _batches(order):
            writer.write(_final_rows(rows.take(batch), table, video_id, recipe, attempt_id, track[batch]))
            for table_of_segment in spooled:  # hours of pictures would count as this worker's memory
                table_of_segment.let_go()
        return writer.close(), len(np.unique(frame[order]))
    except BaseException:
        writer.abort()
        raise


class _Rows:
    """Random rows of spooled batches. `Table.take` would first copy every picture into one chunk."""

    def __init__(self, spooled: pa.Table) -> None:
        self._images = spooled["image"].chunks if "image" in spooled.column_names else None
        self._starts = np.cumsum([0] + [len(c) for c in self._images or []])
        self._narrow = (spooled.drop_columns(["image"]) if self._images is not None else spooled).combine_chunks()

    def take(self, wanted: np.ndarray) -> pa.Table:
        rows = self._narrow.take(pa.array(wanted))
        if self._images is None:
            return rows
        chunk = np.searchsorted(self._starts, wanted, side="right") - 1
        offset = wanted - self._starts[chunk]
        images = [self._images[c][int(i)].as_py() for c, i in zip(chunk, offset, strict=True)]
        return rows.append_column("image", pa.array(images, pa.binary()))


def _track_column(spooled: pa.Table, segment: int, track_of: dict[tuple[int, int], int]) -> np.ndarray:
    local = spooled["tracklet"].to_numpy()
    table = np.full(int(local.max(initial=-1)) + 1, -1, dtype=np.int32)
    for (of_segment, tracklet), track in track_of.items():
        if of_segment == segment and tracklet < len(table):
            table[tracklet] = track
    return table[local]


def _batches(order: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(order), ROWS_A_WRITE):
        yield order[start : start + ROWS_A_WRITE]


def _final_rows(
    rows: pa.Table, table: str, video_id: str, recipe: Recipe, attempt_id: str, track: np.ndarray
) -> pa.Table:
    constants = {"video_id": video_id, "recipe_id": recipe.recipe_id, "attempt_id": attempt_id}
    columns = []
    for name, type_ in zip(SCHEMAS[table].names, SCHEMAS[table].types, strict=True):
        if name == "track_id":
            columns.append(pa.array(track, type_))
        elif name in constants:
            columns.append(pa.repeat(pa.scalar(constants[name], type_), len(rows)))
        elif name == "crop_px":
            columns.append(pa.repeat(pa.scalar(recipe.crop_px, type_), len(rows)))
        else:
            columns.append(pc.cast(rows[name], type_))
    return pa.table(columns, schema=SCHEMAS[table])


def _reason(rows: int, broken: str | None, read: Sequence[SegmentRead], recipe: Recipe) -> str | None:
    """Why there is no face, or what broke after how many frames; None for an ordinary video."""
    frames = sum(r.stream.frames for r in read)
    said = []
    if not rows:
        small = max(r.stream.largest_small_face for r in read)
        if any(r.stream.tracklets for r in read):
            said.append(
                f"too short: no face in at least {recipe.min_track_frames} frames on end, of {frames} looked at"
            )
        elif small:
            said.append(f"too small: the largest face is {small:.0f} px, the recipe wants {recipe.min_face_px:.0f}")
        else:
            said.append(f"no face in {frames} frames")
    if broken:
        said.append(f"broken after {sum(r.frames_read for r in read)} frames: {broken}")
    return "; ".join(said) or None
