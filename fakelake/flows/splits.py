"""Split commands: `splits make`, `splits show`, `splits ls`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from fakelake.flows.labels import as_text
from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root

app = typer.Typer(help="Divide labelled videos so that no person is in two parts.", no_args_is_help=True)


@app.command("make")
def make(
    dataset: Annotated[str | None, typer.Option("--dataset", help="only videos ingested as this data set")] = None,
    test: Annotated[float, typer.Option("--test", help="share of all videos")] = 0.30,
    val: Annotated[float, typer.Option("--val", help="share of what is left for training")] = 0.15,
    seed: Annotated[int, typer.Option("--seed", help="chooses among groups of equal size")] = 0,
    near_bits: Annotated[
        float | None,
        typer.Option("--near-bits", help="differing bits of 64 that make near-duplicates; -1: do not look"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="report, store nothing")] = False,
    as_json: JsonOption = False,
    lake: LakeOption = None,
) -> None:
    """Divide the labelled videos into train, val and test by whole components of the swap graph."""
    from fakelake.catalog.lake import Lake
    from fakelake.catalog.splits import store_split
    from fakelake.tasks.near_duplicates import BITS
    from fakelake.tasks.split import SplitSettings, make_split
    from fakelake.tasks.split_lake import labelled_videos
    from fakelake.tasks.split_report import count_parts, describe, remarks

    opened = Lake.open(lake_root(lake))
    bits = BITS if near_bits is None else near_bits
    found = labelled_videos(opened, dataset, None if bits < 0 else bits)
    split = make_split(found.videos, SplitSettings(test=test, val=val, seed=seed), found.pairs)
    stored = not dry_run and store_split(opened, split.rows())
    if as_json:
        counts = count_parts(found.videos, split.part, split.group)
        said = remarks(split, found.videos, found.pairs)
        content = {
            "split_id": split.split_id,
            "stored": stored,
            "parts": [asdict(c) for c in counts],
            "remarks": said,
        }
        typer.echo(json.dumps({**content, "left_out": dict(found.left_out)}))
        return
    typer.echo(describe(split, found.videos, found.pairs))
    for reason, number in sorted(found.left_out.items()):
        typer.echo(f"{number} videos left out: {reason}.")
    if not stored:
        typer.echo("Not stored: " + ("a dry run." if dry_run else "the lake has this very split already."))


@app.command("show")
def show(
    split: Annotated[str, typer.Argument(help="the split's id, or its beginning")],
    as_json: JsonOption = False,
    lake: LakeOption = None,
) -> None:
    """Counts of a stored split by today's labels; fails if a person is in two of its parts by what is known now."""
    from fakelake.catalog.lake import Lake
    from fakelake.catalog.splits import find_split, read_split
    from fakelake.tasks.split import assert_disjoint
    from fakelake.tasks.split_lake import labelled_videos
    from fakelake.tasks.split_report import count_parts, group_remarks, table

    opened = Lake.open(lake_root(lake))
    split_id = find_split(opened, split)
    part, group = read_split(opened, split_id)
    inside = [video for video in labelled_videos(opened).videos if video.video_id in part]
    counts = count_parts(inside, part, group)
    gone = len(part) - len(inside)
    if as_json:
        content = {"split_id": split_id, "parts": [asdict(count) for count in counts], "without_label_now": gone}
        typer.echo(json.dumps(content))
    else:
        lines = [f"split {split_id}", table(counts), *group_remarks(inside)]
        lines += [f"{gone} videos of the split have no label real or fake today."] if gone else []
        typer.echo("\n".join(lines))
    assert_disjoint(inside, part)


@app.command("ls")
def ls(as_json: JsonOption = False, lake: LakeOption = None) -> None:
    """The splits of the lake."""
    from fakelake.catalog.lake import Lake

    with Lake.open(lake_root(lake)).connect() as connection:
        rows = connection.sql(
            "SELECT split_id, count(*) AS videos, count(*) FILTER (part = 'train') AS train, "
            "count(*) FILTER (part = 'val') AS val, count(*) FILTER (part = 'test') AS test, "
            "count(DISTINCT group_id) AS groups FROM splits GROUP BY split_id ORDER BY split_id"
        )
        typer.echo(as_text(rows.columns, rows.fetchall(), as_json))
