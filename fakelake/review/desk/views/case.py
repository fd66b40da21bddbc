"""Asking for what takes time to be made of a video, and taking it: copy, strip, explanation, overlay, case file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import BinaryIO

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe
from django_ratelimit.core import is_ratelimited
from django_ratelimit.decorators import ratelimit
from django_ratelimit.exceptions import Ratelimited

from fakelake.review.desk.access import needs
from fakelake.review.desk.errors import wants_json
from fakelake.review.desk.models import Audit
from fakelake.review.service.media import ranges, results
from fakelake.review.service.media.cache import known, used
from fakelake.review.service.media.job import Job
from fakelake.review.service.media.playback import ask_copy
from fakelake.review.service.problem import Problem

MAKERS = {"copy": "viewer", "strip": "viewer", "explain": "moderator", "overlay": "moderator", "case": "moderator"}
SAVED = {"overlay": ("video/mp4", "overlay", "mp4"), "case": ("application/zip", "case", "zip")}


@require_POST
@ratelimit(key="user", rate="30/m", block=True)
def make(request: HttpRequest, video_id: str, what: str) -> HttpResponse:
    """Begin it, if it is not there. To scripts its state, as `made` tells it; to others the video's page."""
    return needs(_role(what))(_make)(request, video_id, what)


def _make(request: HttpRequest, video_id: str, what: str) -> HttpResponse:
    job = begin(request, video_id, what)
    return _state(video_id, what, job) if wants_json(request) else redirect("video", video_id)


def begin(request: HttpRequest, video_id: str, what: str) -> Job | None:
    """Have it made, on record where it is to leave the desk; None: it is there. Raises as `results.ask`."""
    job = ask_copy(video_id) if what == "copy" else results.ask(video_id, what)
    if job is not None and what in SAVED:
        Audit.tell(request.user, "asked", video_id, what)
    return job


@require_safe
def made(request: HttpRequest, video_id: str, what: str) -> HttpResponseBase:
    """Its state, to scripts; else the thing itself, once it is there."""
    role = _role(what)
    least = role if what in SAVED else "viewer"  # what was made already costs nothing to look at
    return needs(least)(_made)(request, video_id, what)


def _made(request: HttpRequest, video_id: str, what: str) -> HttpResponseBase:
    if wants_json(request):
        return _state(video_id, what)
    if what in SAVED:
        return saved(request, video_id, what)
    if what == "copy":
        return redirect("video_file", video_id)
    with _opened(video_id, what) as file:
        data = file.read()
    return _explanation(request, data) if what == "explain" else JsonResponse(json.loads(data))


def saved(request: HttpRequest, video_id: str, what: str) -> HttpResponseBase:
    """A file to be kept outside of the desk, whole or a range of it, on record. Raises Problem where it is not made."""
    # Each part that is taken leaves a line in the audit, and must not flood it.
    if is_ratelimited(request, group="saved", key="user", rate="60/m", increment=True):
        raise Ratelimited()
    kind, word, ending = SAVED[what]
    file = _opened(video_id, what)
    answer = ranges.answer(request, file, os.fstat(file.fileno()).st_size, kind, Path(file.name).stem)
    name = file_name(known(video_id)["name"] or "", video_id, word, ending)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    if request.method == "GET" and answer.status_code in (200, 206):
        Audit.tell(request.user, "exported", video_id, what)
    return answer


def _opened(video_id: str, what: str) -> BinaryIO:
    try:
        return used(results.path_of(video_id, what)).open("rb")
    except FileNotFoundError:
        said = "Or the verdict has changed since it was made."
        raise Problem("This is not made yet", said, "Ask for it on the video's page.", 404) from None


@xframe_options_sameorigin
@csp({
    "default-src": [NONE], "style-src": [UNSAFE_INLINE], "img-src": ["data:"], "frame-ancestors": [SELF],
    "sandbox": True,
})  # fmt: skip
def _explanation(request: HttpRequest, page: bytes) -> HttpResponse:
    """For an iframe of the video's page: its own styles and pictures, no script, and nothing of the desk's cookies."""
    return HttpResponse(page, headers={"Cache-Control": "private, no-cache"})


def _state(video_id: str, what: str, job: Job | None = None) -> JsonResponse:
    """job: that was just asked for, which for a copy may be the look at the file that comes first."""
    state = results.state(video_id, what)
    if state["state"] == "none" and job is not None and job.open:
        state = {"state": job.state, "progress": job.progress, "said": job.said}
    done = state["state"] == "done"
    told = {**state, "url": reverse("made", args=[video_id, what]) if done else None}
    if done and what == "strip":
        told |= _strip(video_id)
    status = 202 if state["state"] in ("waiting", "running") else 200
    return JsonResponse(told, status=status, headers={"Cache-Control": "no-store"})


def _strip(video_id: str) -> dict[str, object]:
    shown = json.loads(results.path_of(video_id, "strip").read_text())["frames"]
    return {"frames": [{**each, "url": reverse("frame", args=[video_id, each["number"]])} for each in shown]}


def _role(what: str) -> str:
    if what not in MAKERS:
        raise Http404("There is no such thing to make.")
    return MAKERS[what]


def file_name(name: str, video_id: str, word: str, ending: str) -> str:
    """What a browser saves a file as: ASCII letters, digits and dashes of the video's own name, whatever that is."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name.rpartition(".")[0] or name).strip("-")[:60]
    return f"{stem or 'video'}-{video_id[:8]}-{word}.{ending}"
