"""Who may do what: a viewer looks, a moderator decides and uploads, an administrator sees to people, files and SQL."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from fakelake.review.desk.errors import logged_out, wants_json

ROLES = ("viewer", "moderator", "administrator")  # each may what those before it may


def role_of(user: AbstractBaseUser | AnonymousUser) -> str | None:
    """The highest of a person's roles; None for nobody, and for somebody without one."""
    if not user.is_authenticated:
        return None
    if user.is_superuser:
        return "administrator"
    if not hasattr(user, "_desk_role"):
        names = set(user.groups.values_list("name", flat=True))
        user._desk_role = next((role for role in reversed(ROLES) if role in names), None)
    return user._desk_role


def may(user: AbstractBaseUser | AnonymousUser, role: str) -> bool:
    """Whether a person has at least this role."""
    own = role_of(user)
    return own is not None and ROLES.index(own) >= ROLES.index(role)


def needs(role: str) -> Callable:
    """Decorator of a view: others get the plain 403 page, and those who are not logged in the log-in page."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not may(request.user, role):
                raise PermissionDenied(f"This needs the role {role}. You have: {role_of(request.user) or 'none'}.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


class LoginRequired(LoginRequiredMiddleware):
    """Every page but those that say otherwise needs a log-in; programs under /api/ bring a token instead."""

    def process_view(self, request: HttpRequest, view: Callable, args: object, kwargs: object) -> HttpResponse | None:
        return None if request.path_info.startswith("/api/") else super().process_view(request, view, args, kwargs)

    def handle_no_permission(self, request: HttpRequest, view: Callable) -> HttpResponse:
        """To the log-in page and back again; but not where that would open a form's address as a page."""
        if request.method not in ("GET", "HEAD") or wants_json(request):
            return logged_out(request)
        return super().handle_no_permission(request, view)


def address_of(request: HttpRequest) -> str:
    """Of whoever asks. Behind our proxy the last hop is the proxy's word; those before it are anybody's."""
    via = request.headers.get("X-Forwarded-For", "") if settings.FAKELAKE.desk_https else ""
    return via.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def role_for_templates(request: HttpRequest) -> dict[str, object]:
    """For every template: `role`, and what it may."""
    user = getattr(request, "user", AnonymousUser())
    return {
        "role": role_of(user),
        "may_decide": may(user, "moderator"),
        "may_administrate": may(user, "administrator"),
    }
