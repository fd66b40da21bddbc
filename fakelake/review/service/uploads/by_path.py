"""Videos that lie on this machine already: an administrator names a file or folder, and a run takes it where it is."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from fakelake.review.desk.models import Audit, Upload
from fakelake.review.service.problem import Problem

MOST_ENTRIES = 100_000  # of a folder; more is work for `fakelake ingest`


def take_path(text: str, by: AbstractBaseUser) -> Upload:
    """Ask for a run over a file or folder below one of FAKELAKE_DESK_ROOTS; nothing is copied.

    Its row has the address in `stored`, and no video_id: the lake knows it by the address. Raises Problem.
    """
    from fakelake.review.service.uploads.start_run import starter

    try:
        path = allowed_path(text)
    except Problem:
        Audit.tell(by, "refused", "", f"by path: {text[:500]!r}")
        raise
    size = path.stat().st_size if path.is_file() else 0
    upload = Upload.objects.filter(stored=str(path), came_by="path", deleted_at=None).first()
    if upload is None:
        upload = Upload.objects.create(name=path.name[:255], stored=str(path), bytes=size, by=by, came_by="path")
    Audit.tell(by, "uploaded", "", f"by path: {path}")
    starter().ask_anew(upload, size)
    return upload


def allowed_path(text: str) -> Path:
    """The real path. Raises Problem with the same words for what is not allowed and for what is not there."""
    roots = [Path(root).resolve() for root in settings.FAKELAKE.desk_roots.split(":") if root.strip()]
    if not roots:
        raise Problem(
            "No path can be taken", "No folder is open to the desk.",
            "Set FAKELAKE_DESK_ROOTS to the folders that it may take videos from, or use fakelake ingest.", 403,
        )  # fmt: skip
    try:
        path = Path(text.strip()).resolve(strict=True) if Path(text.strip()).is_absolute() else None
    except (OSError, ValueError, RuntimeError):  # not there, not allowed, a NUL in it, links that go round
        path = None
    if path is None or not _below(path, roots) or not (path.is_file() or path.is_dir()):
        raise Problem(
            "This path cannot be taken", "Only whole paths of files and folders that are there, below the folders that "
            "are open to the desk, can be.", "Check the spelling, and FAKELAKE_DESK_ROOTS.", 403,
        )  # fmt: skip
    if path.suffix.lower() == ".csv":
        raise Problem(
            "A list cannot be taken here", "It could name any file of this machine.",
            "Name a video or a folder, or use fakelake ingest with the list.", 403,
        )  # fmt: skip
    if path.is_dir():
        _refuse_ways_out(path, roots)
    return path


def _refuse_ways_out(folder: Path, roots: list[Path]) -> None:
    """The run follows links; so none below the folder may lead out of what is open."""
    waiting, entered, seen = [folder], set(), 0
    while waiting:
        here = waiting.pop().resolve()
        if here in entered:
            continue
        entered.add(here)
        try:
            entries = list(os.scandir(here))
        except OSError:  # the run says so, in quarantine
            continue
        for entry in entries:
            seen += 1
            if entry.is_symlink() and not _below(Path(entry.path).resolve(), roots):
                raise Problem(
                    "This folder cannot be taken", f"{entry.name} in it is a link that leads elsewhere.",
                    "Name the folder that it leads to, if that is open to the desk, or remove the link.", 403,
                )  # fmt: skip
            if entry.is_dir():
                waiting.append(Path(entry.path))
        if seen > MOST_ENTRIES:
            raise Problem(
                "This folder is too large for the desk", f"It has more than {MOST_ENTRIES:,} entries.",
                "Name a part of it, or use fakelake ingest.", 400,
            )  # fmt: skip


def _below(path: Path, roots: list[Path]) -> bool:
    return any(path == root or root in path.parents for root in roots)
