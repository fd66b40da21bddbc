"""The ingest flow: discover, examine, read, write, commit, report."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.utilities.annotations import quote

from fakelake.catalog.commit import Committed, commit_videos
from fakelake.catalog.compact import compact_if_needed
from fakelake.catalog.forget import forgotten
from fakelake.catalog.lake import Lake, LakeNotFound
from fakelake.catalog.recipe import RECIPES, Recipe
from fakelake.flows.ingest_driver import IngestDriver, Known, Shard
from fakelake.flows.ingest_report import record_run, report_run
from fakelake.infra.progress import RunProgress
from fakelake.infra.settings import Settings
from fakelake.tasks.discover import Discovery, discover
from fakelake.tasks.named_labels import record_named_labels
from fakelake.tasks.prepare import resolve_detector
from fakelake.tasks.summary import IngestSummary


@flow(name="ingest", validate_parameters=False)
def ingest(
    paths: list[str],
    lake: str | None = None,
    recipe: str = "paper",
    overrides: dict | None = None,
    dataset: str | None = None,
    label: str | None = None,
    permission: str | None = None,
    retry_refused: bool = False,
    settle_s: float = 0.0,
    quiet: bool = False,
) -> IngestSummary:
    """Take videos into the lake: every face of every kept frame becomes a row, and a picture where wanted.

    paths:         folders, globs, manifests (.csv), s3:// prefixes, or "-" for a list on stdin
    lake:          directory or s3:// prefix; default FAKELAKE_LAKE or ./lake
    recipe:        paper | archive; `overrides` changes single settings of it
    dataset:       what the videos are filed under; label and permission are recorded for all of them
    retry_refused: try again what its own bytes brought into quarantine
    settle_s:      leave files of folders that were touched within so many seconds to the next run: they may still grow
    """
    settings = Settings()
    root = lake or settings.lake
    made = make_recipe(recipe, overrides)
    opened = Lake.open(root, create=True)
    started, run_id = datetime.now(UTC), uuid.uuid4().hex
    snapshot = opened.snapshot()
    found = discover_sources(paths, dataset, root, settle_s)
    known = known_to(opened, made, retry_refused)
    pool = start_pool(opened, settings, run_id)
    driver = IngestDriver(opened.location, made, settings, pool, found, known, run_id)
    summary = IngestSummary(
        run_id=run_id, lake=opened.location.root, recipe=made.name, recipe_id=made.recipe_id, found=driver.total,
        passed_over=len(found.passed_over), growing=len(found.growing),
    )  # fmt: skip
    try:
        table = run_shards(opened, driver, settings, quiet)
    except BaseException:
        summary.outcome = "failed"
        close_summary(summary, driver, started)
        with suppress(OSError):  # a full disk is the usual reason; the row is worth less than the reason
            record_run(opened, summary, made, snapshot, started)
        raise
    record_named_labels(opened, found, label, permission, by="ingest")
    close_summary(summary, driver, started)
    report_run(opened, summary, made, table, snapshot, started)
    return summary


def close_summary(summary: IngestSummary, driver: IngestDriver, started: datetime) -> None:
    """What the driver counted, up to now."""
    summary.close(driver.counts, driver.seconds, (datetime.now(UTC) - started).total_seconds())
    summary.quarantine = driver.quarantined[:100]


def make_recipe(name: str, overrides: dict | None) -> Recipe:
    """A recipe by name with single settings changed, tied to the weights that are at hand.

    Raises ValueError for an unknown name or setting, WeightsMissing.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}; known are {', '.join(RECIPES)}.")
    usual = RECIPES[name]()
    if unknown := set(overrides or {}) - {field.name for field in fields(usual)}:
        raise ValueError(f"Recipe {name!r} has no setting {', '.join(sorted(unknown))}.")
    made = replace(usual, **(overrides or {}))
    return made.with_weights(resolve_detector(made.detector))


@task(cache_policy=NO_CACHE)
def discover_sources(paths: list[str], dataset: str | None, lake: str, settle_s: float) -> Discovery:
    """See `tasks.discover`."""
    return discover(paths, dataset, lake, settle_s)


def known_to(lake: Lake, recipe: Recipe, retry_refused: bool) -> Known:
    """What need not be done again."""
    sources = lake.read("sources", columns=["uri", "bytes", "mtime_ns", "video_id"])
    addresses = dict(
        zip(zip(*(sources[c].to_pylist() for c in ("uri", "bytes", "mtime_ns")), strict=True),
            sources["video_id"].to_pylist(), strict=True)
    )  # fmt: skip
    refused = forgotten(lake)  # a retry brings no one back: only `fakelake forget --undo` does
    if not retry_refused:
        rows = lake.read("quarantine", columns=["video_id", "recipe_id", "lasting", "frames_kept"]).to_pylist()
        refused |= {
            r["video_id"] for r in rows
            if r["video_id"] and r["lasting"] and not r["frames_kept"] and r["recipe_id"] == recipe.recipe_id
        }  # fmt: skip
    return Known(lake.ready_keys(recipe.recipe_id), refused, addresses)


def start_pool(lake: Lake, settings: Settings, run_id: str):
    """Ray, joined or started; on one machine workers leave their last words below the lake."""
    from fakelake.infra.ray_join import connect
    from fakelake.infra.ray_pool import RayPool

    connect(settings.ray_address, settings.cpus)
    logs = lake.location.path("_logs", run_id) if lake.location.is_local else None
    return RayPool(
        cpus_per_task=settings.cpus_per_video, gpus_per_task=0.0 if settings.device == "cpu" else 0.25, log_dir=logs
    )


def run_shards(lake: Lake, driver: IngestDriver, settings: Settings, quiet: bool) -> list[dict]:
    """Commit shard after shard while the workers go on; one table row a shard."""
    size = max(settings.shard_videos, -(-driver.total // settings.max_shards))
    progress_id = create_progress_artifact(0.0, description="videos ingested")
    table: list[dict] = []
    start = time.monotonic()
    with RunProgress("ingest", driver.total, quiet=quiet) as progress:
        for shard in driver.shards(size, on_progress=lambda n: progress.update(n, throughput(driver, start))):
            before = time.perf_counter()
            committed = commit_shard(quote(lake), quote(shard), settings.compact_after)
            driver.seconds["commit"] += time.perf_counter() - before
            table.append(
                {"shard": len(table), "videos": committed.videos, "duplicates": committed.duplicates,
                 "quarantined": committed.quarantined, "commit_s": round(time.perf_counter() - before, 2)}
            )  # fmt: skip
            update_progress_artifact(progress_id, 100.0 * driver.finished / max(1, driver.total))
    return table


@task(name="commit shard", cache_policy=NO_CACHE, persist_result=False)
def commit_shard(lake: Lake, shard: Shard, small_files: int) -> Committed:
    """One commit of the lake, and a merge of small files once there are many: no shell shall wait for thousands."""
    committed = commit_videos(lake, shard.videos, shard.sources, shard.quarantine)
    compact_if_needed(lake, small_files)
    return committed


def throughput(driver: IngestDriver, start: float) -> str:
    """Frames and faces a second since `start`, for the progress line."""
    seconds = max(time.monotonic() - start, 1e-3)
    frames, faces = driver.counts["frames"], driver.counts["faces"]
    return f"{frames / seconds:.0f} frames/s, {faces:,} faces ({faces / seconds:.0f}/s)"


def plan(
    paths: list[str], lake: str | None, recipe: str, overrides: dict | None, dataset: str | None, settle_s: float = 0.0
) -> dict:
    """What `ingest` would do, without doing it (`--dry-run`). The lake need not exist."""
    root = lake or Settings().lake
    made = make_recipe(recipe, overrides)
    found = discover(paths, dataset, root, settle_s)
    known = Known(set(), set(), {})
    with suppress(LakeNotFound):
        known = known_to(Lake.open(root), made, False)
    ids = [known.addresses.get((s.uri, s.bytes, s.mtime_ns)) for s in found.sources]
    return {
        "lake": root,
        "recipe": made.name,
        "recipe_id": made.recipe_id,
        "to_read": sum(i not in known.ready and i not in known.refused for i in ids),
        "already_done": sum(i in known.ready for i in ids),
        "still_quarantined": sum(i in known.refused for i in ids),
        "bytes": sum(s.bytes for s in found.sources),
        "refused": [f"{r.uri}: {r.error.message}" for r in found.refused],
        "passed_over": found.passed_over,
        "growing": found.growing,
    }
