"""What an explanation measured, put on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from fakelake.catalog.lake import Lake
from fakelake.catalog.part_scores import KEY, commit_part_scores
from fakelake.flows.run_row import run_row


def record_parts(lake: Lake, rows: Sequence[dict], snapshot: Mapping[str, int], started: datetime) -> None:
    """Rows of `part_scores` of one face, and the `runs` row that they name. Raises LakeBusy."""
    if not commit_part_scores(lake, rows):
        return  # another process was faster
    content = {name: rows[0][name] for name in KEY}
    lake.append("runs", [run_row(rows[0]["run_id"], "explain", content, snapshot, started)])
