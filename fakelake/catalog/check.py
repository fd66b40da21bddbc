"""Is the lake whole? Everything that could be wrong with it, in words, with what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fakelake.catalog.check_files import check_unnamed, describe, survey
from fakelake.catalog.check_rows import check_rows, check_splits
from fakelake.catalog.content import content_hash
from fakelake.catalog.finding import Finding
from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.publish import CATALOG_DUCKDB, CATALOG_SQL, published
from fakelake.catalog.schemas import TABLES


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found, and the content hash; None if the content could not be read."""

    findings: tuple[Finding, ...]
    versions: dict[str, int]
    files: int
    rows: dict[str, int]
    content_hash: str | None

    @property
    def whole(self) -> bool:
        """No fault; notes do not count."""
        return not any(finding.fault for finding in self.findings)


def check(lake: Lake, near_duplicates: Iterable[tuple[str, str]] = (), *, deep: bool = False) -> CheckReport:
    """Look at everything, as of one moment; ingests may go on meanwhile.

    near_duplicates: pairs of video_ids that show the same footage, from their `videos.phash`
    deep:            read every byte of every file instead of its footer only. Raises LakeBusy.
    """
    with lake_lock(lake.location):
        now = {name: lake.table(name).version() for name in TABLES}
        findings = list(_check_views(lake, now))
    at = lake.at(now)
    parts, damage = survey(at, deep=deep)
    findings += describe(damage)
    findings += check_unnamed(at, parts)
    digest = None
    if not damage:  # a query over a table with a lost file only says again that it is lost
        with at.connect() as connection:
            findings += check_rows(connection)
            findings += check_splits(connection, near_duplicates)
        digest = content_hash(at)
    findings.sort(key=lambda finding: not finding.fault)
    rows = {name: sum(part.rows for part in group) for name, group in parts.items()}
    return CheckReport(tuple(findings), now, sum(map(len, parts.values())), rows, digest)


def _check_views(lake: Lake, now: dict[str, int]) -> Iterator[Finding]:
    latest = published(lake.location)
    remedy = "Run: fakelake catalog rebuild"
    if latest is None:
        yield Finding("views missing", CATALOG_SQL, "The lake has no views that a shell could open.", remedy)
        return
    if latest.root != lake.location.root:
        yield Finding(
            "views moved", CATALOG_SQL, f"The views read {latest.root}: the lake was moved or copied.", remedy
        )
    elif behind := [name for name, version in now.items() if latest.versions.get(name, -1) < version]:
        text = f"The views show an older state of {', '.join(behind)}: a commit died before publishing."
        yield Finding("views stale", CATALOG_SQL, text, remedy)
    if ahead := [name for name, version in now.items() if latest.versions.get(name, -1) > version]:
        text = f"The views show a newer state of {', '.join(ahead)} than the tables have: an older copy was put back."
        yield Finding("views ahead", CATALOG_SQL, text, remedy)
    if _versions_in_database(lake) != dict(latest.versions):
        yield Finding("views differ", CATALOG_DUCKDB, "It is not of the same publication as catalog.sql.", remedy)


def _versions_in_database(lake: Lake) -> dict[str, int] | None:
    """What catalog.duckdb was published from; None if it is missing or broken."""
    with tempfile.TemporaryDirectory(prefix="fakelake-") as directory:
        copy = Path(
            directory, "catalog.duckdb"
        )  # in one process DuckDB gives out a file it has open, even when replaced
        try:
            lake.location.download(CATALOG_DUCKDB, copy)
            with duckdb.connect(str(copy), read_only=True) as connection:
                return dict(connection.execute("SELECT table_name, version FROM publication").fetchall())
        except (OSError, duckdb.Error):
            return None
