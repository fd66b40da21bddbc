"""How far an upload has come: derived from the lake and the run that was asked for it, never kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


@dataclass(slots=True)
class _Lake:
    """What the lake says of some videos: rows by video_id, and of quarantine by address too."""

    desk: dict[str, dict] = field(default_factory=dict)
    trouble: dict[str, dict] = field(default_factory=dict)
    champion: bool = False


def state_of(upload: Upload) -> UploadState:
    """The state of one. Raises LakeBusyNow."""
    return states_of([upload])[0]


def states_of(uploads: Sequence[Upload]) -> list[UploadState]:
    """The same for several, in their order, by three questions to the lake in all. Raises LakeBusyNow."""
    if not uploads:
        return []
    lake = reader()
    files = {upload.id: _video_of_path(lake, upload) for upload in uploads if upload.came_by == "path"}
    ids = {upload.id: files[upload.id][0] if upload.id in files else upload.video_id for upload in uploads}
    facts = _facts(lake, ids.values(), [uri_of_upload(upload) for upload in uploads if not upload.deleted_at])
    return [_state(upload, ids[upload.id], files.get(upload.id, ("", 0))[1], facts) for upload in uploads]


def uri_of_upload(upload: Upload) -> str:
    """Where its file lies or lay: in the inbox, or for one taken by path where an administrator said."""
    return uri_of(Path(upload.stored)) if upload.came_by == "path" else inbox().uri(upload.stored)


def address_of(upload: Upload) -> str:
    """The same as a run takes it."""
    return upload.stored if upload.came_by == "path" else inbox().address(upload.stored)


def _video_of_path(lake: LakeReader, upload: Upload) -> tuple[str, int]:
    """(video_id of a file, how many videos of it or below it are in the lake)."""
    uri = uri_of(Path(upload.stored))
    found = lake.rows(
        "SELECT any_value(video_id) FILTER (uri = $1) AS video_id, count(DISTINCT video_id) AS videos "
        "FROM sources WHERE uri = $1 OR starts_with(uri, $1 || '/')", [uri],
    )[0]  # fmt: skip
    return found["video_id"] or "", found["videos"]


def _facts(lake: LakeReader, ids: Iterable[str], uris: Sequence[str]) -> _Lake:
    wanted = [video_id for video_id in set(ids) if video_id]
    rows = lake.rows(
        "SELECT video_id, band, p_fake, reason FROM desk WHERE video_id IN (SELECT unnest($1::VARCHAR[]))", [wanted]
    )
    facts = _Lake({row["video_id"]: row for row in rows})
    scored = {row["video_id"] for row in rows if row["band"] not in ("failed", "waiting")}
    if open_ids := [video_id for video_id in wanted if video_id not in scored]:
        for row in lake.rows(
            "SELECT uri, video_id, error, message, remedy FROM open_quarantine WHERE NOT partial "
            "AND (video_id IN (SELECT unnest($1::VARCHAR[])) OR uri IN (SELECT unnest($2::VARCHAR[]))) "
            'ORDER BY "at"',
            [open_ids, list(uris)],
        ):  # fmt: skip
            facts.trouble.update({key: row for key in (row["uri"], row["video_id"]) if key})
    facts.champion = bool(lake.rows("SELECT count(*) AS n FROM champion")[0]["n"])
    return facts


def _state(upload: Upload, video_id: str, below: int, facts: _Lake) -> UploadState:
    row = facts.desk.get(video_id)
    trouble = facts.trouble.get(video_id) or facts.trouble.get(uri_of_upload(upload))
    run = known.state(upload.flow_run)
    more: dict[str, object] = {}
    if row and row["band"] not in ("waiting", "failed"):
        state, words = "done", row["reason"] or ""
        more = {"band": row["band"], "p_fake": row["p_fake"]}
    elif trouble or (row and row["band"] == "failed"):
        state, words = "failed", (trouble or {}).get("message") or (row or {}).get("reason") or "It could not be used."
        more = {"todo": (trouble or {}).get("remedy") or "See Quarantine, or upload another copy."}
    elif row and not facts.champion:
        state, words = "waiting", "Its faces are in the lake. There is no champion yet that could score them."
        more = {"todo": NO_CHAMPION}
    elif upload.deleted_at:
        state, words = "failed", "Its file was deleted before it was taken in."
    elif row:
        state, words = "scoring", "Its faces are in the lake; the detector looks at them."
        more = {"run_wanted": True}
    elif upload.came_by == "path" and run == "COMPLETED":
        state, words = "done", f"{below} videos of it are in the lake; what could not be used is in quarantine."
    else:
        state, words, todo = _before_the_lake(run)
        more = {"todo": todo, "run_wanted": True}
    return UploadState(
        id=str(upload.id), name=upload.name, state=state, words=words, by=upload.by.get_username(), at=upload.at,
        came_by=upload.came_by, video_id=video_id, bytes=upload.bytes, deleted=upload.deleted_at is not None,
        url=reverse("video", args=[video_id]) if row else "", **more,
    )  # fmt: skip


def run_is_live(run: str | None) -> bool:
    """Whether a run with this type of state still goes on, or is to begin."""
    return run in LIVE


def _before_the_lake(run: str | None) -> tuple[str, str, str]:
    if known.server is False:
        return (
            "queued", "It is safe in the inbox. No Prefect server answers, so nothing is started now.",
            "Start fakelake up: its next tick takes it in.",
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
