"""Server processes that belong together: started in order, watched, started again when one dies, and ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

GRACE_S = 20.0  # between asking a process to end and ending it
TAIL = 1500  # characters of a log that an error shows
RESTARTS, WITHIN_S = 5, 3600.0  # of one service in that time, before the whole gives up
PR_SET_PDEATHSIG = 1


class ServiceFailed(Exception):
    """A server did not come up, or died again and again; the text has the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process to run; `healthy` tells whether it answers, and is asked until it does.

    tries: how often it is started where it ends before it answers
    disposable: it ends whenever it was used, with code 0 or by a signal; all can go on without it
    """

    name: str
    command: Sequence[str]
    healthy: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 600.0
    tries: int = 1
    disposable: bool = False


class Services:
    """Each has a log in `logs`, beside that of the last time. All end with this process, even where it is killed."""

    def __init__(self, logs: Path, told: Callable[[str], None]) -> None:
        self._logs, self._told = logs, told
        self._running: dict[str, tuple[Service, subprocess.Popen]] = {}
        self._deaths: dict[str, list[float]] = {}  # time.monotonic()
        logs.mkdir(parents=True, exist_ok=True)
        for log in logs.glob("*.log"):  # of the last time
            log.replace(log.with_suffix(".log.1"))

    def start(self, *services: Service) -> None:
        """All at once; returns when each answers. Raises ServiceFailed."""
        for service, process in [(service, self._launch(service)) for service in services]:
            self._wait(service, process)

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """A step between two services that ends by itself. Raises ServiceFailed."""
        with self.log(name).open("ab") as log:
            done = subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode:
            raise ServiceFailed(f"{name} failed. Its log, {self.log(name)}, ends:\n{self._tail(name)}")

    def mend(self) -> None:
        """Start again what has died. Raises ServiceFailed for one that dies again and again."""
        for name, (service, process) in list(self._running.items()):
            if process.poll() is None:
                continue
            if service.disposable and process.returncode <= 0:
                self.start(service)
                continue
            now = time.monotonic()
            self._deaths[name] = [*(at for at in self._deaths.get(name, ()) if now - at < WITHIN_S), now]
            given_up = len(self._deaths[name]) > RESTARTS
            if given_up and service.disposable:
                self._told(f"{name} cannot be started: going on without (log: {self.log(name)})")
                del self._running[name]
                continue
            if given_up:
                died = f"{name} died {RESTARTS + 1} times within an hour"
                raise ServiceFailed(f"{died}. Its log, {self.log(name)}, ends:\n{self._tail(name)}")
            self._told(f"{name} ended with code {process.returncode}: starting it again (log: {self.log(name)})")
            _signal(process, signal.SIGKILL)
            self.start(service)

    def stop(self) -> None:
        """All, the last started first. Asked to end, then ended."""
        for name, (_, process) in reversed(list(self._running.items())):
            _signal(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            _signal(process, signal.SIGKILL)  # and whatever it started and left
            process.wait()
            del self._running[name]

    def log(self, name: str) -> Path:
        """Where a service writes."""
        return self._logs / f"{name}.log"

    def _wait(self, service: Service, process: subprocess.Popen) -> None:
        end, tries = time.monotonic() + service.patience_s, 1
        while not service.healthy():
            if process.poll() is not None and tries < service.tries:
                _signal(process, signal.SIGKILL)  # what it left of itself may hold its port
                tries, process = tries + 1, self._launch(service)
            if process.poll() is not None or time.monotonic() > end:
                state = f"ended with code {process.returncode}" if process.poll() is not None else "does not answer"
                raise ServiceFailed(
                    f"{service.name} {state}. Its log, {self.log(service.name)}, ends:\n{self._tail(service.name)}"
                )
            time.sleep(0.2)

    def _launch(self, service: Service) -> subprocess.Popen:
        with self.log(service.name).open("ab") as log:
            process = subprocess.Popen(
                service.command, env={**os.environ, **service.env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )  # fmt: skip
        self._running[service.name] = (service, process)
        return process

    def _tail(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")[-TAIL:].strip() or "(nothing)"


def _signal(process: subprocess.Popen, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end_with_parent() -> None:
    """Linux ends the child when its parent dies: a killed `fakelake up` leaves no server behind that holds a port."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
