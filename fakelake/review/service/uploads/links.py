"""Links that are fetched for administrators, one thread each, a few at a time. What came of one is kept (Link)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from fakelake.review.desk.models import Audit, Link, Upload
from fakelake.review.service.uploads import intake, web
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.receive import Incoming
from fakelake.review.service.uploads.refusals import Refused
from fakelake.review.service.uploads.states import UploadState

log = logging.getLogger("fakelake.review")
AT_ONCE = threading.BoundedSemaphore(2)
Allowed = Callable[[web.Address], bool]


@dataclass(slots=True)
class Fetch:
    """Of this process. accepted, refused: the outcome; neither while it goes on."""

    row: Link
    incoming: Incoming | None = None
    accepted: intake.Accepted | None = None
    refused: Refused | None = None
    ended: threading.Event = field(default_factory=threading.Event)


_fetches: dict[UUID, Fetch] = {}  # under way


def fetch(link: str, by: AbstractBaseUser, allowed: Allowed = web.is_public) -> Fetch:
    """Begin to fetch a http(s) link into the inbox, with the checks of any upload; returns at once.

    allowed: which addresses may be asked; tests widen it, nothing else does. Raises Refused for what is no
    link, Problem without an inbox.
    """
    inbox()
    link, name = link.strip(), web.name_of(link)
    web.plain_link(link, name)
    Audit.tell(by, "asked", "", f"for a link: {link[:1000]}")
    return _begin(Link.objects.create(link=link, name=name, by=by), allowed)


def go_on(allowed: Allowed = web.is_public) -> list[Fetch]:
    """Fetch, from their beginning, those that a desk before this one left unfinished."""
    unfinished = no_uploads().filter(ended_at=None).exclude(pk__in=list(_fetches)).select_related("by")
    return [_begin(row, allowed) for row in unfinished.order_by("at")]


def no_uploads() -> QuerySet[Link]:
    """Links that go on, that failed, or that found nothing new; the others have become uploads of the same id."""
    return Link.objects.exclude(pk__in=Upload.objects.filter(came_by="link").values("pk"))


def states_of(rows: Iterable[Link]) -> list[UploadState]:
    """For the list."""
    rows = list(rows)
    ids = [row.video_id for row in rows if row.video_id]
    pages = intake.pages_of(ids) if ids else {}
    return [_state(row, pages.get(row.video_id, "")) for row in rows]


def _begin(row: Link, allowed: Allowed) -> Fetch:
    begun = _fetches[row.id] = Fetch(row)
    threading.Thread(target=_run, args=(begun, allowed), name="desk-link", daemon=True).start()
    return begun


def _run(begun: Fetch, allowed: Allowed) -> None:
    row = begun.row
    try:
        try:
            with AT_ONCE:
                _fetch(begun, allowed)
            row.video_id = begun.accepted.video_id
        except Refused as refused:
            begun.refused = refused
            Audit.tell(row.by, "refused", "", f"link {row.link[:500]}: {refused.error}: {refused.said}")
        except Exception:
            log.exception("the link %s (%s) could not be fetched", row.id, row.name)
            begun.refused = Refused(
                row.name, "failed", "Something went wrong on our side.", "It is in the desk's log.", 500
            )
        if begun.refused:
            row.error, row.said, row.todo = begun.refused.error, begun.refused.said, begun.refused.todo
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at", "video_id", "error", "said", "todo"])
    finally:
        _fetches.pop(row.id, None)
        begun.ended.set()
        connection.close()


def _fetch(begun: Fetch, allowed: Allowed) -> None:
    limit = settings.FAKELAKE.desk_upload_bytes
    begun.incoming = Incoming(begun.row.name, limit)
    try:
        web.download(begun.row.link, begun.incoming, limit, allowed)
        received = begun.incoming.finish()
    except BaseException:
        begun.incoming.drop()
        raise
    try:
        begun.accepted = intake.accept(received, begun.row.by, "link", begun.row.id)
    finally:
        received.close()


def _state(row: Link, url: str) -> UploadState:
    begun = _fetches.get(row.id)
    came = begun.incoming.bytes if begun and begun.incoming else 0
    state, words, todo = "fetching", f"{came / 1e6:,.1f} MB have come.", ""
    if row.error:
        state, words, todo = "failed", row.said, row.todo
    elif row.ended_at:
        state, words = "done", "The same bytes were here already."
    return UploadState(
        id=str(row.id), name=row.name, state=state, words=words, todo=todo, by=row.by.get_username(), at=row.at,
        came_by="link", video_id=row.video_id, bytes=came, url=url,
    )  # fmt: skip
