"""What a training will do, found out and checked before any time is spent on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import find_split, read_split, store_split
from fakelake.catalog.training_swaps import with_swaps
from fakelake.models.detector.clips import FAKE, REAL, refuse_one_class
from fakelake.models.detector.recipes import RECIPES, TrainRecipe
from fakelake.tasks.near_duplicates import BITS
from fakelake.tasks.split import SplitSettings, assert_disjoint, make_split
from fakelake.tasks.split_lake import labelled_videos
from fakelake.tasks.training_set import (
    NothingToLearnFrom,
    VideoClips,
    crop_margin,
    labelled_parts,
    most_used_recipe,
    video_clips,
)  # fmt: skip

PARTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """remarks: what whoever reads the figures has to know; key: of a training that may be taken up again."""

    recipe: TrainRecipe
    split_id: str
    recipe_id: str
    margin: float
    blended: float
    parts: dict[str, VideoClips]
    remarks: tuple[str, ...]
    key: str

    def counts(self) -> dict[str, str]:
        """For logs: part -> videos by class."""
        return {
            name: f"{part.labels.count(REAL)} real, {part.labels.count(FAKE)} fake, {len(part.without_track)} without"
            for name, part in self.parts.items()
        }


def make_recipe(name: str, changes: Mapping[str, object] | None = None) -> TrainRecipe:
    """A training recipe by name, with single settings changed. Raises ValueError."""
    if name not in RECIPES:
        raise ValueError(f"There is no training recipe {name!r}; known are {', '.join(RECIPES)}.")
    return RECIPES[name]().changed(dict(changes or {}))


def plan_training(
    lake: Lake, recipe: TrainRecipe, *, split: str | None = None, dataset: str | None = None, demo: bool = False
) -> TrainingPlan:
    """Choose split, crops and fakes; refuse in words what cannot work.

    split: a split's id, or its beginning; None: made of today's labels of `dataset`, and stored
    demo:  a part without a person of its own borrows the videos of another, and says so
    Raises NothingToLearnFrom, OneClassOnly, SplitNotFound, SplitError, LeakageError, RecipeUnknown.
    """
    split_id = split_for(lake, split, dataset)
    infos = labelled_parts(lake, *with_swaps(lake, split_id, *read_split(lake, split_id)))
    everyone = [video.video_id for part in infos.values() for video in part]
    if not everyone:
        raise NothingToLearnFrom(
            "No video has a label. Import some (fakelake labels import FILE) or ingest with --label."
        )
    recipe_id = most_used_recipe(lake, everyone)
    parts = {name: video_clips(lake, infos[name], recipe_id, recipe.network.px) for name in PARTS}
    remarks = _filled(parts, demo)
    real, fake = (parts["train"].labels.count(label) for label in (REAL, FAKE))
    blended = recipe.blended if recipe.blended is not None else (0.5 if fake else 1.0)
    refuse_one_class(real, fake, blended)
    for name in ("val", "test"):
        if not parts[name].labels.count(FAKE):
            remarks.append(
                f"The {name} part has no fake: its fakes are self-blended images of its own people. Its figures tell "
                "how well such blends are seen, and nothing of deepfakes."
            )
        if not parts[name].labels.count(REAL):
            raise NothingToLearnFrom(
                f"The {name} part of split {split_id} has no authentic video with a face. Add authentic people, then "
                "make another split: fakelake splits make"
            )
    labels = str([(name, [(video.video_id, video.label) for video in infos[name]]) for name in PARTS])
    key = hashlib.sha256("\n".join([recipe.to_json(), split_id, recipe_id, labels]).encode()).hexdigest()[:16]
    margin = crop_margin(lake, recipe_id)
    return TrainingPlan(recipe, split_id, recipe_id, margin, blended, parts, tuple(remarks), key)


def split_for(lake: Lake, split: str | None, dataset: str | None) -> str:
    """The stored split whose id begins so or, without one, that of today's labels, which is then stored.

    Raises SplitNotFound, SplitError, LeakageError.
    """
    return _found_split(lake, split, dataset) if split else _made_split(lake, dataset)


def _found_split(lake: Lake, split: str, dataset: str | None) -> str:
    """A stored split. Raises LeakageError where lists that came later name people who are in two of its parts."""
    split_id = find_split(lake, split)
    found = labelled_videos(lake, dataset, BITS)
    assert_disjoint(found.videos, read_split(lake, split_id)[0], found.pairs)
    return split_id


def _made_split(lake: Lake, dataset: str | None) -> str:
    found = labelled_videos(lake, dataset, BITS)
    split = make_split(found.videos, SplitSettings(), found.pairs)
    store_split(lake, split.rows())
    return split.split_id


def _filled(parts: dict[str, VideoClips], demo: bool) -> list[str]:
    """Refuse empty parts or, for a demo, fill them from a fuller one."""
    empty = [name for name in PARTS if not len(parts[name])]
    if not empty:
        return ["THIS IS A DEMONSTRATION on a handful of people: its figures mean nothing."] if demo else []
    donors: Sequence[str] = [name for name in PARTS if name not in empty]
    if not donors:
        raise NothingToLearnFrom("No labelled video has a face that is seen for long enough. Ingest more videos.")
    if not demo:
        raise NothingToLearnFrom(
            f"The split leaves no video for {' and '.join(empty)}: there are too few people, as no person may be in "
            "two parts. Add people, or change the shares: fakelake splits make --test .2 --val .2"
        )
    for name in empty:
        parts[name] = parts[donors[0]]
    return [
        f"THE FIGURES OF THIS MODEL MEAN NOTHING: {' and '.join(empty)} had no person of its own and borrowed the "
        f"videos of {donors[0]}. This is a demonstration on a handful of people."
    ]
