"""The driver of an ingest: which task comes next for each video, and what becomes of its outcome.

A video goes examine -> read (one task a segment) -> write. One that the lake holds already, or that was refused
before for reasons in its bytes, stops after examine. Outcomes are handed out in shards, each for one commit.
"""

from __future__ import annotations

import errno
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fakelake.catalog.location import LakeLocation
from fakelake.catalog.recipe import Recipe
from fakelake.flows.shard import Shard, as_media_error, quarantine_row, source_row
from fakelake.infra.ray_pool import Done, NodeLost, RayPool, WorkerDied
from fakelake.infra.settings import Settings
from fakelake.tasks.discover import Discovery, Refused
from fakelake.tasks.errors import MediaError
from fakelake.tasks.ingest_task import SegmentJob, examine_task, read_task, write_task
from fakelake.tasks.read_video import Examined, SegmentRead, WorkerUnfit
from fakelake.tasks.segments import plan_segments
from fakelake.tasks.source_file import SourceFile
from fakelake.tasks.write_video import WrittenVideo

NODES_LOST = 10  # with one video on them, after which the video is suspected
SLOWEST_READ = 20e6  # bytes a second that any disk or network should give


class RunAborted(Exception):
    """The surroundings failed, not a video: going on would put good videos into quarantine."""


@dataclass(slots=True)
class Known:
    """What the lake knows before the run, for this recipe."""

    ready: set[str]
    refused: set[str]  # video_ids whose own bytes are the reason
    addresses: dict[tuple[str, int, int], str]  # (uri, bytes, mtime_ns) -> video_id


@dataclass(slots=True)
class _Job:
    examined: Examined
    attempt_id: str
    attempts: int
    plan: list[SegmentJob]
    read: dict[int, tuple[SegmentRead, str]] = field(default_factory=dict)


class IngestDriver:
    """Iterate `shards()`; `counts`, `seconds` and `faces` tell what happened so far."""

    def __init__(
        self, location: LakeLocation, recipe: Recipe, settings: Settings, pool: RayPool, found: Discovery, known: Known,
        run_id: str,
    ) -> None:  # fmt: skip
        self._location, self._recipe, self._settings, self._pool = location, recipe, settings, pool
        self._todo = deque(found.sources)
        self._known, self._run_id = known, run_id
        self._jobs: dict[str, _Job] = {}  # by attempt, while it runs: what a given-up one still sends is ignored
        self._claimed: set[str] = set()
        self._same_bytes: dict[str, list[SourceFile]] = {}
        self._tries: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._shard = Shard()
        self.total = len(found.sources) + len(found.refused)
        self.counts: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.quarantined: list[str] = []
        for refused in found.refused:
            self._quarantine(refused, None, refused.error, 1)

    def shards(self, videos_a_shard: int, on_progress: Callable[[int], None] = lambda n: None) -> Iterator[Shard]:
        """Shards of about `videos_a_shard` outcomes until all is done. Raises RunAborted."""
        try:
            while self._todo or len(self._pool):
                while self._todo and self._pool.hungry:
                    self._start(self._todo.popleft())
                for done in self._pool.wait():
                    self._take(done)
                on_progress(self.finished)
                if len(self._shard) >= videos_a_shard:
                    yield self._hand_out()
            if len(self._shard) or self._shard.sources:
                yield self._hand_out()
        finally:
            self._pool.close()

    @property
    def finished(self) -> int:
        """Inputs with an outcome so far."""
        names = ("ready", "no_face", "already_done", "same_bytes", "quarantined", "still_quarantined")
        return sum(self.counts[name] for name in names)

    def _hand_out(self) -> Shard:
        shard, self._shard = self._shard, Shard()
        return shard

    def _start(self, source: SourceFile) -> None:
        video_id = self._known.addresses.get((source.uri, source.bytes, source.mtime_ns))
        if video_id in self._known.ready:
            self.counts["already_done"] += 1
        elif video_id in self._known.refused:
            self._still_refused(source)
        else:
            self._examine(source)

    def _examine(self, source: SourceFile) -> None:
        deadline = self._settings.deadline_base_s + source.bytes / SLOWEST_READ
        self._pool.submit(("examine", source), examine_task, source, deadline_s=deadline)

    def _take(self, done: Done) -> None:
        stage, what, *segment = done.key
        self._stop_on_fault_of_surroundings(done.error)
        if stage == "examine":
            self._examined(what, done)
        elif (job := self._jobs.get(what)) is None:
            return
        elif done.error is not None:
            self._failed(job, done)
        elif isinstance(done.value, WrittenVideo):
            self._finished(job, done.value)
        else:
            self._segment_read(job, segment[0], done.value)

    def _examined(self, source: SourceFile, done: Done) -> None:
        if done.error is not None:
            if self._again(source.uri, done.error):
                self._examine(source)
            else:
                self._quarantine(source, None, as_media_error(done.error, "probe"), self._tries[source.uri], done.log)
            return
        examined: Examined = done.value
        video_id = examined.video_id
        self._shard.sources.append(source_row(source, video_id, self._run_id))
        if video_id in self._known.ready:
            self.counts["already_done"] += 1
        elif video_id in self._known.refused:
            self._still_refused(source)
        elif isinstance(examined.info, MediaError):
            self._quarantine(source, video_id, examined.info, 1)
        elif video_id in self._claimed:
            self.counts["same_bytes"] += 1
            self._same_bytes.setdefault(video_id, []).append(source)
        else:
            self._read(examined, attempts=1)

    def _read(self, examined: Examined, attempts: int) -> None:
        attempt_id = uuid.uuid4().hex
        limited = self._recipe.max_frames is not None
        segments = plan_segments(examined.info, float("inf") if limited else self._recipe.segment_s)
        plan = [
            SegmentJob(
                self._location,
                examined.source,
                examined.video_id,
                examined.info,
                segment,
                len(segments),
                self._recipe,
                attempt_id,
                self._settings.cpus_per_video,
                self._settings.device,
            )
            for segment in segments
        ]
        job = _Job(examined, attempt_id, attempts, plan)
        self._jobs[attempt_id] = job
        self._claimed.add(examined.video_id)
        for i, part in enumerate(plan):
            self._pool.submit(
                ("read", attempt_id, i), read_task, part, deadline_s=self._read_deadline(part), first=True
            )  # fmt: skip

    def _read_deadline(self, job: SegmentJob) -> float:
        """Seconds, by the media time that will really be read, and by the bytes where they are fetched first."""
        last = job.info.frames if job.segment.end_frame is None else job.segment.end_frame
        frames = max(1, last - job.segment.first_frame)
        if self._recipe.max_frames is not None:
            frames = min(frames, self._recipe.max_frames * self._recipe.stride)
        fetching = job.source.bytes / SLOWEST_READ if job.source.uri.startswith("s3://") else 0.0
        media_s = frames / job.info.fps
        return self._settings.deadline_base_s + self._settings.deadline_per_media_s * media_s + fetching

    def _segment_read(self, job: _Job, i: int, read: tuple[SegmentRead, str]) -> None:
        job.read[i] = read
        if len(job.read) == len(job.plan):
            deadline = self._settings.deadline_base_s + (job.examined.info.duration_s or 0)
            in_order = [job.read[k] for k in range(len(job.plan))]
            self._pool.submit(
                ("write", job.attempt_id), write_task, job.plan[0], in_order, deadline_s=deadline, first=True
            )  # fmt: skip

    def _failed(self, job: _Job, done: Done) -> None:
        """Try again in a fresh attempt where that can help; else quarantine, and let a twin of the bytes try."""
        source, video_id = job.examined.source, job.examined.video_id
        del self._jobs[job.attempt_id]
        self._pool.forget(lambda key: key[:2] == ("read", job.attempt_id))
        if self._again(source.uri, done.error):
            self._read(job.examined, job.attempts + 1)
            return
        error = as_media_error(done.error, "decode")
        self._quarantine(source, video_id, error, job.attempts, done.log)
        twins = self._same_bytes.get(video_id)
        if twins and not error.lasting:
            self.counts["same_bytes"] -= 1
            self._read(Examined(twins.pop(), video_id, job.examined.info), attempts=1)

    def _again(self, uri: str, error: BaseException) -> bool:
        if isinstance(error, NodeLost) and self._lost[uri] < NODES_LOST:
            self._lost[uri] += 1
            return True
        self._tries[uri] += 1
        return isinstance(error, WorkerDied) and self._tries[uri] < self._settings.attempts

    def _finished(self, job: _Job, written: WrittenVideo) -> None:
        source, video_id = job.examined.source, job.examined.video_id
        del self._jobs[job.attempt_id]
        written.video.row.update(run_id=self._run_id, ingested_at=datetime.now(UTC))
        self._shard.videos.append(written.video)
        self.counts[written.video.row["status"]] += 1
        self.counts["frames"] += written.video.row["frames_read"]
        self.counts["faces"] += written.faces
        self.seconds.update(written.seconds)
        if written.broken:
            kept = written.video.row["frames_read"]
            error = MediaError(
                "decode", "broken", f"It breaks after {kept} frames: {written.broken}.",
                "What came before is kept. For the rest, find a whole copy and ingest that.",
            )  # fmt: skip
            self._quarantine(source, video_id, error, job.attempts, frames_kept=kept)

    def _quarantine(
        self, of: SourceFile | Refused, video_id: str | None, error: MediaError, attempts: int, log: str = "",
        frames_kept: int = 0,
    ) -> None:  # fmt: skip
        self.counts["partial" if frames_kept else "quarantined"] += 1
        self.quarantined.append(of.uri)
        self._shard.quarantine.append(
            quarantine_row(
                of.uri, video_id, error, attempts, log=log, frames_kept=frames_kept, dataset=of.dataset,
                recipe_id=self._recipe.recipe_id, run_id=self._run_id,
            )
        )  # fmt: skip

    def _still_refused(self, source: SourceFile) -> None:
        self.counts["still_quarantined"] += 1
        self.quarantined.append(source.uri)

    def _stop_on_fault_of_surroundings(self, error: BaseException | None) -> None:
        if isinstance(error, WorkerUnfit):
            raise RunAborted(f"{error} What was committed is safe.")
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = self._location.root if self._location.is_local else Path.home()
            raise RunAborted(
                f"The disk is full ({error}). What was committed is safe. Free some space (the lake is {where}; "
                "`fakelake catalog vacuum` removes leftovers), then run the same command again: it goes on from there."
            )
