"""SQL that moderators type: the cookbook, the lake's views to look at, and the bounded run of one SELECT."""

from __future__ import annotations

import csv
import io
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import fakelake.catalog
from fakelake.catalog.guard import SqlRefused, run_select
from fakelake.catalog.lake import Lake
from fakelake.review.service.problem import Busy
from fakelake.review.service.reader import LakeReader

TIME_S = 20.0
MEMORY = "1GB"
ANSWER_BYTES = 64 << 20
AT_ONCE = 2  # each is a process of up to 2 GB beside the desk
ROWS, COLUMNS, LETTERS = 500, 60, 400  # that a page shows
LONG = 45  # letters; such a text goes over several lines
QUESTION_LETTERS = 20_000
_places = threading.BoundedSemaphore(AT_ONCE)

__all__ = ["Answer", "Cell", "SqlBusy", "SqlRefused", "ask", "cell", "cookbook", "csv_lines", "views"]


class SqlBusy(Busy):
    """As many questions run as may."""

    def __init__(self) -> None:
        said = f"{AT_ONCE} questions run already, and more would slow the desk down."
        super().__init__("The SQL page is busy", said, "Go back and try again in a moment.")


@dataclass(frozen=True, slots=True)
class Cell:
    """kind: number, null, bytes, text, or long: a text of many words."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Answer:
    """columns: (name, whether it is of numbers); total: rows there are, of which the first ROWS are shown."""

    columns: list[tuple[str, bool]]
    rows: list[list[Cell]]
    total: int
    total_columns: int
    seconds: float


def ask(lake: Lake, sql: str) -> Answer:
    """Raises SqlRefused with the reason in words, SqlBusy."""
    start = time.monotonic()
    answer = _run(lake, sql)
    seconds = time.monotonic() - start
    shown = answer.slice(0, ROWS)
    columns = shown.columns[:COLUMNS]
    kinds = [column.type for column in columns]
    numbers = [pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t) for t in kinds]
    values = [[cell(value) for value in _values(_cut(column))] for column in columns]
    return Answer(
        columns=list(zip(answer.column_names, numbers, strict=False)),
        rows=[list(row) for row in zip(*values, strict=True)],
        total=len(answer),
        total_columns=answer.num_columns,
        seconds=seconds,
    )


def csv_lines(lake: Lake, sql: str) -> Iterator[str]:
    """The whole answer, its header first; the question has been run when this returns. Raises SqlRefused, SqlBusy."""
    answer = _run(lake, sql)

    def lines() -> Iterator[str]:
        yield _csv_line(answer.column_names)
        for batch in answer.to_batches(1000):
            for row in zip(*(_values(column) for column in batch.columns), strict=True):
                yield _csv_line(row)

    return lines()


def cell(value: object) -> Cell:
    """As a page shows a value; cut where it is long."""
    if value is None:
        return Cell("NULL", "null")
    if isinstance(value, bool):
        return Cell("true" if value else "false", "text")
    if isinstance(value, int | Decimal):
        return Cell(f"{value:,}", "number")
    if isinstance(value, float):
        return Cell(f"{value:,.1f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}", "number")
    if isinstance(value, bytes):
        return Cell(_size(len(value)), "bytes")
    if isinstance(value, datetime):
        return Cell(f"{value:%Y-%m-%d %H:%M:%S}", "text")
    text = f"{value}"
    return Cell(text if len(text) <= LETTERS else text[: LETTERS - 1] + "…", "long" if len(text) > LONG else "text")


@cache
def cookbook() -> dict[str, str]:
    """Question -> SQL."""
    text = Path(fakelake.catalog.__file__).with_name("cookbook.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (.*)$", text, flags=re.MULTILINE)[1:]
    return {name.strip(): sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def views(reader: LakeReader) -> list[dict[str, object]]:
    """What can be asked: name, comment and columns (name, type, comment) of each view. Raises LakeBusyNow."""
    found: dict[str, dict[str, object]] = {
        row["view_name"]: {"name": row["view_name"], "comment": row["comment"] or "", "columns": []}
        for row in reader.rows("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY view_name")
    }
    sql = """SELECT table_name, column_name AS name, data_type AS type, coalesce(comment, '') AS comment
             FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index"""
    for row in reader.rows(sql):
        if row["table_name"] in found:  # not the reader's own `desk`
            found[row.pop("table_name")]["columns"].append(row)
    return list(found.values())


def _run(lake: Lake, sql: str) -> pa.Table:
    if not sql.strip():
        raise SqlRefused("There is no question. Type one, or take one of the cookbook.")
    if len(sql) > QUESTION_LETTERS:
        raise SqlRefused(f"This is too long: at most {QUESTION_LETTERS:,} letters.")
    if "\0" in sql:
        raise SqlRefused("There is a NUL character in this text. Type it again.")
    with _place():
        return run_select(lake, sql, timeout_s=TIME_S, memory=MEMORY, max_bytes=ANSWER_BYTES)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise SqlBusy()
    try:
        yield
    finally:
        _places.release()


def _values(column: pa.ChunkedArray | pa.Array) -> list[object]:
    """Values that Python has no type for, e.g. of nanoseconds or of year 12000, as Arrow writes them."""
    try:
        return column.to_pylist()
    except (ValueError, OverflowError, ImportError, pa.ArrowException):
        return [None if text is None else str(text) for text in column.cast(pa.string()).to_pylist()]


def _cut(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Long lists as far as a cell could show them: as Python's own values they take many times the memory."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pc.list_slice(column, 0, LETTERS)
    return column


def _csv_line(row: Iterator[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(_plain(value) for value in row)
    return out.getvalue()


def _plain(value: object) -> object:
    """Bytes as hex. A text that a spreadsheet would take for a formula gets a ' before it: names are anybody's."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | Mapping | str):
        text = f"{value}"
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
    return value


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    size, unit = next(
        (count / 10**power, unit) for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")) if count >= 10**power
    )
    return f"{size:.3g} {unit}"
