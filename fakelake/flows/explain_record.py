"""What an explanation measured, put on record."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from fakelake import __version__
from fakelake.catalog.lake import Lake
from fakelake.catalog.part_scores import KEY, commit_part_scores


def record_parts(lake: Lake, rows: Sequence[dict], snapshot: Mapping[str, int], started: datetime) -> None:
    """Rows of `part_scores` of one face, and the `runs` row that they name. Raises LakeBusy."""
    if not commit_part_scores(lake, rows):
        return  # another process was faster
    lake.append(
        "runs",
        [
            {
                "run_id": rows[0]["run_id"], "flow": "explain", "outcome": "done", "snapshot": json.dumps(snapshot),
                "summary": json.dumps({name: rows[0][name] for name in KEY}), "host": platform.node(),
                "program": __version__, "started_at": started, "finished_at": datetime.now(UTC),
            }
        ],
    )  # fmt: skip
