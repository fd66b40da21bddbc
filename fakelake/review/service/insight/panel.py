"""One panel of the insight page: a title that says what it shows, a plot, the SQL behind it and the same as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from fakelake.review.service.insight.questions import QUESTIONS
from fakelake.review.service.questions import Cell, cell

BANDS = {
    "fake": "fake", "suspicious": "suspicious", "authentic": "authentic", "not_applicable": "nothing to score",
    "failed": "failed", "waiting": "waits for its score",
}  # fmt: skip
_Z = 1.96  # of 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """plots: SVG; legend: (kind, word); matrix: instead of a plot; empty: why there is none, and what to do

    rows: the answer to the question that is shown
    """

    key: str
    title: str
    lead: str = ""
    plots: Sequence[str] = ()
    legend: Sequence[tuple[str, str]] = ()
    matrix: Matrix | None = None
    story: Sequence[Event] = ()
    rows: Sequence[Mapping[str, object]] = ()
    note: str = ""
    empty: str = ""

    @property
    def sql(self) -> str:
        return QUESTIONS[self.key].shown

    @property
    def columns(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    @property
    def cells(self) -> list[list[Cell]]:
        return [[cell(value) for value in row.values()] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Matrix:
    """rows: (name, cells), a cell is (number, what it means: agree, differ or neither)."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class Event:
    """Of a story: when, what in few words, and why."""

    when: str
    what: str
    why: str
    kind: str


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson. Raises ZeroDivisionError for n = 0."""
    share, spread = hits / n, _Z * _Z / n
    half = _Z * sqrt((share * (1 - share) + spread / 4) / n)
    return max(0.0, (share + spread / 2 - half) / (1 + spread)), min(1.0, (share + spread / 2 + half) / (1 + spread))


def count(n: float, thing: str) -> str:
    """1 video, 1,234 videos."""
    return f"{n:,.0f} {thing}{'' if n == 1 else 's'}"


def length(hours: float) -> str:
    """Of video: 1,234.5 hours, 12 minutes, 40 seconds."""
    if hours >= 0.9995:
        return f"{hours:,.1f} hours"
    return count(round(hours * 60), "minute") if hours >= 2 / 60 else count(round(hours * 3600), "second")


def percent(part: float, whole: float) -> str:
    """Never rounded up to all or down to nothing."""
    if not whole or part in (0, whole):
        return "100 %" if part and part == whole else "0 %"
    share = 100 * part / whole
    if share < 0.1 or share > 99.9:
        return "under 0.1 %" if share < 0.1 else "over 99.9 %"
    return f"{share:.1f} %" if share < 10 or share > 90 else f"{share:.0f} %"


def legend(kinds: Mapping[str, str], used: Iterable[Mapping[str, float]]) -> list[tuple[str, str]]:
    """Those kinds that a plot has, in their order."""
    seen = {kind for parts in used for kind, value in parts.items() if value}
    return [(kind, word) for kind, word in kinds.items() if kind in seen]
