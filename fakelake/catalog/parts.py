"""Writing the Parquet files of a table, each whole before anyone can see it."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fakelake.catalog.delta import Part
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.schemas import TABLES, TableSpec

__all__ = ["Part", "PartWriter", "RowsRefused", "conform"]


class RowsRefused(ValueError):
    """Rows do not fit the table: an unknown column, a wrong type, or null where a value is required."""


def conform(spec: TableSpec, rows: pa.Table | pa.RecordBatch, schema: pa.Schema | None = None) -> pa.Table:
    """Rows with exactly the table's columns, in its order and types; absent columns become null.

    Raises RowsRefused.
    """
    schema = schema or spec.schema
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    if unknown := set(table.column_names) - set(schema.names):
        raise RowsRefused(f"{spec.name} has no column {', '.join(sorted(unknown))}")
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.chunked_array([pa.nulls(len(table), field.type)]))
        else:
            try:
                columns.append(table.column(field.name).cast(field.type))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise RowsRefused(f"{spec.name}.{field.name}: {error}") from None
        if field.name in spec.required and columns[-1].null_count:
            raise RowsRefused(f"{spec.name}.{field.name} is required, and {columns[-1].null_count} rows have none")
    return pa.Table.from_arrays(columns, schema=schema)


class PartWriter:
    """Writes `<attempt_id>-<n>.<columns>.parquet` of one table.

    The number of columns tells the views which files lack some, so that they need not open all to see.
    Rows gather until a row group is full, so memory stays at one row group. The file gets its name, or on S3
    is uploaded, only in `close`; until then nobody can take it for whole. Leaving a `with` block on an
    exception aborts.
    """

    def __init__(self, location: LakeLocation, table: str, attempt_id: str, n: int = 0) -> None:
        self._spec = TABLES[table]
        self._location = location
        self._name = f"{attempt_id}-{n}.{len(self._spec.schema)}.parquet"
        self._rows = 0
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        if location.is_local:
            directory = location.path(table)
            directory.mkdir(parents=True, exist_ok=True)
        else:
            directory = Path(tempfile.gettempdir())
        self._temporary = directory / f".{self._name}.{uuid.uuid4().hex}.tmp"
        self._writer = pq.ParquetWriter(
            self._temporary,
            self._spec.schema,
            compression={name: self._codec(name) for name in self._leaves()},
            # Statistics and dictionaries of pictures only cost: no one compares JPEGs.
            write_statistics=[name for name in self._leaves() if name not in self._spec.pictures],
            use_dictionary=[field.name for field in self._spec.schema if pa.types.is_string(field.type)],
        )

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, kind, value, trace) -> None:
        if kind is not None:
            self.abort()

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append rows, sorted as the caller sorted them. Raises RowsRefused."""
        table = conform(self._spec, rows)
        self._waiting.append(table)
        self._waiting_rows += len(table)
        self._rows += len(table)
        size = self._spec.row_group_rows
        if self._waiting_rows >= size:
            waiting = pa.concat_tables(self._waiting)
            whole = len(waiting) - len(waiting) % size
            self._writer.write_table(waiting.slice(0, whole), row_group_size=size)
            self._waiting, self._waiting_rows = [waiting.slice(whole)], len(waiting) - whole

    def close(self) -> Part:
        """Finish the file and give it its name."""
        try:
            if self._waiting_rows:
                table = pa.concat_tables(self._waiting)
                self._writer.write_table(table, row_group_size=self._spec.row_group_rows)
            self._writer.close()
            size = self._temporary.stat().st_size
            if self._location.is_local:
                self._temporary.replace(self._location.path(self._spec.name, self._name))
            else:
                self._location.store().put(f"{self._spec.name}/{self._name}", self._temporary)
        finally:
            self._temporary.unlink(missing_ok=True)
        return Part(self._spec.name, self._name, self._rows, size)

    def abort(self) -> None:
        """Throw away what was written."""
        with contextlib.suppress(OSError):  # a full disk must not hide the error that led here
            self._writer.close()
        self._temporary.unlink(missing_ok=True)

    def _codec(self, leaf: str) -> str:
        if leaf in self._spec.pictures:
            return "none"
        # Measurements hardly compress, and queries over all faces read them: with zstd these take twice the time.
        measured = leaf in self._spec.schema.names and pa.types.is_float32(self._spec.schema.field(leaf).type)
        return "lz4" if measured else "zstd"

    def _leaves(self) -> list[str]:
        """Column paths as Parquet names them: a list's values are a leaf below the column."""
        return [
            f"{field.name}.list.element" if pa.types.is_fixed_size_list(field.type) else field.name
            for field in self._spec.schema
        ]
