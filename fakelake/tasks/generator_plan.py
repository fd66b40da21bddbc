"""What a training of the generator will do, found out and checked before any time is spent on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import read_split
from fakelake.models.generator.recipes import RECIPES, GeneratorRecipe
from fakelake.tasks.portrait_set import Portraits, portraits
from fakelake.tasks.training_plan import split_for
from fakelake.tasks.training_set import NothingToLearnFrom, most_used_recipe, recipe_setting


@dataclass(frozen=True, slots=True)
class GeneratorPlan:
    """train: people of the split's train part; held_out: those of the others.

    margin: of the portraits' windows; remarks: what whoever reads the figures has to know; key: of a training that may
    be taken up again
    """

    recipe: GeneratorRecipe
    split_id: str
    recipe_id: str
    margin: float
    train: Portraits
    held_out: Portraits
    remarks: tuple[str, ...]
    key: str

    def counts(self) -> dict[str, str]:
        """For logs: people, clips and portraits of both."""
        return {
            name: f"{len(source)} people, {len(source.clips)} clips, {sum(map(len, source.clips))} portraits"
            for name, source in (("train", self.train), ("held out", self.held_out))
        }


def make_recipe(name: str, changes: Mapping[str, object] | None = None) -> GeneratorRecipe:
    """A training recipe by name, with single settings changed. Raises ValueError."""
    if name not in RECIPES:
        raise ValueError(f"There is no training recipe {name!r} of a generator; known are {', '.join(RECIPES)}.")
    return RECIPES[name]().changed(dict(changes or {}))


def plan_generator(
    lake: Lake, recipe: GeneratorRecipe, *, split: str | None = None, dataset: str | None = None, demo: bool = False
) -> GeneratorPlan:
    """Choose people; refuse in words what cannot work.

    Authentic videos only: a fake moves two people's parts at once. Those without a label are left out, as nobody can
    say whether they show someone of the test part.
    split: a split's id, or its beginning; None: made of today's labels of `dataset`, and stored
    demo:  without a person to hold out it borrows those whom it trains on, and says so
    Raises NothingToLearnFrom, SplitNotFound, SplitError, LeakageError, RecipeUnknown.
    """
    split_id = split_for(lake, split, dataset)
    part, _ = read_split(lake, split_id)
    people = {video: person for video, person in authentic_people(lake).items() if video in part}
    if not people:
        raise NothingToLearnFrom(
            "No video is labelled real. Import labels (fakelake labels import FILE), or ingest with --label real."
        )
    recipe_id = most_used_recipe(lake, list(people))
    sources = [
        portraits(lake, recipe_id, {v: person for v, person in people.items() if (part[v] == "train") == learns})
        for learns in (True, False)
    ]
    train, held_out = sources
    remarks = ["THIS IS A DEMONSTRATION on a handful of people: its figures mean nothing."] if demo else []
    if not len(train) or not (len(held_out) or demo):
        raise NothingToLearnFrom(
            f"Split {split_id} has {len(train)} authentic people with portraits to train on and {len(held_out)} to "
            "hold out; both are needed. Add authentic people, or ingest with a recipe that makes portraits."
        )
    if not len(held_out):
        held_out = train
        remarks.append("THE FIGURES OF THIS MODEL MEAN NOTHING: there was nobody to hold out.")
    seen = sorted(train.videos())
    key = hashlib.sha256("\n".join([recipe.to_json(), split_id, recipe_id, *seen]).encode()).hexdigest()[:16]
    margin = float(recipe_setting(lake, recipe_id, "portrait_margin"))
    return GeneratorPlan(recipe, split_id, recipe_id, margin, train, held_out, tuple(remarks), key)


def authentic_people(lake: Lake) -> dict[str, str]:
    """video_id -> who is in it, for videos that are labelled real; whom nobody named is someone of their own.

    Nothing that a generator made is among them.
    """
    with lake.connect() as connection:
        rows = connection.execute(
            "SELECT video_id, coalesce(any_value(l.target_identity), video_id) FROM current_labels AS c "
            "LEFT JOIN labels AS l USING (video_id) WHERE c.label = 'real' GROUP BY video_id "
            "HAVING NOT bool_or(l.origin = 'generator') ORDER BY video_id"
        ).fetchall()
    return dict(rows)
