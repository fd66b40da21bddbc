"""Many sorted Parquet files of a table into one, with rows in the table's order and memory bounded by row groups."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fakelake.catalog import duck
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import Part, PartWriter, conform
from fakelake.catalog.schemas import TABLES, TableSpec

PREFIX = "compact-"
BATCH_BYTES = 16 << 20


class FileDamaged(RuntimeError):
    """A file of a table is gone or cannot be read."""


def new_name() -> str:
    """What takes the place of an attempt id in the name of a file that holds rows of many committed attempts."""
    return f"{PREFIX}{uuid.uuid4().hex}"


def merge(lake: Lake, parts: Sequence[Part]) -> Part:
    """Write all rows of `parts` (files of one table) to a new file, sorted; it is not committed.

    Of tables written by attempts, only the keys of all rows are in memory, and of the rows one row group a file:
    those files are sorted, and a video's rows lie together. Other tables are narrow and in any order: they are
    sorted in memory. Raises FileDamaged.
    """
    spec = TABLES[parts[0].table]
    sources = [_Source(lake, spec, part) for part in parts]
    try:
        order = _order([source.keys() for source in sources], spec)
        with PartWriter(lake.location, spec.name, new_name()) as writer:
            for rows in _rows(sources, *order) if spec.by_attempt else _sorted(sources, *order):
                writer.write(rows)
            merged = writer.close()
    finally:
        for source in sources:
            source.close()
    if merged.rows != sum(part.rows for part in parts):
        lake.location.delete(f"{spec.name}/{merged.path}")
        raise FileDamaged(
            f"The files of {spec.name} hold {merged.rows} rows, their log says {sum(part.rows for part in parts)}. "
            "Run: fakelake catalog check"
        )
    return merged


class _Source:
    """Rows of one file by position, row group after row group."""

    def __init__(self, lake: Lake, spec: TableSpec, part: Part) -> None:
        self._spec, self._part = spec, part
        self._filesystem, root = duck.arrow_filesystem(lake.location)
        self._path = f"{root}/{spec.name}/{part.path}"
        self._file: pq.ParquetFile | None = None
        self._starts = np.zeros(1, np.int64)
        self._group: tuple[int, pa.Table] | None = None
        self._left = part.rows

    def keys(self) -> pa.Table:
        file = self._open()
        self._starts = np.cumsum([0] + [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)])
        self._left = int(self._starts[-1])
        there = [name for name in self._spec.sort_by if name in file.schema_arrow.names]
        schema = pa.schema([self._spec.schema.field(name) for name in self._spec.sort_by])
        table = conform(self._spec, file.read(columns=there), schema)
        # Dictionary-encoded, or the names of a million faces would be 64 MB of hex digits.
        self.close()
        return pa.table(
            {f.name: table[f.name].dictionary_encode() if pa.types.is_string(f.type) else table[f.name] for f in schema}
        )

    def all(self) -> pa.Table:
        return pa.concat_tables([self._read(group) for group in range(len(self._starts) - 1)])

    def take(self, start: int, length: int) -> Iterator[pa.Table]:
        """Rows [start, start + length) in slices of row groups."""
        self._left -= length
        while length:
            group = int(np.searchsorted(self._starts, start, side="right")) - 1
            offset = start - int(self._starts[group])
            n = min(length, int(self._starts[group + 1]) - start)
            yield self._read(group).slice(offset, n)
            start, length = start + n, length - n
        if not self._left:
            self._group = None
            self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close(force=True)
            self._file = None

    def _read(self, group: int) -> pa.Table:
        if self._group is None or self._group[0] != group:
            self._group = None  # before the next one is read: never two in memory
            file = self._open()
            known = [name for name in self._spec.schema.names if name in file.schema_arrow.names]
            try:
                self._group = group, conform(self._spec, file.read_row_group(group, columns=known))
            except (OSError, pa.ArrowException) as error:
                raise self._damaged(error) from error
            if file.num_row_groups == 1:  # thousands of small files must not stay open at once
                self.close()
        return self._group[1]

    def _open(self) -> pq.ParquetFile:
        if self._file is None:
            try:
                self._file = pq.ParquetFile(self._path, filesystem=self._filesystem)
            except (OSError, pa.ArrowException) as error:
                raise self._damaged(error) from error
        return self._file

    def _damaged(self, error: Exception) -> FileDamaged:
        return FileDamaged(f"{self._spec.name}/{self._part.path}: {error}. Run: fakelake catalog check --deep")


def _order(keys: Sequence[pa.Table], spec: TableSpec) -> tuple[np.ndarray, np.ndarray]:
    """For each row of the result, the file it comes from and its position there."""
    file = np.repeat(np.arange(len(keys), dtype=np.int32), [len(table) for table in keys])
    row = np.concatenate([np.arange(len(table), dtype=np.int64) for table in keys])
    table = pa.concat_tables(keys).unify_dictionaries()
    columns = [_ranks(table[name]) for name in spec.sort_by]
    order = np.lexsort((row, file, *reversed(columns)))
    return file[order], row[order]


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    """Numbers that sort as the values do; null first."""
    column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    if not pa.types.is_dictionary(column.type):
        return column.fill_null(-1).to_numpy(zero_copy_only=False)
    rank = np.empty(len(column.dictionary), np.int64)
    rank[pc.sort_indices(column.dictionary).to_numpy()] = np.arange(len(column.dictionary))
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(codes < 0, -1, rank[codes]) if len(rank) else codes


def _sorted(sources: Sequence[_Source], file: np.ndarray, row: np.ndarray) -> Iterator[pa.Table]:
    tables = [source.all() for source in sources]
    starts = np.cumsum([0] + [len(table) for table in tables])
    yield pa.concat_tables(tables).take(pa.array(starts[file] + row))


def _rows(sources: Sequence[_Source], file: np.ndarray, row: np.ndarray) -> Iterator[pa.Table]:
    starts = np.flatnonzero(np.r_[True, (np.diff(file) != 0) | (np.diff(row) != 1)])
    lengths = np.diff(np.r_[starts, len(file)])
    waiting: list[pa.Table] = []
    size = 0
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        for piece in sources[file[start]].take(int(row[start]), length):
            waiting.append(piece)
            size += piece.nbytes
            if size >= BATCH_BYTES:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
