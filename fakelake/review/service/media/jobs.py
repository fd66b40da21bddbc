"""Work that takes longer than a page may: each piece is a process of its own, with a time limit, one after another.

A decoder that hangs or crashes ends with its process, and so does torch with its memory: neither touches the desk.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from fakelake.review.service.media.cache import Tidy
from fakelake.review.service.media.job import LANES, Job, TooBusy

log = logging.getLogger("fakelake.review")

MAKER = (sys.executable, "-m", "fakelake.review.service.media.making")
MOST_WAITING = 100
REMEMBERED = 1000  # jobs that ended, for who asks how
LOG_TAIL = 4000  # characters


class Jobs:
    """Thread-safe. after: told of each job that ended, by its worker."""

    def __init__(self, maker: Sequence[str] = MAKER, after: Callable[[Job], None] | None = None) -> None:
        self._maker, self._after = tuple(maker), after
        self._jobs: OrderedDict[tuple[str, str], Job] = OrderedDict()
        self._waiting: dict[str, list[Job]] = {lane: [] for lane in LANES}
        self._changed = threading.Condition()
        self._threads: dict[str, threading.Thread] = {}

    def ask(self, job: Job) -> Job:
        """Take it on, or return the one that is under way already. Raises TooBusy."""
        with self._changed:
            before = self._jobs.get(job.key)
            if before is not None and before.open:
                return before
            if len(self._waiting[job.lane]) >= (MOST_WAITING if job.urgent else MOST_WAITING // 2):
                raise TooBusy()
            self._jobs[job.key] = job
            self._jobs.move_to_end(job.key)
            self._forget_old()
            self._waiting[job.lane].append(job)
            if job.lane not in self._threads:
                name = f"desk-{job.lane}"
                self._threads[job.lane] = threading.Thread(target=self._work, args=(job.lane,), name=name, daemon=True)
                self._threads[job.lane].start()
            self._changed.notify_all()
        return job

    def find(self, video_id: str, name: str) -> Job | None:
        """What is or was under way of that name; None: nothing since the desk started."""
        with self._changed:
            return self._jobs.get((video_id, name))

    def _forget_old(self) -> None:
        ended = [key for key, job in self._jobs.items() if not job.open]
        for key in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._jobs[key]

    def _work(self, lane: str) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting[lane])
                waiting = self._waiting[lane]
                job = next((each for each in waiting if each.urgent), waiting[0])
                waiting.remove(job)
                job.state = "running"
            try:
                said = self._run(job)
            except Exception:  # the desk goes on; the log has what happened
                log.exception("%s of %s cannot be started", job.name, job.video_id)
                said = "It could not be started. The desk's log has the reason."
            with self._changed:
                job.said, job.state = said, "failed" if said else "done"
                job.progress = None if said else 1.0
            job.ended.set()
            if self._after:
                try:
                    self._after(job)
                except Exception:
                    log.exception("after %s of %s", job.name, job.video_id)

    def _run(self, job: Job) -> str:
        """Run the maker to its end; why it failed, or "". What it leaves behind of half a result is removed."""
        Path(job.order["out"]).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        late = threading.Event()
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            process = subprocess.Popen(
                self._maker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                start_new_session=True,  # so that all that it starts can be ended with it
            )  # fmt: skip

            def end() -> None:
                late.set()
                _kill(process)

            clock = threading.Timer(job.limit_s, end)
            clock.start()
            said = ""
            try:
                # Its input stays open: when that ends, the desk is gone, and the maker goes too.
                with suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(job.order) + "\n")
                    process.stdin.flush()
                for line in process.stdout:
                    said = _hear(job, line) or said
                code = process.wait()
            finally:
                clock.cancel()
                _kill(process)
                process.wait()
                with suppress(BrokenPipeError):
                    process.stdin.close()
                process.stdout.close()
            errors.seek(0)
            told = errors.read()[-LOG_TAIL:]
        if late.is_set():
            said = f"It took longer than {_minutes(job.limit_s)} and was stopped: the video may be damaged."
        elif code and not said:
            said = "It ended before it was done: the video may be damaged. The desk's log has the rest."
        elif not said and not Path(job.order["out"]).exists():
            said = "It ended without a result. The desk's log has the rest."
        if said:
            log.warning("%s of %s failed (exit %s): %s\n%s", job.name, job.video_id, code, said, told)
        return said


def _hear(job: Job, line: str) -> str:
    """A line of the maker: {"progress": 0.5}, or {"failed": "why"}, which is returned."""
    try:
        told = json.loads(line)
        if told.get("progress") is not None:
            job.progress = min(1.0, max(0.0, float(told["progress"])))
        return str(told.get("failed") or "")
    except (ValueError, TypeError, AttributeError):
        return ""


def _kill(process: subprocess.Popen) -> None:
    """With its children; harmless where it has ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


@cache
def jobs() -> Jobs:
    """Those of this process."""
    return Jobs(after=Tidy())
