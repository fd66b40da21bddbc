"""The tables of a lake: their columns, what each column means, and how their files are laid out."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

# Of the lake as a whole. Raise it when an older program could no longer write what a newer one expects to read.
FORMAT = 1

TIME = pa.timestamp("us", tz="UTC")
LANDMARKS = pa.list_(pa.float32(), 10)
WINDOW = pa.list_(pa.int32(), 4)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: its Arrow schema (comments as field metadata) and the layout of its Parquet files.

    required:       columns that are never null
    sort_by:        row order inside a file, so that one video or one track is one short read
    row_group_rows: few large groups for the many narrow rows of faces; small ones for pictures, to fetch a clip
                    alone; in between for a row a video, where a group is what one core reads
    by_attempt:     rows count only once their `attempt_id` has a `videos` row
    """

    name: str
    comment: str
    schema: pa.Schema
    required: tuple[str, ...]
    sort_by: tuple[str, ...]
    row_group_rows: int = 16_384
    by_attempt: bool = False

    @property
    def pictures(self) -> tuple[str, ...]:
        """Binary columns: already compressed, and without Delta statistics."""
        return tuple(field.name for field in self.schema if pa.types.is_binary(field.type))


def _columns(*columns: tuple[str, pa.DataType, str]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, metadata={"comment": comment}) for name, kind, comment in columns])


_VIDEO = ("video_id", pa.string(), "SHA-256 of the file's bytes, hex")
_RECIPE = ("recipe_id", pa.string(), "hash of the settings that made these rows")
_ATTEMPT = ("attempt_id", pa.string(), "the one attempt at this video that was committed")
_RUN = ("run_id", pa.string(), "the run that wrote the row, see runs")
_TRACK = ("track_id", pa.int32(), "one face followed through one shot")
_FRAME = ("frame", pa.int64(), "0-based, in presentation order over the whole video")

_ALL = (
    TableSpec(
        "videos",
        "One row a video and recipe: the commit record of everything that was made from it",
        _columns(
            _VIDEO,
            _RECIPE,
            _ATTEMPT,
            ("dataset", pa.string(), "the data set it was ingested as"),
            ("container", pa.string(), "e.g. mp4"),
            ("codec", pa.string(), "e.g. h264"),
            ("pix_fmt", pa.string(), "e.g. yuv420p"),
            ("width", pa.int32(), "pixels, upright"),
            ("height", pa.int32(), "pixels, upright"),
            ("rotation", pa.int32(), "degrees clockwise that made it upright"),
            ("fps", pa.float64(), "average frames a second"),
            ("vfr", pa.bool_(), "frame distances vary"),
            ("frames", pa.int64(), "frames in the file"),
            ("duration_s", pa.float64(), "seconds"),
            ("bytes", pa.int64(), "size of the file"),
            ("has_audio", pa.bool_(), "has an audio stream"),
            ("phash", pa.string(), "perceptual hashes of sampled frames, 16 hex digits each, to find near-duplicates"),
            ("provenance", pa.string(), "what marks in the file said of its making, before any score"),
            ("frames_read", pa.int64(), "frames decoded"),
            ("frames_with_face", pa.int64(), "frames with a face row"),
            ("tracks", pa.int32(), "face tracks"),
            ("status", pa.string(), "ready or no_face"),
            ("reason", pa.string(), "why there is no face, or what broke after the frames that were kept"),
            _RUN,
            ("ingested_at", TIME, "time of the commit"),
        ),
        required=("video_id", "recipe_id", "attempt_id", "status"),
        sort_by=("video_id", "recipe_id"),
    ),
    TableSpec(
        "sources",
        "Where the bytes of a video were seen: one row a place, so one video can have several",
        _columns(
            ("uri", pa.string(), "percent-encoded file:// or s3:// address"),
            ("name", pa.string(), "the file's name, for people"),
            _VIDEO,
            ("dataset", pa.string(), "the data set it was ingested as"),
            ("bytes", pa.int64(), "size of the file"),
            ("mtime_ns", pa.int64(), "modification time of the file, nanoseconds since 1970"),
            _RUN,
            ("seen_at", TIME, "when these bytes were found there"),
        ),
        required=("uri", "video_id"),
        sort_by=("video_id", "uri"),
    ),
    TableSpec(
        "frames",
        "One narrow row per face per frame",
        _columns(
            _VIDEO,
            _TRACK,
            _FRAME,
            ("pts_s", pa.float64(), "seconds from the first frame"),
            ("x1", pa.float32(), "left edge of the face box, pixels of the upright frame"),
            ("y1", pa.float32(), "top edge"),
            ("x2", pa.float32(), "right edge"),
            ("y2", pa.float32(), "bottom edge"),
            ("landmarks", LANDMARKS, "x, y of right eye, left eye, nose, right and left mouth corner; pixels"),
            ("det_score", pa.float32(), "the face detector's confidence, 0 to 1"),
            ("detected", pa.bool_(), "false: between two detections, the box is interpolated along the track"),
            ("sharpness", pa.float32(), "variance of the Laplacian of the grey crop"),
            _RECIPE,
            _ATTEMPT,
        ),
        required=("video_id", "track_id", "frame", "attempt_id"),
        sort_by=("video_id", "track_id", "frame"),
        row_group_rows=122_880,
        by_attempt=True,
    ),
    TableSpec(
        "crops",
        "Square pictures of faces, for the detector",
        _columns(
            _VIDEO,
            _TRACK,
            _FRAME,
            ("image", pa.binary(), "encoded picture, JPEG by default"),
            ("crop_px", pa.int32(), "side of the picture in pixels"),
            _RECIPE,
            _ATTEMPT,
        ),
        required=("video_id", "track_id", "frame", "image", "attempt_id"),
        sort_by=("video_id", "track_id", "frame"),
        row_group_rows=512,
        by_attempt=True,
    ),
    TableSpec(
        "portraits",
        "Pictures of a window that stays put over a clip, for the generator",
        _columns(
            _VIDEO,
            _TRACK,
            ("clip_id", pa.string(), "frames of one window belong together"),
            _FRAME,
            ("pts_s", pa.float64(), "seconds from the first frame"),
            ("window", WINDOW, "x1, y1, x2, y2 of the window, pixels of the upright frame"),
            ("image", pa.binary(), "encoded picture, JPEG by default"),
            _RECIPE,
            _ATTEMPT,
        ),
        required=("video_id", "track_id", "frame", "image", "attempt_id"),
        sort_by=("video_id", "track_id", "clip_id", "frame"),
        row_group_rows=512,
        by_attempt=True,
    ),
    TableSpec(
        "labels",
        "Append-only: every word on whether a video is real",
        _columns(
            _VIDEO,
            ("label", pa.string(), "real, fake or unsure"),
            ("method", pa.string(), "how the fake was made"),
            ("target_identity", pa.string(), "the person whose video it is"),
            ("source_identity", pa.string(), "the person whose face was put in"),
            ("origin", pa.string(), "dataset, moderator or generator"),
            ("labelled_by", pa.string(), "the list or the person"),
            ("labelled_at", TIME, "when"),
            ("note", pa.string(), "in the labeller's words"),
        ),
        required=("video_id", "label", "origin"),
        sort_by=("video_id",),
    ),
    TableSpec(
        "consents",
        "Append-only: what a video may be used for, and who says so",
        _columns(
            _VIDEO,
            ("permission", pa.string(), "what is permitted"),
            ("source", pa.string(), "the licence, contract or form it rests on"),
            ("by", pa.string(), "who recorded it"),
            ("at", TIME, "when"),
        ),
        required=("video_id", "permission"),
        sort_by=("video_id",),
    ),
    TableSpec(
        "splits",
        "Which video serves training, validation or test in a named split",
        _columns(
            ("split_id", pa.string(), "the split"),
            _VIDEO,
            ("part", pa.string(), "train, val or test"),
            ("group_id", pa.string(), "videos that share people; never cut apart"),
        ),
        required=("split_id", "video_id", "part"),
        sort_by=("split_id", "video_id"),
    ),
    TableSpec(
        "quarantine",
        "What could not be used, wholly or in part, and what to do about it",
        _columns(
            ("uri", pa.string(), "percent-encoded file:// or s3:// address"),
            ("video_id", pa.string(), "SHA-256 of the file's bytes, where they could be read"),
            ("dataset", pa.string(), "the data set it was to be ingested as"),
            ("stage", pa.string(), "probe, hash, decode, detect, write, worker or policy"),
            ("error", pa.string(), "short stable code"),
            ("message", pa.string(), "what was wrong"),
            ("remedy", pa.string(), "what to do about it"),
            ("attempts", pa.int32(), "how often it was tried"),
            ("frames_kept", pa.int64(), "more than 0: the frames before the fault are in the lake"),
            ("lasting", pa.bool_(), "the same bytes will fail again"),
            ("worker_log", pa.string(), "last lines of the worker"),
            _RECIPE,
            _RUN,
            ("at", TIME, "when"),
        ),
        required=("uri", "stage", "error"),
        sort_by=("uri",),
    ),
    TableSpec(
        "runs",
        "What ran, with which settings, from which snapshot, with what outcome",
        _columns(
            _RUN,
            ("flow", pa.string(), "ingest, train_detector, ..."),
            ("outcome", pa.string(), "done, quarantined, failed or cancelled"),
            _RECIPE,
            ("recipe", pa.string(), "the settings, JSON"),
            ("snapshot", pa.string(), "table versions it started from, JSON"),
            ("summary", pa.string(), "what it did, JSON: the same as summary.json"),
            ("host", pa.string(), "where it ran"),
            ("program", pa.string(), "version of fakelake"),
            ("started_at", TIME, "start"),
            ("finished_at", TIME, "end"),
        ),
        required=("run_id", "flow"),
        sort_by=("run_id",),
    ),
)

TABLES: dict[str, TableSpec] = {spec.name: spec for spec in _ALL}
SCHEMAS: dict[str, pa.Schema] = {spec.name: spec.schema for spec in _ALL}
