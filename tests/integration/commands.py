"""Running `fakelake` as a user does: its exit code, its words, its JSON.

Most commands run in this process, through the same entry as the console script: importing Prefect and Ray anew costs
seconds each time. What has to be killed runs in a process of its own, forked from a server that has them imported.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

import pytest

FAST = ("--set", "max_frames=12", "--set", "detect_px=320", "--set", "portrait_every=4")


@dataclass(frozen=True, slots=True)
class Done:
    """What a finished command said."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict:
        return json.loads(self.stdout)


def run(*arguments: object, code: int | None = 0, stdin: str = "") -> Done:
    """Run a command to its end and check the exit code (None = any)."""
    from fakelake.flows.cli import main

    out, err = io.StringIO(), io.StringIO()
    typed = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    with redirect_stdout(out), redirect_stderr(err), mock.patch("sys.stdin", typed), pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    done = Done(ended.value.code or 0, out.getvalue(), err.getvalue())
    assert code is None or done.code == code, f"exit code {done.code}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


def ingest(*arguments: object, code: int | None = 0, fast: bool = True, stdin: str = "") -> dict:
    """Run an ingest; returns its summary."""
    return run("ingest", *arguments, *(FAST if fast else ()), "--json", code=code, stdin=stdin).json


def ingest_apart(*arguments: object, env: Mapping[str, str], out: Path) -> tuple[int, dict]:
    """An ingest in a process of its own, under another environment: its exit code and summary."""
    process = start_ingest(*arguments, env=env, out=out)
    process.join(900)
    if process.exitcode is None:
        kill(process)
        raise AssertionError("it did not end")
    return process.exitcode, json.loads(out.read_text())


def start_ingest(*arguments: object, env: Mapping[str, str] | None = None, out: Path | None = None) -> BaseProcess:
    """Start an ingest in a process group of its own, to be killed or waited for."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fakelake.flows.ingest", "fakelake.flows.cli", "fakelake.flows.run"])
    argv = ["ingest", *map(str, arguments), *FAST, "--json"]
    process = context.Process(target=_child, args=(argv, {**os.environ, **(env or {})}, str(out or os.devnull)))
    process.start()
    return process


def _child(argv: list[str], env: dict[str, str], out: str) -> None:
    os.setsid()
    os.environ.update(env)
    from fakelake.flows.cli import main

    with Path(out).open("w") as answer, redirect_stdout(answer):
        main(argv)


def kill(process: BaseProcess) -> None:
    """SIGKILL the driver and whatever it started in its group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.join()


def query(lake: Path, sql: str) -> list[tuple]:
    """What a bare DuckDB shell sees through catalog.duckdb."""
    import duckdb

    with duckdb.connect(str(lake / "catalog.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()
