"""Which parts of the face speak for fake, measured on the workers that score, of what wants a person's look."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fakelake.catalog.lake import Lake
from fakelake.catalog.part_scores import commit_part_scores, faces_with_parts
from fakelake.catalog.scores import DETECTOR, champion
from fakelake.flows.score_driver import ScoreDriver, score_jobs, uri_of
from fakelake.infra.model_store import CHAMPION, ModelStore
from fakelake.infra.progress import RunProgress
from fakelake.infra.settings import Settings

if TYPE_CHECKING:
    from fakelake.flows.score import ScoreSummary

BANDS = ("fake", "suspicious")
_WORST = """
    SELECT video_id, recipe_id, worst_track FROM verdicts
    WHERE list_contains($bands, band) AND worst_track IS NOT NULL AND model_version = $version
      AND ($dataset IS NULL OR dataset = $dataset)
    ORDER BY p_fake DESC, video_id
"""


class NotTheChampion(ValueError):
    """Parts were asked for of a version whose scores make no verdict."""


@dataclass(slots=True, kw_only=True)
class ScoredParts:
    """Of one run; counts are of videos, the worst face of each."""

    generator_version: str
    measured: int = 0
    before: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        return (
            f"parts by generator version {self.generator_version}: measured on {self.measured} videos that are fake or "
            f"suspicious, {self.before} were before"
        )


def parts_generator(lake: Lake, store: ModelStore, version: str) -> str:
    """The version of the generator whose parts are measured. Raises NotTheChampion, ModelMissing."""
    if version != champion(lake):
        raise NotTheChampion(
            f"--parts is for videos whose verdict is fake or suspicious, and verdicts are the champion's, not those of "
            f"{DETECTOR} version {version}. Leave out --parts, or --model."
        )
    return store.version("generator", CHAMPION)


def score_parts(
    lake: Lake, settings: Settings, summary: ScoreSummary, bundle: Path, generator: tuple[Path, str],
    dataset: str | None, quiet: bool,
) -> ScoredParts:  # fmt: skip
    """Measure what was not measured yet, exactly once; a killed run is finished by the same call again.

    bundle: the detector's files; generator: its files and its version
    """
    from fakelake.tasks.part_task import PartsJob, measure_videos

    files, version = generator
    done = ScoredParts(generator_version=version)
    todo, done.before = wanted(lake, summary, version, dataset)
    if not todo:
        return done
    jobs = score_jobs(lake, settings, summary, bundle)
    driver = ScoreDriver(
        settings, todo, measure_videos, lambda recipe_id, videos: PartsJob(jobs(recipe_id, videos), str(files), version)
    )
    with RunProgress("parts", sum(map(len, todo.values())), quiet=quiet) as progress:
        for rows in driver.gathered(progress, settings.score_commit_s):
            done.measured += commit_part_scores(lake, rows)
    # A score stands, and so does its verdict: what has no parts is not in quarantine for that.
    done.problems = [f"{uri_of(lake, each.video_id)}: no parts: {each.message}" for each in driver.failures[:20]]
    return done


def wanted(
    lake: Lake, summary: ScoreSummary, generator_version: str, dataset: str | None
) -> tuple[dict[str, tuple[str, ...]], int]:
    """recipe_id -> videos whose worst face was not measured yet, and how many were."""
    known = faces_with_parts(lake, summary.model, summary.model_version, generator_version)
    with lake.connect() as connection:
        values = {"bands": list(BANDS), "version": summary.model_version, "dataset": dataset}
        rows = connection.execute(_WORST, values).fetchall()
    todo = defaultdict(list)
    for video_id, recipe_id, track_id in rows:
        if (video_id, recipe_id, track_id) not in known:
            todo[recipe_id].append(video_id)
    left = {recipe_id: tuple(videos) for recipe_id, videos in todo.items()}
    return left, len(rows) - sum(map(len, left.values()))
