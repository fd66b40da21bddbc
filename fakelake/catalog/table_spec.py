"""What a table of the lake is described by, and the columns that many tables share."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")

Column = tuple[str, pa.DataType, str]


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


def columns_of(*columns: Column) -> pa.Schema:
    """A schema of (name, type, comment)."""
    return pa.schema([pa.field(name, kind, metadata={"comment": comment}) for name, kind, comment in columns])


VIDEO = ("video_id", pa.string(), "SHA-256 of the file's bytes, hex")
RECIPE = ("recipe_id", pa.string(), "hash of the settings that made these rows")
ATTEMPT = ("attempt_id", pa.string(), "the one attempt at this video that was committed")
RUN = ("run_id", pa.string(), "the run that wrote the row, see runs")
TRACK = ("track_id", pa.int32(), "one face followed through one shot")
FRAME = ("frame", pa.int64(), "0-based, in presentation order over the whole video")
