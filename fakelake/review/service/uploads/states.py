"""How far an upload has come, by what the lake says and the run that was asked for it.

Kept is only that one is settled (start_run.py): of a path the lake cannot tell by itself whether it was looked at since
somebody asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.urls import reverse

from fakelake.review.desk.models import Upload
from fakelake.review.service.reader import LakeReader, reader
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.prefect_runs import LIVE, known
from fakelake.tasks.source_file import uri_of

# What comes next of itself; the rest is settled until somebody does something.
MOVING = ("fetching", "queued", "decoding", "scoring")
NO_CHAMPION = "Train a detector (fakelake train detector) or promote one: what waits is scored then."


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """For pages and programs.

    state: fetching (a link) | queued | decoding | scoring | waiting (no champion yet) | done | failed
    words: what that means now; todo: what a person can do, else ""
    band, p_fake: of a scored video; url: of the video's page, "" while there is none
    run_wanted: a run of ingest-and-score would bring it further
    """

    id: str
    name: str
    state: str
    words: str
    by: str
    at: datetime
    came_by: str
    todo: str = ""
    video_id: str = ""
    bytes: int = 0
    band: str = ""
    p_fake: float | None = None
    url: str = ""
    deleted: bool = False
    run_wanted: bool = False

    @property
    def moving(self) -> bool:
        """Whether it goes on by itself."""
        return self.state in MOVING


@dataclass(frozen=True, slots=True)
class _Place:
    """What the lake has of a path: the video whose bytes were seen there last, and how many lie there or below it."""

    video_id: str = ""
    seen_at: datetime | None = None
    videos: int = 0


@dataclass(slots=True)
class _Lake:
    """What the lake says of some uploads: of videos by id, of quarantine by id and by address, of paths by address."""

    places: dict[str, _Place] = field(default_factory=dict)
    desk: dict[str, dict] = field(default_factory=dict)
    trouble: dict[str, dict] = field(default_factory=dict)
    champion: bool = False


def state_of(upload: Upload) -> UploadState:
    """The state of one. Raises LakeBusyNow."""
    return states_of([upload])[0]


def states_of(uploads: Sequence[Upload]) -> list[UploadState]:
    """The same for several, in their order, by four questions to the lake at most. Raises LakeBusyNow."""
    if not uploads:
        return []
    lake = reader()
    places = _places(lake, [uri_of_upload(upload) for upload in uploads if _by_path(upload)])
    ids = [_place(upload, places).video_id for upload in uploads]
    rows = lake.rows(
        "SELECT video_id, band, p_fake, reason FROM desk WHERE video_id IN (SELECT unnest($1::VARCHAR[]))",
        [sorted({video_id for video_id in ids if video_id})],
    )
    desk = {row["video_id"]: row for row in rows}
    not_judged = [u for u, video_id in zip(uploads, ids, strict=True) if _by_path(u) or not _judged(desk.get(video_id))]
    champion = bool(lake.rows("SELECT count(*) AS n FROM champion")[0]["n"])
    facts = _Lake(places, desk, _troubles(lake, not_judged, places) if not_judged else {}, champion)
    return [_state(upload, facts) for upload in uploads]


def uri_of_upload(upload: Upload) -> str:
    """Where its file lies or lay: in the inbox, or for one taken by path where an administrator said."""
    return uri_of(Path(upload.stored)) if _by_path(upload) else inbox().uri(upload.stored)


def address_of(upload: Upload) -> str:
    """The same as a run takes it."""
    return upload.stored if _by_path(upload) else inbox().address(upload.stored)


def _by_path(upload: Upload) -> bool:
    return upload.came_by == "path"


def _judged(row: dict | None) -> bool:
    return row is not None and row["band"] not in ("failed", "waiting")


def _places(lake: LakeReader, uris: Sequence[str]) -> dict[str, _Place]:
    if not uris:
        return {}
    rows = lake.rows(
        "SELECT p.uri, count(DISTINCT s.video_id) AS videos, max(s.seen_at) FILTER (s.uri = p.uri) AS seen_at, "
        "first(s.video_id ORDER BY s.seen_at DESC NULLS LAST, s.video_id) FILTER (s.uri = p.uri) AS video_id "
        "FROM (SELECT DISTINCT unnest($1::VARCHAR[]) AS uri) AS p "
        "JOIN sources AS s ON s.uri = p.uri OR starts_with(s.uri, p.uri || '/') GROUP BY p.uri", [list(uris)],
    )  # fmt: skip
    return {row["uri"]: _Place(row["video_id"] or "", row["seen_at"], row["videos"]) for row in rows}


def _place(upload: Upload, places: dict[str, _Place]) -> _Place:
    return places.get(uri_of_upload(upload), _Place()) if _by_path(upload) else _Place(upload.video_id)


def _troubles(lake: LakeReader, uploads: Sequence[Upload], places: dict[str, _Place]) -> dict[str, dict]:
    """The latest word of quarantine on each, by id and by address: what did not even open has no id."""
    found: dict[str, dict] = {}
    ids = [_place(upload, places).video_id for upload in uploads]
    uris = [uri_of_upload(upload) for upload in uploads if not upload.deleted_at]
    for row in lake.rows(
        'SELECT uri, video_id, error, message, remedy, coalesce(open_quarantine."at", to_timestamp(0)) AS tried_at '
        "FROM open_quarantine WHERE NOT partial AND (video_id IN (SELECT unnest($1::VARCHAR[])) "
        "OR uri IN (SELECT unnest($2::VARCHAR[]))) ORDER BY tried_at",
        [[video_id for video_id in ids if video_id], uris],
    ):  # fmt: skip
        found.update({key: row for key in (row["uri"], row["video_id"]) if key})
    return found


def _state(upload: Upload, facts: _Lake) -> UploadState:
    place, run = _place(upload, facts.places), known.state(upload.flow_run)
    video_id, trouble = place.video_id, facts.trouble.get(place.video_id)
    here = facts.trouble.get(uri_of_upload(upload))
    if not _by_path(upload):
        trouble = trouble or here
    elif not (upload.settled_at or upload.deleted_at or run == "COMPLETED"):
        video_id, trouble = "", None  # the lake may speak of what lay there before: the file may be another since
    elif here and here["video_id"] != video_id and not (place.seen_at and place.seen_at >= here["tried_at"]):
        video_id, trouble = here["video_id"] or "", here  # other bytes are there since, and cannot be used
    row = facts.desk.get(video_id)
    told = _told(upload, row, trouble, run, place.videos, facts.champion)
    return UploadState(
        id=str(upload.id), name=upload.name, by=upload.by.get_username(), at=upload.at, came_by=upload.came_by,
        video_id=video_id, bytes=upload.bytes, deleted=upload.deleted_at is not None,
        url=reverse("video", args=[video_id]) if row else "", **told,
    )  # fmt: skip


def _told(
    upload: Upload, row: dict | None, trouble: dict | None, run: str | None, videos: int, champion: bool
) -> dict[str, object]:
    """The part of a state that says how far it is. row: of the table `desk`; videos: below a path."""
    if _judged(row):
        return {"state": "done", "words": row["reason"] or "", "band": row["band"], "p_fake": row["p_fake"]}
    if trouble or (row and row["band"] == "failed"):
        words = (trouble or {}).get("message") or (row or {}).get("reason") or "It could not be used."
        todo = (trouble or {}).get("remedy") or "See Quarantine, or upload another copy."
        return {"state": "failed", "words": words, "todo": todo}
    if row and not champion:
        words = "Its faces are in the lake. There is no champion yet that could score them."
        return {"state": "waiting", "words": words, "todo": NO_CHAMPION}
    if upload.deleted_at:
        return {"state": "failed", "words": "Its file was deleted before it was taken in."}
    if row:
        words = "Its faces are in the lake; the detector looks at them."
        return {"state": "scoring", "words": words, "run_wanted": True}
    if _by_path(upload) and (upload.settled_at or run == "COMPLETED"):
        words = f"{videos} videos of it are in the lake; what could not be used is in quarantine."
        return {"state": "done", "words": words}
    state, words, todo = _before_the_lake(
        run, "It stays where it is." if _by_path(upload) else "It is safe in the inbox."
    )
    return {"state": state, "words": words, "todo": todo, "run_wanted": True}


def run_is_live(run: str | None) -> bool:
    """Whether a run with this type of state still goes on, or is to begin."""
    return run in LIVE


def _before_the_lake(run: str | None, where: str) -> tuple[str, str, str]:
    if known.server is False:
        return (
            "queued", f"{where} No Prefect server answers, so nothing is started now.",
            "Start fakelake up: it is taken in then.",
        )  # fmt: skip
    if run == "RUNNING":
        return "decoding", "Its frames are read, and faces looked for.", ""
    if run_is_live(run):
        return "queued", "Its run is about to begin.", ""
    if run in ("FAILED", "CRASHED"):
        return (
            "queued",
            "The run that was to take it in failed. Another is asked for in a while.",
            "See Prefect's page.",
        )
    if known.busy:
        return "queued", "It waits for the run before it.", ""
    return "queued", "A run is asked for.", ""
