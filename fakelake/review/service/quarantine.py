"""What could not be used: grouped, listed, and tried again as `fakelake quarantine retry` does it.

A retry is that command in a process of its own and not a run of the deployment ingest-and-score: it uses the recipe
and the data set with which a file came, and tries again what its own bytes brought here, which the deployment passes
over; and Prefect would cancel a second run of that deployment beside the schedule's.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote, unquote

from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import LakeReader, reader

log = logging.getLogger("fakelake.review")

PAGE = 50
MOST_FILES = 2000  # of one retry: they go to the command as arguments
LIMIT_S = 6 * 3600
LOG_TAIL = 4000  # characters
COMMAND = (sys.executable, "-m", "fakelake.flows.cli", "quarantine", "retry")

# Forgotten videos are nobody's to try again: only `fakelake forget --undo` brings one back.
_OPEN = """
WITH here AS (
    SELECT md5(uri) AS key, uri, stage, error, message, remedy, attempts, frames_kept, dataset, video_id, partial,
           open_quarantine."at" AS tried_at
    FROM open_quarantine WHERE error <> 'forgotten'
)
"""
_WHERE = """
WHERE ($kind = '' OR stage || '/' || error = $kind)
  AND ($find = '' OR contains(lower(uri), lower($find)) OR contains(lower(uri), lower($encoded))
       OR contains(lower(message), lower($find)))
"""


class RetryBusy(Problem):
    """One retry at a time."""

    def __init__(self, said: str) -> None:
        super().__init__("A retry is under way", said, "Wait until it has ended, then try again.", 409)


@dataclass(frozen=True, slots=True)
class Kind:
    """Files with the same trouble. name: stage/error; again: how many can be tried again."""

    name: str
    stage: str
    error: str
    files: int
    again: int
    remedy: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """One file. key: names it in a form; kept: frames of it that are in the lake, so that trying again adds nothing."""

    key: str
    uri: str
    stage: str
    error: str
    message: str
    remedy: str
    attempts: int | None
    kept: int
    dataset: str
    video_id: str | None
    tried_at: datetime | None

    @property
    def name(self) -> str:
        return unquote(self.uri.rpartition("/")[2], errors="replace")


@dataclass(frozen=True, slots=True)
class Troubles:
    """A page of the list; number counts from 1."""

    rows: list[Trouble]
    total: int
    number: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


def kinds(reader: LakeReader) -> list[Kind]:
    """The most frequent first. Raises LakeBusyNow."""
    sql = """SELECT stage || '/' || error AS name, stage, error, count(*) AS files,
                    count(*) FILTER (NOT partial) AS again, coalesce(mode(remedy), '') AS remedy
             FROM here GROUP BY stage, error ORDER BY files DESC, name"""
    return [Kind(**row) for row in reader.rows(_OPEN + sql)]


def troubles(reader: LakeReader, kind: str = "", find: str = "", number: int = 1) -> Troubles:
    """The latest first; a number beyond the last page gives the last. find: part of a name or of what was wrong."""
    asked = {"kind": kind, "find": find, "encoded": quote(find)}
    total = reader.rows(f"{_OPEN} SELECT count(*) AS n FROM here {_WHERE}", asked)[0]["n"]
    number = min(max(1, number), max(1, -(-total // PAGE)))
    sql = f"""{_OPEN} SELECT key, uri, stage, error, coalesce(message, '') AS message, coalesce(remedy, '') AS remedy,
                 attempts, CASE WHEN partial THEN frames_kept ELSE 0 END AS kept, coalesce(dataset, '') AS dataset,
                 video_id, tried_at
              FROM here {_WHERE} ORDER BY tried_at DESC NULLS LAST, uri LIMIT {PAGE} OFFSET {(number - 1) * PAGE}"""
    return Troubles([Trouble(**row) for row in reader.rows(sql, asked)], total, number)


def addresses(reader: LakeReader, keys: Sequence[str] = (), kind: str | None = None) -> list[str]:
    """Of files that are in quarantine and can be tried again: by their keys, or all of a kind ("": of every kind)."""
    where, asked = ("list_contains($keys, key)", {"keys": list(keys)[:MOST_FILES]})
    if kind is not None:
        where, asked = "($kind = '' OR stage || '/' || error = $kind)", {"kind": kind}
    sql = f"{_OPEN} SELECT DISTINCT uri FROM here WHERE NOT partial AND {where} ORDER BY uri LIMIT {MOST_FILES}"
    return [row["uri"] for row in reader.rows(sql, asked)]


@dataclass(slots=True)
class Retry:
    """said: in the end, for people; state: running, done or failed."""

    files: int
    by: str
    state: str = "running"
    said: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: threading.Event = field(default_factory=threading.Event)


class Retries:
    """One at a time, for this desk. Thread-safe. latest: under way, or the last one."""

    def __init__(self, reader: LakeReader, command: Sequence[str] = COMMAND, limit_s: float = LIMIT_S) -> None:
        self._reader, self._command, self._limit_s = reader, tuple(command), limit_s
        self._lock = threading.Lock()
        self.latest: Retry | None = None

    def start(self, uris: Sequence[str], by: str) -> Retry:
        """Begin, and return at once. Raises RetryBusy."""
        with self._lock:
            if self.latest and self.latest.state == "running":
                raise RetryBusy(f"Files are being tried again already: {self.latest.files:,}, for {self.latest.by}.")
            retry = self.latest = Retry(len(uris), by)
        threading.Thread(target=self._run, args=(retry, list(uris)), name="quarantine-retry", daemon=True).start()
        return retry

    def _run(self, retry: Retry, uris: list[str]) -> None:
        state, said = "failed", "It could not be started. The desk's log has the reason."
        try:
            state, said = self._outcome(uris)
        except Exception:  # the desk goes on; the log has what happened
            log.exception("a retry of %d files", len(uris))
        retry.said, retry.state = said, state
        retry.ended.set()

    def _outcome(self, uris: list[str]) -> tuple[str, str]:
        command = [*self._command, "--lake", self._reader.lake.location.root, "--json", "--", *uris]
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            try:
                code = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, timeout=self._limit_s
                ).returncode
            except subprocess.TimeoutExpired:
                return "failed", f"It took more than {self._limit_s / 3600:g} hours and was stopped."
            errors.seek(0)
            told = errors.read()[-LOG_TAIL:].strip()
        if code not in (0, 3):  # 3: done, with something in quarantine
            log.warning("a retry of %d files ended with %s:\n%s", len(uris), code, told)
            return "failed", (told.splitlines() or ["The desk's log has the rest."])[-1].strip(" │").removeprefix(
                "Error: "
            )
        self._reader.refresh(wait_s=10)
        left = self._reader.rows(
            f"{_OPEN} SELECT count(DISTINCT uri) AS n FROM here WHERE list_contains($uris, uri)", {"uris": uris}
        )[0]["n"]
        out = f"{len(uris) - left:,} of {len(uris):,}"
        return "done", f"Taken in: {out}. Still in quarantine: {left:,}."


@cache
def retries() -> Retries:
    """Of this process."""
    return Retries(reader())
