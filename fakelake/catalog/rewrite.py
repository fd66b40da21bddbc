"""Taking single rows out of a table, by writing anew the files that hold them."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fakelake.catalog import delta, duck
from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import Held
from fakelake.catalog.merge import new_name
from fakelake.catalog.parts import Part, PartWriter, conform
from fakelake.catalog.schemas import TABLES

Match = Mapping[str, Collection[str]]


def drop_rows(lake: Lake, held: Held, table: str, match: Match, instead: Sequence[Part] = ()) -> int:
    """Take the rows that match out of the current version, in one transaction; return how many they were.

    match:   one column -> its values, e.g. {"video_id": {...}}
    instead: files with rows that come in the same transaction. The old files stay on disk.
    """
    add, remove, dropped = list(instead), [], 0
    for part in delta.parts_of(lake.table(table), table):
        if n := holds(lake, table, part.path, match):
            dropped += n
            remove.append(part)
            if n < part.rows:
                add.append(without(lake, table, part.path, match))
    if add or remove:
        held.check()
        delta.commit(lake.location, table, add, remove)
    return dropped


def scrub(lake: Lake, table: str, match: Match) -> int:
    """Take the rows that match out of every other file that lies in the table's directory, in its place.

    Those are files of older versions, which stay readable, without these rows, and of attempts that came to nothing.
    Returns how many files were replaced.
    """
    current = {part.path for part in delta.parts_of(lake.table(table), table)}
    replaced = 0
    for file in list(lake.location.files(table)):
        path = file.path.removeprefix(f"{table}/")
        if path in current or "/" in path or not path.endswith(".parquet") or not holds(lake, table, path, match):
            continue
        clean = without(lake, table, path, match)
        with tempfile.TemporaryDirectory(prefix="fakelake-") as directory:
            copy = Path(directory, "part")
            lake.location.download(f"{table}/{clean.path}", copy)
            lake.location.upload(copy, file.path)
        lake.location.delete(f"{table}/{clean.path}")
        replaced += 1
    return replaced


def holds(lake: Lake, table: str, path: str, match: Match) -> int:
    """How many rows of a file match. Row groups whose statistics exclude all values are not read."""
    ((column, values),) = match.items()
    wanted = sorted(values)
    with _open(lake, table, path) as file:
        if column not in file.schema_arrow.names:
            return 0
        groups = [g for g in range(file.num_row_groups) if _may_hold(file.metadata.row_group(g), column, wanted)]
        if not groups:
            return 0
        found = file.read_row_groups(groups, columns=[column]).column(0)
        return pc.sum(pc.is_in(found, pa.array(wanted, pa.string()))).as_py() or 0


def without(lake: Lake, table: str, path: str, match: Match) -> Part:
    """Write the rows of a file that do not match to a new one, row group by row group; it is not committed."""
    ((column, values),) = match.items()
    spec = TABLES[table]
    with _open(lake, table, path) as file, PartWriter(lake.location, table, new_name()) as writer:
        known = [name for name in spec.schema.names if name in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            rows = conform(spec, file.read_row_group(group, columns=known))
            doomed = pc.is_in(rows[column], pa.array(sorted(values), pa.string()))
            writer.write(rows.filter(pc.invert(doomed)))
        return writer.close()


def _open(lake: Lake, table: str, path: str) -> pq.ParquetFile:
    filesystem, root = duck.arrow_filesystem(lake.location)
    return pq.ParquetFile(f"{root}/{table}/{path}", filesystem=filesystem)


def _may_hold(group: pq.RowGroupMetaData, column: str, wanted: Sequence[str]) -> bool:
    leaves = (group.column(i) for i in range(group.num_columns))
    statistics = next(leaf.statistics for leaf in leaves if leaf.path_in_schema == column)
    if statistics is None or not statistics.has_min_max:
        return True
    return any(statistics.min <= value <= statistics.max for value in wanted)
