"""`fakelake desk`: the review desk's own commands, in a process of its own, as Django reads its settings once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from fakelake.flows.shared_options import LakeOption, lake_root

app = typer.Typer(help="People of the review desk.", no_args_is_help=True)

MANAGE = (sys.executable, "-m", "fakelake.review.manage")


@app.callback()
def _group() -> None:
    """People of the review desk."""


@app.command()
def person(
    name: Annotated[str, typer.Argument(help="As they log in.")],
    role: Annotated[
        str | None, typer.Option(help="viewer, moderator or administrator; of a new person viewer where left out.")
    ] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new one, or read it from stdin.")] = False,
    lake: LakeOption = None,
) -> None:
    """Add a person to the desk, or change the role or password of one."""
    options = [*(["--role", role] if role else []), *(["--password"] if password else [])]
    from fakelake.catalog.lake import Lake

    root = lake_root(lake)
    Lake.open(root)
    env = {**os.environ, "FAKELAKE_LAKE": root}
    for arguments in (["migrate", "-v0"], ["person", name, *options]):
        done = subprocess.run([*MANAGE, *arguments], env=env, check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)
