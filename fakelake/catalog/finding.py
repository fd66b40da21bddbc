"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or, without `fault`, one that is only worth knowing.

    rule:    short and stable, e.g. "file missing"
    subject: the file, table, video or split that it is about
    """

    rule: str
    subject: str
    text: str
    remedy: str
    fault: bool = True
