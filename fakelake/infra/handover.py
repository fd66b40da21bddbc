"""How a command hands itself over to a process that is ready for it, and waits for its end (see flows/spare.py)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from fakelake.infra.prefect_env import DEFAULTS
from fakelake.infra.up_state import read_state

PATIENCE_S = 5.0  # for an answer of either side before the command runs
# What libraries read when they are imported, or workers when they start. A spare that was started with others is unfit.
READ_EARLY = (
    *("PREFECT_", "RAY_", "FAKELAKE_", "AWS_", "PYTHON", "OMP_", "OPENBLAS_", "MKL_", "CUDA_", "LD_"),
    *("LANG", "LC_", "TZ"),
)
NOT_READ_EARLY = ("FAKELAKE_LAKE", "FAKELAKE_INBOX")
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Refused(Exception):
    """A command does not fit a spare; the text says what differs."""


def handed_over(arguments: Sequence[str], lake: str) -> int | None:
    """The exit code of `fakelake ARGUMENTS`, run by the lake's spare; None where there is none that fits."""
    state = read_state(lake)
    if state is None or not state.spare:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(state.spare)
            socket.send_fds(connection, [b"."], [0, 1, 2])
            send(connection, {
                "arguments": list(arguments), "directory": str(Path.cwd()), "env": {**state.env, **os.environ},
                "code": code_stamp(),
            })  # fmt: skip
            answers = connection.makefile("r", encoding="utf-8")
            first = json.loads(answers.readline() or "{}")
        except (OSError, ValueError):  # it is being started, or a standard stream is closed
            return None
        if "pid" not in first:
            return None
        connection.settimeout(None)
        with _forwarding(first["pid"]):
            last = json.loads(answers.readline() or "{}")
    if "code" not in last:
        print("The process that ran this command is gone. What was committed is safe: the same command goes on from "
              "there.", file=sys.stderr)  # fmt: skip
        return 1
    return last["code"]


def send(connection: socket.socket, message: Mapping[str, object]) -> None:
    """One message, as a line of JSON."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection: socket.socket, env: Mapping[str, str], code: str) -> dict:
    """A command: `arguments`, `directory`, `env`, and its three standard streams as `files`.

    env, code: what this process was started with. Raises Refused, OSError, ValueError.
    """
    connection.settimeout(PATIENCE_S)
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    try:
        with connection.makefile("r", encoding="utf-8") as lines:
            command = json.loads(lines.readline())
        if command["code"] != code:
            raise Refused("the program was changed since")
        if other := told_apart(env, command["env"]):
            raise Refused(f"started with other {', '.join(other)}")
        if len(files) != 3:
            raise Refused("a standard stream is missing")
    except BaseException:
        for file in files:
            os.close(file)
        raise
    connection.settimeout(None)
    return {**command, "files": files}


def told_apart(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names of variables that differ, of those that are read once."""
    one, other = ({**DEFAULTS, **env} for env in (one, other))
    names = {name for name in (*one, *other) if name.startswith(READ_EARLY) and name not in NOT_READ_EARLY}
    return sorted(name for name in names if one.get(name) != other.get(name))


def code_stamp() -> str:
    """Changes whenever a file of the program does."""
    files = [file.stat() for file in Path(__file__).parents[1].rglob("*.*") if file.suffix in (".py", ".sql")]
    return f"{len(files)} files, the latest of {max(file.st_mtime_ns for file in files)}, {sys.prefix}"


@contextlib.contextmanager
def _forwarding(pid: int) -> Iterator[None]:
    """Signals that ask this process to stop go to the one that does its work."""

    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
