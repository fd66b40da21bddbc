"""Functions on Ray, one untrusted item a task: what crashes or hangs costs that item and nothing else.

Ray's own retries are off (`max_retries=0`): it cannot know that a video, not a machine, kills the worker.
"""

from __future__ import annotations

import faulthandler
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, TaskCancelledError

RECOUNT_S = 10.0  # seconds between two looks at the cluster's size
LOG_CHARACTERS = 4000  # of a worker's last words
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class WorkerDied(Exception):
    """The worker process of a task is gone: a segmentation fault, the kernel's memory killer, a lost node."""


class NodeLost(WorkerDied):
    """The whole machine is gone, as spot instances go: no fault of the task."""


class OutOfMemory(WorkerDied):
    """Ray ended the task because the machine ran out of memory."""


class DeadlineExceeded(Exception):
    """The task ran longer than it may and was killed."""


class ClusterUnfit(Exception):
    """No node can ever run such a task, so that it would wait for ever; the text says what is wanting."""


@dataclass(slots=True)
class Done:
    """A finished task: `value`, or the `error` that ended it with the worker's last words in `log`."""

    key: Hashable
    value: Any = None
    error: BaseException | None = None
    log: str = ""


@dataclass(slots=True)
class _Call:
    key: Hashable
    function: Callable
    arguments: tuple
    deadline_s: float
    log: Path | None
    started: float = 0.0
    expired: bool = False


class RayPool:
    """`submit` calls, then `wait` for some to be done. Calls beyond the cluster's cores wait in the driver.

    Two calls a slot are handed to Ray, so that a worker finds its next item at once. A call's deadline starts when it
    comes to the front of them; should it then be past and the call's log say that its worker began later (others use
    the cluster too), it starts there. `log_dir` has to be seen by all nodes; without one, a cluster of this one machine
    gets a directory of its own, and a larger one keeps no logs. Raises ClusterUnfit.
    """

    def __init__(self, *, cpus_per_task: int, gpus_per_task: float = 0.0, log_dir: Path | None = None) -> None:
        self._cpus, self._gpus = cpus_per_task, gpus_per_task
        self._refuse_unfit()
        self.slots, self._slots_at = self._count_slots(), time.monotonic()
        self._own_logs = tempfile.TemporaryDirectory(prefix="fakelake-") if not log_dir and _is_here_only() else None
        self._log_dir = Path(self._own_logs.name) if self._own_logs else log_dir
        self._queue: deque[_Call] = deque()
        self._running: dict[ray.ObjectRef, _Call] = {}
        self._remotes: dict[Callable, ray.remote_function.RemoteFunction] = {}
        self._logs = 0
        if self._log_dir:
            self._log_dir.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._queue) + len(self._running)

    @property
    def hungry(self) -> bool:
        """Whether more calls would keep the workers busy."""
        return len(self) < 2 * self.slots + 2

    def submit(
        self, key: Hashable, function: Callable, *arguments: Any, deadline_s: float, first: bool = False
    ) -> None:
        """Queue `function(*arguments)`; with `first` ahead of what already waits."""
        self._logs += 1
        log = self._log_dir / f"{self._logs:07d}.log" if self._log_dir else None
        call = _Call(key, function, arguments, deadline_s, log)
        if first:
            self._queue.appendleft(call)
        else:
            self._queue.append(call)
        self._feed()

    def wait(self, timeout_s: float = 1.0) -> list[Done]:
        """Tasks that are done by now, waiting at most `timeout_s` for the first. Kills what is past its deadline."""
        self._feed()
        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=min(timeout_s, self._next_deadline()))
        if ready:
            more, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
            ready = more or ready
        done = [self._collect(ref) for ref in ready]
        self._feed()
        self._expire()
        return done

    def forget(self, unwanted: Callable[[Hashable], bool]) -> None:
        """Drop waiting calls whose key is unwanted. What Ray has already still comes back."""
        self._queue = deque(call for call in self._queue if not unwanted(call.key))

    def close(self) -> None:
        """Forget what waits, kill what runs, and tidy up. The pool can be closed twice and not used after."""
        self._queue.clear()
        for ref, call in self._running.items():
            ray.cancel(ref, force=True)
            if call.log:
                call.log.unlink(missing_ok=True)
        self._running.clear()
        if self._own_logs:
            self._own_logs.cleanup()
        elif self._log_dir:
            with suppress(OSError):  # some worker may still be writing its last words
                self._log_dir.rmdir()

    def _refuse_unfit(self) -> None:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if self._gpus and _is_here_only() and not any(node.get("GPU") for node in nodes):
            raise ClusterUnfit("Ray knows of no GPU on this machine. Set FAKELAKE_DEVICE=cpu, or join a cluster.")
        most = max((node.get("CPU", 0) for node in nodes), default=0)
        if 0 < most < self._cpus:
            raise ClusterUnfit(f"A task wants {self._cpus} cores and no machine has more than {most:.0f} of them.")

    def _count_slots(self) -> int:
        there = ray.cluster_resources()
        by_gpu = there.get("GPU", 0) // self._gpus if self._gpus else float("inf")
        return max(1, int(min(there.get("CPU", 1) // self._cpus, by_gpu)))

    def _feed(self) -> None:
        if time.monotonic() - self._slots_at > RECOUNT_S:  # clusters grow and shrink
            self.slots, self._slots_at = self._count_slots(), time.monotonic()
        while self._queue and len(self._running) < 2 * self.slots:
            call = self._queue.popleft()
            # A text costs a tenth of a path to send.
            log = str(call.log) if call.log else None
            self._running[self._remote(call.function).remote(log, call.deadline_s, *call.arguments)] = call
        now = time.monotonic()
        for call in list(self._running.values())[: self.slots]:
            call.started = call.started or now

    def _remote(self, function: Callable) -> ray.remote_function.RemoteFunction:
        """Ray's handle on a function, made once: sending the function along with every call doubles a call's cost."""
        if function not in self._remotes:

            def guarded(log: str | None, deadline_s: float, *arguments: Any) -> Any:
                return _guarded(log, deadline_s, function, *arguments)

            guarded.__name__ = getattr(function, "__name__", "call")
            options = {"num_cpus": self._cpus, "num_gpus": self._gpus, "max_retries": 0}
            self._remotes[function] = ray.remote(**options)(guarded)
        return self._remotes[function]

    def _next_deadline(self) -> float:
        now = time.monotonic()
        ends = [c.started + c.deadline_s - now for c in self._running.values() if c.started and not c.expired]
        return max(0.05, min(ends, default=1.0))

    def _expire(self) -> None:
        now = time.monotonic()
        for ref, call in self._running.items():
            if not call.started or call.expired or now <= call.started + call.deadline_s:
                continue
            if call.log:
                call.started = max(call.started, now - _seconds_since_begun(call.log))
            if now > call.started + call.deadline_s:
                call.expired = True
                ray.cancel(ref, force=True)

    def _collect(self, ref: ray.ObjectRef) -> Done:
        call = self._running.pop(ref)
        done = Done(call.key)
        try:
            done.value = ray.get(ref)
        except RayTaskError as error:
            # The function's own exception; as_instanceof_cause() would hide its class behind a made one.
            done.error = error.cause if error.cause is not None else error
            done.log = ANSI.sub("", str(error))[-LOG_CHARACTERS:]
        except NodeDiedError as error:
            done.error = NodeLost(str(error).splitlines()[0])
        except OutOfMemoryError as error:
            done.error = OutOfMemory(str(error).splitlines()[0])
        except TaskCancelledError:
            done.error = WorkerDied("the task was cancelled")
        except ray.exceptions.RayError as error:
            done.error = WorkerDied(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        if call.expired and done.error is not None:
            done.error = DeadlineExceeded(f"it ran longer than {call.deadline_s:.0f} s and was stopped")
        if call.log:
            if isinstance(done.error, WorkerDied | DeadlineExceeded):
                with suppress(FileNotFoundError):
                    done.log = call.log.read_text(errors="replace")[-LOG_CHARACTERS:]
            call.log.unlink(missing_ok=True)
        return done


def _is_here_only() -> bool:
    here = ray.util.get_node_ip_address()
    return all(node["NodeManagerAddress"] == here for node in ray.nodes() if node["Alive"])


def _seconds_since_begun(log: Path) -> float:
    """By the first line that the worker wrote; 0 when it has not begun."""
    try:
        return time.time() - float(log.read_text(errors="replace").split(maxsplit=2)[1])
    except (FileNotFoundError, IndexError):
        return 0.0


def _guarded(log: str | None, deadline_s: float, function: Callable, *arguments: Any) -> Any:
    """Runs in the worker: a fatal signal, or a deadline about to pass, leaves a stack in the log."""
    if log is None or not Path(log).parent.is_dir():  # a node that joined later may not see the driver's directory
        return function(*arguments)
    with Path(log).open("w") as file:
        print("began", f"{time.time():.3f}", file=file, flush=True)
        faulthandler.enable(file=file)
        faulthandler.dump_traceback_later(0.95 * deadline_s, file=file)
        try:
            return function(*arguments)
        finally:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.disable()
