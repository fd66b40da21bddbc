"""Uploaded files that go: at an administrator's word, or when they are old. The audit stays."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from fakelake.review.desk.models import Audit, Upload
from fakelake.review.service.media.cache import drop
from fakelake.review.service.uploads.alone import alone
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.states import states_of

log = logging.getLogger("fakelake.review")


def delete(upload: Upload, by: object, why: str = "") -> None:
    """The stored file goes; who gave it when, and what the lake says of it, stay. A file taken by path is left alone.

    by: a person, or the name of a rule. Raises OSError: nothing is changed then.
    """
    if upload.deleted_at is not None:
        return
    with alone(upload.video_id), transaction.atomic():
        upload.deleted_at = timezone.now()
        upload.save(update_fields=["deleted_at"])
        Audit.tell(by, "deleted", upload.video_id, f"the file of upload {upload.id}, {upload.name}{why}")
        if upload.came_by != "path":
            if not Upload.objects.filter(stored=upload.stored, deleted_at=None).exists():  # else it is another's too
                inbox().remove(upload.stored)
            drop(upload.video_id)  # a copy for browsers is the file again


def delete_old(now: datetime | None = None) -> int:
    """Files older than FAKELAKE_DESK_KEEP_DAYS go, never without that setting; returns how many.

    Those that are still on their way stay: where no run takes them in for long, their file is all there is.
    Raises LakeBusyNow.
    """
    days = settings.FAKELAKE.desk_keep_days
    if days is None:
        return 0
    before = (now or timezone.now()) - timedelta(days=days)
    old = list(Upload.objects.filter(at__lt=before, deleted_at=None).exclude(came_by="path").select_related("by"))
    gone = 0
    for upload, state in zip(old, states_of(old), strict=True):
        if state.moving:
            continue
        try:
            delete(upload, "retention", f" (older than {days:g} days)")
            gone += 1
        except OSError as error:  # the next look may find a store that answers
            log.warning("the file of upload %s cannot be deleted: %s", upload.id, error)
    return gone
