"""Who a program is: the person whose token it brings."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from fakelake.review.desk.access import may, role_of
from fakelake.review.desk.models import Token


class Bearer(HttpBearer):
    """`Authorization: Bearer flk_...`. Tokens of people whose account is closed, or whose days are over, are worth
    nothing."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        found = Token.objects.select_related("by").filter(digest=Token.digest_of(token), by__is_active=True).first()
        if found is None or found.ended:
            return None
        if found.used_at is None or timezone.now() - found.used_at > timedelta(minutes=1):
            Token.objects.filter(pk=found.pk).update(used_at=timezone.now())
        request.user = found.by
        return found.by


def demand(request: HttpRequest, role: str) -> None:
    """Raises PermissionDenied where the token's person has not at least this role."""
    if not may(request.auth, role):
        raise PermissionDenied(
            f"This needs the role {role}. The token's person has: {role_of(request.auth) or 'none'}."
        )
