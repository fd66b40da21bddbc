"""A Prefect server that goes away in mid-run: the run ends in clear words, and the same command goes on from there."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from fakelake.infra.ports import free_port
from tests.conftest import _wait_for
from tests.integration.clips import short_clips
from tests.integration.commands import FAST, ingest

CLIPS = 12


@pytest.fixture
def server(tmp_path):
    """A Prefect server of the test's own, to be killed: its process and its address."""
    port, log = free_port(), tmp_path / "server.log"
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    process = subprocess.Popen(
        command, env=env, stdout=log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_for(f"{url}/health", process, log)
        yield process, url
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_run_ends_in_words_and_the_same_command_finishes_it(server, pipeline, tmp_path):
    process, url = server
    archive, lake = tmp_path / "archive", tmp_path / "lake"
    archive.mkdir()
    short_clips(archive, CLIPS)
    command = [sys.executable, "-m", "fakelake.flows.cli", "ingest", str(archive), "--lake", str(lake), *FAST]
    # Five tries, the default, ride out a minute: a server that is started anew is not missed. Two are quicker to test.
    env = {**os.environ, "PREFECT_API_URL": url, "FAKELAKE_SHARD_VIDEOS": "1", "PREFECT_CLIENT_MAX_RETRIES": "2"}
    run = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 900
    while not (lake / "videos" / "_delta_log" / f"{1:020d}.json").exists():  # the first commit of a video
        assert run.poll() is None and time.monotonic() < end, run.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    _, said = run.communicate(timeout=1200)
    if run.returncode:
        assert run.returncode == 1 and "What was committed is safe" in said and "Traceback" not in said, said
    summary = ingest(archive, "--lake", lake)
    assert summary["already_done"] >= 1 and summary["already_done"] + summary["ready"] == CLIPS
    ingest(archive, "--lake", tmp_path / "whole")
    assert content_hash(Lake.open(lake)) == content_hash(Lake.open(tmp_path / "whole"))
