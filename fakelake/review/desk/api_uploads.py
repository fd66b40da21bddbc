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
from fakelake.review.service.uploads.receive import Refused, received

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


@router.post("", response={200: Outcome, 201: Outcome, 400: Outcome, 413: Outcome, 507: Outcome},
             summary="Give videos to the lake", openapi_extra=_MULTIPART)  # fmt: skip
def submit(request: HttpRequest) -> Status:
    """One or more files as multipart/form-data. 201: taken, and a run is asked for; 200: known already."""
    demand(request, "moderator")
    taken = []
    with received(request) as receipt:
        for file in receipt.files:
            try:
                taken.append(intake.accept(file, request.auth, came_by="api"))
            except Refused as refused:
                receipt.refused.append(refused)
    accepted = [
        {"name": a.name, "video_id": a.video_id, "known": a.known, "upload": str(a.upload.id) if a.upload else None}
        for a in taken
    ]
    refused = [{"name": r.name, "error": r.error, "said": r.said, "todo": r.todo} for r in receipt.refused]
    if receipt.refused:
        status = receipt.refused[0].status if receipt.refused[0].status in (413, 507) else 400
    else:
        status = 201 if any(not each.known for each in taken) else 200
    return Status(status, {"accepted": accepted, "refused": refused})


@router.get("/{upload_id}", response=State, summary="How far an upload is")
def state(request: HttpRequest, upload_id: UUID) -> intake.UploadState:
    """One's own; an administrator: anybody's."""
    demand(request, "viewer")
    found = Upload.objects.filter(pk=upload_id).first()
    if found is None or (found.by_id != request.auth.pk and not may(request.auth, "administrator")):
        raise HttpError(404, "There is no such upload of yours.")
    return intake.state_of(found)
