"""One event of a lake, to the Prefect server of the flow run that tells it or to that of `fakelake up`."""

from __future__ import annotations

import json
import sys
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from fakelake.infra.up_state import PATIENCE_S, answering

LABELS = "fakelake.labels"  # new ones came; prefect.yaml lets `watch` look at once
DRIFT = "fakelake.drift"
DAMAGED = "fakelake.lake.damaged"
GIVEN_UP = "fakelake.retraining.given_up"


def tell(lake: str, event: str, **payload: object) -> None:
    """Tell whatever automations wait for it. A hint and no more: what is lost is found by the next tick.

    lake: its root
    """
    resource = {"prefect.resource.id": f"fakelake.lake.{lake}", "prefect.resource.name": lake}
    if _in_flow_run():
        from prefect.events import emit_event

        emit_event(event, resource, payload=payload)  # knows the run's server, and its key
    elif state := answering(lake):
        _post(f"{state.env['PREFECT_API_URL']}/events", event, resource, payload)


def _in_flow_run() -> bool:
    """Asked without importing Prefect: that would take a command seconds."""
    context = sys.modules.get("prefect.context")
    return context is not None and context.FlowRunContext.get() is not None


def _post(url: str, event: str, resource: Mapping[str, str], payload: Mapping[str, object]) -> None:
    body = {
        "id": str(uuid.uuid4()), "event": event, "occurred": datetime.now(UTC).isoformat(), "payload": payload,
        "resource": resource, "related": [],
    }  # fmt: skip
    request = urllib.request.Request(url, json.dumps([body]).encode(), {"Content-Type": "application/json"})
    with suppress(OSError):
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
