"""The tables of a lake: their columns, what each column means, and how their files are laid out."""

from __future__ import annotations

import pyarrow as pa

from fakelake.catalog.schemas_models import MODEL_TABLES
from fakelake.catalog.table_spec import ATTEMPT, FRAME, RECIPE, RUN, TIME, TRACK, VIDEO, TableSpec, columns_of

__all__ = ["FORMAT", "SCHEMAS", "TABLES", "TableSpec"]

# Of the lake as a whole. Raise it when an older program could no longer write what a newer one expects to read.
# 2: the tables of the models (scores, calibrations, part_scores, near_matches, promotions).
# 3: drift. A program of format 2 would publish views without it, and current_drift would be gone until the next writer.
FORMAT = 3

LANDMARKS = pa.list_(pa.float32(), 10)
WINDOW = pa.list_(pa.int32(), 4)

_MEDIA_TABLES = (
    TableSpec(
        "videos",
        "One row a video and recipe: the commit record of everything that was made from it",
        columns_of(
            VIDEO,
            RECIPE,
            ATTEMPT,
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
            RUN,
            ("ingested_at", TIME, "time of the commit"),
        ),
        required=("video_id", "recipe_id", "attempt_id", "status"),
        sort_by=("video_id", "recipe_id"),
    ),
    TableSpec(
        "sources",
        "Where the bytes of a video were seen: one row a place, so one video can have several",
        columns_of(
            ("uri", pa.string(), "percent-encoded file:// or s3:// address"),
            ("name", pa.string(), "the file's name, for people"),
            VIDEO,
            ("dataset", pa.string(), "the data set it was ingested as"),
            ("bytes", pa.int64(), "size of the file"),
            ("mtime_ns", pa.int64(), "modification time of the file, nanoseconds since 1970"),
            RUN,
            ("seen_at", TIME, "when these bytes were found there"),
        ),
        required=("uri", "video_id"),
        sort_by=("video_id", "uri"),
    ),
    TableSpec(
        "frames",
        "One narrow row per face per frame",
        columns_of(
            VIDEO,
            TRACK,
            FRAME,
            ("pts_s", pa.float64(), "seconds from the first frame"),
            ("x1", pa.float32(), "left edge of the face box, pixels of the upright frame"),
            ("y1", pa.float32(), "top edge"),
            ("x2", pa.float32(), "right edge"),
            ("y2", pa.float32(), "bottom edge"),
            ("landmarks", LANDMARKS, "x, y of right eye, left eye, nose, right and left mouth corner; pixels"),
            ("det_score", pa.float32(), "the face detector's confidence, 0 to 1"),
            ("detected", pa.bool_(), "false: between two detections, the box is interpolated along the track"),
            ("sharpness", pa.float32(), "variance of the Laplacian of the grey crop"),
            RECIPE,
            ATTEMPT,
        ),
        required=("video_id", "track_id", "frame", "attempt_id"),
        sort_by=("video_id", "track_id", "frame"),
        row_group_rows=122_880,
        by_attempt=True,
    ),
    TableSpec(
        "crops",
        "Square pictures of faces, for the detector",
        columns_of(
            VIDEO,
            TRACK,
            FRAME,
            ("image", pa.binary(), "encoded picture, JPEG by default"),
            ("crop_px", pa.int32(), "side of the picture in pixels"),
            RECIPE,
            ATTEMPT,
        ),
        required=("video_id", "track_id", "frame", "image", "attempt_id"),
        sort_by=("video_id", "track_id", "frame"),
        row_group_rows=512,
        by_attempt=True,
    ),
    TableSpec(
        "portraits",
        "Pictures of a window that stays put over a clip, for the generator",
        columns_of(
            VIDEO,
            TRACK,
            ("clip_id", pa.string(), "frames of one window belong together"),
            FRAME,
            ("pts_s", pa.float64(), "seconds from the first frame"),
            ("window", WINDOW, "x1, y1, x2, y2 of the window, pixels of the upright frame"),
            ("image", pa.binary(), "encoded picture, JPEG by default"),
            RECIPE,
            ATTEMPT,
        ),
        required=("video_id", "track_id", "frame", "image", "attempt_id"),
        sort_by=("video_id", "track_id", "clip_id", "frame"),
        row_group_rows=512,
        by_attempt=True,
    ),
    TableSpec(
        "labels",
        "Append-only: every word on whether a video is real",
        columns_of(
            VIDEO,
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
        columns_of(
            VIDEO,
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
        columns_of(
            ("split_id", pa.string(), "the split"),
            VIDEO,
            ("part", pa.string(), "train, val or test"),
            ("group_id", pa.string(), "videos that share people; never cut apart"),
            ("extends", pa.string(), "the split that it took over, with its test part as it was; null: it began anew"),
        ),
        required=("split_id", "video_id", "part"),
        sort_by=("split_id", "video_id"),
    ),
    TableSpec(
        "quarantine",
        "What could not be used, wholly or in part, and what to do about it",
        columns_of(
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
            RECIPE,
            RUN,
            ("at", TIME, "when"),
        ),
        required=("uri", "stage", "error"),
        sort_by=("uri",),
    ),
    TableSpec(
        "runs",
        "What ran, with which settings, from which snapshot, with what outcome",
        columns_of(
            RUN,
            ("flow", pa.string(), "ingest, train_detector, ..."),
            ("outcome", pa.string(), "done, quarantined, failed or cancelled"),
            RECIPE,
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

_ALL = (*_MEDIA_TABLES, *MODEL_TABLES)
TABLES: dict[str, TableSpec] = {spec.name: spec for spec in _ALL}
SCHEMAS: dict[str, pa.Schema] = {spec.name: spec.schema for spec in _ALL}
