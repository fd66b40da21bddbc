"""What becomes of a file that somebody gave: a video of the inbox under a name of ours, once each, or a plain no.

The pages and the API share this: `accept_all` of a request's files (receive.py), and states.py for how far they are.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.urls import reverse

from fakelake.catalog.forget import forgotten
from fakelake.review.desk.models import Audit, Upload
from fakelake.review.service.reader import LakeBusyNow, reader
from fakelake.review.service.uploads import start_run
from fakelake.review.service.uploads.alone import alone
from fakelake.review.service.uploads.inbox import inbox, is_there
from fakelake.review.service.uploads.look_at import look_at
from fakelake.review.service.uploads.receive import Receipt, Received
from fakelake.review.service.uploads.refusals import AGAIN, Refused, disk_trouble
from fakelake.review.service.uploads.states import uri_of_upload
from fakelake.tasks.errors import MediaError

log = logging.getLogger("fakelake.review")
STEM_BYTES = 120  # that are left of a name
SIGNS = " ._-()+,"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """known: the same bytes were here already, and nothing was stored again. upload: None for those of the archive."""

    name: str
    video_id: str
    known: bool
    upload: Upload | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every file that came is in one of these."""

    taken: list[Accepted]
    refused: list[Refused]

    @property
    def status(self) -> int:
        """Of HTTP: that of the first that was refused; 201 where something new was taken, else 200."""
        if self.refused:
            return self.refused[0].status
        return 200 if all(one.known for one in self.taken) else 201

    def told(self) -> dict[str, list[dict[str, object]]]:
        """For programs and scripts; upload: None for those of the archive."""
        accepted = [
            {"name": a.name, "video_id": a.video_id, "known": a.known, "upload": str(a.upload.id) if a.upload else None}
            for a in self.taken
        ]
        refused = [{"name": r.name, "error": r.error, "said": r.said, "todo": r.todo} for r in self.refused]
        return {"accepted": accepted, "refused": refused}


def accept_all(receipt: Receipt, by: AbstractBaseUser, came_by: str) -> Outcome:
    """Each file of a request by itself: what is wrong with one keeps no other from being taken, or from being told."""
    outcome = Outcome([], list(receipt.refused))
    for file in receipt.files:
        try:
            outcome.taken.append(accept(file, by, came_by))
        except LakeBusyNow as busy:
            said = f"{file.name} was not taken, as the lake did not answer in time. {busy.said}"
            outcome.refused.append(Refused(file.name, "lake_busy", said, AGAIN, busy.status))
        except Refused as refused:
            outcome.refused.append(refused)
    return outcome


def accept(file: Received, by: AbstractBaseUser, came_by: str, upload_id: UUID | None = None) -> Accepted:
    """Look into a received file and move it into the inbox, with its rows of Upload and Audit; ask for a run.

    came_by: upload | link | api. Raises Refused (with name, error, said, todo and an HTTP status) for what is no plain,
    whole video, for one that a person had forgotten, and where the inbox cannot store it, and LakeBusyNow; the file
    stays in staging then, from where `received` removes it.
    """
    try:
        extension = _extension(file)
        with alone(file.sha256):
            _refuse_forgotten(file)
            known = _still_known(file)
            upload_id = upload_id or uuid4()
            if known and known.upload:
                known = replace(known, upload=_own(file, known.upload, by, came_by, upload_id))
            upload = None if known else _store(file, by, came_by, upload_id, extension)
    except Refused as refused:
        Audit.tell(by, "refused", file.sha256, f"{file.name}: {refused.error}")
        raise
    if known:
        Audit.tell(by, "uploaded", file.sha256, f"{file.name}: the same bytes were here already")
        return known
    start_run.starter().wake()
    return Accepted(name=file.name, video_id=file.sha256, known=False, upload=upload)


def pages_of(video_ids: Iterable[str]) -> dict[str, str]:
    """Addresses of the pages of those that the lake has; of none where it is slow: what was taken is taken."""
    try:
        rows = reader().rows(
            "SELECT video_id FROM desk WHERE video_id IN (SELECT unnest($1::VARCHAR[]))", [sorted(set(video_ids))]
        )
    except LakeBusyNow:
        return {}
    return {row["video_id"]: reverse("video", args=[row["video_id"]]) for row in rows}


def _extension(file: Received) -> str:
    try:
        return look_at(file.path, file.name).extension
    except MediaError as error:
        raise Refused(file.name, error.error, error.message, error.remedy, 415) from error


def _refuse_forgotten(file: Received) -> None:
    """Asked of the table itself, which knows at once."""
    if forgotten(reader().lake, [file.sha256]):
        raise Refused(
            file.name, "forgotten", f"{file.name} was forgotten at a person's wish, and is not taken again.",
            "Nothing to do. Only an administrator can undo it: fakelake forget --undo.", 410,
        )  # fmt: skip


def _still_known(file: Received) -> Accepted | None:
    try:
        return _known(file)
    except OSError as error:
        raise disk_trouble(file.name, error) from error


def _known(file: Received) -> Accepted | None:
    """The same bytes where they lie already. Those whose every file is gone are taken again: somebody wants to see."""
    uploads = Upload.objects.filter(video_id=file.sha256, deleted_at=None).exclude(came_by="path")
    for upload in uploads.select_related("by"):
        if is_there(uri_of_upload(upload)):
            return Accepted(name=file.name, video_id=file.sha256, known=True, upload=upload)
    places = reader().rows("SELECT uri FROM sources JOIN desk USING (video_id) WHERE video_id = $1", [file.sha256])
    if any(is_there(row["uri"]) for row in places):
        return Accepted(name=file.name, video_id=file.sha256, known=True, upload=None)
    return None


def _own(file: Received, there: Upload, by: AbstractBaseUser, came_by: str, upload_id: UUID) -> Upload:
    """This person's row of a stored file: they see how far it is, and it stays as long as one of its rows does."""
    found = Upload.objects.filter(stored=there.stored, by=by, deleted_at=None).select_related("by").first()
    return found or Upload.objects.create(
        id=upload_id, name=file.name[:255], stored=there.stored, video_id=file.sha256, bytes=file.bytes, by=by,
        came_by=came_by, flow_run=there.flow_run, settled_at=there.settled_at,
    )  # fmt: skip


def _store(file: Received, by: AbstractBaseUser, came_by: str, upload_id: UUID, extension: str) -> Upload:
    stored = f"{file.sha256[:16]}/{stem(file.name)}.{extension}"
    try:  # before its row: a file without a row is taken in all the same, a row without its file would be a lie
        inbox().store(file.path, stored)
    except OSError as error:
        raise disk_trouble(file.name, error) from error
    with transaction.atomic():
        upload = Upload.objects.create(
            id=upload_id, name=file.name[:255], stored=stored, video_id=file.sha256, bytes=file.bytes, by=by,
            came_by=came_by,
        )  # fmt: skip
        Audit.tell(by, "uploaded", file.sha256, f"{file.name} by {came_by}, {file.bytes} bytes, as {stored}")
    return upload


def stem(name: str) -> str:
    """What is left of a name for file systems, shells and pages: letters, digits and a few signs, in any script."""
    text = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    text = text.rpartition(".")[0] or text
    plain = "".join(sign if unicodedata.category(sign)[0] in "LMN" or sign in SIGNS else "_" for sign in text)
    return plain.encode()[:STEM_BYTES].decode(errors="ignore").strip(" .-_") or "video"
