"""The SQL that turns a lake's files into tables: one text, for catalog.duckdb and for catalog.sql."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fakelake.catalog import delta
from fakelake.catalog.duck import quote, quote_file
from fakelake.catalog.lake import Lake, committed_parts
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.schemas import SCHEMAS, TABLES

HEADER = "-- publication: "

# What has no videos row does not exist, a place where a file lies included. Only a commit that was cut short leaves
# such rows, so the condition, which costs every query a join, is there only when it is needed.
_ONLY_ROWS = {"sources": "video_id IN (SELECT video_id FROM videos)"}


@dataclass(frozen=True, slots=True)
class Publication:
    """What a set of views shows: the lake's root, each table's Delta version, and each table's files (addresses).

    with_strays: tables that hold rows of videos that do not exist, which their views leave out
    with_narrow: tables that hold files from before a column was added
    """

    root: str
    versions: Mapping[str, int]
    files: Mapping[str, tuple[str, ...]]
    published_at: str
    with_strays: frozenset[str] = frozenset()
    with_narrow: frozenset[str] = frozenset()

    def older_than(self, versions: Mapping[str, int]) -> bool:
        """Whether any table would go back."""
        return any(self.versions.get(name, -1) < version for name, version in versions.items())

    def to_sql(self) -> str:
        """Statements that make every view; they can be run again over an older catalog."""
        header = {"root": self.root, "versions": dict(self.versions), "published_at": self.published_at}
        lines = [
            f"{HEADER}{json.dumps(header)}",
            "-- The views of a fakelake lake. Open a shell on them: duckdb -init catalog.sql",
        ]
        if self.root.startswith("s3://"):
            lines += [
                "-- The files are on S3. Before this file, let DuckDB in, e.g.:",
                "--   INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);",
            ]
        return "\n".join([*lines, self.tables_sql(), own_sql()]) + "\n"

    def tables_sql(self) -> str:
        """The part that names this lake's files: a view a table, and the one that says what is published."""
        return "\n".join([*(self._table_view(name) for name in TABLES), self._own_view()])

    def _table_view(self, name: str) -> str:
        files = ",\n  ".join(quote_file(file) for file in self.files[name])
        # union_by_name: files from before a column was added lack it. To bind such a view DuckDB opens every file,
        # so only where there are such. Hive partitioning: a directory a=b above the lake must not become a column.
        union = "union_by_name = true, " if name in self.with_narrow else ""
        source = f"read_parquet([\n  {files}\n], {union}hive_partitioning = false)"
        condition = f"\nWHERE {_ONLY_ROWS[name]}" if name in self.with_strays else ""
        comments = "".join(
            f"\nCOMMENT ON COLUMN {name}.{_identifier(field.name)} IS {quote(field.metadata[b'comment'].decode())};"
            for field in TABLES[name].schema
        )
        return (
            f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {source}{condition};\n"
            f"COMMENT ON VIEW {name} IS {quote(TABLES[name].comment)};{comments}"
        )

    def _own_view(self) -> str:
        rows = ", ".join(f"({quote(name)}, {version})" for name, version in self.versions.items())
        return (
            "CREATE OR REPLACE VIEW publication AS SELECT table_name, version, "
            f"TIMESTAMPTZ {quote(self.published_at)} AS published_at FROM (VALUES {rows}) AS t(table_name, version);"
        )


def plan(lake: Lake) -> Publication:
    """Read which files each view has to list, as of now or of the lake's snapshot.

    Writes the zero-row file that each view starts with, where it is not there yet.
    """
    versions, files, strays, narrow = {}, {}, set(), set()
    committed = SCHEMAS["videos"].empty_table()
    for name, spec in TABLES.items():  # videos first: what it vouches for was committed before it
        table = lake.table(name)
        parts = delta.parts_of(table, name)
        if name == "videos":
            committed = lake.read_parts(parts, name, ["video_id", "attempt_id"])
        if spec.by_attempt:
            parts = committed_parts(parts, committed["attempt_id"])
        elif name in _ONLY_ROWS:
            ids = lake.read_parts(parts, name, ["video_id"]).column(0)
            if not pc.all(pc.is_in(ids, committed["video_id"]), min_count=0).as_py():
                strays.add(name)
        if any(part.columns != len(spec.schema) for part in parts):
            narrow.add(name)
        versions[name] = table.version()
        files[name] = (seed(lake.location, name), *(lake.location.uri(name, part.path) for part in parts))
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Publication(lake.location.root, versions, files, now, frozenset(strays), frozenset(narrow))


def seed(location: LakeLocation, name: str) -> str:
    """Address of a Parquet file with the table's columns and no row.

    First in a view's list, it gives an empty table its columns and a full one its column order and types. Its
    name holds the hash of its content, so one that a reader has open is never changed.
    """
    buffer = BytesIO()
    pq.write_table(pa.Table.from_batches([], schema=SCHEMAS[name]), buffer)
    content = buffer.getvalue()
    path = f"_seeds/{name}-{hashlib.sha256(content).hexdigest()[:12]}.parquet"
    if location.size(path) != len(content):
        location.write_bytes(path, content)
    return location.uri(*path.split("/"))


def parse_header(sql: str) -> Publication | None:
    """The publication that a catalog.sql was written from, without its files; None if the text is not one."""
    line = sql.partition("\n")[0]
    if not line.startswith(HEADER):
        return None
    try:
        header = json.loads(line.removeprefix(HEADER))
        return Publication(header["root"], header["versions"], {}, header["published_at"])
    except (ValueError, KeyError):
        return None


@cache
def own_sql() -> str:
    """The part that is the same for every lake: the views on the tables."""
    directory = importlib.resources.files("fakelake.catalog") / "sql"
    files = sorted((file for file in directory.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return "\n".join(file.read_text(encoding="utf-8").strip() for file in files)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
