"""After a lake was moved, copied back, or damaged: views with the new paths, over tables that are whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from fakelake.catalog import delta
from fakelake.catalog.check_files import survey
from fakelake.catalog.check_rows import disparities
from fakelake.catalog.delta import Part
from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import Held, lake_lock
from fakelake.catalog.publish import publish_locked, published
from fakelake.catalog.rewrite import drop_rows
from fakelake.catalog.schemas import TABLES

SHOWN = 5


class LossRefused(RuntimeError):
    """Publishing now would hide that something is missing."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the views show now, and, where loss was accepted, what was given up."""

    root: str
    versions: Mapping[str, int]
    lost_files: tuple[str, ...] = ()
    dropped_videos: tuple[str, ...] = ()


def rebuild(lake: Lake, *, accept_loss: bool = False) -> Rebuilt:
    """Publish the views anew, with the paths of where the lake lies now.

    With `accept_loss`, lost files are taken out of their tables, and with them the videos that are not whole any
    more: the next ingest brings those again. Raises LossRefused without it, LakeBusy.
    """
    with lake_lock(lake.location) as held:
        lost = survey(lake)[1]
        latest = published(lake.location)
        older = {
            name: (version, latest.versions[name])
            for name in TABLES
            if latest and (version := lake.table(name).version()) < latest.versions.get(name, -1)
        }
        videos: dict[str, str] = {}
        if lost or older:
            if not accept_loss:
                raise LossRefused(_refusal(lake, lost, older))
            for name, parts in _by_table(lost).items():
                held.check()
                delta.commit(lake.location, name, remove=parts)
        videos = _not_whole(lake, lost)
        if videos and not accept_loss:
            raise LossRefused(_half(lake, videos))
        _drop(lake, held, set(videos))
        publication = publish_locked(lake, held, force=True)
    files = tuple(f"{part.table}/{part.path}" for part in lost)
    return Rebuilt(publication.root, publication.versions, files, tuple(sorted({*videos.values()} - {""})))


def _not_whole(lake: Lake, lost: Mapping[Part, str]) -> dict[str, str]:
    """attempt_id -> video_id ("" where that is lost too) of what is not as its `videos` row says."""
    with lake.at({name: lake.table(name).version() for name in TABLES}).connect() as connection:
        found = {disparity.attempt_id: disparity.video_id for disparity in disparities(connection)}
        for part in lost:
            if part.table in ("crops", "portraits"):
                found |= dict(_of_lost_pictures(connection, part))
        for name, spec in TABLES.items():
            if spec.by_attempt:  # their videos row was lost: they would come back as doubles
                strays = connection.execute(
                    f"SELECT DISTINCT attempt_id FROM {name} ANTI JOIN videos USING (attempt_id)"
                )
                found |= {attempt: "" for (attempt,) in strays.fetchall()}
    return found


def _of_lost_pictures(connection: duckdb.DuckDBPyConnection, part: Part) -> list[tuple[str, str]]:
    """Attempts whose pictures were in a lost file: by its name or, of a compacted one, those without any picture."""
    if not part.compacted:
        sql = "SELECT attempt_id, video_id FROM videos WHERE attempt_id = $attempt"
        return connection.execute(sql, {"attempt": part.attempt_id}).fetchall()
    return connection.execute(
        f"SELECT DISTINCT attempt_id, video_id FROM frames ANTI JOIN {part.table} USING (attempt_id)"
    ).fetchall()


def _drop(lake: Lake, held: Held, attempts: set[str]) -> None:
    if attempts:
        for name in ("crops", "portraits", "frames", "videos"):  # videos last: until then a second run finds them
            drop_rows(lake, held, name, {"attempt_id": attempts})


def _by_table(parts: Mapping[Part, str]) -> dict[str, list[Part]]:
    tables: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        tables[part.table].append(part)
    return tables


def _refusal(lake: Lake, lost: Mapping[Part, str], older: Mapping[str, tuple[int, int]]) -> str:
    said = [f"{part.table}/{part.path} {text}" for part, text in list(lost.items())[:SHOWN]]
    if len(lost) > SHOWN:
        said.append(f"and {len(lost) - SHOWN} more files")
    for name, (version, newer) in older.items():
        said.append(f"{name} is at version {version}, and the views were published from version {newer}")
    return (
        f"The lake {lake.location.root} is not whole: {'; '.join(said)}. Copy it again while no ingest runs, or put "
        "the files back. To go on without what is missing: fakelake catalog rebuild --accept-loss"
    )


def _half(lake: Lake, videos: Mapping[str, str]) -> str:
    some = ", ".join(sorted({video[:12] for video in videos.values() if video})[:SHOWN])
    return (
        f"Of {len(videos)} videos in {lake.location.root} some rows are missing ({some} ...): was it copied while an "
        "ingest ran? Copy it again, or run `fakelake catalog rebuild --accept-loss` and ingest them again."
    )
