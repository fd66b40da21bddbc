"""What a lake says, as one number: equal for two lakes that hold the same, whichever runs brought it there."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from fakelake.catalog.duck import connect
from fakelake.catalog.lake import Lake
from fakelake.catalog.schemas import TABLES
from fakelake.catalog.views import plan

# Who wrote a row, when, and at which try. mtime_ns is the time of a copy, not of a content.
_CIRCUMSTANCE = {"run_id", "attempt_id", "attempts", "worker_log", "mtime_ns"}

# Of trouble, only what is still open: a fault that a later try overcame left no mark on the content.
_VIEW = {"quarantine": "open_quarantine"}


def content_hash(lake: Lake) -> str:
    """SHA-256 over the rows of all tables in sorted order, pictures included, runs, attempts and times left out.

    Reads the lake as it is now, published or not.
    """
    digest = hashlib.sha256()
    with connect(lake.location) as connection:
        connection.execute(plan(lake).to_sql())
        for name in TABLES:
            if name == "runs":
                continue
            digest.update(f"table {name}\n".encode())
            rows = connection.execute(
                f"SELECT sha256({_as_text(name)}) AS row_hash FROM {_VIEW.get(name, name)} ORDER BY row_hash"
            )
            while batch := rows.fetchmany(100_000):
                digest.update("".join(row_hash + "\n" for (row_hash,) in batch).encode())
    return digest.hexdigest()


def content_columns(name: str) -> list[str]:
    """The columns of a table that say something about the videos rather than about the run."""
    return [
        field.name
        for field in TABLES[name].schema
        if field.name not in _CIRCUMSTANCE and not pa.types.is_timestamp(field.type)
    ]


def _as_text(name: str) -> str:
    pictures = TABLES[name].pictures
    values = ", ".join(
        f'"{column}" := ' + (f'sha256("{column}")' if column in pictures else f'"{column}"')
        for column in content_columns(name)
    )
    return f"to_json(struct_pack({values}))::VARCHAR"
