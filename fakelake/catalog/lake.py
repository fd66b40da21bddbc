"""A lake: opening it, reading its tables, adding rows to them."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from fakelake.catalog import delta, duck
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.lock import LOCK_FILE, Held, lake_lock
from fakelake.catalog.parts import Part, PartWriter, RowsRefused, conform
from fakelake.catalog.schemas import FORMAT, TABLES

MARKER = "lake.json"  # written last: with it, the lake is whole


class LakeNotFound(FileNotFoundError):
    """There is no lake at that address."""


class LakeFormatError(RuntimeError):
    """The lake was made by a program whose format this one does not read or write."""


class Lake:
    """Handle on a lake: its address and, for time travel, the table versions to read.

    Cheap, picklable, holds no file open.
    """

    def __init__(self, location: LakeLocation, versions: Mapping[str, int] | None = None) -> None:
        self.location = location
        self.versions = dict(versions) if versions is not None else None

    @classmethod
    def create(cls, root: str | os.PathLike[str] | LakeLocation) -> Lake:
        """Make an empty lake and publish its views. Raises FileExistsError where something else lies already."""
        location = _location(root)
        if location.read_bytes(MARKER) is not None:
            raise FileExistsError(f"There is a lake at {location.root} already.")
        return cls._create(location)

    @classmethod
    def open(cls, root: str | os.PathLike[str] | LakeLocation, create: bool = False) -> Lake:
        """Open a lake; with `create`, make it where there is none (several processes may do so at once).

        Raises LakeNotFound, LakeFormatError, FileExistsError.
        """
        location = _location(root)
        marker = location.read_bytes(MARKER)
        if marker is None:
            if create:
                return cls._create(location)
            raise LakeNotFound(
                f"There is no lake at {location.root}. Name another with --lake, or make one by ingesting."
            )
        made = json.loads(marker)["format"]
        if made > FORMAT:
            raise LakeFormatError(
                f"The lake {location.root} has format {made}, newer than this program's {FORMAT}: update it."
            )
        if made < FORMAT:
            raise LakeFormatError(
                f"The lake {location.root} has format {made}, this program writes {FORMAT}. "
                "Run: fakelake catalog migrate"
            )
        return cls(location)

    @classmethod
    def _create(cls, location: LakeLocation) -> Lake:
        from fakelake.catalog.publish import publish_locked

        # Servers may keep their own records there before there is anything else.
        strangers = (file for file in location.files() if not file.path.startswith("_up/"))
        if location.size(LOCK_FILE) is None and (stranger := next(strangers, None)):
            raise FileExistsError(
                f"{location.root} is not empty and not a lake (it holds {stranger.path!r}). Choose another directory."
            )
        lake = cls(location)
        with lake_lock(location) as held:
            if location.read_bytes(MARKER) is None:
                for spec in TABLES.values():
                    delta.create_table(location, spec)
                publish_locked(lake, held)
                marker = {"format": FORMAT, "created_at": datetime.now(UTC).isoformat(timespec="seconds")}
                location.write_bytes(MARKER, json.dumps(marker).encode())
        return lake

    def at(self, snapshot: Mapping[str, int]) -> Lake:
        """The lake as it was at a snapshot, for reading."""
        return Lake(self.location, snapshot)

    def snapshot(self) -> dict[str, int]:
        """Table versions that belong together: those of the latest publication."""
        from fakelake.catalog.publish import published

        if self.versions is not None:
            return dict(self.versions)
        latest = published(self.location)
        return dict(latest.versions) if latest else {name: self.table(name).version() for name in TABLES}

    def table(self, name: str) -> DeltaTable:
        """A fresh Delta handle."""
        return delta.open_table(self.location, name, (self.versions or {}).get(name))

    def parts(self, name: str) -> list[Part]:
        """The files whose rows count.

        For tables written by attempts these are the files of committed attempts and those that compaction made.
        """
        if not TABLES[name].by_attempt:
            return delta.parts_of(self.table(name), name)
        # In this order: what a videos row vouches for was committed before it.
        attempts = self.read("videos", ["attempt_id"]).column(0)
        return committed_parts(delta.parts_of(self.table(name), name), attempts)

    def read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows of a table, only committed ones. `where` is an Arrow expression, e.g. `pc.field("video_id") == x`."""
        lake = self if version is None else self.at({**(self.versions or {}), name: version})
        return lake.read_parts(lake.parts(name), name, columns, where)

    def read_parts(
        self, parts: Iterable[Part], name: str, columns: Sequence[str] | None = None, where: pc.Expression | None = None
    ) -> pa.Table:
        """Rows of some files of a table; columns that a file was written without are null."""
        schema = TABLES[name].schema
        filesystem, root = duck.arrow_filesystem(self.location)
        files = [f"{root}/{name}/{part.path}" for part in parts]
        if not files:
            return schema.empty_table().select(list(columns or schema.names))
        rows = ds.dataset(files, schema=schema, format="parquet", filesystem=filesystem)
        return rows.to_table(columns=list(columns) if columns is not None else None, filter=where)

    def append(self, name: str, rows: Sequence[Mapping[str, object]] | pa.Table, *, publish: bool = True) -> None:
        """Add rows to a table that is not written by attempts; absent columns become null.

        Raises RowsRefused for rows that do not fit, LakeBusy.
        """
        from fakelake.catalog.publish import publish_locked

        if TABLES[name].by_attempt or name == "videos":
            raise RowsRefused(f"{name} is written by commit_videos only.")
        part = self.write_rows(name, rows)
        with lake_lock(self.location) as held:
            self.commit_part(part, held)
            if publish:
                publish_locked(self, held)

    def write_rows(self, name: str, rows: Sequence[Mapping[str, object]] | pa.Table) -> Part | None:
        """Write rows to a file of their own, not yet part of the table; None for no rows. Raises RowsRefused."""
        if self.versions is not None:
            raise RowsRefused("A past snapshot is for reading.")
        table = rows if isinstance(rows, pa.Table) else from_rows(name, rows)
        if not len(table):
            return None
        with PartWriter(self.location, name, uuid.uuid4().hex) as writer:
            writer.write(table)
            return writer.close()

    def commit_part(self, part: Part | None, held: Held, *, at_version: int | None = None) -> None:
        """Make a written file part of its table. Raises TableMoved if the table has left `at_version`."""
        if part is not None:
            held.check()
            delta.commit(self.location, part.table, [part], at_version=at_version)

    def views_sql(self) -> str:
        """The SQL that makes the views, as last published, or as of this handle's snapshot."""
        from fakelake.catalog.publish import CATALOG_SQL
        from fakelake.catalog.views import parse_header, plan

        sql = "" if self.versions is not None else (self.location.read_bytes(CATALOG_SQL) or b"").decode()
        latest = parse_header(sql)
        if latest is None or latest.root != self.location.root:
            # A snapshot, or a lake that was moved since: the published paths do not hold.
            return plan(self).to_sql()
        return sql

    def connect(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB connection with the views."""
        connection = duck.connect(self.location)
        connection.execute(self.views_sql())
        return connection

    def ready_keys(self, recipe_id: str) -> set[str]:
        """video_id of everything that is done under a recipe, with or without a face."""
        return set(self.read("videos", ["video_id"], pc.field("recipe_id") == recipe_id).column(0).to_pylist())


def committed_parts(parts: Sequence[Part], attempts: pa.ChunkedArray) -> list[Part]:
    """Of a table's files, those that compaction made and those of the given attempts.

    There are few files and, in a large lake, millions of attempts: Arrow looks through these, not Python.
    """
    asked = pa.array({part.attempt_id for part in parts if not part.compacted}, pa.string())
    found = set(pc.filter(attempts, pc.is_in(attempts, asked)).to_pylist()) if len(asked) else set()
    return [part for part in parts if part.compacted or part.attempt_id in found]


def one_of(column: str, values: Iterable[str]) -> pc.Expression:
    """A `where` for `read`: the column has one of these texts; of no values, no row fits."""
    return pc.field(column).isin(pa.array(sorted(set(values)), pa.string()))


def from_rows(name: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Rows as an Arrow table of the table's schema. Raises RowsRefused."""
    spec = TABLES[name]
    if unknown := {column for row in rows for column in row} - set(spec.schema.names):
        raise RowsRefused(f"{name} has no column {', '.join(sorted(unknown))}")
    try:
        return conform(spec, pa.Table.from_pylist([dict(row) for row in rows], schema=spec.schema))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise RowsRefused(f"{name}: {error}") from None


def _location(root: str | os.PathLike[str] | LakeLocation) -> LakeLocation:
    return root if isinstance(root, LakeLocation) else LakeLocation.from_str(root)
