"""What the insight page shows: the answers to its questions, kept until the lake is published anew."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import cache

from fakelake.review.service.insight import models, panels
from fakelake.review.service.insight.panel import Panel
from fakelake.review.service.insight.questions import QUESTIONS
from fakelake.review.service.reader import LakeReader, reader

KEPT_S = 60.0  # then it is asked again although nothing was published: what waits grows older
PATIENCE_S = 0.15  # for an answer that is slow over a large lake
SLOW = ("models",)  # a third of a second over 100,000 videos scored by two versions; all others together take less

Rows = list[dict[str, object]]


class Answers:
    """The rows of each question, for all who look at the page."""

    def __init__(self, reader: LakeReader) -> None:
        self.reader = reader
        self._kept: dict[str, tuple[tuple[float, int], Rows]] = {}
        self._asked: dict[str, tuple[tuple[float, int], Future]] = {}
        self._lock = threading.Lock()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="insight")

    def rows(self, name: str) -> Rows:
        """Raises LakeBusyNow."""
        state = self._state(name)
        if (kept := self._kept.get(name)) and kept[0] == state:
            return kept[1]
        rows = self.reader.rows(QUESTIONS[name].asked)
        self._kept[name] = state, rows
        return rows

    def rows_soon(self, name: str, patience_s: float = PATIENCE_S) -> Rows | None:
        """The same, asked beside the page: what came out last time while it is being counted anew, None the first time.

        Raises LakeBusyNow where the counting took too long; the next call counts again.
        """
        state = self._state(name)
        with self._lock:
            if (kept := self._kept.get(name)) and kept[0] == state:
                return kept[1]
            asked = self._asked.get(name)
            if asked is None or asked[1].done():
                asked = self._asked[name] = state, self._beside.submit(self.rows, name)
        if wait_for([asked[1]], patience_s).done:
            return asked[1].result()
        return kept[1] if kept else None

    def _state(self, name: str) -> tuple[float, int]:
        return self.reader.loaded_at, 0 if name in SLOW else int(time.monotonic() // KEPT_S)


@dataclass(frozen=True, slots=True)
class Insight:
    """figures: (what, number, a word on it, address's name or ""), at the top of the page."""

    figures: list[tuple[str, str, str, str]]
    panels: list[Panel]
    empty: bool


def insight(answers: Answers) -> Insight:
    """The whole page. Raises LakeBusyNow."""
    rows = {name: answers.rows(name) for name in QUESTIONS if name not in SLOW}
    rows |= {name: answers.rows_soon(name) for name in SLOW}  # last: they take the processor from the others
    coverage, champion = rows["coverage"], next(iter(rows["thresholds"]), None)
    found = [
        panels.queue(rows["queue"], sum(row["scored"] for row in coverage), champion),
        panels.coverage(coverage),
        panels.distribution(rows["distribution"], champion),
        models.agreement(rows["agreement"]),
        models.models(rows["models"]),
        panels.volumes(rows["volumes"]),
        models.drift(rows["drift"], champion),
        models.promotions(rows["promotions"]),
    ]
    files = rows["quarantine"][0]["files"]
    return Insight(
        panels.figures(coverage, rows["queue"], rows["agreement"], files), found, empty=not coverage and not files
    )


@cache
def answers() -> Answers:
    """Of this process's reader."""
    return Answers(reader())
