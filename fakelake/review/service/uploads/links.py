"""Links that are being fetched for administrators, one thread each, a few at a time."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.utils import timezone

from fakelake.review.desk.models import Audit
from fakelake.review.service.uploads import intake, web
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.receive import Incoming, Refused

log = logging.getLogger("fakelake.review")
AT_ONCE = threading.BoundedSemaphore(2)
REMEMBERED = 100  # fetches of this process: what came of one is also on record, in Audit


@dataclass(slots=True)
class Fetch:
    """id: also of the Upload that it becomes. accepted, refused: the outcome; neither while it goes on."""

    link: str
    name: str
    by: AbstractBaseUser
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    at: datetime = field(default_factory=timezone.now)
    incoming: Incoming | None = None
    accepted: intake.Accepted | None = None
    refused: Refused | None = None
    ended: threading.Event = field(default_factory=threading.Event)


_fetches: dict[uuid.UUID, Fetch] = {}


def fetch(link: str, by: AbstractBaseUser, allowed: Callable[[web.Address], bool] = web.is_public) -> Fetch:
    """Begin to fetch a http(s) link into the inbox, with the checks of any upload; returns at once.

    allowed: which addresses may be asked; tests widen it, nothing else does. Raises Refused for what is no
    link, Problem without an inbox.
    """
    inbox()
    begun = Fetch(link=link.strip(), name=web.name_of(link), by=by)
    web.plain_link(begun.link, begun.name)
    Audit.tell(by, "asked", "", f"for a link: {link[:1000]}")
    while len(_fetches) >= REMEMBERED:
        _fetches.pop(next(iter(_fetches)))
    _fetches[begun.id] = begun
    threading.Thread(target=_run, args=(begun, allowed), name="desk-link", daemon=True).start()
    return begun


def under_way(user: AbstractBaseUser, all_people: bool) -> list[intake.UploadState]:
    """Fetches that go on, that failed, or that found nothing new, the latest first; the others have become uploads."""
    shown = [f for f in list(_fetches.values()) if all_people or f.by.pk == user.pk]
    return [_state(f) for f in reversed(shown) if not (f.accepted and not f.accepted.known)]


def _run(begun: Fetch, allowed: Callable[[web.Address], bool]) -> None:
    try:
        with AT_ONCE:
            _fetch(begun, allowed)
    except Refused as refused:
        begun.refused = refused
        Audit.tell(begun.by, "refused", "", f"link {begun.link[:500]}: {refused.error}: {refused.said}")
    except Exception:
        log.exception("a link could not be fetched: %s", begun.link)
        begun.refused = Refused(
            begun.name, "failed", "Something went wrong on our side.", "It is in the desk's log.", 500
        )
    finally:
        begun.incoming = None
        begun.ended.set()
        connection.close()


def _fetch(begun: Fetch, allowed: Callable[[web.Address], bool]) -> None:
    limit = settings.FAKELAKE.desk_upload_bytes
    begun.incoming = Incoming(begun.name, limit)
    try:
        web.download(begun.link, begun.incoming, limit, allowed)
        received = begun.incoming.finish()
    except BaseException:
        begun.incoming.drop()
        raise
    try:
        begun.accepted = intake.accept(received, begun.by, "link", begun.id)
    finally:
        received.close()


def _state(begun: Fetch) -> intake.UploadState:
    incoming = begun.incoming
    came = incoming.bytes if incoming else 0
    state, words, todo, video_id = "fetching", f"{came / 1e6:,.1f} MB have come.", "", ""
    if begun.refused:
        state, words, todo = "failed", begun.refused.said, begun.refused.todo
    elif begun.accepted:
        state, words, video_id = "done", "The same bytes were here already.", begun.accepted.video_id
    return intake.UploadState(
        id=str(begun.id), name=begun.name, state=state, words=words, todo=todo, by=begun.by.get_username(), at=begun.at,
        came_by="link", video_id=video_id, bytes=came, url=intake.page_of(begun.accepted) if begun.accepted else "",
    )  # fmt: skip
