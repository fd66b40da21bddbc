"""`fakelake quarantine ls | show | retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root

app = typer.Typer(help="What could not be used, why, and trying again.", no_args_is_help=True)


@app.command("ls")
def list_(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """What is in quarantine now: a line a file."""
    from rich.console import Console
    from rich.table import Table

    from fakelake.flows.cli import print_json

    rows = _open_rows(lake)
    if as_json:
        print_json(rows)
        return
    table = Table(show_edge=False)
    for name in ("file", "stage", "error", "kept", "what was wrong, and what to do"):
        table.add_column(name, overflow="fold")
    for row in rows:
        kept = f"{row['frames_kept']} frames" if row["frames_kept"] else ""
        table.add_row(_file(row["uri"]), row["stage"], row["error"], kept, f"{row['message']} {row['remedy']}")
    Console().print(table if rows else "Nothing is in quarantine.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Part of a file name, its address or its video_id.")],
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """All that is known of one file in quarantine, the worker's last words included."""
    from fakelake.flows.cli import print_json

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
    name: Annotated[str | None, typer.Argument(help="Part of a file name or address; default: all.")] = None,
    lake: LakeOption = None,
    recipe: Annotated[str, typer.Option(help="The recipe to try with.")] = "paper",
    as_json: JsonOption = False,
) -> None:
    """Try files in quarantine again."""
    from fakelake.flows.run import run_ingest
    from fakelake.tasks.source_file import path_of

    rows = _open_rows(lake)
    rows = _matching(rows, name) if name else rows
    if not rows:
        typer.echo("Nothing is in quarantine.")
        return
    paths = [str(path_of(r["uri"])) if r["uri"].startswith("file://") else r["uri"] for r in rows]
    raise typer.Exit(
        run_ingest(paths, lake_root(lake), recipe, [], None, None, None, as_json=as_json, retry_refused=True)
    )


def _open_rows(lake: str | None) -> list[dict]:
    from fakelake.catalog.lake import Lake

    with Lake.open(lake_root(lake)).connect() as connection:
        return connection.execute("SELECT * FROM open_quarantine ORDER BY uri").to_arrow_table().to_pylist()


def _matching(rows: list[dict], name: str) -> list[dict]:
    found = [r for r in rows if name in r["uri"] or name in _file(r["uri"]) or (r["video_id"] or "").startswith(name)]
    if not found:
        raise ValueError(f"Nothing in quarantine matches {name!r}. See `fakelake quarantine ls`.")
    return found


def _file(uri: str) -> str:
    from urllib.parse import unquote

    return unquote(uri.rpartition("/")[2], errors="replace")
