"""The flow behind `swap --auto`: swaps for training within each part of the split, unmarked, never a file."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.training_swaps import DATASET, Origin
from fakelake.flows.run_row import run_row
from fakelake.flows.swap import fetched
from fakelake.infra.progress import RunProgress
from fakelake.infra.settings import Settings

SECONDS_A_SWAP = 600.0


@dataclass(slots=True, kw_only=True)
class AutoSwapSummary:
    """What was made. parts: swaps in each part of the split; problems: of swaps that could not be made."""

    run_id: str
    lake: str
    model_version: str
    split_id: str
    asked: int
    made: int = 0
    there_before: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        where = ", ".join(f"{count} in {part}" for part, count in sorted(self.parts.items()))
        return [
            f"{self.made} of {self.asked} swaps made, {self.there_before} were there before ({where}); each has a "
            "control that was only encoded again",
            *self.problems,
            f"Train on them: fakelake train detector --split {self.split_id}",
        ]


@flow(name="auto_swap", validate_parameters=False)
def auto_swap(
    count: int, lake: str | None = None, model: str = "generator@champion", quiet: bool = False
) -> AutoSwapSummary:
    """Make swaps number 0 to count - 1 of the generator's own split. Those that are there are not made again.

    What is made are labelled crops. Nothing is marked, so nothing is ever written as a video that someone could take.
    """
    from fakelake.catalog.splits import read_split
    from fakelake.tasks.generator_files import read_generator
    from fakelake.tasks.swap.auto_plan import plan_auto

    settings, started = Settings(), datetime.now(UTC)
    opened = Lake.open(lake or settings.lake)
    snapshot = opened.snapshot()
    with ExitStack() as stack:
        version, bundle_at = fetched(stack, opened, settings, model)
        _, bundle = read_generator(bundle_at)
        planned = plan_auto(opened, bundle, version, count)
        part, _ = read_split(opened, bundle.split_id)
        there = opened.ready_keys(bundle.recipe_id)  # not `sources`, which a commit writes first
        todo = [swap for swap in planned if swap.origin.video_id not in there]
        summary = AutoSwapSummary(
            run_id=uuid.uuid4().hex, lake=opened.location.root, model_version=version, split_id=bundle.split_id,
            asked=count, there_before=count - len(todo), parts=dict(Counter(part[s.origin.target] for s in planned)),
        )  # fmt: skip
        with RunProgress("swap", len(todo), quiet=quiet) as progress:
            for done, (swap, written) in enumerate(made(opened, settings, bundle_at, bundle, todo, summary), 1):
                put_in(opened, swap, written, summary.run_id)
                summary.made += 1
                progress.update(done, swap.origin.title)
    record(opened, summary, snapshot, started)
    return summary


def made(lake: Lake, settings: Settings, bundle_at: Path, bundle, todo: list, summary: AutoSwapSummary) -> Iterator:
    """Each swap with its two written videos, on all workers; what fails alone is told and left out."""
    from fakelake.infra.ray_join import connect
    from fakelake.infra.ray_pool import RayPool
    from fakelake.tasks.facts import recipe_of
    from fakelake.tasks.swap.training_swap import TrainingSwapJob, make_training_swap

    if not todo:
        return
    recipe = recipe_of(lake, bundle.recipe_id)
    connect(settings.ray_address, settings.cpus)
    pool = RayPool(cpus_per_task=settings.cpus_per_video, gpus_per_task=0.0 if settings.device == "cpu" else 1.0)
    waiting = iter(todo)
    try:
        while True:
            while pool.hungry and (swap := next(waiting, None)) is not None:
                job = TrainingSwapJob(
                    location=lake.location, swap=swap, bundle=str(bundle_at), recipe=recipe,
                    threads=settings.cpus_per_video, device=settings.device,
                )  # fmt: skip
                pool.submit(swap, make_training_swap, job, deadline_s=settings.deadline_base_s + SECONDS_A_SWAP)
            if not len(pool):
                return
            for done in pool.wait():
                if done.error is None:
                    yield done.key, done.value
                else:
                    said = (str(done.error) or type(done.error).__name__).splitlines()[0]
                    summary.problems.append(f"swap {done.key.origin.number}, {done.key.origin.title}: {said}")
    finally:
        pool.close()


def put_in(lake: Lake, swap, written: tuple, run_id: str) -> None:
    """Labels first: crops without a label train nobody, labels without crops harm nobody."""
    from fakelake.tasks.generator_plan import authentic_people

    now, people = datetime.now(UTC), authentic_people(lake)
    origin: Origin = swap.origin
    fixed = {"origin": "generator", "labelled_by": f"fakelake {origin.model}", "labelled_at": now}
    target, source = people.get(origin.target, origin.target), people.get(origin.source, origin.source)
    rows = [
        {**fixed, "video_id": origin.video_id, "label": "fake", "method": f"part-swap:{origin.parts}",
         "target_identity": target, "source_identity": source, "note": f"for training: {origin.title}"},
        {**fixed, "video_id": swap.control.video_id, "label": "real", "method": "encoded-again",
         "target_identity": target, "note": f"for training: {swap.control.title}"},
    ]  # fmt: skip
    lake.append("labels", rows, publish=False)
    sources = [
        {"uri": one.uri, "name": one.title, "video_id": one.video_id, "dataset": DATASET, "run_id": run_id}
        for one in (origin, swap.control)
    ]
    for each in written:
        each.video.row["run_id"] = run_id
    commit_videos(lake, [each.video for each in written], sources)


def record(lake: Lake, summary: AutoSwapSummary, snapshot: dict, started: datetime) -> None:
    """The `runs` row."""
    lake.append("runs", [run_row(summary.run_id, "auto_swap", asdict(summary), snapshot, started)])
