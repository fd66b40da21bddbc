"""Checks of files: is each there, whole and readable, and is there anything that belongs to nothing?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from fakelake.catalog import delta, duck
from fakelake.catalog.delta import Part
from fakelake.catalog.delta_log import read_log
from fakelake.catalog.finding import Finding
from fakelake.catalog.lake import Lake, committed_parts
from fakelake.catalog.schemas import SCHEMAS, TABLES
from fakelake.catalog.staging import STAGING

THREADS = 4
RESTORE = (
    "Put the file back from a backup. Without one: `fakelake catalog rebuild --accept-loss` drops the videos that "
    "are not whole, and the next ingest brings them again."
)


def damage(lake: Lake, part: Part, size: int | None, deep: bool) -> str | None:
    """What is wrong with a file of a table, or None. `size` is that of the file as it lies there."""
    if size is None:
        return "is gone"
    if size != part.bytes:
        return f"has {size:,} bytes instead of {part.bytes:,}"
    filesystem, root = duck.arrow_filesystem(lake.location)
    try:
        with pq.ParquetFile(f"{root}/{part.table}/{part.path}", filesystem=filesystem) as file:
            if file.metadata.num_rows != part.rows:
                return f"holds {file.metadata.num_rows:,} rows instead of {part.rows:,}"
            if deep:
                for group in range(file.num_row_groups):
                    file.read_row_group(group)
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read: {error}"
    return None


def survey(lake: Lake, *, deep: bool = False) -> tuple[dict[str, list[Part]], dict[Part, str]]:
    """Per table the files whose rows count, and of all of them those that are lost or broken, and how."""
    counted: dict[str, list[Part]] = {}
    found: dict[Part, str] = {}
    attempts = SCHEMAS["videos"].empty_table()["attempt_id"]
    with ThreadPoolExecutor(THREADS) as pool:
        for name, spec in TABLES.items():  # videos first: it says whose rows count
            parts = delta.parts_of(lake.table(name), name)
            if spec.by_attempt:
                parts = committed_parts(parts, attempts)
            sizes = {file.path.removeprefix(f"{name}/"): file.bytes for file in lake.location.files(name)}
            texts = pool.map(lambda part, sizes=sizes: damage(lake, part, sizes.get(part.path), deep), parts)
            found |= {part: text for part, text in zip(parts, texts, strict=True) if text}
            if name == "videos":
                healthy = [part for part in parts if part not in found]
                attempts = lake.read_parts(healthy, name, ["attempt_id"]).column(0)
            counted[name] = parts
    return counted, found


def describe(damaged: Mapping[Part, str]) -> Iterator[Finding]:
    """One finding a file that is lost or broken."""
    for part, text in damaged.items():
        rule = "file missing" if text == "is gone" else "file broken"
        yield Finding(rule, f"{part.table}/{part.path}", f"The file {text}; {part.rows:,} rows are in it.", RESTORE)


def check_unnamed(lake: Lake, parts: Mapping[str, Sequence[Part]]) -> Iterator[Finding]:
    """Files that take room and that no reader ever takes a row from."""
    for name, spec in TABLES.items():
        log = read_log(lake.location, name)
        named = {life.part.path for life in log.files}
        strangers = [
            file for file in lake.location.files(name)
            if "/_delta_log/" not in file.path and file.path.removeprefix(f"{name}/") not in named
        ]  # fmt: skip
        if strangers:
            yield Finding(
                "orphan files", name,
                f"{len(strangers)} files ({_size(strangers)}) are in no version, e.g. {strangers[0].path}.",
                "Nothing, while an ingest runs: it may commit them yet. Else `fakelake catalog vacuum` removes them.",
                fault=False,
            )  # fmt: skip
        if spec.by_attempt:
            counted = set(parts[name])
            dead = [part for part in delta.parts_of(lake.table(name), name) if part not in counted]
            if dead:
                yield Finding(
                    "attempt without a video", name,
                    f"{len(dead)} files ({_size(dead)}) were committed by attempts that died before their videos row. "
                    "No view shows them.",
                    "`fakelake catalog vacuum` removes them.",
                    fault=False,
                )  # fmt: skip
    if staged := list(lake.location.files(STAGING)):
        yield Finding(
            "staged segments", STAGING, f"{len(staged)} files ({_size(staged)}) of long videos wait to be joined.",
            "Nothing, while an ingest runs. Else `fakelake catalog vacuum` removes them.", fault=False,
        )  # fmt: skip


def _size(files: Sequence[object]) -> str:
    return f"{sum(file.bytes for file in files) / 1e6:,.1f} MB"
