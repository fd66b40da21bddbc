"""Who may be swapped: a source and a target are in the lake, with a use permission on record that allows it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.tasks.known_source import known_file
from fakelake.tasks.labels.load import sources_of
from fakelake.tasks.labels.rows import TERMS
from fakelake.tasks.labels.which import VideoNotFound, find_video
from fakelake.tasks.swap.errors import SwapNotPermitted
from fakelake.tasks.swap.source import bytes_id, is_still

# A permission is one term or several, with commas between. One of these has to be among them, word for word, and none
# of DENIES: "research-only" or "package licence" speak of a file's use, not of putting a person's face elsewhere.
ALLOWS = frozenset(["swap", "any", "any-use", "all", "all-uses", "cc0", "cc0-1.0", "public-domain"])
DENIES = frozenset(["none", "no", "no-swap", "withdrawn", "revoked"])


@dataclass(frozen=True, slots=True)
class Participant:
    """A source or target. name: as it was asked for; path: where its bytes can be read now; still: it is a picture."""

    video_id: str
    name: str
    path: Path
    still: bool = False


def allows_swap(permission: str) -> bool:
    """Whether the words of a permission allow swaps; see ALLOWS and DENIES."""
    terms = {"-".join(term.replace("_", " ").lower().split()) for term in permission.replace(";", ",").split(",")}
    return bool(terms & ALLOWS) and not terms & DENIES


def permissions(lake: Lake) -> dict[str, str]:
    """video_id -> what counts today: the latest word of a person or, where none spoke, of a list."""
    rows = lake.read("consents").to_pylist()
    began = datetime.min.replace(tzinfo=UTC)
    rows.sort(key=lambda row: (not (row["source"] or "").startswith(TERMS), row["at"] or began))
    return {row["video_id"]: row["permission"] for row in rows}


def require_permission(lake: Lake, participants: Sequence[Participant]) -> None:
    """Raises SwapNotPermitted, which says of all of them what is missing."""
    wrong, known = [], permissions(lake)
    for who in participants:
        permission = known.get(who.video_id)
        if permission is None or not allows_swap(permission):
            said = (
                "no use permission is on record"
                if permission is None
                else f"the permission on record is {permission!r}"
            )
            subject = shlex.quote(str(who.path) if who.still else who.video_id[:12])
            wrong.append(
                f"{who.name}: {said}. If the person shown agrees, record it:\n"
                f"  fakelake consent {subject} --permission swap --source 'the contract or form it rests on'"
            )
    if wrong:
        raise SwapNotPermitted("\n".join(["This swap is not permitted.", *wrong]))


@contextmanager
def participant(lake: Lake, text: str, *, still_allowed: bool) -> Iterator[Participant]:
    """A file, or a video of the lake by name or id, with readable bytes.

    Raises SwapNotPermitted for what is not in the lake, VideoNotFound, SourceUnfit.
    """
    path = Path(text)
    with ExitStack() as stack:
        if path.is_file():
            who = Participant(bytes_id(path), path.name, path, is_still(path))
            if who.still and not still_allowed:
                raise SwapNotPermitted(f"{path.name} is a still picture: a target is a video.")
            if not who.still and not lake.read("videos", ["video_id"], pc.field("video_id") == who.video_id).num_rows:
                raise SwapNotPermitted(
                    f"{path.name} is not in this lake, so nobody's permission can be on record. If the person shown "
                    f"agrees, take it in first:\n  fakelake ingest {shlex.quote(text)} --permission swap"
                )
        else:
            video_id = find_video(text, sources_of(lake))
            path = stack.enter_context(known_file(lake, video_id))
            who = Participant(video_id, Path(text).name, path)
        yield who


def subject_of(lake: Lake, text: str) -> str:
    """Of whom a permission is recorded: a video of the lake, or a still, which no lake takes in, by its bytes.

    Raises VideoNotFound.
    """
    try:
        return find_video(text, sources_of(lake))
    except VideoNotFound:
        path = Path(text)
        if path.is_file() and is_still(path):
            return bytes_id(path)
        raise
