"""`fakelake drift`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json


def drift(
    lake: LakeOption = None,
    days: Annotated[float, typer.Option(help="Compare the videos that came in during so many last days.")] = 7.0,
    as_json: JsonOption = False,
) -> None:
    """Is what comes in still like what the champion was trained beside?

    Exit code 3: something has drifted; 1: there is no training to compare with yet.
    """
    from fakelake.infra.prefect_env import prepare

    prepare(lake_root(lake))
    from fakelake.flows.drift import drift as flow

    with redirect_stdout(sys.stderr):
        summary = flow(lake_root(lake), days, quiet=as_json)
    print_json(asdict(summary)) if as_json else print("\n".join(summary.lines()))
    raise typer.Exit(summary.exit_code)
