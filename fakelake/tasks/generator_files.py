"""A trained generator's files and its card, written after a training, read by whoever swaps or explains."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from fakelake.models.generator.bundle import GeneratorBundle, read_bundle, write_bundle
from fakelake.models.generator.naming import UNUSED
from fakelake.models.generator.network import Generator
from fakelake.models.generator.train import Progress
from fakelake.tasks.generator_plan import GeneratorPlan
from fakelake.tasks.train_generator import GeneratorExamination

LIMITS = """Its parts are what moves together in the faces that it saw: they follow no anatomy, and other training finds
others. Their names come from where they lie on frontal faces. It softens what it draws, profiles and hands before the
face confuse it, and what it makes carries marks that no switch turns off. It must not be used on people who have not
permitted it."""
# What is told of the figures, in this order.
TOLD = (
    ("l1", "L1 of the drawn picture, of 0 to 1"), ("l1_still", "L1 of the source itself, for comparison"),
    ("ssim", "SSIM of the drawn picture"),
    ("l1_from_maps_alone", "L1 when the source is grey: the leakage probe, to be far worse than L1"),
    ("swap_locality", "swaps: share of the change that lies inside the mask"),
    ("swap_flicker", "swaps: how much more the picture changes from portrait to portrait, of 0 to 1"),
    ("landmarks_sum_px", "five landmarks from the parts' centres: SUM of the mean errors of 10 coordinates, px of 256"),
    ("foreground", "share of foreground"), ("false_foreground", "foreground where nothing changes"),
    ("foreground_iou_stand_in", "IoU of the foreground with face, hair and body as landmarks place them"),
    ("shift", "equivariance error of places"), ("affine", "equivariance error of matrices"),
)  # fmt: skip


def write_generator(
    directory: Path, generator: Generator, plan: GeneratorPlan, examination: GeneratorExamination, card: str
) -> None:
    """Write the bundle."""
    bundle = GeneratorBundle(
        recipe=plan.recipe, parts=examination.parts, portrait_margin=plan.margin, recipe_id=plan.recipe_id,
        split_id=plan.split_id, trained={"people": plan.counts(), "figures": examination.figures},
    )  # fmt: skip
    write_bundle(directory, generator, bundle, card)


def read_generator(directory: Path) -> tuple[Generator, GeneratorBundle]:
    """The model on the CPU, ready to draw. Raises BundleUnfit."""
    return read_bundle(directory)


def part_names(directory: Path) -> list[str]:
    """All names that parts of the bundle answer to, those of most parts first. Raises BundleUnfit."""
    _, bundle = read_bundle(directory)
    said = Counter(name for part in bundle.parts if part.name != UNUSED for name in part.answers_to)
    return [name for name, _ in said.most_common()]


def generator_card(
    plan: GeneratorPlan, generator: Generator, progress: Progress, examination: GeneratorExamination,
    snapshot: dict[str, int],
) -> str:  # fmt: skip
    """Markdown."""
    recipe, network = plan.recipe, plan.recipe.network
    millions = sum(p.numel() for p in generator.parameters()) / 1e6
    figures = examination.figures
    return "\n".join([
        f"# Generator, recipe `{recipe.name}`",
        "",
        *(f"> **{remark}**\n" for remark in plan.remarks),
        f"- Network: {network.parts} parts at {network.px} px, {millions:.2f} million parameters",
        f"- Compared by: {recipe.perceptual} ({recipe.perceptual_weights}); starts from: {recipe.init}",
        f"- Split `{plan.split_id}`, portraits of recipe `{plan.recipe_id}` (margin {plan.margin:g})",
        *(f"  - {name}: {count}" for name, count in plan.counts().items()),
        f"- Epochs: {len(progress.history)}, of which {recipe.warming} of warm-up",
        f"- Settings: `{recipe.to_json()}`",
        f"- Lake: table versions `{json.dumps(snapshot)}`",
        "",
        "## Parts",
        "",
        "| part | name | share of it in that region | covers |", "|---|---|---|---|",
        *(f"| {part.index} | {part.name} | {'' if part.name == UNUSED else f'{part.confidence:.0%}'} | "
          f"{', '.join(part.covers)} |" for part in examination.parts),
        "",
        "## Held-out people",
        "",
        "| figure | value |", "|---|---|",
        *(f"| {said} | {figures[name]:.4g} |" for name, said in TOLD if name in figures),
        "",
        "## Limits",
        "",
        LIMITS,
        "",
    ])  # fmt: skip
