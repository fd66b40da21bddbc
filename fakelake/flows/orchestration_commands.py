"""`fakelake up`, `watch`, `maintain` and `rollback`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json


def up(lake: LakeOption = None) -> None:
    """Run Prefect, MLflow, Ray and the review desk for this lake until Ctrl-C; other commands find them."""
    from fakelake.flows.up import run_up

    raise typer.Exit(run_up(lake_root(lake)))


def watch(
    lake: LakeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a retraining if enough labels came since the last one: by `fakelake up` where it runs, else right here."""
    from fakelake.infra.prefect_env import prepare

    root = lake_root(lake)
    prepare(root)
    from fakelake.flows.watch import watch as flow

    with redirect_stdout(sys.stderr):
        summary = flow(root, dry_run)
        training = None
        if summary.outcome == "here":
            from fakelake.flows.retrain import retrain

            training = retrain(root, summary.watermark, quiet=as_json)
    if as_json:
        print_json({**asdict(summary), "training": asdict(training) if training else None})
    else:
        print("\n".join([*summary.lines(), *(training.lines() if training else [])]))
    raise typer.Exit(1 if summary.outcome == "given up" else 0)


def maintain(
    lake: LakeOption = None,
    days: Annotated[float, typer.Option(help="Keep every state of the last so many days.")] = 7.0,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte, not only the ends of files.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compact, vacuum and check the lake, as the schedule does. Exit code 1 if something is wrong with it."""
    from fakelake.infra.prefect_env import prepare

    root = lake_root(lake)
    prepare(root)
    from fakelake.flows.maintain import maintain as flow

    with redirect_stdout(sys.stderr):
        summary = flow(root, days, deep)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))
    raise typer.Exit(summary.exit_code)


def rollback(
    why: Annotated[str, typer.Option("--why", help="Goes on record.")],
    by: Annotated[str | None, typer.Option("--by", help="Who decides; default: the user of this machine.")] = None,
    model: Annotated[str, typer.Option(help="detector or generator.")] = "detector",
    lake: LakeOption = None,
) -> None:
    """Make the champion before the present one champion again. Its verdicts are there at once."""
    from fakelake.catalog.lake import Lake
    from fakelake.flows.labels import me
    from fakelake.flows.promote import roll_back
    from fakelake.infra.settings import Settings
    from fakelake.infra.store_of import store_of

    opened = Lake.open(lake_root(lake))
    print(roll_back(opened, store_of(opened, Settings()), by or me(), why, model).text)
