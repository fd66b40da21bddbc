"""Which videos a model version has still to score, and which it cannot."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import scored_keys
from fakelake.catalog.training_swaps import DATASET
from fakelake.models.detector.bundle import BundleConfig, read_bundle
from fakelake.tasks.training_set import RecipeUnknown, crop_margin

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class NoFittingCrops(Exception):
    """The lake's crops were cut otherwise than the model learnt; the text says how to get fitting ones."""


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """todo: recipe_id -> videos to score, those that came last first; done: scored before.

    unfit: videos whose crops are of another kind
    """

    todo: dict[str, tuple[str, ...]]
    done: int
    unfit: int

    @property
    def videos(self) -> int:
        return sum(len(videos) for videos in self.todo.values())


def plan_scoring(lake: Lake, model: str, version: str, bundle: Path, dataset: str | None = None) -> ScorePlan:
    """Every ready video under each recipe whose crops have the model's margin, but no training swap.

    Raises NoFittingCrops, BundleUnfit.
    """
    _, config = read_bundle(bundle)
    where = pc.field("status") == "ready"
    where &= pc.field("dataset").is_null() | (pc.field("dataset") != DATASET)
    if dataset is not None:
        where &= pc.field("dataset") == dataset
    rows = lake.read("videos", ["video_id", "recipe_id", "ingested_at"], where).to_pylist()
    came = {(row["video_id"], row["recipe_id"]): row["ingested_at"] or LONG_AGO for row in rows}
    by_recipe: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_recipe[row["recipe_id"]].append(row["video_id"])
    fitting = {recipe for recipe in by_recipe if _fits(lake, recipe, config)}
    unfit = sum(len(videos) for recipe, videos in by_recipe.items() if recipe not in fitting)
    if unfit and not fitting:
        raise NoFittingCrops(
            f"{model} version {version} learnt from crops with a margin of {config.crop_margin:g}, as recipe "
            f"{config.recipe_id} cuts them; none of the lake's {unfit} videos has such. Ingest them with that recipe "
            f"(--set crop_margin={config.crop_margin:g}), or train a detector on the crops that there are."
        )
    known = scored_keys(lake, model, version)
    todo = {
        recipe: tuple(
            video
            for video in sorted(sorted(by_recipe[recipe]), key=lambda video: came[video, recipe], reverse=True)
            if (video, recipe) not in known
        )
        for recipe in sorted(fitting)
    }
    fit = sum(len(by_recipe[recipe]) for recipe in fitting)
    plan = ScorePlan({recipe: videos for recipe, videos in todo.items() if videos}, 0, unfit)
    return ScorePlan(plan.todo, fit - plan.videos, unfit)


def _fits(lake: Lake, recipe_id: str, config: BundleConfig) -> bool:
    if recipe_id == config.recipe_id:
        return True
    try:
        return abs(crop_margin(lake, recipe_id) - config.crop_margin) < 1e-6
    except RecipeUnknown:
        return False
