"""Sees to it that every upload gets its run of ingest-and-score: one thread a process, which asks until it is done."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from fakelake.review.desk.models import Upload
from fakelake.review.service.media.cache import drop_unknown
from fakelake.review.service.reader import reader
from fakelake.review.service.uploads import receive
from fakelake.review.service.uploads.prefect_runs import MOST_PATHS, ServerTrouble, find_server, known
from fakelake.review.service.uploads.retention import delete_old
from fakelake.review.service.uploads.states import UploadState, address_of, run_is_live, states_of

log = logging.getLogger("fakelake.review")
GATHER_S, GATHER_MOST_S = 5.0, 60.0  # files that follow each other go in one run; nobody waits longer for them
LOOK_S, REST_S = 3.0, 60.0  # while an upload is on its way; otherwise (an upload wakes it)
TEND_S = 3600.0
AGAIN_S, AGAIN_MOST_S = 20.0, 1800.0  # after a run that ended and did not bring an upload further: doubled each time
FRESH_S = 30.0  # that a look waits for what a run left in the lake


@dataclass(slots=True)
class _Tried:
    times: int = 0
    not_before: float = 0.0  # time.monotonic()


class RunStarter:
    """`tick` is all of it; the thread calls it.

    The deployment runs once at a time, and a run that comes meanwhile is cancelled: so one is asked for when none is
    under way, for all that wait, and asked for again when it was cancelled, or ended without effect.
    """

    def __init__(self) -> None:
        self._wake, self._stop = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tried: dict[UUID, _Tried] = {}
        self._tended = float("-inf")

    def wake(self) -> None:
        """Look now; the thread is started where it does not run."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._go_on, args=[self._stop], name="run-starter", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        self._wake.set()

    def ask_anew(self, upload: Upload, size: int) -> None:
        """Somebody named the same path again: there may be other bytes (size of them), or more below it now."""
        self._tried.pop(upload.id, None)
        Upload.objects.filter(pk=upload.pk).update(flow_run="", settled_at=None, at=timezone.now(), bytes=size)
        self.wake()

    def close(self) -> None:
        """End the thread; it can be woken again."""
        with self._lock:
            thread, self._thread = self._thread, None
            stop, self._stop = self._stop, threading.Event()  # one that does not end in time ends later all the same
        if thread:
            stop.set()
            self._wake.set()
            thread.join(10)

    def tick(self) -> bool:
        """One look at uploads, lake and server, and a run where one is wanted. True while some are on their way."""
        waiting = list(Upload.objects.filter(settled_at=None, deleted_at=None).select_related("by").order_by("at"))
        if waiting:
            self._ask_server(waiting)
        states = states_of(waiting)
        self._settle([u for u, state in zip(waiting, states, strict=True) if state.state in ("done", "failed")])
        return any(state.moving for state in states)

    def _settle(self, uploads: list[Upload]) -> None:
        """On record, so that none is asked for again; `at`: not where somebody has named the path anew meanwhile."""
        now = timezone.now()
        with transaction.atomic():
            for upload in uploads:
                self._tried.pop(upload.id, None)
                Upload.objects.filter(pk=upload.pk, at=upload.at).update(settled_at=now)

    def tend(self) -> None:
        """Once an hour: what is too old goes, and what was made of videos that were forgotten since."""
        if time.monotonic() - self._tended >= TEND_S:
            self._tended = time.monotonic()
            delete_old()
            receive.sweep()
            drop_unknown()
            call_command("clearsessions")

    def _ask_server(self, waiting: list[Upload]) -> None:
        lake = settings.FAKELAKE.lake
        server = find_server(lake)
        if server is None:
            known.told({}, server=False, busy=False)
            return
        try:
            runs = server.states({upload.flow_run for upload in waiting if upload.flow_run})
            if any(_has_ended(now, known.state(run)) for run, now in runs.items()) and not _lake_is_fresh():
                return  # what a run has left there is not to be seen yet
            busy = server.under_way() or any(map(run_is_live, runs.values()))
            known.told(runs, server=True, busy=busy)
            wanted = [] if busy or _more_to_come(waiting) else self._due(waiting, states_of(waiting), runs)
            if wanted:
                run = server.start([address_of(upload) for upload in wanted], _whole(lake))
                Upload.objects.filter(pk__in=[upload.pk for upload in wanted]).update(flow_run=run)
                for upload in wanted:
                    upload.flow_run = run
                known.told({**runs, run: "SCHEDULED"}, server=True, busy=True)
                log.info("asked for run %s over %d uploads", run, len(wanted))
        except ServerTrouble as error:
            known.told({}, server=False, busy=False)
            log.warning("%s", error)
        finally:
            server.close()

    def _due(self, waiting: list[Upload], states: list[UploadState], runs: dict[str, str]) -> list[Upload]:
        """Those that a run would bring further, as many as one takes; each that ended makes them wait longer."""
        due, now = [], time.monotonic()
        for upload, state in zip(waiting, states, strict=True):
            if not state.run_wanted or len(due) == MOST_PATHS:
                continue
            ended = runs.get(upload.flow_run)
            tried = self._tried.setdefault(upload.id, _Tried())
            if ended is not None and not tried.not_before:
                tried.times = 0 if ended == "CANCELLED" else tried.times  # by another that was faster, mostly
                tried.not_before = now + min(AGAIN_S * 2**tried.times, AGAIN_MOST_S)
            if now < tried.not_before:
                continue
            tried.times, tried.not_before = tried.times + 1, 0.0
            due.append(upload)
        return due

    def _go_on(self, stop: threading.Event) -> None:
        moving = True
        while True:
            self._wake.clear()
            if stop.is_set():
                return
            try:
                moving = self.tick()
                self.tend()
            except Exception:  # the next look may find a lake and a server that answer
                log.exception("uploads could not be looked after")
            finally:
                connections.close_all()
            self._wake.wait(LOOK_S if moving else REST_S)


def _more_to_come(waiting: list[Upload]) -> bool:
    """Whether somebody is likely to be sending several."""
    now = timezone.now()
    fresh = [upload.at for upload in waiting if not upload.flow_run]
    if not fresh or now - min(fresh) > timedelta(seconds=GATHER_MOST_S):
        return False
    return now - max(fresh) < timedelta(seconds=GATHER_S)


def _has_ended(now: str, before: str | None) -> bool:
    return now == "COMPLETED" and before != now


def _lake_is_fresh() -> bool:
    """Whether the lake is shown as it is from here on, waiting a while for that."""
    asked = time.time()
    reader().refresh(wait_s=FRESH_S)
    return reader().loaded_at >= asked


def _whole(lake: str) -> str:
    """The worker may have been started elsewhere."""
    return lake if "://" in lake else str(Path(lake).absolute())


@cache
def starter() -> RunStarter:
    """The one of this process."""
    return RunStarter()
