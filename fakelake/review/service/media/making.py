"""The maker: makes one thing of one video in a process of its own, `python -m fakelake.review.service.media.making`.

Its order comes as a line of JSON on the standard input, which stays open: when it ends, the desk is gone, and the
maker ends too. What it tells goes out as lines of JSON: {"progress": 0.5}, {"failed": "why, for people"}.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from fakelake.catalog.lake import Lake

NICENESS = 10  # pages go first
MEMORY = 4 << 30  # of one that decodes a stranger's file
MOST_BYTES = 20 << 30  # of one file that it writes


# Imported when they are wanted: decoders for one, torch for another, and the desk's own process none of them.
KINDS = {
    "look": "fakelake.review.service.media.pictures.look",
    "copy": "fakelake.review.service.media.pictures.copy",
    "strip": "fakelake.review.service.media.pictures.strip",
    "frame": "fakelake.review.service.media.pictures.single",
    "overlay": "fakelake.review.service.media.making.overlay",
    "explain": "fakelake.review.service.media.making.explain",
    "case": "fakelake.review.service.media.case_file.write_case",
}


def main() -> None:
    """Read the order, make it, tell; exit code 1 where that failed."""
    told = os.fdopen(os.dup(1), "w")  # ours alone: what libraries print goes to the log
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_desk, daemon=True).start()
    os.nice(NICENESS)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = MOST_BYTES if hard == resource.RLIM_INFINITY else min(hard, MOST_BYTES)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if order.get("kind") != "explain":  # that starts a process of its own, with torch in it
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))

    def tell(progress: float) -> None:
        print(json.dumps({"progress": round(progress, 4)}), file=told, flush=True)

    failed = _make(order, tell)
    if failed:
        print(json.dumps({"failed": failed}), file=told, flush=True)
    told.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if failed else 0)  # without waiting for the threads of libraries


def _make(order: Mapping[str, object], tell: Callable[[float], None]) -> str:
    """Why it failed, or "". The result appears under its name only when it is whole."""
    from fakelake.catalog.lake import LakeFormatError, LakeNotFound
    from fakelake.tasks.errors import MediaError
    from fakelake.tasks.facts import NotScored
    from fakelake.tasks.known_source import SourceUnfit
    from fakelake.tasks.overlay import NothingToDraw

    out = Path(order["out"])
    temporary = out.with_name(f".{uuid.uuid4().hex[:8]}.tmp{out.suffix}")
    out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        module, _, function = KINDS[order["kind"]].rpartition(".")
        getattr(import_module(module), function)(Lake.open(order["lake"]), order, temporary, tell)
        temporary.replace(out)
        return ""
    except MediaError as error:
        return f"{error.message} {error.remedy}"
    except MemoryError:
        return f"It needs more than {MEMORY >> 30} GiB of memory: its pictures are too large to be shown here."
    except SourceUnfit as error:  # between its first and last line it names places on this machine: those are the log's
        print(error, file=sys.stderr)
        first, *rest = str(error).splitlines()
        return " ".join([first.rstrip(":.") + ".", *rest[-1:]])
    except (NotScored, NothingToDraw, LakeNotFound, LakeFormatError) as error:
        return str(error)
    except Exception:
        traceback.print_exc()
        return "Something went wrong while it was made. The desk's log has the rest."
    finally:
        temporary.unlink(missing_ok=True)


def _end_with_the_desk() -> None:
    """Wait for the end of the standard input; then end this process and all that it started."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os.killpg(0, signal.SIGKILL)


def overlay(lake: Lake, order: Mapping[str, object], out: Path, tell: Callable[[float], None]) -> None:
    """Raises NothingToDraw, SourceUnfit."""
    from fakelake.tasks.facts import facts_of
    from fakelake.tasks.overlay import write_overlay

    def done(frames: int, of: int) -> None:
        if frames % 25 == 0:
            tell(frames / max(1, of))

    write_overlay(lake, facts_of(lake, order["video_id"]), out, on_frame=done)


def explain(lake: Lake, order: Mapping[str, object], out: Path, tell: Callable[[float], None]) -> None:
    """As `fakelake explain` makes it, with the registered model; what it measures of the parts goes on record.

    Raises NotScored with the command's own words where that fails.
    """
    from fakelake.tasks.facts import NotScored
    from fakelake.tasks.scratch import scratch

    with scratch() as folder:
        command = ["explain", order["video_id"], "--lake", str(lake.location.root), "--out", str(folder), "--json"]
        done = subprocess.run([sys.executable, "-m", "fakelake.flows.cli", *command], capture_output=True, text=True)
        sys.stderr.write(done.stderr)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise NotScored(lines[-1].removeprefix("fakelake: ") if lines else "It cannot be explained.")
        out.write_bytes((folder / "index.html").read_bytes())


if __name__ == "__main__":
    main()
