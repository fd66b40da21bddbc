"""Running `fakelake` as a user does: a process of its own, its exit code, its JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FAST = ("--set", "max_frames=12", "--set", "detect_px=320", "--set", "portrait_every=4")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fakelake.flows.cli", *map(str, arguments)]


def run(*arguments: str, env: Mapping[str, str], code: int | None = 0, **options) -> subprocess.CompletedProcess:
    """Run to the end and check the exit code (None = any)."""
    done = subprocess.run(command(*arguments), env=dict(env), capture_output=True, text=True, timeout=280, **options)
    if code is not None:
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


def ingest(*arguments: str, env: Mapping[str, str], code: int | None = 0, fast: bool = True, **options) -> dict:
    """Run an ingest; returns its summary."""
    done = run("ingest", *arguments, *(FAST if fast else ()), "--json", env=env, code=code, **options)
    return json.loads(done.stdout)


def start_ingest(*arguments: str, env: Mapping[str, str]) -> subprocess.Popen:
    """Start an ingest in a process group of its own, to be killed or waited for."""
    return subprocess.Popen(
        command("ingest", *arguments, *FAST, "--json"),
        env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen) -> None:
    """SIGKILL the driver and whatever it started in its group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def query(lake: Path, sql: str) -> list[tuple]:
    """What a bare DuckDB shell sees through catalog.duckdb."""
    import duckdb

    with duckdb.connect(str(lake / "catalog.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()
