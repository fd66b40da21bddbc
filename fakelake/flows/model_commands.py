"""`fakelake train`, `promote` and `score`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json

train_app = typer.Typer(help="Train a model on the lake.", no_args_is_help=True)
WORDS = (
    "augment",
    "background",
    "init",
    "perceptual",
    "perceptual_weights",
    "precision",
    "temporal",
    "trunk",
    "weights",
)  # settings that are words, `none` among them
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Change one setting of the recipe: epochs=3.")]


@train_app.command("detector")
def train_detector(
    lake: LakeOption = None,
    recipe: Annotated[str, typer.Option(help="paper, best, light (for a CPU) or demo.")] = "best",
    set_: SetOption = None,
    split: Annotated[
        str | None, typer.Option(help="A split's id, or its beginning; default: made of today's labels.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only videos ingested as this data set.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: a GPU where there is one.")] = None,
    promote: Annotated[bool, typer.Option(help="Let the gate make it champion if it is better.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Train, test, calibrate and register a detector. The same call again goes on with one that was killed."""
    changes = parse_settings(set_ or [])
    from fakelake.infra.prefect_env import prepare

    prepare(lake_root(lake))
    from fakelake.flows.train_detector import train_detector as flow

    with redirect_stdout(sys.stderr):
        summary = flow(lake_root(lake), recipe, changes, split, dataset, device=device, promote=promote, quiet=as_json)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))


@train_app.command("generator")
def train_generator(
    lake: LakeOption = None,
    recipe: Annotated[str, typer.Option(help="paper, light (for a CPU) or demo.")] = "light",
    segments: Annotated[int | None, typer.Option(min=1, help="How many parts a face is cut into: 5, 10 or 15.")] = None,
    set_: SetOption = None,
    split: Annotated[
        str | None, typer.Option(help="A split's id, or its beginning; default: made of today's labels.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only videos ingested as this data set.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: a GPU where there is one.")] = None,
    promote: Annotated[bool, typer.Option(help="Make it champion if it draws held-out people better.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Learn the parts of faces from their motion, name them, and register a generator that can swap them."""
    changes = parse_settings(set_ or []) | ({"parts": segments} if segments else {})
    from fakelake.infra.prefect_env import prepare

    prepare(lake_root(lake))
    from fakelake.flows.train_generator import train_generator as flow

    with redirect_stdout(sys.stderr):
        summary = flow(lake_root(lake), recipe, changes, split, dataset, device=device, promote=promote, quiet=as_json)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))


@train_app.command("search")
def search(
    lake: LakeOption = None,
    recipe: Annotated[str, typer.Option(help="paper, best or light.")] = "best",
    set_: SetOption = None,
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try.")] = 8,
    split: Annotated[str | None, typer.Option(help="A split's id, or its beginning.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for better settings of a detector's training, on validation only; then train with what it prints."""
    changes = parse_settings(set_ or [])
    from fakelake.infra.prefect_env import prepare

    prepare(lake_root(lake))
    from fakelake.flows.search import search_detector

    with redirect_stdout(sys.stderr):
        summary = search_detector(lake_root(lake), recipe, changes, trials, split, device, quiet=as_json)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))


def promote(
    version: Annotated[str, typer.Argument(help="A version's number, or `challenger`.")],
    why: Annotated[str, typer.Option("--why", help="Goes on record.")],
    by: Annotated[str | None, typer.Option("--by", help="Who decides; default: the user of this machine.")] = None,
    model: Annotated[str, typer.Option(help="detector or generator.")] = "detector",
    lake: LakeOption = None,
) -> None:
    """Make a version champion by your own word, whatever the gate said. The decision is on record."""
    from fakelake.catalog.lake import Lake
    from fakelake.flows.labels import me
    from fakelake.flows.promote import promote_by_hand
    from fakelake.infra.settings import Settings
    from fakelake.infra.store_of import store_of

    if model not in ("detector", "generator"):
        raise typer.BadParameter("is detector or generator", param_hint="--model")
    opened = Lake.open(lake_root(lake))
    print(promote_by_hand(opened, store_of(opened, Settings()), version, by or me(), why, model).text)


def score(
    lake: LakeOption = None,
    model: Annotated[
        str, typer.Option(help="detector@champion, detector@challenger or detector@3.")
    ] = "detector@champion",
    dataset: Annotated[str | None, typer.Option(help="Only videos ingested as this data set.")] = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Measure also which parts of the face weigh most, where it looks fake.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score every video that this version has not scored yet. Exit code 3: done, with something in quarantine."""
    from fakelake.flows.run import score_quietly

    summary = score_quietly(lake_root(lake), model, dataset, dry_run=dry_run, quiet=as_json, parts=parts)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))
    raise typer.Exit(summary.exit_code)


def parse_settings(changes: list[str]) -> dict[str, object]:
    """`["epochs=3", "trunk=resnext50", "ema=none"]` -> values of their own kinds. Raises ValueError."""
    values: dict[str, object] = {}
    for change in changes:
        name, found, text = change.partition("=")
        if not found or not name:
            raise ValueError(f"--set {change}: write setting=value, e.g. epochs=3.")
        values[name] = text if name in WORDS else _value(text)
    return values


def _value(text: str) -> object:
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
