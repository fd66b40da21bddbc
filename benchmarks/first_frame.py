"""From `fakelake ingest` to its first decoded frame: with `fakelake up` running, and with servers of the command's own.

    python benchmarks/first_frame.py VIDEO [--runs 3]

The frame's moment is that of the failpoint before a worker decodes; the command is killed there.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from verdict import at_least, at_most

from fakelake.infra.up_state import read_state

FAKELAKE = (sys.executable, "-m", "fakelake.flows.cli")
MOST_S = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        alone = [first_frame(asked.video, Path(folder) / "alone", run) for run in range(asked.runs)]
        with_up = measure_with_up(asked.video, Path(folder) / "up", asked.runs)
    print("servers of its own:", ", ".join(f"{s:.1f}" for s in alone), "s")
    print("fakelake up:       ", ", ".join(f"{s:.1f}" for s in with_up), "s")
    verdicts = [
        at_most("a command to its first frame, with fakelake up", median(with_up), MOST_S, " s"),
        at_least("that much sooner than with servers of its own", median(alone) / median(with_up), 1.0),
    ]
    print(*verdicts, sep="\n")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def measure_with_up(video: Path, lake: Path, runs: int) -> list[float]:
    log = lake.with_suffix(".log")
    env = {**environment(lake), "FAKELAKE_INBOX": str(lake.with_name("inbox"))}
    up = subprocess.Popen((*FAKELAKE, "up", "--lake", str(lake)), env=env, stdout=log.open("wb"), stderr=log.open("ab"))
    try:
        while "It is up" not in log.read_text():
            if up.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        spare = Path(read_state(str(lake)).spare)
        seconds = []
        for run in range(runs):
            while not spare.exists():
                time.sleep(0.2)
            time.sleep(10)  # at first its worker is still polling for the first time
            seconds.append(first_frame(video, lake, run))
        return seconds
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()


def environment(lake: Path) -> dict[str, str]:
    """The failpoint is a setting like others: a spare with other settings would be refused."""
    return {
        **os.environ, "FAKELAKE_FAILPOINT": "decode", "FAKELAKE_FAILPOINT_ACTION": "pause",
        "FAKELAKE_FAILPOINT_DIR": str(lake.with_name(f"{lake.name}-marks")),
    }  # fmt: skip


def first_frame(video: Path, lake: Path, run: int) -> float:
    """Seconds. Each run is under a recipe of its own, so that none is done before."""
    env = environment(lake)
    mark = Path(env["FAKELAKE_FAILPOINT_DIR"], "decode")
    mark.parent.mkdir(exist_ok=True)
    mark.unlink(missing_ok=True)
    command = (*FAKELAKE, "ingest", str(video), "--lake", str(lake), "--set", f"max_frames={20 + run}")
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not mark.exists():
        if process.poll() is not None:
            raise SystemExit(f"{' '.join(command)} ended before its first frame")
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
