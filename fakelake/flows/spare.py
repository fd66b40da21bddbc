"""A process of `fakelake up`, with Prefect imported, Ray joined and its workers warm, that becomes the next command.

Python takes longer to import all that than a short video takes to be read. A command that finds a spare hands over its
arguments, environment, directory and terminal, waits, and passes on signals and the exit code (handover.py). A spare
serves one command and ends; `up` starts the next. So no command sees what another one left in memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from fakelake.infra.handover import Refused, code_stamp, receive, send


def serve(path: Path) -> None:
    """Get ready, wait for a command on the Unix socket `path`, run it. Commands that do not fit are refused."""
    env, stamp = dict(os.environ), code_stamp()  # before anything is imported: what changes from here on shows
    warm_up()
    path.unlink(missing_ok=True)  # of the spare before
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        while True:
            connection, _ = server.accept()
            try:
                command = receive(connection, env, stamp)
                break
            except (Refused, OSError, ValueError) as error:
                print(f"a command was refused: {error}", file=sys.stderr, flush=True)
                connection.close()
        path.unlink()  # whoever comes now has to help himself
    run(connection, command)


def warm_up() -> None:
    """Import what the flows of ingest and scoring need, here and in as many workers as there are cores."""
    from fakelake.infra.prefect_env import prepare

    prepare()
    import ray

    import fakelake.flows.cli
    import fakelake.flows.ingest
    import fakelake.flows.score  # noqa: F401
    from fakelake.infra.ray_join import connect
    from fakelake.infra.settings import Settings

    settings = Settings()
    connect(settings.ray_address, settings.cpus)
    warm = ray.remote(num_cpus=1)(_import_tasks)
    ray.get([warm.remote() for _ in range(int(ray.cluster_resources().get("CPU", 1)))])


def _import_tasks() -> None:
    import fakelake.tasks.ingest_task  # noqa: F401


def run(connection: socket.socket, command: dict) -> None:
    """Be the command: its terminal, directory, environment; then tell its exit code."""
    for here, there in enumerate(command["files"]):
        os.dup2(there, here)
        os.close(there)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=stream.isatty())
    os.chdir(command["directory"])
    os.environ.clear()
    os.environ.update(command["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    send(connection, {"pid": os.getpid()})
    ended = threading.Event()
    threading.Thread(target=_end_with, args=(connection, ended), daemon=True).start()
    code = _code_of(command["arguments"])
    ended.set()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in range(3):  # what Ray says at its end is not the command's; and a pipe's reader sees the end
        os.dup2(nowhere, file)
    with contextlib.suppress(OSError):
        send(connection, {"code": code})


def _end_with(connection: socket.socket, ended: threading.Event) -> None:
    """A killed command must not go on out of sight."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    if not ended.is_set():
        os.kill(os.getpid(), signal.SIGKILL)


def _code_of(arguments: list[str]) -> int:
    from fakelake.flows.cli import main

    try:
        main(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
