"""The list of what people gave, the latest first and a page at a time: uploads, and links that are none (yet)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet

from fakelake.review.desk.models import Upload
from fakelake.review.service.uploads import links
from fakelake.review.service.uploads.states import UploadState, states_of

PAGE = 30


@dataclass(frozen=True, slots=True)
class Page:
    """number counts from 1."""

    states: list[UploadState]
    number: int
    pages: int


def page_of(user: AbstractBaseUser, everybody: bool, number: int = 1) -> Page:
    """Of a person's own, or of all; a number beyond the last page gives the last. Raises LakeBusyNow."""
    found = _ids(Upload.objects.all(), user, everybody).union(_ids(links.no_uploads(), user, everybody))
    pages = max(1, -(-found.count() // PAGE))
    number = min(max(1, number), pages)
    ids = [key for key, _ in found.order_by("-at", "id")[(number - 1) * PAGE : number * PAGE]]
    return Page(_states(ids, user, everybody), number, pages)


def named(user: AbstractBaseUser, everybody: bool, ids: Sequence[str]) -> list[UploadState]:
    """Those of these ids that a person may see, a page at most. Raises LakeBusyNow."""
    return _states([UUID(key) for key in ids[:PAGE] if _is_id(key)], user, everybody)


def uploads_of(video_id: str) -> list[Upload]:
    """Those whose file the desk still has in its inbox, the latest first."""
    found = Upload.objects.filter(video_id=video_id, deleted_at=None).exclude(came_by="path")
    return list(found.select_related("by"))


def _ids(found: QuerySet, user: AbstractBaseUser, everybody: bool) -> QuerySet:
    return (found if everybody else found.filter(by=user)).order_by().values_list("id", "at")


def _states(ids: Iterable[UUID], user: AbstractBaseUser, everybody: bool) -> list[UploadState]:
    """In the order of the list. One that has just become an upload is that."""
    own = {"pk__in": list(ids)} if everybody else {"pk__in": list(ids), "by": user}
    uploads = states_of(Upload.objects.filter(**own).select_related("by"))
    fetched = links.states_of(links.no_uploads().filter(**own).select_related("by"))
    return sorted([*uploads, *fetched], key=lambda state: (-state.at.timestamp(), state.id))


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
