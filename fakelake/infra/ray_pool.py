"""Functions on Ray, one untrusted item a task: what crashes or hangs costs that item and nothing else.

Ray's own retries are off (`max_retries=0`): it cannot know that a video, not a machine, kills the worker.
"""

from __future__ import annotations

import faulthandler
import os
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayTaskError, TaskCancelledError


class WorkerDied(Exception):
    """The worker process of a task is gone: a segmentation fault, the kernel's memory killer, a lost node."""


class OutOfMemory(WorkerDied):
    """Ray ended the task because the machine ran out of memory."""


class DeadlineExceeded(Exception):
    """The task ran longer than it may and was killed."""


@dataclass(slots=True)
class Done:
    """A finished task: `value`, or the `error` that ended it, and how long it was with the pool."""

    key: Hashable
    value: Any = None
    error: BaseException | None = None
    log: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class _Call:
    key: Hashable
    function: Callable
    arguments: tuple
    deadline_s: float
    log: Path | None
    started: float = 0.0
    expired: bool = False


def connect(address: str | None, cpus: int | None) -> None:
    """Join a cluster, or start Ray on this machine; nothing when this process has joined already."""
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    local = {} if address else {"num_cpus": cpus, "object_store_memory": 512 << 20, "include_dashboard": False}
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)


class RayPool:
    """`submit` calls, then `wait` for some to be done. Calls beyond the cluster's cores wait in the driver.

    Two calls a slot are handed to Ray, so that a worker finds its next item at once; a call's deadline starts when
    it comes to the front of them.
    """

    def __init__(self, *, cpus_per_task: int, gpus_per_task: float = 0.0, log_dir: Path | None = None) -> None:
        self._cpus, self._gpus, self._log_dir = cpus_per_task, gpus_per_task, log_dir
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1) // cpus_per_task))
        self._queue: deque[_Call] = deque()
        self._running: dict[ray.ObjectRef, _Call] = {}
        self._remote = ray.remote(num_cpus=cpus_per_task, num_gpus=gpus_per_task, max_retries=0)(_guarded)
        self._logs = 0
        if log_dir:
            log_dir.mkdir(parents=True, exist_ok=True)

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

    def cancel_all(self) -> None:
        """Kill what runs and forget what waits: the run is being given up."""
        self._queue.clear()
        for ref in self._running:
            ray.cancel(ref, force=True)
        self._running.clear()

    def _feed(self) -> None:
        while self._queue and len(self._running) < 2 * self.slots:
            call = self._queue.popleft()
            name = getattr(call.function, "__name__", "call")
            ref = self._remote.options(name=name).remote(call.log, call.deadline_s, call.function, *call.arguments)
            self._running[ref] = call
        now = time.monotonic()
        for call in list(self._running.values())[: self.slots]:
            call.started = call.started or now

    def _next_deadline(self) -> float:
        now = time.monotonic()
        ends = [c.started + c.deadline_s - now for c in self._running.values() if c.started and not c.expired]
        return max(0.05, min(ends, default=1.0))

    def _expire(self) -> None:
        now = time.monotonic()
        for ref, call in self._running.items():
            if call.started and not call.expired and now > call.started + call.deadline_s:
                call.expired = True
                ray.cancel(ref, force=True)

    def _collect(self, ref: ray.ObjectRef) -> Done:
        call = self._running.pop(ref)
        done = Done(call.key, seconds=time.monotonic() - (call.started or time.monotonic()))
        try:
            done.value = ray.get(ref)
        except RayTaskError as error:
            # The function's own exception; as_instanceof_cause() would hide its class behind a made one.
            done.error = error.cause if error.cause is not None else error
        except OutOfMemoryError as error:
            done.error = OutOfMemory(str(error).splitlines()[0])
        except TaskCancelledError:
            done.error = WorkerDied("the task was cancelled")
        except ray.exceptions.RayError as error:
            done.error = WorkerDied(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        if call.expired and done.error is not None:
            done.error = DeadlineExceeded(f"it ran longer than {call.deadline_s:.0f} s and was stopped")
        if call.log and call.log.exists():
            if isinstance(done.error, WorkerDied | DeadlineExceeded):
                done.log = call.log.read_text(errors="replace")[-4000:]
            call.log.unlink()
        return done


def _guarded(log: Path | None, deadline_s: float, function: Callable, *arguments: Any) -> Any:
    """Runs in the worker: a fatal signal, or a deadline about to pass, leaves a stack in the log."""
    if log is None:
        return function(*arguments)
    with log.open("w") as file:
        faulthandler.enable(file=file)
        faulthandler.dump_traceback_later(0.95 * deadline_s, file=file)
        try:
            return function(*arguments)
        finally:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.disable()
