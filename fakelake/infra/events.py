"""An event to the Prefect server of `fakelake up`, by its plain API: importing Prefect would take a command seconds."""

from __future__ import annotations

import json
import urllib.request
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from fakelake.infra.up_state import PATIENCE_S, answering

LABELS = "fakelake.labels"  # new ones came; prefect.yaml lets `watch` look at once


def resource(lake: str) -> str:
    """What events of a lake are of. lake: its root"""
    return f"fakelake.lake.{lake}"


def tell(lake: str, event: str, **payload: object) -> None:
    """Where `fakelake up` runs for the lake. A hint and no more: what is lost is found by the next tick."""
    state = answering(lake)
    if state is None:
        return
    body = {
        "id": str(uuid.uuid4()), "event": event, "occurred": datetime.now(UTC).isoformat(), "payload": payload,
        "resource": {"prefect.resource.id": resource(lake)}, "related": [],
    }  # fmt: skip
    request = urllib.request.Request(
        f"{state.env['PREFECT_API_URL']}/events", json.dumps([body]).encode(), {"Content-Type": "application/json"}
    )
    with suppress(OSError):
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
