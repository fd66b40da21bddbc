"""What a shard of outcomes is made of: its rows, and what a task's failure means in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from fakelake.catalog.commit import IngestedVideo
from fakelake.infra.ray_pool import DeadlineExceeded, OutOfMemory, WorkerDied
from fakelake.tasks.errors import MediaError
from fakelake.tasks.source_file import SourceFile


@dataclass(slots=True)
class Shard:
    """Outcomes for one commit: rows for `videos` (with their parts), `sources` and `quarantine`."""

    videos: list[IngestedVideo] = field(default_factory=list)
    sources: list[dict] = field(default_factory=list)
    quarantine: list[dict] = field(default_factory=list)

    def __len__(self) -> int:
        """Inputs that have their outcome here; what was kept in part is among the videos."""
        return len(self.videos) + sum(not row["frames_kept"] for row in self.quarantine)


def source_row(source: SourceFile, video_id: str, run_id: str) -> dict:
    """A `sources` row: these bytes were seen at this address."""
    return {
        "uri": source.uri,
        "name": source.name,
        "video_id": video_id,
        "dataset": source.dataset,
        "bytes": source.bytes,
        "mtime_ns": source.mtime_ns,
        "run_id": run_id,
        "seen_at": datetime.now(UTC),
    }


def quarantine_row(
    uri: str, video_id: str | None, error: MediaError, attempts: int, *, log: str, frames_kept: int,
    dataset: str | None, recipe_id: str, run_id: str,
) -> dict:  # fmt: skip
    """A `quarantine` row; `frames_kept` above 0 says that the file broke on the way and what came before is kept."""
    return {
        "uri": uri,
        "video_id": video_id,
        "dataset": dataset,
        "stage": error.stage,
        "error": error.error,
        "message": error.message,
        "remedy": error.remedy,
        "attempts": attempts,
        "frames_kept": frames_kept,
        "lasting": error.lasting,
        "worker_log": log or None,
        "recipe_id": recipe_id,
        "run_id": run_id,
        "at": datetime.now(UTC),
    }


def as_media_error(error: BaseException, stage: str) -> MediaError:
    """What a failed task means for the person who reads the quarantine.

    Only what the file itself is likely to cause again is lasting; the next run tries the rest by itself.
    """
    if isinstance(error, MediaError):
        return error
    if isinstance(error, DeadlineExceeded):
        remedy = "Look at the file; if it is sound, raise FAKELAKE_DEADLINE_BASE_S and run `fakelake quarantine retry`."
        return MediaError(stage, "deadline", f"Reading it {error}.", remedy)
    if isinstance(error, OutOfMemory):
        remedy = "Give the machine more memory or fewer tasks (FAKELAKE_CPUS), then run again."
        message = f"Reading it took more memory than there is ({error})."
        return MediaError(stage, "out_of_memory", message, remedy, lasting=False)
    if isinstance(error, WorkerDied):
        remedy = "The worker's last words are in worker_log. Re-encode the file, or run `fakelake quarantine retry`."
        return MediaError(stage, "worker_died", f"The process that read it died ({error}).", remedy)
    remedy = "Run again. If it stays, it is a fault of fakelake or of a library: please report it."
    return MediaError(stage, "unexpected", f"{type(error).__name__}: {error}.", remedy, lasting=False)
