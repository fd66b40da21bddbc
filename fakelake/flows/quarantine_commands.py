"""`fakelake quarantine ls | show | retry`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json

app = typer.Typer(help="What could not be used, why, and trying again.", no_args_is_help=True)


@app.command("ls")
def list_(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """What is in quarantine now: a line a file."""
    from rich.console import Console
    from rich.table import Table

    rows = _open_rows(lake)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("Nothing is in quarantine.")
        return
    table = Table(show_edge=False)
    for name in ("file", "stage", "error", "kept", "what was wrong, and what to do"):
        table.add_column(name, overflow="fold")
    for row in rows:
        kept = f"{row['frames_kept']} frames" if row["frames_kept"] else ""
        table.add_row(_file(row["uri"]), row["stage"], row["error"], kept, f"{row['message']} {row['remedy']}")
    # File names may hold what looks like markup.
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Part of a file name, its address or its video_id.")],
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """All that is known of one file in quarantine, the worker's last words included."""
    rows = _matching(_open_rows(lake), name)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        for key, value in row.items():
            if value is not None:
                typer.echo(f"{key:>12}  {value}")
        typer.echo("")


@app.command()
def retry(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Parts of file names or addresses; default: all.")
    ] = None,
    lake: LakeOption = None,
    recipe: Annotated[str | None, typer.Option(help="Another recipe than the one that they were tried with.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Try files in quarantine again: with the settings and under the data set of the run that put them there.

    A video whose scoring failed is scored again, by the champion, with all that wait for it.
    """
    from fakelake.flows.run import ingest_quietly, score_quietly

    rows = _open_rows(lake)
    rows = _matching_any(rows, names) if names else rows
    if not rows:
        print_json([]) if as_json else typer.echo("Nothing is in quarantine.")
        return
    unscored = [row for row in rows if row["stage"] == "score"]
    rows = [row for row in rows if row["stage"] != "score"]
    made = {} if recipe else _recipes(lake)
    groups: dict[tuple[str, tuple[str, ...], str | None], list[str]] = {}
    for row in rows:
        name_of, changes = made.get(row["recipe_id"], (recipe or "paper", ()))
        groups.setdefault((name_of, changes, row["dataset"]), []).append(_address(row["uri"]))
    done = []
    for (name_of, changes, dataset), paths in groups.items():
        summary = ingest_quietly(
            paths, lake_root(lake), name_of, list(changes), dataset, quiet=as_json, retry_refused=True
        )  # fmt: skip
        done.append(summary)
    if unscored:
        done.append(score_quietly(lake_root(lake), quiet=as_json))
    if as_json:
        print_json([asdict(summary) for summary in done])
    else:
        typer.echo("\n".join(line for summary in done for line in summary.lines()))
    raise typer.Exit(max(summary.exit_code for summary in done))


def _recipes(lake: str | None) -> dict[str, tuple[str, tuple[str, ...]]]:
    """recipe_id -> (name, what was set otherwise than the recipe of that name sets it), as past runs say."""
    import json

    from fakelake.catalog.lake import Lake
    from fakelake.catalog.recipe import RECIPES

    made = {}
    runs = Lake.open(lake_root(lake)).read("runs", ["recipe_id", "recipe"]).to_pylist()
    for recipe_id, text in {(r["recipe_id"], r["recipe"]) for r in runs if r["recipe"]}:
        settings = json.loads(text)
        name = settings.pop("name")
        if name not in RECIPES:
            continue
        usual = json.loads(RECIPES[name]().to_json())
        changed = {k: v for k, v in settings.items() if k in usual and usual[k] != v}
        for settled in ("detector_sha256", "bytes_version"):
            changed.pop(settled, None)
        made[recipe_id] = (name, tuple(f"{k}={'none' if v is None else v}" for k, v in sorted(changed.items())))
    return made


def _address(uri: str) -> str:
    """As a person would name it."""
    from fakelake.tasks.source_file import object_of, path_of

    return "s3://" + "/".join(object_of(uri)) if uri.startswith("s3://") else str(path_of(uri))


def _open_rows(lake: str | None) -> list[dict]:
    from fakelake.catalog.lake import Lake

    with Lake.open(lake_root(lake)).connect() as connection:
        return connection.execute("SELECT * FROM open_quarantine ORDER BY uri").to_arrow_table().to_pylist()


def _matching(rows: list[dict], name: str) -> list[dict]:
    found = [r for r in rows if name in r["uri"] or name in _file(r["uri"]) or (r["video_id"] or "").startswith(name)]
    if not found:
        raise ValueError(f"Nothing in quarantine matches {name!r}. See `fakelake quarantine ls`.")
    return found


def _matching_any(rows: list[dict], names: list[str]) -> list[dict]:
    """Those that any name matches, each once. One of several whole addresses may have left quarantine meanwhile."""
    by_address: dict[str, list[dict]] = {}
    for row in rows:
        by_address.setdefault(row["uri"], []).append(row)
    found = {}
    for name in names:
        gone = "://" in name and len(names) > 1
        for row in by_address.get(name) or ([] if gone else _matching(rows, name)):
            found[id(row)] = row
    return list(found.values())


def _file(uri: str) -> str:
    from urllib.parse import unquote

    return unquote(uri.rpartition("/")[2], errors="replace")
