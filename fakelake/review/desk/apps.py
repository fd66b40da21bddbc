"""The desk as a Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.http import HttpRequest


class DeskConfig(AppConfig):
    """Its tables hold what is not the lake's: people's tokens, decisions on their way, uploads, who did what."""

    name = "fakelake.review.desk"
    label = "desk"
    verbose_name = "fakelake review desk"

    def ready(self) -> None:
        """Who came in, and who was kept out, is on record too."""
        from axes.signals import user_locked_out
        from django.contrib.auth.signals import user_logged_in

        user_logged_in.connect(_logged_in)
        user_locked_out.connect(_locked_out)


def _logged_in(sender: object, request: HttpRequest, user: object, **more: object) -> None:
    _tell(user, "logged in", request)


def _locked_out(sender: object, request: HttpRequest, username: str, **more: object) -> None:
    _tell(str(username)[:150], "locked out", request)


def _tell(who: object, what: str, request: HttpRequest) -> None:
    from fakelake.review.desk.access import address_of
    from fakelake.review.desk.models import Audit

    Audit.tell(who, what, detail=f"from {address_of(request)}")
