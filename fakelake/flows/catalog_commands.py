"""`fakelake catalog check | compact | vacuum | history | rebuild | migrate | hash`, and `fakelake forget`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json

app = typer.Typer(help="Keep the lake whole, small and fast; look at its past.", no_args_is_help=True)


@app.command()
def check(
    lake: LakeOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte, not only the ends of files.")] = False,
    near_bits: Annotated[
        float | None,
        typer.Option("--near-bits", help="Differing bits of 64 that make near-duplicates; -1: do not look."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Is everything there, does every table say the same, does a split leak? Exit code 1 if something is wrong."""
    from fakelake.catalog.check import check as check_lake
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.near_duplicates import BITS, near_duplicates

    opened = Lake.open(lake_root(lake))
    bits = BITS if near_bits is None else near_bits
    pairs = []
    if bits >= 0:
        rows = opened.read("videos", ["video_id", "phash"]).to_pylist()
        pairs = near_duplicates({row["video_id"]: row["phash"] or "" for row in rows}, bits)
    report = check_lake(opened, pairs, deep=deep)
    if as_json:
        print_json({**asdict(report), "whole": report.whole})
    else:
        for finding in report.findings:
            typer.echo(f"{'FAULT' if finding.fault else 'note'}: {finding.rule}: {finding.subject}")
            typer.echo(f"  {finding.text}\n  {finding.remedy}")
        counts = ", ".join(f"{n:,} {name}" for name, n in report.rows.items() if n)
        typer.echo(f"{report.files:,} files: {counts or 'no rows'}.")
        typer.echo(f"content hash {report.content_hash or 'none: the content cannot be read'}")
        typer.echo("The lake is whole." if report.whole else "The lake is not whole.")
    raise typer.Exit(0 if report.whole else 1)


@app.command()
def compact(
    lake: LakeOption = None,
    table: Annotated[list[str] | None, typer.Option("--table", help="Only this one; can be given again.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Merge small files into large sorted ones. Ingests and shells may go on meanwhile."""
    from fakelake.catalog.compact import compact as compact_lake
    from fakelake.catalog.lake import Lake

    done = compact_lake(Lake.open(lake_root(lake)), _known(table))
    if as_json:
        print_json([asdict(each) for each in done])
        return
    for each in done:
        typer.echo(f"{each.table}: {each.files_before:,} files -> {each.files_after:,}, {each.bytes / 1e6:,.1f} MB")
    typer.echo("`fakelake catalog vacuum` removes the old files in time." if done else "Nothing to merge.")


@app.command()
def vacuum(
    lake: LakeOption = None,
    days: Annotated[float, typer.Option(help="Keep what is younger, and every state of the last so many days.")] = 7.0,
    keep: Annotated[
        list[str] | None, typer.Option(help="A run whose snapshot must stay readable, by id; can be given again.")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="No ingest runs and no shell is open: allows --days under 1.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove files that nobody reads any more: merged ones, those of dead attempts, temporary ones, old worker logs."""
    from fakelake.catalog.history import snapshot_of_run
    from fakelake.catalog.lake import Lake
    from fakelake.catalog.vacuum import vacuum as vacuum_lake

    opened = Lake.open(lake_root(lake))
    snapshots = [snapshot_of_run(opened, run_id) for run_id in keep or ()]
    removed = vacuum_lake(opened, timedelta(days=days), keep=snapshots, dry_run=dry_run, alone=alone)
    if as_json:
        print_json([asdict(file) for file in removed])
        return
    if dry_run:
        for file in removed:
            typer.echo(f"{file.bytes:>14,}  {file.path}")
    size = sum(file.bytes for file in removed) / 1e6
    typer.echo(f"{len(removed):,} files ({size:,.1f} MB) {'would go' if dry_run else 'are gone'}.")


@app.command()
def history(
    lake: LakeOption = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Versions of this table; can be given again.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Latest so many.")] = 20,
    at: Annotated[
        str | None, typer.Option(help="Print the views of a past state: a run's id, or a time like 2030-01-31T12:00.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What ran, and what each table went through; with --at, the views of a past state as SQL.

    fakelake catalog history --at 2030-01-31 > past.sql; duckdb -init past.sql
    """
    from fakelake.catalog.history import changes, runs, snapshot_at, snapshot_of_run, views_at
    from fakelake.catalog.lake import Lake

    opened = Lake.open(lake_root(lake))
    if at is not None:
        when = _time(at)
        typer.echo(views_at(opened, snapshot_at(opened, when) if when else snapshot_of_run(opened, at)))
        return
    ran, versions = runs(opened)[:limit], changes(opened, _known(table))[:limit]
    if as_json:
        print_json({"runs": ran, "versions": [asdict(change) for change in versions]})
        return
    for run in [] if table else ran:
        started = f"{run['started_at']:%Y-%m-%d %H:%M}" if run["started_at"] else "?"
        typer.echo(f"{started}  {run['flow']:<16} {run['outcome'] or '':<12} run {run['run_id']}")
    for change in versions:
        typer.echo(
            f"{change.at:%Y-%m-%d %H:%M}  {change.table:<10} version {change.version:<5} {change.operation:<12} "
            f"+{change.rows_added:,} -{change.rows_removed:,} rows, +{change.files_added} -{change.files_removed} files"
        )


@app.command()
def rebuild(
    lake: LakeOption = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on without what is missing; videos that are not whole go.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish the views anew: after the lake was moved, copied or put back from a backup."""
    from fakelake.catalog.lake import Lake
    from fakelake.catalog.rebuild import rebuild as rebuild_lake

    done = rebuild_lake(Lake.open(lake_root(lake)), accept_loss=accept_loss)
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"The views read {done.root}.")
    for file in done.lost_files:
        typer.echo(f"given up: {file}")
    if done.dropped_videos:
        typer.echo(f"{len(done.dropped_videos):,} videos were not whole and are out. Ingest them again.")


@app.command()
def migrate(
    lake: LakeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be added.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a lake of an older program to this one's format: tables and columns are added, nothing is rewritten."""
    from fakelake.catalog.migrate import migrate as migrate_lake

    done = migrate_lake(lake_root(lake), dry_run=dry_run)
    if as_json:
        print_json(asdict(done))
        return
    added = [*(f"table {name}" for name in done.tables), *(f"column {name}" for name in done.columns)]
    typer.echo(
        f"format {done.from_format} -> {done.to_format}" + (f": {', '.join(added)}" if added else ": nothing to add")
    )


@app.command("hash")
def hash_(lake: LakeOption = None) -> None:
    """One number for all that the lake says, whichever runs brought it there; equal for a copy."""
    from fakelake.catalog.content import content_hash
    from fakelake.catalog.lake import Lake

    typer.echo(content_hash(Lake.open(lake_root(lake))))


def forget(
    video: Annotated[str, typer.Argument(help="File name, end of its path, uri, or first digits of the video_id.")],
    why: Annotated[str | None, typer.Option(help="For the record, without a name.")] = None,
    by: Annotated[str | None, typer.Option(help="Who does it; default: the user of this machine.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let a forgotten video be ingested again.")] = False,
    as_json: JsonOption = False,
    lake: LakeOption = None,
) -> None:
    """A person's right: faces, rows and addresses of a video go, from old versions too; the audit row stays.

    The original file is not touched. Labels, permissions and splits stay: they hold no picture.
    """
    from fakelake.catalog.forget import allow_again
    from fakelake.catalog.forget import forget as forget_video
    from fakelake.catalog.lake import Lake
    from fakelake.flows.labels import me

    opened = Lake.open(lake_root(lake))
    video_id = _video_id(opened, video)
    if undo:
        allow_again(opened, video_id, by=by or me(), why=why)
        typer.echo(f"{video_id} can be ingested again.")
        return
    done = forget_video(opened, video_id, by=by or me(), why=why)
    if as_json:
        print_json(asdict(done))
        return
    rows = ", ".join(f"{n:,} {name}" for name, n in done.rows.items() if n) or "nothing was left of it"
    typer.echo(f"{video_id[:12]} is forgotten: {rows}; {done.old_files:,} files of older versions cleaned.")
    for uri in done.uris:
        typer.echo(f"The original is still there: {uri}")


def _video_id(opened, text: str) -> str:
    """Of a video of the lake, or of one that is forgotten already."""
    from fakelake.catalog.forget import forgotten
    from fakelake.tasks.labels.load import sources_of
    from fakelake.tasks.labels.which import VideoNotFound, find_video

    try:
        return find_video(text, sources_of(opened))
    except VideoNotFound:
        past = [video_id for video_id in forgotten(opened) if len(text) >= 6 and video_id.startswith(text.lower())]
        if len(past) != 1:
            raise
        return past[0]


def _known(tables: list[str] | None) -> list[str] | None:
    from fakelake.catalog.schemas import TABLES

    if unknown := set(tables or ()) - set(TABLES):
        raise ValueError(f"There is no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}.")
    return tables or None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None
