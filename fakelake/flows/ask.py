"""`fakelake sql`: a bounded SELECT, printed as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from math import isfinite

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from fakelake.catalog.guard import run_select
from fakelake.catalog.lake import Lake

FORMATS = ("table", "csv", "json")
CELL = 60


def ask(query: str, lake: str, format_: str, timeout_s: float) -> int:
    """Answer `query` on stdout. Raises SqlRefused, LakeNotFound."""
    if format_ not in FORMATS:
        raise ValueError(f"--format {format_}: choose one of {', '.join(FORMATS)}.")
    answer = run_select(Lake.open(lake), query, timeout_s=timeout_s)
    {"table": _table, "csv": _csv, "json": _json}[format_](answer)
    return 0


def _table(answer: pa.Table) -> None:
    shown = Table(show_edge=False)
    for name, type_ in zip(answer.column_names, answer.schema.types, strict=True):
        numeric = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in _rows(answer):
        shown.add_row(*(_cell(v) for v in row))
    # File names may hold what looks like markup.
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(shown)
    print(f"{len(answer):,} row{'s' if len(answer) != 1 else ''}", file=sys.stderr)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
    text = str(value)
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def _csv(answer: pa.Table) -> None:
    out = csv.writer(sys.stdout)
    out.writerow(answer.column_names)
    out.writerows([_plain(v) for v in row] for row in _rows(answer))


def _json(answer: pa.Table) -> None:
    rows = [dict(zip(answer.column_names, map(_plain, row), strict=True)) for row in _rows(answer)]
    print(json.dumps(rows, indent=1, ensure_ascii=False, default=str))


def _rows(answer: pa.Table) -> Iterator[tuple]:
    """Values by position: two columns of one name both count."""
    return zip(*(column.to_pylist() for column in answer.columns), strict=True)


def _plain(value: object) -> object:
    """Bytes as hex; JSON has no word for what is not a number."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value
