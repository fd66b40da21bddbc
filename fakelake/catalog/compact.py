"""Few large files in the place of many small ones: the same rows, sorted, in the row groups that queries want.

An ingest leaves a file a video and table, and a query opens every file of the tables it names. The new files are
written beside the work of others; only the exchange, one transaction a file, is made under the lake's lock. The
old files stay for readers and for time travel until `vacuum`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fakelake.catalog import delta
from fakelake.catalog.failpoint import failpoint
from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.merge import merge
from fakelake.catalog.parts import Part
from fakelake.catalog.publish import publish
from fakelake.catalog.schemas import TABLES, TableSpec

TARGET_BYTES = 256 << 20
TARGET_BYTES_PICTURES = 512 << 20


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was exchanged in one table."""

    table: str
    files_before: int
    files_after: int
    rows: int
    bytes: int


def compact(lake: Lake, tables: Iterable[str] | None = None, *, target_bytes: int | None = None) -> list[Compacted]:
    """Merge all files below half the target size: 256 MiB, or 512 MiB for tables of pictures.

    Orphans of attempts that never were committed stay what they are. Raises FileDamaged, LakeBusy.
    """
    done = []
    for name in tables or TABLES:
        target = target_bytes or _target(TABLES[name])
        done.append(_exchange(lake, name, bins(_small(lake.parts(name), target), target)))
    return _published(lake, done)


def compact_if_needed(lake: Lake, small_files: int = 256, *, target_bytes: int | None = None) -> list[Compacted]:
    """Merge in each table that has at least `small_files` files as ingests leave them.

    In tables with a file a commit instead of a file a video a quarter of that is enough: commits read them too.
    Files of earlier compactions join only once what is new is of their size, so that each row is rewritten a few
    times and not at every turn.
    """
    done = []
    for name, spec in TABLES.items():
        target = target_bytes or _target(spec)
        enough = small_files if spec.by_attempt else -(-small_files // 4)
        if _fresh(_small(delta.parts_of(lake.table(name), name), target)) < enough:
            continue  # which attempts were committed need not be read to see this
        parts = _small(lake.parts(name), target)
        if _fresh(parts) >= enough:
            done.append(_exchange(lake, name, bins(_of_like_size(parts), target)))
    return _published(lake, done)


def bins(parts: Iterable[Part], target: int) -> list[list[Part]]:
    """Groups of files, each of about the target size; a group of one is not worth writing."""
    groups: list[list[Part]] = []
    size = target
    for part in parts:
        if size >= target:
            groups.append([])
            size = 0
        groups[-1].append(part)
        size += part.bytes
    return [group for group in groups if len(group) > 1]


def _target(spec: TableSpec) -> int:
    return TARGET_BYTES_PICTURES if spec.pictures else TARGET_BYTES


def _small(parts: Iterable[Part], target: int) -> list[Part]:
    return [part for part in parts if part.bytes < target / 2]


def _fresh(parts: Iterable[Part]) -> int:
    return sum(not part.compacted for part in parts)


def _of_like_size(parts: Iterable[Part]) -> list[Part]:
    taken = [part for part in parts if not part.compacted]
    size = sum(part.bytes for part in taken)
    for part in sorted((part for part in parts if part.compacted), key=lambda part: part.bytes):
        if part.bytes > 2 * size:
            break
        taken.append(part)
        size += part.bytes
    return taken


def _exchange(lake: Lake, name: str, groups: Sequence[Sequence[Part]]) -> Compacted:
    before = after = rows = size = 0
    for group in groups:
        merged = merge(lake, group)
        failpoint("compact_written")
        try:
            with lake_lock(lake.location) as held:
                held.check()
                delta.commit(lake.location, name, [merged], group, data_change=False)
        except delta.TableMoved:  # another compaction, or `forget`, was faster: its result counts
            lake.location.delete(f"{name}/{merged.path}")
            continue
        failpoint("compact_committed")
        before, after, rows, size = before + len(group), after + 1, rows + merged.rows, size + merged.bytes
    return Compacted(name, before, after, rows, size)


def _published(lake: Lake, done: Sequence[Compacted]) -> list[Compacted]:
    done = [table for table in done if table.files_before]
    if done:
        publish(lake)
    return done
