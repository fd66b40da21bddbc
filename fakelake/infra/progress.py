"""How far a run is: a bar on a terminal, one log line each 30 s elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LOG_EVERY_S = 30.0


class RunProgress:
    """`with RunProgress("ingest", total) as p: p.update(done, "1,204 faces, 310/s")`. Writes to stderr only."""

    def __init__(self, title: str, total: int, *, quiet: bool = False) -> None:
        self._title, self._total = title, total
        self._bar: Progress | None = None
        self._last_line = time.monotonic()
        self._quiet = quiet
        if not quiet and sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"), console=Console(stderr=True),
            )  # fmt: skip

    def __enter__(self) -> RunProgress:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._total, note="")
        return self

    def update(self, done: int, note: str) -> None:
        """`done` of the total, and a few words on throughput."""
        if self._bar:
            self._bar.update(self._task, completed=done, note=note)
        elif not self._quiet and time.monotonic() - self._last_line >= LOG_EVERY_S:
            self._last_line = time.monotonic()
            print(f"{time.strftime('%H:%M:%S')} {self._title}: {done} of {self._total} videos, {note}", file=sys.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
