"""Turns what a list says into rows of `labels` and `consents`, leaving out what the lake already knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fakelake.tasks.labels.base import LabelEntry, LabelList, printable

TERMS = "data set's terms: "  # begins `consents.source` where a list, and no person, gave the permission


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabels:
    """rows: to append; known: videos the lake has these facts of; conflicts: video_id -> entries that disagree on
    real or fake (one file's bytes under both labels), of which none is taken."""

    rows: tuple[dict, ...]
    known: int
    conflicts: Mapping[str, tuple[LabelEntry, ...]]


def labelled_by(labels: LabelList) -> str:
    return printable(f"{labels.kind} {labels.name}")


def new_labels(
    labels: LabelList, matched: Iterable[tuple[LabelEntry, str]], existing: Iterable[Mapping], at: datetime
) -> NewLabels:
    """existing: rows of `labels`. What an entry says is known when the video's latest list says it or more, or when
    this list said it last time. So a list imported twice adds nothing and does not talk down a list that came between,
    and a list that knows only real and fake does not blank the identities of one that knows more."""
    who = labelled_by(labels)
    latest: dict[tuple[str, str | None], tuple[datetime, set]] = {}
    for row in existing:
        if row["origin"] != "dataset":
            continue
        facts = (row["label"], row["method"], row["target_identity"], row["source_identity"])
        for by in {None, row["labelled_by"]}:
            when, stated = latest.get((row["video_id"], by), (row["labelled_at"], set()))
            if row["labelled_at"] > when:
                stated = set()
            if row["labelled_at"] >= when:
                latest[row["video_id"], by] = (row["labelled_at"], stated | {facts})

    said: dict[str, dict[tuple, LabelEntry]] = defaultdict(dict)
    for entry, video_id in matched:
        said[video_id].setdefault(entry.facts, entry)
    conflicts, rows, known = {}, [], 0
    for video_id, by_facts in said.items():
        if len({entry.label for entry in by_facts.values()}) > 1:
            conflicts[video_id] = tuple(by_facts.values())
            continue
        stated = {facts for by in (None, who) for facts in latest.get((video_id, by), (at, set()))[1]}
        news = [entry for facts, entry in by_facts.items() if not any(_says(known, facts) for known in stated)]
        known += not news
        rows += [_row(entry, video_id, who, at) for entry in news]
    return NewLabels(rows=tuple(rows), known=known, conflicts=conflicts)


Facts = tuple[str, str | None, str | None, str | None]


def _says(known: Facts, asked: Facts) -> bool:
    """Whether what is known holds all that is asked: None asks nothing."""
    return all(b is None or a == b for a, b in zip(known, asked, strict=True))


def _row(entry: LabelEntry, video_id: str, who: str, at: datetime) -> dict:
    return {
        "video_id": video_id,
        "label": entry.label,
        "method": entry.method,
        "target_identity": entry.target_identity,
        "source_identity": entry.source_identity,
        "origin": "dataset",
        "labelled_by": who,
        "labelled_at": at,
        "note": entry.note,
    }


def new_consents(
    labels: LabelList, permission: str, videos: Iterable[str], existing: Iterable[Mapping], by: str, at: datetime
) -> list[dict]:
    """A row of `consents` for each video that has neither a person's nor this permission by any list: what a person
    put on record, such as a withdrawal, is never talked over by a list."""
    source = TERMS + labelled_by(labels)
    settled = {
        row["video_id"]
        for row in existing
        if not (row["source"] or "").startswith(TERMS) or row["permission"] == permission
    }
    return [
        {"video_id": video, "permission": permission, "source": source, "by": by, "at": at}
        for video in dict.fromkeys(videos)
        if video not in settled
    ]
