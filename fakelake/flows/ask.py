"""`fakelake sql`: a bounded SELECT, printed as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys

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
    for row in answer.to_pylist():
        shown.add_row(*(_cell(v) for v in row.values()))
    Console(width=None if sys.stdout.isatty() else 200).print(shown)
    print(f"{len(answer):,} row{'s' if len(answer) != 1 else ''}", file=sys.stderr)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def _csv(answer: pa.Table) -> None:
    out = csv.writer(sys.stdout)
    out.writerow(answer.column_names)
    out.writerows([_plain(v) for v in row.values()] for row in answer.to_pylist())


def _json(answer: pa.Table) -> None:
    rows = [{k: _plain(v) for k, v in row.items()} for row in answer.to_pylist()]
    print(json.dumps(rows, indent=1, ensure_ascii=False, default=str))


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
