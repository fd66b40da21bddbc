"""Which swaps to make for training: varied, of people who permit it, never across a split's parts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import read_split
from fakelake.catalog.training_swaps import Origin
from fakelake.models.generator.bundle import GeneratorBundle
from fakelake.models.generator.naming import ELSEWHERE, UNUSED, parts_called
from fakelake.tasks.generator_plan import authentic_people
from fakelake.tasks.swap.consents import allows_swap, permissions
from fakelake.tasks.swap.errors import SwapNotPermitted
from fakelake.tasks.training_set import NothingToLearnFrom

OF_A_FACE = ("eyes", "nose", "mouth", "jaw", "cheeks", "forehead", "hair")
MOST_PARTS = 3
HARD = 0.2  # share of swaps with hard masks
OF_SOURCE = 0.3  # share of swaps with masks from the source
CRF = (18, 30)  # of the encoding that a swap and its control pass


@dataclass(frozen=True, slots=True)
class AutoSwap:
    """One swap, all of it drawn from its number. target, source: video_ids; channels: of the generator's parts."""

    origin: Origin
    channels: tuple[int, ...]
    hard: bool
    masks_from: str
    crf: int

    @property
    def control(self) -> Origin:
        """The target, encoded in the same way with nothing swapped."""
        o = self.origin
        return Origin(target=o.target, source="", split=o.split, model=o.model, parts="", number=o.number)


def plan_auto(lake: Lake, bundle: GeneratorBundle, version: str, count: int) -> list[AutoSwap]:
    """Swaps number 0 to count - 1 of a generator and its split; the same at every call.

    Videos are labelled real and their permission allows swaps. The parts of the split get swaps by how many people
    they have. Raises SplitNotFound, NothingToLearnFrom, SwapNotPermitted.
    """
    part, _ = read_split(lake, bundle.split_id)
    if not part:
        raise NothingToLearnFrom(
            f"This lake does not have the split {bundle.split_id} that the generator learnt from, so nobody can say "
            "whom it has seen. Train a generator on this lake: fakelake train generator"
        )
    people = {video: who for video, who in authentic_people(lake).items() if video in part}
    allowed = permissions(lake)
    may = {video for video in people if allows_swap(allowed.get(video) or "")}
    if people and not may:
        raise SwapNotPermitted(
            "None of the split's authentic videos has a permission on record that allows swaps. Record one each "
            "(fakelake consent VIDEO --permission swap --source ...), or ingest with --permission swap."
        )
    by_part: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for video in sorted(may):
        by_part[part[video]][people[video]].append(video)
    rooms = {name: own for name, own in sorted(by_part.items()) if len(own) > 1}
    if not rooms:
        raise NothingToLearnFrom(
            "No part of the split has two people whose videos may be swapped. Record permissions for more of them."
        )
    names = sorted({p.name for p in bundle.parts} - {UNUSED, ELSEWHERE, "body"} & set(OF_A_FACE)) or [
        part.name for part in bundle.parts if part.name != UNUSED
    ]
    return [_drawn(number, rooms, names, bundle, version) for number in range(count)]


def _drawn(
    number: int, rooms: dict[str, dict[str, list[str]]], names: list[str], bundle: GeneratorBundle, version: str
) -> AutoSwap:
    rng = np.random.default_rng((bundle.recipe.seed, number))
    weights = np.array([len(own) for own in rooms.values()], float)
    own = rooms[str(rng.choice(list(rooms), p=weights / weights.sum()))]
    target, source = (own[str(who)] for who in rng.choice(sorted(own), 2, replace=False))
    wanted = sorted(str(n) for n in rng.choice(names, rng.integers(1, min(MOST_PARTS, len(names)) + 1), replace=False))
    origin = Origin(
        target=str(rng.choice(target)), source=str(rng.choice(source)), split=bundle.split_id,
        model=f"generator@{version}", parts=",".join(wanted), number=number,
    )  # fmt: skip
    return AutoSwap(
        origin, tuple(parts_called(bundle.parts, wanted)), bool(rng.random() < HARD),
        "source" if rng.random() < OF_SOURCE else "target", int(rng.integers(*CRF, endpoint=True)),
    )  # fmt: skip
