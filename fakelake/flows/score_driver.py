"""Handing videos to workers that run a model, and taking what comes back: what fails alone fails alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakelake.catalog.lake import Lake, one_of
from fakelake.infra.progress import RunProgress
from fakelake.infra.settings import Settings

if TYPE_CHECKING:
    from fakelake.flows.score import ScoreSummary
    from fakelake.tasks.score_task import ScoreJob

NODES_LOST = 10  # with the same videos on them, after which these are suspected
SECONDS_A_VIDEO = 120.0  # that a task may take, at most
SCORE_AGAIN = "Check the lake with `fakelake catalog check`, then score again."


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that no attempt got through; log: the worker's last words."""

    video_id: str
    recipe_id: str
    attempts: int
    error: BaseException
    log: str

    @property
    def message(self) -> str:
        return str(self.error).splitlines()[0] if str(self.error) else "It failed."


class ScoreDriver:
    """Hands out videos, a few a task; a task that fails or dies is tried again video by video.

    todo: recipe_id -> videos; work: what a worker runs, on what `job` makes of a recipe and some videos
    budget_s: after so many seconds no more videos are handed out; those are counted in `left`
    """

    def __init__(
        self, settings: Settings, todo: Mapping[str, tuple[str, ...]], work: Callable[[Any], list[dict]],
        job: Callable[[str, tuple[str, ...]], Any], budget_s: float | None = None,
    ) -> None:  # fmt: skip
        self.finished, self.left, self.failures = 0, 0, list[Failure]()
        self._budget_s = budget_s
        self._settings, self._todo, self._work, self._job = settings, todo, work, job
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def results(self) -> Iterator[list[dict]]:
        """Rows of whole videos, task by task."""
        from fakelake.infra.ray_join import connect
        from fakelake.infra.ray_pool import NodeLost, RayPool

        settings = self._settings
        connect(settings.ray_address, settings.cpus)
        pool = RayPool(cpus_per_task=settings.cpus_per_video, gpus_per_task=0.0 if settings.device == "cpu" else 1.0)

        def submit(recipe_id: str, videos: tuple[str, ...], attempt: int) -> None:
            deadline = settings.deadline_base_s + SECONDS_A_VIDEO * len(videos)
            pool.submit((recipe_id, videos, attempt), self._work, self._job(recipe_id, videos), deadline_s=deadline)

        tasks, lost = self._tasks(), Counter[tuple[str, ...]]()
        try:
            while True:
                while pool.hungry and (task := next(tasks, None)) is not None:
                    submit(*task, 0)
                if not len(pool):
                    return
                for done in pool.wait():
                    recipe_id, videos, attempt = done.key
                    if done.error is None:
                        self.finished += len(videos)
                        yield done.value
                    elif isinstance(done.error, NodeLost) and lost[videos] < NODES_LOST:
                        lost[videos] += 1
                        submit(recipe_id, videos, attempt)
                    elif len(videos) > 1:
                        for video in videos:
                            submit(recipe_id, (video,), 0)
                    elif attempt + 1 < settings.attempts:
                        submit(recipe_id, videos, attempt + 1)
                    else:
                        self.finished += 1
                        self.failures.append(Failure(videos[0], recipe_id, attempt + 1, done.error, done.log))
        finally:
            pool.close()

    def gathered(self, progress: RunProgress, every_s: float) -> Iterator[list[dict]]:
        """The same in larger lots, one to commit every so many seconds and the last; progress is told how far it is."""
        waiting: list[dict] = []
        last = time.monotonic()
        for rows in self.results():
            waiting += rows
            progress.update(self.finished, f"{self.finished / max(self.seconds, 1e-3):.1f} videos/s")
            if time.monotonic() - last >= every_s:
                yield waiting
                waiting, last = [], time.monotonic()
        if waiting:
            yield waiting

    def _tasks(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        size = self._settings.score_videos
        for recipe_id, videos in self._todo.items():
            for start in range(0, len(videos), size):
                some = videos[start : start + size]
                if self._budget_s is not None and self.seconds > self._budget_s:
                    self.left += len(some)
                else:
                    yield recipe_id, some


def score_jobs(
    lake: Lake, settings: Settings, summary: ScoreSummary, bundle: Path
) -> Callable[[str, tuple[str, ...]], ScoreJob]:
    """What a worker is given of a recipe and some of its videos."""
    from fakelake.tasks.score_task import ScoreJob

    rows = {"model": summary.model, "model_version": summary.model_version, "run_id": summary.run_id}
    return lambda recipe_id, videos: ScoreJob(
        lake.location, str(bundle), settings.device, settings.cpus_per_video, videos, recipe_id,
        tuple({**rows, "recipe_id": recipe_id}.items()),
    )  # fmt: skip


def quarantine_row(lake: Lake, failure: Failure, run_id: str) -> dict:
    """Of a video that could not be scored."""
    return {
        "uri": uri_of(lake, failure.video_id), "video_id": failure.video_id, "stage": "score",
        "error": type(failure.error).__name__, "message": failure.message,
        "remedy": SCORE_AGAIN,
        "attempts": failure.attempts, "frames_kept": 0, "lasting": False, "worker_log": failure.log or None,
        "recipe_id": failure.recipe_id, "run_id": run_id, "at": datetime.now(UTC),
    }  # fmt: skip


def uri_of(lake: Lake, video_id: str) -> str:
    """A place where the video was seen."""
    uris = lake.read("sources", ["uri"], one_of("video_id", [video_id])).column(0).to_pylist()
    return uris[0] if uris else f"video:{video_id}"
