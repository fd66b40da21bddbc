"""The `runs` row of a flow: what ran, with which settings, from which snapshot, with what outcome."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime

from fakelake import __version__


def run_row(
    run_id: str, flow: str, summary: Mapping[str, object], snapshot: Mapping[str, int], started: datetime, *,
    outcome: str = "done", recipe_id: str | None = None, recipe: str | None = None,
) -> dict[str, object]:  # fmt: skip
    """A run that ends now, on this machine, by this program. recipe: its settings, as JSON."""
    return {
        "run_id": run_id, "flow": flow, "outcome": outcome, "recipe_id": recipe_id, "recipe": recipe,
        "snapshot": json.dumps(snapshot), "summary": json.dumps(summary, default=str), "host": platform.node(),
        "program": __version__, "started_at": started, "finished_at": datetime.now(UTC),
    }  # fmt: skip
