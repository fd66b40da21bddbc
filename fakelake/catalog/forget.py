"""A person's right to be forgotten: what was made from a video goes, at once and from every version.

What goes: the video's rows in `frames`, `crops`, `portraits`, `sources`, `scores`, `part_scores`, `near_matches` (on
either side) and `videos` (and in every later table that has a video_id and is not named below), and what `quarantine`
said of its files. Files that also hold other videos
are written anew. Files of older versions are replaced in their place, so that time travel to before still works
and finds everything but this video.

What stays, because it holds no picture and answers to an audit: `labels`, `consents`, `splits`, the `runs` that
worked on it, a `runs` row of this act, and a `quarantine` row per place with the code `forgotten`. While that row
is there the same bytes are not taken in again, under no recipe.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake, one_of
from fakelake.catalog.lock import Held, lake_lock
from fakelake.catalog.publish import publish_locked
from fakelake.catalog.rewrite import Match, drop_rows, scrub
from fakelake.catalog.schemas import TABLES
from fakelake.catalog.training_swaps import made_of

KEPT = ("labels", "consents", "splits", "quarantine", "runs")
ERROR = "forgotten"
_NAMES_A_VIDEO = ("video_id", "match_id")


class NoSuchVideo(LookupError):
    """The lake knows no such video."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went: rows per table of the current version, how many files of older versions were replaced, and which
    swaps that were made of it went too."""

    video_id: str
    uris: tuple[str, ...]
    rows: Mapping[str, int]
    old_files: int
    made: tuple[str, ...] = ()


def forget(lake: Lake, video_id: str, *, by: str | None = None, why: str | None = None) -> Forgotten:
    """Forget one video, and before it all swaps that were made of it: they show the same person. Interrupted at any
    point it is finished by running it again.

    Raises NoSuchVideo if the lake has nothing of it and has not forgotten it either, LakeBusy.
    """
    started = datetime.now(UTC)
    made = [forget(lake, each, by=by, why=why or f"made of {video_id[:12]}") for each in made_of(lake, video_id)]
    with lake_lock(lake.location) as held:
        snapshot = lake.snapshot()
        sources = lake.read("sources", ["uri", "dataset"], pc.field("video_id") == video_id).to_pylist()
        known = lake.read("videos", ["video_id"], pc.field("video_id") == video_id).num_rows
        if not (sources or known or forgotten(lake, [video_id])):
            raise NoSuchVideo(
                f"The lake has no video {video_id}. See the names with: SELECT name, video_id FROM sources"
            )
        # First, so that from here on no ingest brings it back. Last the videos row: until then a
        # second run finds what a first one left.
        uris = _refuse_from_now_on(lake, held, video_id, sources, why)
        tables = sorted(
            (name for name, spec in TABLES.items() if "video_id" in spec.schema.names and name not in KEPT),
            key=lambda name: (not TABLES[name].by_attempt, name == "videos"),
        )
        rows = {name: sum(drop_rows(lake, held, name, match) for match in _of(name, video_id)) for name in tables}
        publish_locked(lake, held)
        old_files = sum(scrub(lake, name, match) for name in (*tables, "quarantine") for match in _of(name, video_id))
        done = Forgotten(video_id, tuple(uris), rows, old_files, tuple(each.video_id for each in made))
        summary = {**asdict(done), "by": by, "why": why}
        lake.commit_part(lake.write_rows("runs", [_run("forget", summary, snapshot, started)]), held)
        publish_locked(lake, held)
    return done


def allow_again(lake: Lake, video_id: str, *, by: str | None = None, why: str | None = None) -> None:
    """Let a forgotten video be ingested again. Raises NoSuchVideo if it is not a forgotten one."""
    started = datetime.now(UTC)
    with lake_lock(lake.location) as held:
        snapshot = lake.snapshot()
        if not forgotten(lake, [video_id]):
            raise NoSuchVideo(f"{video_id} is not a video that this lake has forgotten.")
        drop_rows(lake, held, "quarantine", {"video_id": {video_id}})
        summary = {"video_id": video_id, "by": by, "why": why}
        lake.commit_part(lake.write_rows("runs", [_run("forget --undo", summary, snapshot, started)]), held)
        publish_locked(lake, held)


def forgotten(lake: Lake, among: Iterable[str] | None = None) -> set[str]:
    """video_ids that must not be taken in."""
    where = pc.field("error") == ERROR
    if among is not None:
        where &= one_of("video_id", among)
    return set(lake.read("quarantine", ["video_id"], where).column(0).to_pylist())


def _of(table: str, video_id: str) -> list[Match]:
    """The rows of a table that speak of a video."""
    return [{column: {video_id}} for column in _NAMES_A_VIDEO if column in TABLES[table].schema.names]


def _refuse_from_now_on(lake: Lake, held: Held, video_id: str, sources: list[dict], why: str | None) -> list[str]:
    """Put the `forgotten` rows in the place of all that `quarantine` said of the video."""
    earlier = lake.read("quarantine", ["uri", "dataset"], pc.field("video_id") == video_id).to_pylist()
    places = {row["uri"]: row["dataset"] for row in (*earlier, *sources)} or {f"sha256:{video_id}": None}
    rows = [
        {
            "uri": uri,
            "video_id": video_id,
            "dataset": dataset,
            "stage": "policy",
            "error": ERROR,
            "message": "Forgotten at a person's request" + (f": {why}" if why else "."),
            "remedy": "Delete the original file. Should it be right to take it in again: fakelake forget --undo with "
            "its video_id, then ingest.",
            "frames_kept": 0,
            "lasting": True,
            "at": datetime.now(UTC),
        }
        for uri, dataset in sorted(places.items())
    ]
    drop_rows(lake, held, "quarantine", {"video_id": {video_id}}, instead=[lake.write_rows("quarantine", rows)])
    # What failed before its bytes were hashed has no video_id. It was mended since, or it would not be in sources.
    unhashed = lake.read("quarantine", ["uri"], one_of("uri", places) & pc.field("video_id").is_null())
    if unhashed.num_rows:
        _drop_unhashed(lake, held, set(unhashed.column(0).to_pylist()))
    return sorted(places)


def _drop_unhashed(lake: Lake, held: Held, uris: set[str]) -> None:
    rows = lake.read("quarantine", where=one_of("uri", uris) & pc.field("video_id").is_valid())
    drop_rows(lake, held, "quarantine", {"uri": uris}, instead=[lake.write_rows("quarantine", rows)])


def _run(flow: str, summary: Mapping[str, object], snapshot: Mapping[str, int], started: datetime) -> dict[str, object]:
    return {
        "run_id": uuid.uuid4().hex,
        "flow": flow,
        "outcome": "done",
        "summary": json.dumps(summary),
        "snapshot": json.dumps(snapshot),
        "started_at": started,
        "finished_at": datetime.now(UTC),
    }
