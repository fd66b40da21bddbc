"""A PostgreSQL of the tests' own, from the system's binaries, on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakelake.infra.ports import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
MISSING = "no PostgreSQL on this machine: apt-get install postgresql"


def there() -> bool:
    """Whether a server can be started."""
    return bool(BINARIES) or shutil.which("initdb") is not None


@contextmanager
def postgres(*databases: str) -> Iterator[str]:
    """`postgresql://...:port/`, to be followed by one of the databases."""
    # Not in pytest's directory: it refuses to run as root, and pytest lets no other user come that far.
    folder, port = Path(tempfile.mkdtemp(prefix="fakelake-postgres-")), free_port()
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, _other_user())
    _run("initdb", "-D", str(data), "-U", "fakelake", "-A", "trust", "-N")
    options = f"-p {port} -h 127.0.0.1 -k '{folder}' -F"
    _run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        for name in databases:
            _run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "fakelake", name)
        yield f"postgresql://fakelake@127.0.0.1:{port}/"
    finally:
        _run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        time.sleep(0.2)
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    path = BINARIES[0] / program if BINARIES else program
    as_other = {"user": _other_user(), "group": _other_user()} if os.geteuid() == 0 else {}
    done = subprocess.run([path, *arguments], capture_output=True, text=True, cwd="/", **as_other)
    assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _other_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise RuntimeError("there is no user to run PostgreSQL as")
