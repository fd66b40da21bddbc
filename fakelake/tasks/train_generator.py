"""Training a generator on a plan: first weights, the loop, then its figures and the names of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fakelake.models.generator.bundle import take_up
from fakelake.models.generator.measures import HeldOutPairs, held_out_figures
from fakelake.models.generator.naming import UNUSED, PartName, PartNaming, frontal, regions
from fakelake.models.generator.network import Generator
from fakelake.models.generator.perceptual import TRUNKS
from fakelake.models.generator.probes import centroids, foreground_iou, landmark_regression, leakage, swap_probe
from fakelake.models.generator.recipes import RECIPES, GeneratorRecipe
from fakelake.models.generator.train import Epoch, Progress, train
from fakelake.models.weights import given, resolve
from fakelake.tasks.generator_plan import GeneratorPlan
from fakelake.tasks.portrait_set import Portraits, held_out_pairs, with_landmarks

PAIRS_A_PERSON = 6
PORTRAITS_A_CLIP = 10  # that name the parts
LEAST_FACES = 20  # held-out pictures, under which no regression of landmarks is told
BATCH = 16


@dataclass(frozen=True, slots=True)
class GeneratorExamination:
    """figures: name -> value, on held-out people; parts: their names, found on the people it was trained on."""

    figures: dict[str, float]
    parts: tuple[PartName, ...]
    held_out: HeldOutPairs


def initial_state(recipe: GeneratorRecipe) -> Path | None:
    """The checkpoint that `init` names, if it names one. Raises WeightsMissing."""
    return None if recipe.init in ("scratch", "warmup") else given("the generator", Path(recipe.init)).path


def perceptual_weights(recipe: str) -> Path | None:
    """The file that the recipe compares pictures by; None where it needs none. Raises WeightsMissing."""
    kind = RECIPES[recipe]().perceptual
    return resolve(TRUNKS[kind][1]).path if kind in TRUNKS else None


def train_on(
    plan: GeneratorPlan, directory: Path, *, device: str, workers: int, on_epoch: Callable[[Epoch, Generator], None]
) -> tuple[Generator, Progress]:
    """Train, or go on with what `directory` holds of the same plan.

    Raises as `models.generator.train` does, and WeightsUnfit.
    """
    torch.manual_seed(plan.recipe.seed)
    generator = Generator(plan.recipe.network)
    if (path := initial_state(plan.recipe)) is not None:
        take_up(generator, path)
    held_out = held_out_pairs(plan.held_out, plan.recipe.network.px, PAIRS_A_PERSON)
    progress = train(
        generator, plan.train, held_out, plan.recipe, directory, device=device, workers=workers, on_epoch=on_epoch
    )
    return generator, progress


@dataclass(frozen=True, slots=True)
class GeneratorShare:
    """What each of several workers is given: the same plan, and a directory that all see."""

    plan: GeneratorPlan
    directory: Path
    loader_workers: int
    on_epoch: Callable[[Epoch, Generator], None]


def train_share(share: GeneratorShare, device: str) -> None:
    """This process' share of a training, in the `torch.distributed` process group that it is in."""
    train_on(share.plan, share.directory, device=device, workers=share.loader_workers, on_epoch=share.on_epoch)


def examine(generator: Generator, plan: GeneratorPlan) -> GeneratorExamination:
    """Figures on people whom it never saw; names of the parts from those whom it did."""
    held_out = held_out_pairs(plan.held_out, plan.recipe.network.px, PAIRS_A_PERSON)
    figures = held_out_figures(generator, held_out)
    of_pairs = [
        leakage(generator, *(_batch(generator, some[:, side]) for side in (0, 1)))
        for some in held_out.pairs.split(BATCH)
    ]
    figures["l1_from_maps_alone"] = float(np.mean([alone for _, alone in of_pairs]))
    naming = PartNaming(plan.recipe.network.parts)
    for masks, landmarks in _found(generator, plan.train, plan.recipe.network.px):
        naming.add(masks, landmarks)
    figures |= _against_landmarks(generator, plan)
    names = naming.names()
    figures |= _of_swaps(generator, plan.held_out, [part.index for part in names if part.name != UNUSED])
    return GeneratorExamination(figures, names, held_out)


def _of_swaps(generator: Generator, people: Portraits, channels: list[int]) -> dict[str, float]:
    """All parts that are used, of each held-out person, in a row of portraits of the next one."""
    if not channels or len(people) < 2:
        return {}
    px = generator.config.px
    clips = [people.longest(person) for person in range(len(people))]
    found = []
    for mine, theirs in zip(clips, clips[1:] + clips[:1], strict=True):
        row = list(range(min(PORTRAITS_A_CLIP, people.length(theirs))))
        source, targets = (_from_crops(generator, people.read(*which, px)) for which in ((mine, [0]), (theirs, row)))
        found.append(swap_probe(generator, source, targets, channels))
    locality, flicker = np.mean(found, 0)
    return {"swap_locality": float(locality), "swap_flicker": float(flicker)}


def _against_landmarks(generator: Generator, plan: GeneratorPlan) -> dict[str, float]:
    """Landmark regression, fitted on the people it learnt from; and the foreground against where face and body are."""
    px = plan.recipe.network.px
    of = [list(_found(generator, source, px)) for source in (plan.train, plan.held_out)]
    if min(sum(len(masks) for masks, _ in found) for found in of) < LEAST_FACES:
        return {}
    masks, landmarks = (torch.cat([each[n] for found in of for each in found]) for n in (0, 1))
    learnt = sum(len(masks) for masks, _ in of[0])
    learn = np.arange(len(masks)) < learnt
    sides = frontal(landmarks) & torch.from_numpy(~learn)
    wanted = regions(landmarks[sides], masks.shape[-1]).any(1)
    return {
        "landmarks_sum_px": landmark_regression(centroids(masks).numpy(), landmarks.numpy(), learn),
        "foreground_iou_stand_in": foreground_iou(masks[sides], wanted),
    }


@torch.no_grad()
def _found(generator: Generator, source: Portraits, px: int):
    """Masks [n, K + 1, 64, 64] and landmarks [n, 5, 2], on the CPU, clip by clip."""
    generator.eval()
    for pictures, landmarks in with_landmarks(source, px, PORTRAITS_A_CLIP):
        masks = generator.segmentation(_from_crops(generator, pictures)).masks
        yield masks.float().cpu(), torch.from_numpy(landmarks)


def _from_crops(generator: Generator, crops: np.ndarray) -> torch.Tensor:
    """[n, px, px, 3] uint8 as a batch for the generator, where it is."""
    return _batch(generator, torch.from_numpy(crops.transpose(0, 3, 1, 2)))


def _batch(generator: Generator, raw: torch.Tensor) -> torch.Tensor:
    return raw.to(next(generator.parameters()).device).float() / 255
