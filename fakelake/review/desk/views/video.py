"""The page of one video."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from fakelake.catalog.forget import NoSuchVideo
from fakelake.catalog.forget import forget as forget_video
from fakelake.review.desk.access import needs
from fakelake.review.desk.models import Audit, Decision
from fakelake.review.service.listing import Filters
from fakelake.review.service.media import playback, results
from fakelake.review.service.media.cache import drop, known
from fakelake.review.service.media.job import TooBusy
from fakelake.review.service.player import boxes_of
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import reader
from fakelake.review.service.strip import strip_of
from fakelake.review.service.uploads import retention
from fakelake.review.service.uploads.listing import uploads_of
from fakelake.review.service.video import calibration_of, meaning_of, record_of, unjudged
from fakelake.tasks import explain_words as words


@require_GET
@needs("viewer")
def page(request: HttpRequest, video_id: str) -> HttpResponse:
    """Everything that is on record of a video, and a form to decide."""
    record = record_of(reader(), video_id)
    filters = Filters.from_query(request.GET)
    facts, verdict = record.facts, record.facts.verdict
    waiting = Decision.objects.filter(video_id=video_id, state__in=("waiting", "disputed")).select_related("by")
    film, unplayable = _film(video_id)
    context = {
        "record": record,
        "row": record.row,
        "media": record.media,
        "verdict": verdict,
        "reading": facts.reading,
        "recipe": facts.recipe,
        "meaning": meaning_of(record),
        "calibration": calibration_of(record),
        "unjudged": unjudged(record.row["reason"] or "") if record.row["band"] == "not_applicable" else None,
        "decided": words.decision(verdict),
        "strip": strip_of(record),
        "parts": _bars(record.parts),
        "waiting": waiting,
        "own": next((decision for decision in waiting if decision.by_id == request.user.pk), None),
        "query": filters.query(),
        "film": film,
        "by_marks": facts.by_marks,
        "explained": record.scored and results.path_of(video_id, "explain").exists(),
        "undone_note": _undone_note(request, video_id),
        "unplayable": unplayable,
        "uploads": uploads_of(video_id),
    }
    return render(request, "desk/video.html", context)


def _undone_note(request: HttpRequest, video_id: str) -> str:
    """Of this person's last word, if they took it back: most decide again."""
    last = Decision.objects.filter(video_id=video_id, by=request.user.pk).order_by("-at").first()
    return last.note if last is not None and last.state == "undone" else ""


def _film(video_id: str) -> tuple[playback.Playback | None, Problem | None]:
    """What there is to play; or why there is nothing, with the words for it."""
    try:
        return playback.playback(video_id), None
    except (playback.Unplayable, TooBusy) as problem:
        return None, problem


@require_GET
@needs("viewer")
def boxes(request: HttpRequest, video_id: str) -> HttpResponse:
    """Faces, frame by frame, for the player."""
    response = JsonResponse(boxes_of(reader(), video_id))
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@needs("administrator")
def forget(request: HttpRequest, video_id: str) -> HttpResponse:
    """A person's right: faces, scores, caches and uploaded files go, the audit stays. Other files are not ours."""
    why = request.POST.get("why", "").strip()
    if not why:
        raise Problem("Say why", todo="Go back: the reason goes on record, and cannot be given later.")
    if request.POST.get("sure") != video_id[:12]:
        raise Problem(
            "This was not confirmed", todo=f"Go back and type {video_id[:12]} to say that you mean this very video."
        )
    known(video_id)
    Audit.tell(request.user, "forgot", video_id, why)  # before: a process may be killed in between
    try:
        gone = forget_video(reader().lake, video_id, by=str(request.user), why=why)
    except NoSuchVideo as error:
        raise Http404(str(error)) from None
    for upload in uploads_of(video_id):
        try:
            retention.delete(upload, request.user, " (forgotten)")
        except OSError as error:
            messages.error(request, f"{upload.name} is still in the inbox: {error.strerror or error}. Delete it there.")
    reader().refresh(wait_s=5)  # a page that is open would have things made anew
    for each in (video_id, *gone.made):
        drop(each)
    return redirect("queue")


def _bars(parts: list[dict]) -> list[dict]:
    """Parts with the share of the largest fall, for bars."""
    most = max((abs(part["drop"]) for part in parts), default=0.0) or 1.0
    return [{**part, "length": round(100 * abs(part["drop"]) / most, 1)} for part in parts]
