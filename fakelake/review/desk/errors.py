"""Errors as plain pages: what happened, and what to do. The log has the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django_ratelimit.exceptions import Ratelimited

from fakelake.catalog.lock import LakeBusy
from fakelake.review.service.problem import Busy, Problem

log = logging.getLogger("fakelake.review")
TOO_MANY = Problem("Too many requests", "", "Wait a minute, then go on.", 429)


class PlainErrors:
    """Middleware: exceptions that have words become pages, or JSON for programs; so do answers without any."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code == 405 and not response.content:  # of Django's own decorators
            plain = page(request, 405, "This is no page to open", "A form leads here.", "Go back, or to the queue.")
            plain["Allow"], response = response["Allow"], plain
        # Pages are one person's, on machines that others use too; what may be kept for a while says so itself.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        problem = problem_of(error)
        return page_of(request, problem) if problem else None


def problem_of(error: Exception) -> Problem | None:
    """What there is to say of it, to people and to programs alike; None: nothing, it is a fault of ours."""
    if isinstance(error, Ratelimited):
        return TOO_MANY
    if isinstance(error, LakeBusy):
        return Busy("The lake did not answer in time", str(error))
    return error if isinstance(error, Problem) else None


def page_of(request: HttpRequest, problem: Problem) -> HttpResponse:
    """As a page, or as JSON where a program asked."""
    return page(request, problem.status, problem.title, problem.said, problem.todo)


def page(request: HttpRequest, status: int, title: str, said: str = "", todo: str = "", **more: str) -> HttpResponse:
    """The same of its words. more: for the template alone."""
    if wants_json(request):
        return JsonResponse(Problem(title, said, todo).told(), status=status)
    return render(request, "desk/problem.html", {"title": title, "said": said, "todo": todo, **more}, status=status)


def wants_json(request: HttpRequest) -> bool:
    """A script of our pages, or a program."""
    return request.path_info.startswith("/api/") or request.headers.get("Accept", "").startswith("application/json")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, 400, "This request cannot be read", str(exception) if str(exception) else "", "Go back.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if problem := problem_of(exception):
        return page_of(request, problem)
    return page(request, 403, "You may not do this", str(exception), "Ask an administrator for the role.")


def logged_out(request: HttpRequest) -> HttpResponse:
    """To whoever sends a form after their session has ended: what they typed is not lost with it."""
    typed = request.POST.get("note", "") if request.content_type == "application/x-www-form-urlencoded" else ""
    came_from = urlsplit(request.headers.get("Referer", ""))
    back = f"{came_from.path}?{came_from.query}" if came_from.netloc == request.get_host() else ""
    return page(
        request, 401, "You are logged out", "Nothing was changed.", "Log in, then do it again.", typed=typed,
        log_in=f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}",
    )  # fmt: skip


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
