"""The lake as the desk reads it: one DuckDB in memory per publication, read-only, bounded in time and memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb

from fakelake.catalog.duck import dicts
from fakelake.catalog.lake import Lake
from fakelake.catalog.publish import published
from fakelake.catalog.select_worker import tables_of
from fakelake.catalog.training_swaps import DATASET
from fakelake.review.service.problem import Busy

log = logging.getLogger("fakelake.review")

LOOK_EVERY_S = 2.0
TIME_S = 10.0  # of one question
MEMORY = "2GB"

# What lists are made of: `verdicts` takes most of a second over 100,000 videos, and a list asks for it at each click.
# place: in the queue's order, the most urgent first, whether decided or not.
_DESK = f"""
CREATE TABLE desk AS
WITH came AS (
    SELECT video_id, max(ingested_at) AS ingested_at, max(duration_s) AS duration_s, max(tracks) AS tracks,
           max(fps) AS fps
    FROM videos GROUP BY video_id
), said AS (
    SELECT video_id, any_value(label) AS label, any_value(origin) AS label_origin FROM current_labels GROUP BY video_id
)
SELECT v.*, came.ingested_at, came.duration_s, came.tracks, came.fps, said.label, said.label_origin,
       row_number() OVER (ORDER BY v.band = 'fake' DESC, v.p_fake DESC NULLS LAST, v.video_id) AS place
FROM verdicts AS v LEFT JOIN came USING (video_id) LEFT JOIN said USING (video_id)
UNION ALL BY NAME
SELECT w.video_id, w.name, w.dataset, 'waiting' AS band, 'not scored yet' AS reason, w.ingested_at, w.duration_s,
       w.tracks, w.provenance, said.label, said.label_origin, d.decided, d.decided_by, d.decided_on,
       1000000000 + row_number() OVER (ORDER BY w.ingested_at, w.video_id) AS place
FROM (
    SELECT videos.video_id, arg_max(s.name, s.seen_at) AS name, arg_max(videos.dataset, videos.ingested_at) AS dataset,
           arg_max(videos.provenance, videos.ingested_at) AS provenance,
           max(videos.ingested_at) AS ingested_at, max(videos.duration_s) AS duration_s, max(videos.tracks) AS tracks
    FROM videos LEFT JOIN sources AS s USING (video_id)
    WHERE videos.video_id NOT IN (SELECT video_id FROM verdicts) AND coalesce(videos.dataset, '') <> '{DATASET}'
    GROUP BY videos.video_id
) AS w LEFT JOIN said USING (video_id) LEFT JOIN decisions AS d USING (video_id)
ORDER BY place
"""


class LakeBusyNow(Busy):
    """A question took longer than its time."""

    def __init__(self, said: str) -> None:
        super().__init__("The lake did not answer in time", said)


class LakeReader:
    """Thread-safe. A thread of its own makes the table `desk` anew when the lake is published.

    Asks meanwhile are answered from the state before, so that no page waits for a refresh.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.loaded_at = 0.0  # time.time() of the publication that is shown
        self._seen: object = None
        self._connection = self._load()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._loaded = threading.Condition()
        self._thread = threading.Thread(target=self._follow, name="lake-reader", daemon=True)
        self._thread.start()

    @contextmanager
    def asking(self, seconds: float = TIME_S) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of the latest publication. Raises LakeBusyNow after `seconds`."""
        cursor, over = self._connection.cursor(), threading.Event()

        def stop() -> None:  # again and again: between two questions there is nothing to interrupt
            while not over.is_set():
                cursor.interrupt()
                over.wait(0.2)

        clock = threading.Timer(seconds, stop)
        clock.start()
        try:
            yield cursor
        except duckdb.InterruptException:
            raise LakeBusyNow(f"The answer took more than {seconds:g} seconds.") from None
        finally:
            over.set()
            clock.cancel()
            if clock.is_alive() and clock is not threading.current_thread():
                clock.join(1)  # it may be about to interrupt what is closed here
            cursor.close()

    def rows(self, sql: str, parameters: object = None, seconds: float = TIME_S) -> list[dict[str, object]]:
        """All rows of an answer, as dicts."""
        with self.asking(seconds) as cursor:
            return dicts(cursor, sql, parameters)

    def refresh(self, wait_s: float = 0.0) -> None:
        """Look now; with `wait_s`, return when a publication from after this call is shown, or that time is over."""
        asked = time.time()
        self._wake.set()
        if wait_s:
            with self._loaded:
                self._loaded.wait_for(lambda: self.loaded_at >= asked, wait_s)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._wake.set()
        self._thread.join(10)

    def _load(self) -> duckdb.DuckDBPyConnection:
        now, seen = time.time(), self._published()
        connection = self.lake.connect()
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = 2; SET temp_directory = ''")
        connection.execute(f"SET allowed_directories = [{tables_of(self.lake.location.root)}]")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        connection.execute(_DESK)
        self._seen, self.loaded_at = seen, now
        return connection

    def _published(self) -> object:
        latest = published(self.lake.location)
        return (latest.root, dict(latest.versions), latest.published_at) if latest else None

    def _follow(self) -> None:
        while not self._stop.is_set():
            asked = self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                now = time.time()  # what is published while we look counts as not seen
                if self._published() != self._seen:
                    self._connection = self._load()
                elif asked:
                    self.loaded_at = now
            except Exception:  # the state before is still good; the next look may find a whole lake
                log.exception("the lake cannot be read")
            with self._loaded:
                self._loaded.notify_all()


@cache
def reader() -> LakeReader:
    """The one of this process, for the desk's lake, which is made where there is none."""
    from django.conf import settings

    return LakeReader(Lake.open(settings.FAKELAKE.lake, create=True))
