"""Uploads by programs: the same way in as the page's (service/uploads/intake.py)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from fakelake.review.desk.access import may
from fakelake.review.desk.models import Upload
from fakelake.review.desk.tokens import demand
from fakelake.review.service.uploads import intake
from fakelake.review.service.uploads.receive import received
from fakelake.review.service.uploads.states import UploadState, state_of

router = Router()


class Taken(Schema):
    """known: the same bytes were here already. upload: None for those of the archive."""

    name: str
    video_id: str
    known: bool
    upload: str | None


class NotTaken(Schema):
    """error: a word for programs; said and todo: for people."""

    name: str
    error: str
    said: str
    todo: str


class Outcome(Schema):
    """Every file that was sent is in one of these."""

    accepted: list[Taken]
    refused: list[NotTaken]


class State(Schema):
    """state: fetching, queued, decoding, scoring, waiting (no champion yet), done or failed."""

    id: str
    name: str
    state: str
    words: str
    todo: str
    video_id: str
    band: str
    p_fake: float | None


_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "properties": {"files": _FILES}}}
_MULTIPART = {"requestBody": {"required": True, "content": {"multipart/form-data": _FORM}}}


@router.post("", response={200: Outcome, 201: Outcome, 400: Outcome, 413: Outcome, 503: Outcome, 507: Outcome},
             summary="Give videos to the lake", openapi_extra=_MULTIPART)  # fmt: skip
def submit(request: HttpRequest) -> Status:
    """One or more files as multipart/form-data. 201: taken, and a run is asked for; 200: known already."""
    demand(request, "moderator")
    with received(request) as receipt:
        outcome = intake.accept_all(receipt, request.auth, "api")
    declared = outcome.status in (200, 201, 413, 503, 507)
    return Status(outcome.status if declared else 400, outcome.told())


@router.get("/{upload_id}", response=State, summary="How far an upload is")
def state(request: HttpRequest, upload_id: UUID) -> UploadState:
    """One's own; an administrator: anybody's."""
    demand(request, "viewer")
    found = Upload.objects.filter(pk=upload_id).first()
    if found is None or (found.by_id != request.auth.pk and not may(request.auth, "administrator")):
        raise HttpError(404, "There is no such upload of yours.")
    return state_of(found)
