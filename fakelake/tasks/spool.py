"""Rows of one video segment on local disk until its tracks are known: one Arrow IPC file a table.

Pictures never pile up in memory: they are appended in batches and read back through a memory map.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType

import pyarrow as pa

FRAMES = pa.schema(
    [
        ("tracklet", pa.int32()),
        ("frame", pa.int64()),
        ("pts_s", pa.float64()),
        ("x1", pa.float32()),
        ("y1", pa.float32()),
        ("x2", pa.float32()),
        ("y2", pa.float32()),
        ("landmarks", pa.list_(pa.float32(), 10)),
        ("det_score", pa.float32()),
        ("detected", pa.bool_()),
        ("sharpness", pa.float32()),
    ]
)
CROPS = pa.schema([("tracklet", pa.int32()), ("frame", pa.int64()), ("image", pa.binary())])
PORTRAITS = pa.schema(
    [
        ("tracklet", pa.int32()),
        ("frame", pa.int64()),
        ("pts_s", pa.float64()),
        ("clip_id", pa.int64()),
        ("window", pa.list_(pa.int32(), 4)),
        ("image", pa.binary()),
    ]
)
SCHEMAS = {"frames": FRAMES, "crops": CROPS, "portraits": PORTRAITS}
ROWS_A_BATCH = 128


class Spool:
    """`with Spool(directory) as spool: spool.add("crops", (tracklet, frame, image))`. A directory holds one segment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._pending: dict[str, list[tuple]] = {name: [] for name in SCHEMAS}

    def __enter__(self) -> Spool:
        self._writers = {
            name: pa.ipc.new_file(str(self.directory / f"{name}.arrow"), schema) for name, schema in SCHEMAS.items()
        }
        return self

    def add(self, table: str, row: tuple) -> None:
        """Append one row, its values in the order of the table's schema."""
        pending = self._pending[table]
        pending.append(row)
        if len(pending) >= ROWS_A_BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows, self._pending[table] = self._pending[table], []
        if rows:
            schema = SCHEMAS[table]
            columns = [
                pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            self._writers[table].write_batch(pa.record_batch(columns, schema=schema))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table, writer in self._writers.items():
            if kind is None:
                self._flush(table)
            writer.close()


class SpooledTable:
    """The rows of a spooled table, memory-mapped: what was read stays in memory until `let_go`."""

    def __init__(self, directory: Path, table: str) -> None:
        with (directory / f"{table}.arrow").open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.rows: pa.Table = pa.ipc.open_file(pa.py_buffer(self._map)).read_all()

    def let_go(self) -> None:
        """Count none of the file as this process's memory; rows stay valid, and are mapped again when touched."""
        self._map.madvise(mmap.MADV_DONTNEED)


def read_spool(directory: Path, table: str) -> pa.Table:
    """The rows of a spooled table, memory-mapped."""
    return SpooledTable(directory, table).rows
