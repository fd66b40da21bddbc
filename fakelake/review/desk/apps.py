"""The desk as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Its tables hold what is not the lake's: people's tokens, decisions on their way, uploads, who did what."""

    name = "fakelake.review.desk"
    label = "desk"
    verbose_name = "fakelake review desk"
