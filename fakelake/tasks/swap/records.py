"""What the lake remembers of a swap: its label, who is in it, and how its copy is to be taken in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import RECIPES
from fakelake.tasks.facts import recipe_of
from fakelake.tasks.split_lake import VIDEO_IDENTITY
from fakelake.tasks.swap.consents import Participant
from fakelake.tasks.swap.source import bytes_id

DATASET = "generator"
_SETTLED = ("name", "detector_sha256", "bytes_version")


def label_row(
    lake: Lake, video_id: str, source: Participant, target: Participant, parts: list[str], model: str, at: datetime,
    note: str,
) -> dict[str, object]:  # fmt: skip
    """The `labels` row of a swapped video: fake, by the generator, of these two people."""
    return {
        "video_id": video_id, "label": "fake", "method": f"part-swap:{','.join(parts)}",
        "target_identity": identity_of(lake, target), "source_identity": identity_of(lake, source),
        "origin": "generator", "labelled_by": f"fakelake {model}", "labelled_at": at, "note": note,
    }  # fmt: skip


def on_record(lake: Lake, out: Path, asked: Mapping[str, object]) -> dict[str, object] | None:
    """The summary of the run that made the very file at `out`, if it was asked the same; None where there is none."""
    runs = lake.read("runs", ["recipe", "summary"], pc.field("flow") == "swap").to_pylist()
    if not runs or not out.is_file():
        return None
    video_id = bytes_id(out)
    for run in runs:
        summary, then = json.loads(run["summary"]), json.loads(run["recipe"])
        made_it = (summary["video_id"], summary["out"]) == (video_id, str(out))
        if made_it and {name: then.get(name) for name in asked} == asked:
            return summary
    return None


def identity_of(lake: Lake, who: Participant) -> str:
    """The person shown, as labels name them; where they do not, the video itself stands for its person."""
    if who.still:
        return f"still:{who.video_id}"
    rows = lake.read("labels", where=pc.field("video_id") == who.video_id).to_pylist()
    named = [row for row in rows if row["source_identity"] or row["target_identity"]]
    if not named:
        return f"{VIDEO_IDENTITY}{who.video_id}"
    latest = max(named, key=lambda row: (row["origin"] == "moderator", row["labelled_at"]))
    return latest["source_identity"] or latest["target_identity"]  # a fake shows the face of its source


def ingest_settings(lake: Lake, target: Participant) -> tuple[str, dict[str, object]]:
    """Name and changes of the recipe that the target was last taken in with: so both can be scored alike."""
    rows = lake.read("videos", ["recipe_id", "ingested_at"], pc.field("video_id") == target.video_id).to_pylist()
    rows.sort(key=lambda row: (row["ingested_at"] is not None, row["ingested_at"]))
    recipe = recipe_of(lake, rows[-1]["recipe_id"]) if rows else None
    if recipe is None or recipe.name not in RECIPES:
        return "paper", {}
    usual = asdict(RECIPES[recipe.name]())
    mine = asdict(recipe)
    return recipe.name, {k: v for k, v in mine.items() if k not in _SETTLED and v != usual[k]}
