"""What the tests of uploads share: small clips that differ, files with names, and a server that speaks as Prefect."""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from fakelake.infra.up_state import UpState, remove_state, write_state
from tests.media import write_clip

HIDDEN = ".incoming"
JSON = {"HTTP_ACCEPT": "application/json"}


def folder():
    """The inbox of the tests' desk."""
    return Path(settings.FAKELAKE.inbox)


@pytest.fixture(autouse=True)
def clean_inbox(desk, monkeypatch):
    """An empty inbox, and no server: other tests of this process may have one."""
    from fakelake.review.service.uploads.start_run import starter

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    shutil.rmtree(folder(), ignore_errors=True)
    yield
    starter().close()
    monkeypatch.undo()
    shutil.rmtree(folder(), ignore_errors=True)


def clip(folder, seed=0, name="clip.mp4", **more):
    """Bytes of a made video, other ones for each seed."""
    return write_clip(folder / name, frames=6, size=(64 + 16 * (seed % 8), 48 + 16 * (seed // 8)), **more).read_bytes()


def named(name, content):
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content, "video/mp4")


def send(client, *files, **more):
    """As upload.js does."""
    return client.post("/upload/", {"files": list(files)}, **{**JSON, **more})


def stored():
    """(names in the inbox, names in its staging folder)"""
    names = {path.relative_to(folder()) for path in folder().rglob("*") if path.is_file()}
    coming = {path.name for path in names if path.parts[0] == HIDDEN}
    return {path.as_posix() for path in names if path.parts[0] != HIDDEN}, coming


def seen(upload):
    """(state, words and what to do)"""
    from fakelake.review.service.uploads.states import state_of

    upload.refresh_from_db()
    state = state_of(upload)
    return state.state, f"{state.words} {state.todo}"


@pytest.fixture
def asking(desk, monkeypatch):
    """The starter of runs without its thread: each `tick` is one look. What was known of runs is forgotten."""
    from fakelake.review.service.uploads import prefect_runs, start_run

    made = start_run.RunStarter()
    monkeypatch.setattr(start_run, "starter", lambda: made)
    monkeypatch.setattr(made, "wake", lambda: None)
    monkeypatch.setattr(start_run, "GATHER_S", 0.0)
    prefect_runs.known.__init__()
    return made


class FakePrefect:
    """Runs by id with the type of their state, and what they were asked to do."""

    def __init__(self):
        self.runs, self.asked, self.others_run = {}, [], False

    def answer(self, method, path, body):
        if path == "/api/health":
            return True
        if (method, path) == ("GET", "/api/deployments/name/ingest_and_score/ingest-and-score"):
            return {"id": "5f0c6e0e-6f0b-4c5b-9b39-1f2f5f0f4a11"}
        if path.endswith("/create_flow_run"):
            run = str(uuid.uuid4())
            self.asked.append(body["parameters"])
            self.runs[run] = "SCHEDULED"
            return {"id": run}
        if path == "/api/flow_runs/filter" and "id" in body["flow_runs"]:
            ids = body["flow_runs"]["id"]["any_"]
            return [{"id": run, "state_type": state} for run, state in self.runs.items() if run in ids]
        if path == "/api/flow_runs/filter":
            wanted = body["flow_runs"]["state"]["type"]["any_"]
            under_way = [{"id": run} for run, state in self.runs.items() if state in wanted]
            return under_way or ([{"id": "a tick of the schedule"}] if self.others_run else [])
        raise AssertionError(f"unknown: {method} {path}")


@contextmanager
def serving(handler):
    """A real HTTP server on loopback, in a thread; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def prefect_of_the_lake():
    """`fakelake up`, as far as the desk sees of it."""
    prefect = FakePrefect()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.do_POST()

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            said = json.dumps(prefect.answer(self.command, self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args):
            pass

    lake = settings.FAKELAKE.lake
    with serving(Handler) as url:
        write_state(lake, UpState(pid=os.getpid(), env={"PREFECT_API_URL": f"{url}/api"}, pages={}))
        try:
            yield prefect
        finally:
            remove_state(lake)
