"""Why a file cannot be taken, in words for whoever sent it."""

from __future__ import annotations

import errno

from fakelake.review.service.problem import Problem

AGAIN = "Send it again."
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Refused(Problem):
    """One file cannot be taken. name: as its owner's machine calls it; error: a short stable code."""

    def __init__(self, name: str, error: str, said: str, todo: str, status: int = 400) -> None:
        super().__init__("This file was not taken", said, todo, status)
        self.name, self.error = name, error


def too_large(name: str, limit: int) -> Refused:
    said = f"{name} is larger than {limit / 1e6:,.1f} MB, the most that the desk takes."
    return Refused(name, "too_large", said, "Cut it, or ask an administrator to take it by its path.", 413)


def disk_trouble(name: str, error: OSError) -> Refused:
    """What the operating system said when a file was to be stored."""
    if error.errno in _FULL:
        return Refused(
            name, "disk_full", f"The disk that uploads come in on is full, so {name} could not be stored.",
            "Ask an administrator to make room, then send it again.", 507,
        )  # fmt: skip
    return Refused(
        name, "not_stored", f"{name} could not be stored in the inbox: {error.strerror or error}.",
        "Ask an administrator to look at the inbox, then send it again.", 500,
    )  # fmt: skip
