"""Putting new views in the place of old ones, while people read."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from fakelake.catalog import duck
from fakelake.catalog.lake import Lake
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.lock import Held, lake_lock
from fakelake.catalog.schemas import SCHEMAS
from fakelake.catalog.views import Publication, own_sql, parse_header, plan

CATALOG_SQL = "catalog.sql"
CATALOG_DUCKDB = "catalog.duckdb"


def publish(lake: Lake, *, force: bool = False) -> Publication:
    """Publish the lake's present state under its lock.

    `force` also puts an older state in the place of a newer one: after a backup was put back, for example.
    A lake that was moved is published anew with its new paths in either case.
    """
    with lake_lock(lake.location) as held:
        return publish_locked(lake, held, force=force)


def publish_locked(lake: Lake, held: Held, *, force: bool = False) -> Publication:
    """The same for a caller that holds the lock."""
    publication = plan(lake)
    held.check()
    replace(lake.location, publication, force=force)
    return publication


def published(location: LakeLocation) -> Publication | None:
    """The latest publication, without its files; None before the first."""
    return parse_header((location.read_bytes(CATALOG_SQL) or b"").decode())


def replace(location: LakeLocation, publication: Publication, *, force: bool = False) -> bool:
    """Write catalog.sql and catalog.duckdb. Only forward: False, and nothing done, if any table would go back.

    catalog.sql comes first and is what a later publication is compared with, so that a crash between the two
    leaves the newer version on record.
    """
    latest = published(location)
    if latest and latest.root == publication.root and publication.older_than(latest.versions) and not force:
        return False
    sql = publication.to_sql()
    database = _database(location, publication)
    location.write_bytes(CATALOG_SQL, sql.encode())
    if location.is_local:
        move_stale_wal(location)
    location.write_bytes(CATALOG_DUCKDB, database)
    return True


def move_stale_wal(location: LakeLocation) -> None:
    """Move aside the log that a shell without -readonly left when it died: DuckDB would play it into the new file."""
    wal = location.path(f"{CATALOG_DUCKDB}.wal")
    with contextlib.suppress(FileNotFoundError):
        wal.rename(wal.with_name(f"{wal.name}.stale-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))


def _database(location: LakeLocation, publication: Publication) -> bytes:
    """A DuckDB file of views, in the oldest storage version of DuckDB 1.x, so that any shell opens it.

    It is made outside the lake: nobody can see half of it, and DuckDB takes a `?` in a lake's path for the start of
    a query string.
    """
    with tempfile.TemporaryDirectory(prefix="fakelake-") as directory:
        file = Path(directory, CATALOG_DUCKDB)
        file.write_bytes(_without_tables(own_sql()))
        with duck.connect(location) as connection:
            _write(connection, file, publication.tables_sql())
        return file.read_bytes()


@cache
def _without_tables(views: str) -> bytes:
    """A database of the views on the tables, but without the tables: the same for every lake and publication.

    DuckDB binds a view when it is made, and so all views below it and all their files: that took most of a commit's
    publication. It looks them up by name when they are read, so the tables' views may come later.
    """
    with tempfile.TemporaryDirectory(prefix="fakelake-") as directory:
        file = Path(directory, CATALOG_DUCKDB)
        lines = ["CREATE VIEW publication AS SELECT '' AS table_name, 0 AS version, now() AS published_at;"]
        for name, schema in SCHEMAS.items():
            empty = Path(directory, f"{name}.parquet")
            pq.write_table(schema.empty_table(), empty)
            lines.append(f"CREATE TABLE {name} AS SELECT * FROM read_parquet({duck.quote(str(empty))});")
        lines += [views, *(f"DROP TABLE {name};" for name in SCHEMAS)]
        with duckdb.connect() as connection:
            _write(connection, file, "\n".join(lines))
        return file.read_bytes()


def _write(connection: duckdb.DuckDBPyConnection, file: Path, sql: str) -> None:
    connection.execute(f"ATTACH {duck.quote(str(file))} AS publication_file (STORAGE_VERSION 'v1.0.0')")
    connection.execute("USE publication_file")
    connection.execute(f"BEGIN;\n{sql}\nCOMMIT;")  # one write to disk instead of one a statement
    connection.execute("USE memory")
    connection.execute("DETACH publication_file")
