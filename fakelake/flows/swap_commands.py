"""`fakelake swap`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json


class Masks(StrEnum):
    target = "target"
    source = "source"


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"


def swap(
    source: Annotated[
        str | None, typer.Option(help="Whose parts: a video of the lake, or the file of a still.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Into whose video: one of the lake.")] = None,
    parts: Annotated[str | None, typer.Option(help="What is swapped, with commas between: mouth,eyes.")] = None,
    out: Annotated[str | None, typer.Option(help="The new .mp4; OUT.report.png comes beside it.")] = None,
    auto: Annotated[
        int | None, typer.Option(min=1, help="Instead: make so many swaps for training, as crops within the lake.")
    ] = None,
    hard: Annotated[bool, typer.Option("--hard", help="Cut the mask at a half; else its edge is soft.")] = False,
    masks_from: Annotated[Masks, typer.Option(help="Whose outline the parts have.")] = Masks.target,
    track: Annotated[int | None, typer.Option(help="Which face of the target, where there are several.")] = None,
    source_track: Annotated[int | None, typer.Option(help="Which face of the source.")] = None,
    banner: Annotated[bool, typer.Option("--banner", help="A visible banner too.")] = False,
    model: Annotated[
        str, typer.Option(help="generator@champion, generator@challenger or generator@3.")
    ] = "generator@champion",
    precision: Annotated[Precision, typer.Option(help="bf16 is quicker where the hardware has it.")] = Precision.fp32,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: a GPU where there is one.")] = None,
    as_json: JsonOption = False,
    lake: LakeOption = None,
) -> None:
    """Put parts of one face into a video of another person; the result is a labelled fake.

    Both must be in the lake with a permission that allows swaps (fakelake consent). Every result carries an invisible
    mark and C2PA credentials, and is taken into the lake.
    """
    if auto is not None:
        return _auto(auto, lake, model, as_json, (source, target, parts, out))
    if None in (source, target, parts, out):
        raise typer.BadParameter("are needed, all four; or --auto N", param_hint="--source, --target, --parts, --out")
    wanted = [name.strip() for name in parts.split(",") if name.strip()]
    if not wanted:
        raise typer.BadParameter("name at least one part, e.g. mouth", param_hint="--parts")
    from fakelake.infra.prefect_env import prepare

    prepare(lake_root(lake))
    from fakelake.flows.run import hush_refusals
    from fakelake.flows.swap import swap as flow

    hush_refusals()

    # Ray and Prefect print warnings where they like; stdout is for the answer.
    with redirect_stdout(sys.stderr):
        summary = flow(
            source, target, wanted, out, lake_root(lake), model, hard=hard, masks_from=masks_from.value, track=track,
            source_track=source_track, banner=banner, precision=precision.value, device=device, quiet=as_json,
        )  # fmt: skip
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))


def _auto(count: int, lake: str | None, model: str, as_json: bool, others: tuple[str | None, ...]) -> None:
    if any(others):
        raise typer.BadParameter("chooses people and parts by itself, and writes no file", param_hint="--auto")
    from fakelake.infra.prefect_env import prepare

    prepare(lake_root(lake))
    from fakelake.flows.auto_swap import auto_swap
    from fakelake.flows.run import hush_refusals

    hush_refusals()
    with redirect_stdout(sys.stderr):
        summary = auto_swap(count, lake_root(lake), model, quiet=as_json)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))
