"""The desk for programs: /api/, described by /api/openapi.json. A token acts as the person who made it."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django_ratelimit.exceptions import Ratelimited
from ninja import Field, NinjaAPI, Query, Schema, Status
from ninja.errors import AuthenticationError, HttpError
from ninja.throttling import AuthRateThrottle

from fakelake.catalog.lock import LakeBusy
from fakelake.review.desk.access import may
from fakelake.review.desk.api_uploads import router as uploads
from fakelake.review.desk.errors import problem_of
from fakelake.review.desk.models import Decision
from fakelake.review.desk.tokens import Bearer, demand
from fakelake.review.desk.views import case as files
from fakelake.review.service.decisions import decide as say
from fakelake.review.service.decisions import hidden_from
from fakelake.review.service.decisions import undo as take_back
from fakelake.review.service.listing import BANDS, ORDERS, STATES, Filters, list_videos
from fakelake.review.service.media import results
from fakelake.review.service.player import boxes_of
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import reader
from fakelake.review.service.video import meaning_of, record_of

DAY = r"^(\d{4}-\d\d-\d\d)?$"

api = NinjaAPI(
    title="fakelake review desk", version="1", docs_url=None, auth=Bearer(),
    throttle=[AuthRateThrottle("600/m")],
    description="Which videos of an archive are deepfakes, why, and how sure. A video's id is the sha256 of its bytes.",
)  # fmt: skip
api.add_router("/uploads", uploads)


class Verdict(Schema):
    """p_fake: 0 to 1; null where nothing was scored. band: authentic, suspicious, fake, not_applicable, failed or
    waiting. worst_second: from the first picture."""

    video_id: str
    name: str | None
    dataset: str | None
    band: str
    p_fake: float | None
    reason: str | None
    worst_track: int | None
    worst_second: float | None
    duration_s: float | None
    model_version: str | None
    decided: str | None
    decided_by: str | None
    provenance: str | None


class VerdictWhole(Verdict):
    """meaning: what the figure means, in sentences."""

    meaning: list[str]
    trouble: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    history: list[dict[str, Any]]


class VideoList(Schema):
    total: int
    page: int
    pages: int
    videos: list[Verdict]


class Said(Schema):
    label: Literal["fake", "authentic", "real", "unsure"] = Field(description="real: the tables' word for authentic")
    note: str = Field("", max_length=2000)


class Made(Schema):
    """state: none, waiting, running, done or failed; progress: 0 to 1; said: why it failed."""

    state: str
    progress: float | None
    said: str


class DecisionOut(Schema):
    """state: waiting, written (a label of the lake), undone, disputed or outvoted."""

    id: str
    video_id: str
    label: str
    state: str


class Wanted(Schema):
    """As the filters of the desk's list; band may be given several times; an empty text is no filter."""

    band: list[Literal["", *BANDS]] = Field(default_factory=list)
    dataset: str = ""
    model: str = ""
    since: str = Field("", pattern=DAY)
    until: str = Field("", pattern=DAY)
    find: str = ""
    state: Literal[tuple(STATES)] = ""
    order: Literal["", *ORDERS] = "urgent"
    page: int = Field(1, ge=1)


@api.get("/videos", response=VideoList, summary="List videos, the most urgent first")
def videos(request: HttpRequest, wanted: Query[Wanted]) -> dict[str, Any]:
    """Filters as on the queue's page; pages of 50."""
    demand(request, "viewer")
    query = QueryDict(mutable=True)
    for name, value in wanted.dict(exclude={"page"}).items():
        query.setlist(name, value if isinstance(value, list) else [value])
    lake = reader()
    found = list_videos(lake, Filters.from_query(query), wanted.page, hidden_from(request.auth, lake))
    return {"total": found.total, "page": found.number, "pages": found.pages, "videos": found.rows}


@api.get("/videos/{video_id}", response=VerdictWhole, summary="The verdict on one video, and why")
def video(request: HttpRequest, video_id: str) -> dict[str, Any]:
    """404 where the lake does not know it (yet)."""
    demand(request, "viewer")
    record = record_of(reader(), video_id)
    return {
        **record.row, "meaning": meaning_of(record), "trouble": record.trouble, "labels": record.labels,
        "history": record.history,
    }  # fmt: skip


@api.get("/videos/{video_id}/timeline", summary="Every face over time: boxes and scores")
def timeline(request: HttpRequest, video_id: str) -> dict[str, Any]:
    """Boxes are x1, y1, x2, y2 in pixels of the upright frame; windows are start_s, end_s, p_fake, band."""
    demand(request, "viewer")
    return boxes_of(reader(), video_id)


@api.post("/videos/{video_id}/decision", response={201: DecisionOut}, summary="Decide on one video")
def decide(request: HttpRequest, video_id: str, said: Said) -> Status:
    """Needs the role moderator. It becomes a label after the time to undo."""
    demand(request, "moderator")
    [decision] = say(reader(), request.auth, [video_id], "real" if said.label == "authentic" else said.label, said.note)
    return Status(201, _decision(decision))


@api.post("/videos/{video_id}/case", response={200: Made, 202: Made}, summary="Have a video's case file made")
def ask_for_case(request: HttpRequest, video_id: str) -> Status:
    """Needs the role moderator. 202: it is being made; ask GET until it is done."""
    demand(request, "moderator")
    files.begin(request, video_id, "case")
    return _made(video_id)


@api.get("/videos/{video_id}/case", response={200: Any, 202: Made, 404: Made}, summary="A video's case file, a zip")
def case(request: HttpRequest, video_id: str) -> Status | HttpResponseBase:
    """Needs the role moderator. 202 while it is made; 404: nobody asked for it, or the verdict has changed since."""
    demand(request, "moderator")
    answer = _made(video_id, 404)
    return files.saved(request, video_id, "case") if answer.value["state"] == "done" else answer


@api.get("/decisions/{decision_id}", response=DecisionOut, summary="What became of a decision")
def decision_state(request: HttpRequest, decision_id: UUID) -> dict[str, str]:
    demand(request, "viewer")
    return _decision(_one(decision_id))


@api.delete("/decisions/{decision_id}", response=DecisionOut, summary="Take a decision back")
def undo(request: HttpRequest, decision_id: UUID) -> dict[str, str]:
    """One's own, while it is no label yet; then 409."""
    demand(request, "moderator")
    decision = _one(decision_id)
    if decision.by_id != request.auth.pk and not may(request.auth, "administrator"):
        raise HttpError(403, "This is another person's decision.")
    if not take_back(request.auth, decision):
        raise HttpError(409, "This decision is a label already: decide again to change it.")
    decision.refresh_from_db()
    return _decision(decision)


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> object:
    told = {
        "detail": "There is no token that is known here and has not ended.",
        "todo": "Make one on the account page, and send it with each call as the header Authorization: Bearer flk_...",
    }
    return api.create_response(request, told, status=401)


@api.exception_handler(Problem)
@api.exception_handler(LakeBusy)
@api.exception_handler(Ratelimited)
def _problem(request: HttpRequest, error: Exception) -> object:
    problem = problem_of(error)
    return api.create_response(request, problem.told(), status=problem.status)


@api.exception_handler(PermissionDenied)
def _denied(request: HttpRequest, error: PermissionDenied) -> object:
    return api.create_response(request, {"detail": str(error)}, status=403)


def _one(decision_id: UUID) -> Decision:
    found = Decision.objects.filter(pk=decision_id).first()
    if found is None:
        raise HttpError(404, "There is no such decision.")
    return found


def _made(video_id: str, otherwise: int = 200) -> Status:
    state = results.state(video_id, "case")
    return Status(202 if state["state"] in ("waiting", "running") else otherwise, state)


def _decision(decision: Decision) -> dict[str, str]:
    return {
        "id": str(decision.pk), "video_id": decision.video_id, "label": decision.label, "state": decision.state,
    }  # fmt: skip
