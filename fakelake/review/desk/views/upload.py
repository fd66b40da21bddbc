"""The index page: giving videos to the desk, and watching how far they have come."""

from __future__ import annotations

from dataclasses import asdict

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST
from django_ratelimit.decorators import ratelimit

from fakelake.review.desk.access import may, needs
from fakelake.review.desk.errors import wants_json
from fakelake.review.desk.models import Upload
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import LakeBusyNow
from fakelake.review.service.uploads import intake, links, retention
from fakelake.review.service.uploads.by_path import take_path
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.listing import Page, named, page_of
from fakelake.review.service.uploads.receive import received
from fakelake.review.service.uploads.usual import usual_s


@require_GET
@needs("viewer")
def index(request: HttpRequest) -> HttpResponse:
    """The page; its list is there without a script, and moves with one. `page`: of the list."""
    try:
        trouble = None
        inbox()
    except Problem as problem:
        trouble = problem
    number = _number(request.GET.get("page", ""))
    page, usual, busy = Page([], number, number), None, ""
    try:
        if not trouble:
            page = page_of(request.user, may(request.user, "administrator"), number)
            usual = usual_s()
    except LakeBusyNow as error:
        busy = error.said
    return render(request, "desk/upload.html", {
        "page": page, "usual": usual, "busy": busy, "trouble": trouble, "limit": settings.FAKELAKE.desk_upload_bytes,
        "most": settings.DATA_UPLOAD_MAX_NUMBER_FILES, "ticket": _ticket(request), "roots": _roots(),
    })  # fmt: skip


@csrf_exempt
@needs("moderator")
@ratelimit(group="upload", key="user", rate="120/m", method="POST")
def receive(request: HttpRequest) -> HttpResponse:
    """Files of a form or of upload.js. Exempt from Django's check, which reads a POST's files to find the token in it.

    The check comes here instead, before a byte of the files is read: the token is in the header or, of a plain form,
    in the ticket of its address. Told that this is a PUT, Django looks for the token in the header alone.
    """
    if request.method != "POST":
        return redirect("upload")
    if constant_time_compare(request.GET.get("ticket", ""), _ticket(request)):
        request.META["HTTP_X_CSRFTOKEN"] = request.META.get("CSRF_COOKIE", "")
    request.method = "PUT"
    return _take_files(request)


@csrf_protect
def _take_files(request: HttpRequest) -> HttpResponse:
    request.method = "POST"
    with received(request) as receipt:
        outcome = intake.accept_all(receipt, request.user, "upload")
    if not wants_json(request) and outcome.status == 201 and not any(one.known for one in outcome.taken):
        for one in outcome.taken:
            messages.success(request, f"{one.name} is taken.")
        return redirect("upload")
    pages = intake.pages_of(one.video_id for one in outcome.taken)
    if wants_json(request):
        told = outcome.told()
        for one in told["accepted"]:
            one["url"] = pages.get(one["video_id"], "")
        return JsonResponse(told, status=outcome.status)
    shown = [(one, pages.get(one.video_id, "")) for one in outcome.taken]
    whole = {"taken": shown, "refused": outcome.refused}
    return render(request, "desk/upload_result.html", whole, status=outcome.status)


@require_GET
@needs("viewer")
def states(request: HttpRequest) -> HttpResponse:
    """The list as JSON: each state, and the same as a piece of the page. `id`, repeated: of these; else the latest."""
    everybody, ids = may(request.user, "administrator"), request.GET.getlist("id")
    found = named(request.user, everybody, ids) if ids else page_of(request.user, everybody).states
    page = {"number": _number(request.GET.get("page", ""))}  # on which they stand
    return JsonResponse({"uploads": [
        {**asdict(state), "moving": state.moving,
         "html": render_to_string("desk/upload_item.html", {"state": state, "page": page}, request)}
        for state in found
    ]})  # fmt: skip


@require_POST
@needs("administrator")
@ratelimit(group="upload", key="user", rate="120/m", method="POST")
def by_link(request: HttpRequest) -> HttpResponse:
    """Fetches what a link leads to, in the background."""
    begun = links.fetch(request.POST.get("link", ""), request.user)
    messages.info(request, f"{begun.row.name} is being fetched; the list below says how far it is.")
    return redirect("upload")


@require_POST
@needs("administrator")
@ratelimit(group="upload", key="user", rate="120/m", method="POST")
def by_path(request: HttpRequest) -> HttpResponse:
    """Takes a file or folder of this machine where it is."""
    upload = take_path(request.POST.get("path", ""), request.user)
    messages.success(request, f"{upload.name} is asked for.")
    return redirect("upload")


@require_POST
@needs("administrator")
def delete(request: HttpRequest, upload_id: object) -> HttpResponse:
    """The stored file of an upload goes; what was found in it stays, and who gave it."""
    upload = get_object_or_404(Upload, pk=upload_id)
    try:
        retention.delete(upload, request.user)
    except OSError as error:
        said = f"{upload.name} could not be deleted: {error.strerror or error}."
        raise Problem("The file is still there", said, "Look at the inbox, then try again.", 502) from error
    messages.success(request, f"The file of {upload.name} is deleted. Its faces and verdict stay in the lake.")
    return redirect(f"{reverse('upload')}?page={_number(request.POST.get('page', ''))}")


def _ticket(request: HttpRequest) -> str:
    """Lets a form of this session upload, and nothing else: it stands in an address, where the token shall not."""
    return salted_hmac("fakelake.review upload form", request.session.session_key or "").hexdigest()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 1


def _roots() -> list[str]:
    return [root for root in settings.FAKELAKE.desk_roots.split(":") if root.strip()]
