"""The exactly-once commit of ingested videos.

Delta is atomic per table, and only per table. So a row in `videos` is the commit record: pictures and frames go
in first, under an attempt_id, and count for nothing until the `videos` row with that attempt_id is in. A crash
anywhere before leaves files that no view shows; a restart writes its own. The key is (video_id, recipe_id).

The lake's lock keeps writers apart. Should a lease on S3 be lost unnoticed, the commit of `videos` is still
safe: it goes through only on the very version in which the keys were found missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from fakelake.catalog import delta
from fakelake.catalog.failpoint import failpoint
from fakelake.catalog.forget import forgotten
from fakelake.catalog.lake import Lake, from_rows, one_of
from fakelake.catalog.lock import Held, lake_lock
from fakelake.catalog.parts import Part, RowsRefused
from fakelake.catalog.publish import publish_locked

Row = Mapping[str, object]
Key = tuple[str, str]


class PartMissing(FileNotFoundError):
    """A file that was to be committed is gone or has changed size. Nothing of its commit became visible."""


@dataclass(frozen=True, slots=True)
class IngestedVideo:
    """One video's `videos` row and the files that its attempt wrote."""

    row: Row
    parts: Sequence[Part] = ()

    @property
    def key(self) -> Key:
        return self.row["video_id"], self.row["recipe_id"]


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did: how many videos are new, were there already, and how many rows went into quarantine."""

    videos: int
    duplicates: int
    quarantined: int


def commit_videos(
    lake: Lake, videos: Sequence[IngestedVideo], sources: Sequence[Row] = (), quarantine: Sequence[Row] = ()
) -> Committed:
    """Commit a shard. Running it again, whole or after a crash at any point, adds nothing twice.

    `ingested_at`, `seen_at` and `at` default to now. Raises PartMissing (nothing is committed then), RowsRefused,
    LakeBusy, LeaseLost.
    """
    now = datetime.now(UTC)
    for video in videos:
        _refuse_strangers(video)
    rows = {name: [dict(row) for row in group] for name, group in (("sources", sources), ("quarantine", quarantine))}
    for row in rows["sources"]:
        row.setdefault("seen_at", now)
    for row in rows["quarantine"]:
        row.setdefault("at", now)
        row.setdefault("frames_kept", 0)
    for name, group in rows.items():  # refused here, before anything is written
        from_rows(name, group)
    from_rows("videos", [video.row for video in videos])

    with lake_lock(lake.location) as held:
        new, _ = _without_committed(lake, videos)
        _stat(lake, new)
        failpoint("before_commit")
        for table in ("crops", "portraits", "frames"):
            held.check()
            delta.commit(lake.location, table, [part for video in new for part in video.parts if part.table == table])
            failpoint(f"after_{table}")
        quarantined = _append_events(lake, held, rows["sources"], rows["quarantine"])
        failpoint("after_sources")
        new = _commit_records(lake, held, new, now)
        failpoint("after_videos")
        publish_locked(lake, held)
        failpoint("after_publication")
    return Committed(len(new), len(videos) - len(new), quarantined)


def _refuse_strangers(video: IngestedVideo) -> None:
    attempt = video.row["attempt_id"]
    for part in video.parts:
        if part.attempt_id != attempt:
            raise RowsRefused(f"{part.table}/{part.path} was not written by attempt {attempt} of its video")


def _without_committed(lake: Lake, videos: Sequence[IngestedVideo]) -> tuple[list[IngestedVideo], int]:
    """The videos whose keys are not in the lake, each key once, and the version of `videos` that says so.

    What the lake was told to forget is left out too: it may have been on its way when that was said.
    """
    table = lake.table("videos")
    ids = {video.row["video_id"] for video in videos}
    parts = delta.parts_of(table, "videos")
    keys = lake.read_parts(parts, "videos", ["video_id", "recipe_id"], one_of("video_id", ids))
    seen = set(zip(keys["video_id"].to_pylist(), keys["recipe_id"].to_pylist(), strict=True))
    never = forgotten(lake, ids)
    new = []
    for video in videos:
        if video.key not in seen and video.row["video_id"] not in never:
            seen.add(video.key)
            new.append(video)
    return new, table.version()


def _stat(lake: Lake, videos: Sequence[IngestedVideo]) -> None:
    """Delta would commit files that are not there."""
    parts = [part for video in videos for part in video.parts]
    with ThreadPoolExecutor(1 if lake.location.is_local else 16) as pool:
        sizes = pool.map(lambda part: lake.location.size(f"{part.table}/{part.path}"), parts)
    for part, size in zip(parts, sizes, strict=True):
        if size != part.bytes:
            fault = "is gone" if size is None else f"has {size} bytes instead of {part.bytes}"
            raise PartMissing(
                f"{lake.location.uri(part.table, part.path)} {fault}. Something removed or changed it between writing "
                "and commit: free disk space if it ran out, keep other programs out of the lake, and run again."
            )


def _commit_records(lake: Lake, held: Held, videos: list[IngestedVideo], now: datetime) -> list[IngestedVideo]:
    for _ in range(delta.ROUNDS):
        videos, version = _without_committed(lake, videos)
        part = lake.write_rows("videos", [{"ingested_at": now, **video.row} for video in videos])
        try:
            lake.commit_part(part, held, at_version=version)
        except delta.TableMoved:
            lake.location.delete(f"videos/{part.path}")
            continue
        return videos
    raise delta.TableMoved("videos changed under every one of our commits: is the lock of this lake honoured by all?")


def _append_events(lake: Lake, held: Held, sources: Sequence[Row], quarantine: Sequence[Row]) -> int:
    """Append what is news; return how many quarantine rows were.

    A place is news if it was not seen before with these bytes, or not since it held others or gave trouble.
    Trouble is news if it is not on record already, or the place has been fine since.
    """
    identity = ("uri", "video_id", "recipe_id", "dataset", "stage", "error", "message", "frames_kept")
    never = forgotten(lake, {row["video_id"] for row in (*sources, *quarantine) if row.get("video_id")})
    sources, quarantine = ([row for row in rows if row.get("video_id") not in never] for rows in (sources, quarantine))
    if not sources and not quarantine:
        return 0
    there = one_of("uri", (row["uri"] for row in (*sources, *quarantine)))
    seen = lake.read("sources", ["uri", "video_id", "dataset", "mtime_ns", "seen_at"], there).to_pylist()
    trouble = lake.read("quarantine", [*identity, "at"], there).to_pylist()
    last_trouble = _latest((row for row in trouble if not row["frames_kept"]), "at")
    last_seen = _latest(seen, "seen_at")
    held_last = {(row["uri"], row["video_id"]) for row in seen if row["seen_at"] == last_seen.get(row["uri"])}
    still = [row for row in seen if (row["uri"], row["video_id"]) in held_last]
    new_sources = _news(sources, still, ("uri", "video_id", "dataset", "mtime_ns"), "seen_at", last_trouble)
    partial = [row for row in quarantine if row["frames_kept"]]
    whole = [row for row in quarantine if not row["frames_kept"]]
    new_quarantine = _news(partial, trouble, identity, "at", {}) + _news(whole, trouble, identity, "at", last_seen)
    lake.commit_part(lake.write_rows("sources", new_sources), held)
    lake.commit_part(lake.write_rows("quarantine", new_quarantine), held)
    return len(new_quarantine)


def _latest(rows, time: str) -> dict[str, datetime]:
    latest: dict[str, datetime] = {}
    for row in rows:
        if row[time] is not None:
            latest[row["uri"]] = max(row[time], latest.get(row["uri"], row[time]))
    return latest


def _news(
    rows: Sequence[Row], known: Sequence[Row], identity: Sequence[str], time: str, unless_since: Mapping[str, datetime]
) -> list[Row]:
    on_record = {
        tuple(row.get(name) for name in identity)
        for row in known
        if row["uri"] not in unless_since or row[time] is None or row[time] >= unless_since[row["uri"]]
    }
    news = []
    for row in rows:
        key = tuple(row.get(name) for name in identity)
        if key not in on_record:
            on_record.add(key)
            news.append(row)
    return news
