"""`fakelake`: the command line. Nothing heavy is imported before a command runs, so that help is instant."""

from __future__ import annotations

import signal
import sys
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

import typer

from fakelake.flows import (
    catalog_commands,
    desk_command,
    drift_command,
    explain_commands,
    export_commands,
    labels,
    model_commands,
    orchestration_commands,
    quarantine_commands,
    splits,
    swap_commands,
)
from fakelake.flows.shared_options import JsonOption, LakeOption, fail, lake_root

app = typer.Typer(
    name="fakelake",
    help="Which videos of a large archive are deepfakes, why, and how sure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rendering help with rich costs a third of a second
    context_settings={"help_option_names": ["-h", "--help"]},
)


INTERRUPTED = 128 + signal.SIGINT


class Label(StrEnum):
    real = "real"
    fake = "fake"


@app.command()
def ingest(
    paths: Annotated[
        list[str], typer.Argument(help="Folders, globs, manifests (.csv), s3:// prefixes, or - for stdin.")
    ],
    lake: LakeOption = None,
    recipe: Annotated[str, typer.Option(help="paper: the first 150 frames. archive: long footage.")] = "paper",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change one setting of the recipe: stride=3.")] = None,
    dataset: Annotated[str | None, typer.Option(help="What the videos are filed under.")] = None,
    label: Annotated[Label | None, typer.Option(help="Record this label for all of them.")] = None,
    permission: Annotated[str | None, typer.Option(help="Record this use permission for all of them.")] = None,
    face_clips: Annotated[
        bool, typer.Option("--face-clips", help="The files are face-only clips: detect nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take videos in: cut out every face, and file it.

    Exit code 0: all done. 3: done, with something in quarantine. 1: failed. 2: bad usage.
    """
    from fakelake.flows.run import run_ingest

    raise typer.Exit(
        run_ingest(
            paths, lake_root(lake), "face-clips" if face_clips else recipe, set_ or [], dataset,
            label.value if label else None, permission, dry_run=dry_run, as_json=as_json,
        )
    )  # fmt: skip


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the lake's views.")],
    lake: LakeOption = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    timeout: Annotated[float, typer.Option(help="Seconds before the query is stopped.")] = 60.0,
) -> None:
    """Ask the catalog: SELECT only, and nothing outside the lake can be read."""
    from fakelake.flows.ask import ask

    raise typer.Exit(ask(query, lake_root(lake), format_, timeout))


@app.command()
def doctor(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Check this machine: libraries, weights, disk, codecs, the lake, the servers."""
    from fakelake.flows.doctor import examine

    raise typer.Exit(examine(lake_root(lake), as_json))


@app.command()
def demo(
    directory: Annotated[str, typer.Argument(help="Where to put the demo.")] = "demo",
) -> None:
    """Real clips from packages, a lake of their faces, and an answer from DuckDB."""
    from fakelake.flows.demo import run_demo

    raise typer.Exit(run_demo(directory))


app.add_typer(catalog_commands.app, name="catalog")
app.add_typer(quarantine_commands.app, name="quarantine")
app.add_typer(export_commands.app, name="export")
app.add_typer(labels.app, name="labels")
app.add_typer(desk_command.app, name="desk")
app.add_typer(splits.app, name="splits")
app.add_typer(model_commands.train_app, name="train")
app.command(name="score")(model_commands.score)
app.command(name="explain")(explain_commands.explain)
app.command(name="swap")(swap_commands.swap)
app.command(name="promote")(model_commands.promote)
app.command(name="rollback")(orchestration_commands.rollback)
app.command(name="watch")(orchestration_commands.watch)
app.command(name="maintain")(orchestration_commands.maintain)
app.command(name="drift")(drift_command.drift)
app.command(name="up")(orchestration_commands.up)
app.command(name="consent")(labels.consent)
app.command(name="forget")(catalog_commands.forget)


def main(argv: list[str] | None = None) -> None:
    """Console entry: errors that a person can mend are printed without a traceback, with exit code 1 or 2."""
    if argv is None and (code := _by_a_spare(sys.argv[1:])) is not None:
        sys.exit(code)
    try:
        app(argv)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer's own answer to Ctrl-C, without a word
            print("Stopped. What was committed is safe: the same command goes on from there.", file=sys.stderr)
        raise
    except Exception as error:
        sys.exit(fail(error))


def _by_a_spare(arguments: list[str]) -> int | None:
    """The exit code, where `fakelake up` has a process ready for this command; else None."""
    if arguments[:1] not in (["ingest"], ["score"]):
        return None
    from fakelake.infra.handover import handed_over

    given = [b for a, b in pairwise(arguments) if a == "--lake"]
    given += [a.removeprefix("--lake=") for a in arguments if a.startswith("--lake=")]
    return handed_over(arguments, lake_root(given[-1] if given else None))


if __name__ == "__main__":
    main()
