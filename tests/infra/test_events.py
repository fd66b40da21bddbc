"""Events of a lake: where they go, from a flow run and from a command."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from fakelake.infra import events
from fakelake.infra.events import LABELS, tell
from fakelake.infra.up_state import UpState

LAKE = "/a/lake"
RESOURCE = {"prefect.resource.id": "fakelake.lake./a/lake", "prefect.resource.name": LAKE}


@pytest.fixture
def posted(monkeypatch):
    """Requests to a `fakelake up` that runs."""
    sent = []
    up = UpState(pid=os.getpid(), env={"PREFECT_API_URL": "http://up/api"}, pages={})
    monkeypatch.setattr(events, "answering", lambda lake: up)

    def urlopen(request, timeout):
        sent.append(request)
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(events.urllib.request, "urlopen", urlopen)
    return sent


def test_a_command_tells_the_server_of_fakelake_up(posted):
    tell(LAKE, LABELS, added=1)
    [request] = posted
    [event] = json.loads(request.data)
    assert request.full_url == "http://up/api/events"
    assert (event["event"], event["resource"], event["payload"]) == (LABELS, RESOURCE, {"added": 1})


def test_a_flow_run_tells_its_own_server_by_prefect_s_client(posted, monkeypatch):
    emitted = []
    monkeypatch.setattr("prefect.context.FlowRunContext.get", lambda: object())
    monkeypatch.setattr("prefect.events.emit_event", lambda *told, **payload: emitted.append((told, payload)))
    tell(LAKE, LABELS, added=1)
    assert emitted == [((LABELS, RESOURCE), {"payload": {"added": 1}})] and not posted


def test_where_no_server_runs_nothing_is_told(posted, monkeypatch):
    monkeypatch.setattr(events, "answering", lambda lake: None)
    tell(LAKE, LABELS)
    assert not posted


def test_a_server_that_does_not_take_it_stops_nobody(posted, monkeypatch):
    def refused(request, timeout):
        raise OSError("connection refused")

    monkeypatch.setattr(events.urllib.request, "urlopen", refused)
    tell(LAKE, LABELS)
