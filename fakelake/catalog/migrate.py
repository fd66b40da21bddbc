"""Bringing an older lake to what this program writes: missing tables and columns are added, nothing rewritten."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from deltalake import Field
from deltalake.schema import Schema

from fakelake.catalog import delta
from fakelake.catalog.lake import MARKER, Lake, LakeFormatError, LakeNotFound
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.publish import publish_locked
from fakelake.catalog.schemas import FORMAT, TABLES


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was added: tables, and columns as `table.column`."""

    from_format: int
    to_format: int
    tables: tuple[str, ...]
    columns: tuple[str, ...]


def migrate(root: str | os.PathLike[str] | LakeLocation, *, dry_run: bool = False) -> Migrated:
    """Migrate a lake in its place; interrupted, it is finished by running it again.

    Old rows have null in new columns. Columns that only a newer program knows are left alone.
    Raises LakeNotFound, LakeFormatError (the lake is newer, or a column has another type), LakeBusy.
    """
    location = root if isinstance(root, LakeLocation) else LakeLocation.from_str(root)
    marker = location.read_bytes(MARKER)
    if marker is None:
        raise LakeNotFound(f"There is no lake at {location.root}.")
    made = json.loads(marker)
    if made["format"] > FORMAT:
        raise LakeFormatError(
            f"The lake {location.root} has format {made['format']}, newer than this program's {FORMAT}: update it."
        )
    with lake_lock(location) as held:
        tables = tuple(name for name in TABLES if not _exists(location, name))
        missing = {name: _missing_columns(location, name) for name in TABLES if name not in tables}
        if not dry_run:
            for name in tables:
                delta.create_table(location, TABLES[name])
            for name, fields in missing.items():
                if fields:
                    held.check()
                    delta.open_table(location, name).alter.add_columns(fields)
            publish_locked(Lake(location), held)
            if made["format"] < FORMAT:  # last: with it the lake is whole
                now = datetime.now(UTC).isoformat(timespec="seconds")
                location.write_bytes(MARKER, json.dumps({**made, "format": FORMAT, "migrated_at": now}).encode())
    columns = tuple(f"{name}.{field.name}" for name, fields in missing.items() for field in fields)
    return Migrated(made["format"], FORMAT, tables, columns)


def _exists(location: LakeLocation, name: str) -> bool:
    return any(file.path.endswith(".json") for file in location.files(f"{name}/_delta_log"))


def _missing_columns(location: LakeLocation, name: str) -> list[Field]:
    there = {field.name: field for field in delta.open_table(location, name).schema().fields}
    wanted = Schema.from_arrow(pa.schema([field for field in TABLES[name].schema])).fields
    for field in wanted:
        if field.name in there and there[field.name].type != field.type:
            raise LakeFormatError(
                f"{name}.{field.name} in {location.root} has the type {there[field.name].type}, this program writes "
                f"{field.type}. Use the program that made the lake."
            )
    return [field for field in wanted if field.name not in there]
