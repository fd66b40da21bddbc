"""Errors as plain pages: what happened, and what to do. The log has the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django_ratelimit.exceptions import Ratelimited

from fakelake.catalog.lock import LakeBusy
from fakelake.review.service.media.job import TooBusy
from fakelake.review.service.media.playback import Unplayable
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import LakeBusyNow, NoVideo

log = logging.getLogger("fakelake.review")


class PlainErrors:
    """Middleware: exceptions that have words become pages, or JSON for programs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Problem):
            return page(request, error.status, error.title, error.said, error.todo)
        if isinstance(error, NoVideo):
            return not_found(request, error)
        if isinstance(error, Unplayable):
            return page(request, error.status, error.title, error.said, error.todo)
        if isinstance(error, TooBusy):
            return page(request, 503, "The desk is busy", str(error), "Try again in some minutes.")
        if isinstance(error, LakeBusyNow | LakeBusy):
            return page(request, 503, "The lake did not answer in time", str(error), "Try again in a moment.")
        if isinstance(error, Ratelimited):
            return page(request, 429, "Too many requests", "", "Wait a minute, then go on.")
        return None


def page(request: HttpRequest, status: int, title: str, said: str = "", todo: str = "") -> HttpResponse:
    """The page of an error, or the same as JSON where a program asked."""
    if wants_json(request):
        return JsonResponse({"error": title, "detail": said, "todo": todo}, status=status)
    return render(request, "desk/problem.html", {"title": title, "said": said, "todo": todo}, status=status)


def wants_json(request: HttpRequest) -> bool:
    """A script of our pages, or a program."""
    return request.path.startswith("/api/") or request.headers.get("Accept", "").startswith("application/json")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, 400, "This request cannot be read", str(exception) if str(exception) else "", "Go back.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, Ratelimited):
        return page(request, 429, "Too many requests", "", "Wait a minute, then go on.")
    return page(request, 403, "You may not do this", str(exception), "Ask an administrator for the role.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(request, 403, "This form has gone stale", "Nothing was changed.", "Reload the page, then try again.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = exception.args[0] if exception.args else ""
    said = said if isinstance(said, str) else ""  # else it is the list of all addresses
    return page(request, 404, "There is nothing here", said, "Check the address, or search for the video by name.")


def server_error(request: HttpRequest) -> HttpResponse:
    return page(
        request, 500, "Something went wrong on our side", "It is in the desk's log.",
        "Try again. If it comes back, tell the administrator what you did and when.",
    )  # fmt: skip
