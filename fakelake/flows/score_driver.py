"""Handing videos to the workers that score, and taking what comes back: what fails alone is quarantined alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fakelake.catalog.lake import Lake, one_of
from fakelake.infra.settings import Settings

if TYPE_CHECKING:
    from fakelake.flows.score import ScoreSummary
    from fakelake.tasks.score_plan import ScorePlan

SECONDS_A_VIDEO = 120.0  # that a scoring may take, at most


class ScoreDriver:
    """Scores a plan's videos, a few a task; a task that fails or dies is tried again video by video."""

    def __init__(self, lake: Lake, settings: Settings, summary: ScoreSummary, plan: ScorePlan, bundle: Path) -> None:
        self.finished, self.quarantine = 0, []
        self._lake, self._settings, self._summary, self._plan, self._bundle = lake, settings, summary, plan, bundle
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def results(self) -> Iterator[list[dict]]:
        """Rows of whole videos, task by task."""
        from fakelake.infra.ray_pool import RayPool, connect
        from fakelake.tasks.score_task import ScoreJob, score_videos

        settings, summary = self._settings, self._summary
        connect(settings.ray_address, settings.cpus)
        pool = RayPool(cpus_per_task=settings.cpus_per_video, gpus_per_task=0.0 if settings.device == "cpu" else 1.0)

        def submit(recipe_id: str, videos: tuple[str, ...], attempt: int) -> None:
            rows = {
                "model": summary.model, "model_version": summary.model_version, "recipe_id": recipe_id,
                "run_id": summary.run_id,
            }  # fmt: skip
            job = ScoreJob(
                self._lake.location, str(self._bundle), settings.device, settings.cpus_per_video, videos, recipe_id,
                tuple(rows.items()),
            )  # fmt: skip
            deadline = settings.deadline_base_s + SECONDS_A_VIDEO * len(videos)
            pool.submit((recipe_id, videos, attempt), score_videos, job, deadline_s=deadline)

        tasks = self._tasks()
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
                    elif len(videos) > 1:
                        for video in videos:
                            submit(recipe_id, (video,), 0)
                    elif attempt + 1 < settings.attempts:
                        submit(recipe_id, videos, attempt + 1)
                    else:
                        self.finished += 1
                        self._give_up(videos[0], recipe_id, attempt + 1, done.error, done.log)
        finally:
            pool.close()

    def _tasks(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        size = self._settings.score_videos
        for recipe_id, videos in self._plan.todo.items():
            for start in range(0, len(videos), size):
                yield recipe_id, videos[start : start + size]

    def _give_up(self, video_id: str, recipe_id: str, attempts: int, error: BaseException, log: str) -> None:
        uris = self._lake.read("sources", ["uri"], one_of("video_id", [video_id])).column(0).to_pylist()
        self.quarantine.append(
            {
                "uri": uris[0] if uris else f"video:{video_id}", "video_id": video_id, "stage": "score",
                "error": type(error).__name__, "message": str(error).splitlines()[0] if str(error) else "It failed.",
                "remedy": "Check the lake with `fakelake catalog check`, then score again.",
                "attempts": attempts, "frames_kept": 0, "lasting": False, "worker_log": log or None,
                "recipe_id": recipe_id, "run_id": self._summary.run_id, "at": datetime.now(UTC),
            }
        )  # fmt: skip
