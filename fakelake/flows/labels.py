"""Label commands: `labels import`, `labels add`, `labels ls`, and `consent`."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root
from fakelake.infra.events import LABELS, tell

app = typer.Typer(help="Say what is real and what is fake.", no_args_is_help=True)

VideoArgument = Annotated[str, typer.Argument(help="file name, end of its path, uri, or first digits of the video_id")]
ByOption = Annotated[str | None, typer.Option("--by", help="who says so; default: the user of this machine")]


def me() -> str:
    """The person at this machine, for the record; `unknown` where the machine has no name for the user."""
    try:
        return os.environ.get("FAKELAKE_USER") or getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@app.command("import")
def import_list(
    file: Annotated[
        str | None,
        typer.Argument(help="a list, or the data set's directory; left out: the names in the lake, with --kind"),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="celebdf, faceforensics, dfdc, voxceleb, folder or csv; default: recognised"),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="only videos ingested as this data set; names CSV identities too")
    ] = None,
    permission: Annotated[
        str | None, typer.Option("--permission", help="what the videos may be used for; default: the data set's terms")
    ] = None,
    one_means: Annotated[
        str | None, typer.Option("--one-means", help="fake or real: what 1 means in a CSV that does not say it")
    ] = None,
    by: ByOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="report, add nothing")] = False,
    as_json: JsonOption = False,
    lake: LakeOption = None,
) -> None:
    """Take the labels of a public data set or of a CSV; a second time adds nothing."""
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.labels.kinds import import_labels, labels_from_names
    from fakelake.tasks.labels.load import load_labels, sources_of

    if one_means not in (None, "fake", "real"):
        raise typer.BadParameter("is fake or real", param_hint="--one-means")
    opened = Lake.open(lake_root(lake))
    if file is not None:
        labels = import_labels(file, kind, one_means=one_means, dataset=dataset)
    elif kind is not None:
        labels = labels_from_names(kind, sorted(source.path for source in sources_of(opened, dataset)))
    else:
        raise typer.BadParameter("give a list, or --kind to read the names in the lake", param_hint="FILE")
    report = load_labels(
        opened,
        labels,
        by=by or me(),
        at=datetime.now(UTC),
        dataset=dataset,
        permission=permission,
        dry_run=dry_run,
    )
    if not dry_run:
        tell(lake_root(lake), LABELS)
    typer.echo(json.dumps(asdict(report)) if as_json else report.text())
    if not report.videos:
        raise typer.Exit(1)


@app.command("add")
def add_label(
    video: VideoArgument,
    label: Annotated[str, typer.Argument(help="real, fake or unsure")],
    note: Annotated[str | None, typer.Option("--note", help="why, in your words")] = None,
    by: ByOption = None,
    lake: LakeOption = None,
) -> None:
    """Decide on one video. A moderator's word stands above every list's."""
    if label not in ("real", "fake", "unsure"):
        raise typer.BadParameter("is real, fake or unsure", param_hint="LABEL")
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.labels.load import sources_of
    from fakelake.tasks.labels.which import find_video

    opened = Lake.open(lake_root(lake))
    row = {
        "video_id": find_video(video, sources_of(opened)),
        "label": label,
        "origin": "moderator",
        "labelled_by": by or me(),
        "labelled_at": datetime.now(UTC),
        "note": note,
    }
    opened.append("labels", [row])
    tell(lake_root(lake), LABELS, added=1)
    typer.echo(f"{row['video_id'][:12]} is {label}, says {row['labelled_by']}")


@app.command("ls")
def list_labels(
    video: Annotated[str | None, typer.Argument(help="one video's history instead of the counts")] = None,
    as_json: JsonOption = False,
    lake: LakeOption = None,
) -> None:
    """How many videos of which data set have which label; or everything ever said of one video, oldest first."""
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.labels.load import sources_of
    from fakelake.tasks.labels.which import find_video

    opened = Lake.open(lake_root(lake))
    with opened.connect() as connection:
        if video is None:
            rows = connection.sql(
                "SELECT dataset, label, method, origin, count(*) AS videos FROM video_label GROUP BY ALL ORDER BY ALL"
            )
        else:
            rows = connection.sql(
                "SELECT strftime(labelled_at AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M') AS utc, label, method, origin, "
                "labelled_by, target_identity, source_identity, note FROM labels WHERE video_id = $video "
                "ORDER BY labelled_at",
                params={"video": find_video(video, sources_of(opened))},
            )
        typer.echo(as_text(rows.columns, rows.fetchall(), as_json))


def consent(
    video: Annotated[str, typer.Argument(help="a video as elsewhere, or the path of a still picture")],
    permission: Annotated[str, typer.Option("--permission", help="what is permitted, e.g. swap, research-only, none")],
    source: Annotated[str, typer.Option("--source", help="what it rests on: licence, contract, form")],
    by: ByOption = None,
    lake: LakeOption = None,
) -> None:
    """Put on record what a video, or the file of a still picture, may be used for.

    The latest record counts, and no list overrides a person's. Swaps need the word swap, any-use, cc0 or public-domain.
    """
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.labels.rows import TERMS
    from fakelake.tasks.swap.consents import subject_of

    if not permission.strip() or not source.strip() or source.startswith(TERMS):
        raise typer.BadParameter("say what is permitted and what that rests on, in words of your own")
    opened = Lake.open(lake_root(lake))
    row = {
        "video_id": subject_of(opened, video),
        "permission": permission.strip(),
        "source": source.strip(),
        "by": by or me(),
        "at": datetime.now(UTC),
    }
    opened.append("consents", [row])
    typer.echo(f"{row['video_id'][:12]}: {row['permission']}, says {row['by']} ({row['source']})")


def as_text(columns: list[str], rows: list[tuple], as_json: bool) -> str:
    """Rows as JSON objects in a list, or as columns of plain text."""
    if as_json:
        return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str)
    cells = [columns, *(["" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
