"""SQL that people type, answered without letting it write, or read anything but the lake.

A read-only connection is not enough: it can still COPY out and read any file of the machine. Nor is a confined
one: DuckDB cannot be interrupted inside a function (one `repeat` over a few rows takes gigabytes and half a
minute), and some errors end the process. So the query runs in a process of its own, confined as
`select_worker` says, that we kill when its time is up.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading

import pyarrow as pa

from fakelake.catalog.lake import Lake

_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


class SqlRefused(ValueError):
    """A query was not run, or was stopped; the message says why, for the person who typed it."""


def run_select(
    lake: Lake, sql: str, timeout_s: float = 60.0, memory: str = "1GB", threads: int = 2, max_bytes: int = 1 << 28
) -> pa.Table:
    """The answer to one SELECT (or WITH, FROM, VALUES, DESCRIBE, SHOW) over the lake's views.

    memory:    what DuckDB may use, e.g. `512MB`; it spills nothing to disk
    max_bytes: the largest answer, in bytes of Arrow
    Raises SqlRefused: not one SELECT, a forbidden function or file, too long, too large, or an error in the SQL.
    """
    amount = re.fullmatch(r"(\d+) ?([KMGT]i?)B", memory)
    if not amount:
        raise SqlRefused(f"{memory!r} is no amount of memory. Write it like 512MB or 2GB.")
    request = {
        "root": lake.location.root,
        "storage_options": dict(lake.location.storage_options),
        "views": lake.views_sql(),
        "sql": sql,
        "memory_bytes": int(amount[1]) * _UNITS[amount[2]],
        "threads": threads,
        "max_bytes": max_bytes,
        "cpu_s": int(timeout_s * threads) + 60,
    }
    worker = subprocess.Popen(
        [sys.executable, "-m", "fakelake.catalog.select_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    ran_out = threading.Event()

    def stop() -> None:
        ran_out.set()
        worker.kill()

    clock = threading.Timer(timeout_s, stop)
    try:
        worker.stdin.write(json.dumps(request).encode())
        worker.stdin.close()
        verdict = worker.stdout.readline()
        if verdict == b"ready\n":  # the views are there: from here on it is the query's time
            clock.start()
            verdict = worker.stdout.readline()
        answer = worker.stdout.read()
    except BrokenPipeError:
        verdict = b""
    finally:
        clock.cancel()
        worker.kill()
        worker.stdout.close()
        worker.wait()
    if ran_out.is_set():
        raise SqlRefused(
            f"Stopped after {timeout_s:g} s. Narrow it down, e.g. WHERE video_id = ..., or allow more time."
        )
    if not verdict.endswith(b"\n"):
        raise SqlRefused(f"Stopped: this query needs more than {memory} of memory. Narrow it down, or allow more.")
    if refused := json.loads(verdict).get("refused"):
        raise SqlRefused(refused)
    return pa.ipc.open_stream(answer).read_all()
