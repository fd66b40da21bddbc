"""Puts a label list into the lake: matches it to the lake's videos and appends what is new, under one lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.publish import publish_locked
from fakelake.tasks.labels.base import LabelList, printable
from fakelake.tasks.labels.kinds import key_rule
from fakelake.tasks.labels.match import Matches, Source, match
from fakelake.tasks.labels.rows import NewLabels, new_consents, new_labels

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of every entry of a list. Videos are counted once, entries as the list has them.

    unlabelled: videos of the data set that no entry speaks of (only counted when a data set was named).
    """

    kind: str
    name: str
    entries: int
    videos: int
    real: int
    fake: int
    added: int
    known: int
    missing: tuple[str, ...]
    ambiguous: tuple[str, ...]
    conflicts: tuple[str, ...]
    not_understood: tuple[str, ...]
    unlabelled: int
    permission: str | None
    consents: int
    dry_run: bool

    def text(self) -> str:
        """For people: the counts, and of everything that was not taken how many and the first few."""
        would = "would add" if self.dry_run else "added"
        lines = [
            f"{self.kind} list {printable(self.name)}: {self.entries} entries matched {self.videos} videos of the "
            f"lake, {self.real} real and {self.fake} fake",
            f"labels: {would} {self.added}, {self.known} known already",
        ]
        if self.permission:
            lines.append(f"permission {self.permission!r}: {would} {self.consents}")
        else:
            lines.append("permission: none recorded; say --permission to put one on record")
        told = (
            (self.missing, "not in the lake"),
            (self.ambiguous, "ambiguous, not labelled; say --dataset or give more of the path"),
            (self.conflicts, "both real and fake for the same bytes, not labelled"),
            (self.not_understood, "not understood, no label in the name"),
        )
        for items, what in told:
            if items:
                first = "".join(f"\n    {item}" for item in items[:SHOWN])
                more = f"\n    and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
                lines.append(f"{len(items)} {what}:{first}{more}")
        if self.unlabelled:
            lines.append(f"{self.unlabelled} videos of the data set are in the lake and not in the list")
        return "\n".join(lines)


def sources_of(lake: Lake, dataset: str | None = None) -> list[Source]:
    """Every place of every committed video, or those of one data set."""
    videos = set(lake.read("videos", ["video_id"]).column(0).to_pylist())
    where = None if dataset is None else pc.field("dataset") == dataset
    rows = lake.read("sources", ["uri", "video_id", "dataset"], where).to_pylist()
    unique = {(row["uri"], row["video_id"]): row for row in rows if row["video_id"] in videos}
    return [Source(**row) for row in unique.values()]


def load_labels(
    lake: Lake,
    labels: LabelList,
    *,
    by: str,
    at: datetime,
    dataset: str | None = None,
    permission: str | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Appends to `labels` and `consents` what the list says and the lake does not know; a second time adds nothing.

    dataset: match only videos ingested as it. permission: overrides the data set's own terms. by: who imports.
    """
    permission = permission or labels.permission
    sources = sources_of(lake, dataset)
    found = match(labels, sources, key_rule(labels.kind))
    if dry_run:
        new, consents = _news(lake, labels, found, permission, by, at)
    else:
        with lake_lock(lake.location) as held:  # reading and adding as one step: two imports at once add no row twice
            new, consents = _news(lake, labels, found, permission, by, at)
            parts = [lake.write_rows("labels", new.rows), lake.write_rows("consents", consents)]
            for part in parts:
                lake.commit_part(part, held)
            if any(parts):
                publish_locked(lake, held)
    return _report(labels, found, new, sources if dataset else [], permission, len(consents), dry_run)


def _news(
    lake: Lake, labels: LabelList, found: Matches, permission: str | None, by: str, at: datetime
) -> tuple[NewLabels, list[dict]]:
    new = new_labels(labels, found.matched, lake.read("labels").to_pylist(), at)
    if not permission:
        return new, []
    videos = [video for _, video in found.matched if video not in new.conflicts]
    return new, new_consents(labels, permission, videos, lake.read("consents").to_pylist(), by, at)


def _report(
    labels: LabelList,
    found: Matches,
    new: NewLabels,
    scope: Iterable[Source],
    permission: str | None,
    consents: int,
    dry_run: bool,
) -> ImportReport:
    label_of = {video: entry.label for entry, video in found.matched if video not in new.conflicts}
    counts = Counter(label_of.values())
    matched = {video for _, video in found.matched}
    ambiguous = [
        f"{printable(entry.path)}: {', '.join(printable(source.path) for source in places[:3])}"
        for entry, places in found.ambiguous
    ]
    conflicts = [
        f"{video[:12]}: {', '.join(printable(entry.path) for entry in said)}" for video, said in new.conflicts.items()
    ]
    return ImportReport(
        kind=labels.kind,
        name=labels.name,
        entries=len(labels.entries),
        videos=len(label_of),
        real=counts["real"],
        fake=counts["fake"],
        added=len(new.rows),
        known=new.known,
        missing=tuple(printable(entry.path) for entry in found.missing),
        ambiguous=tuple(ambiguous),
        conflicts=tuple(conflicts),
        not_understood=tuple(map(printable, labels.not_understood)),
        unlabelled=len({source.video_id for source in scope} - matched),
        permission=permission,
        consents=consents,
        dry_run=dry_run,
    )
