"""The ingest's speed and memory, each claim beside its peer in one run.

    python benchmarks/ingest.py [loop|decode|memory|orchestration|commit|all ...] [--frames 240] [--files 2]

loop           frames/s and recall by face size, beside the plain loop of the field
decode         frames/s, beside decoding alone
memory         a worker's peak memory at 2 and at 20 minutes of video
orchestration  milliseconds a video of 10,000 empty work items
commit         share of the time that commits of 64 videos take

Two workers of one thread against a loop of two threads, on videos made of real clips (see mosaics.py). Ray and its
workers are started, and the workers' libraries and weights loaded, before any clock runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import ingest_memory
import ingest_overhead
import ingest_speed
from verdict import Verdict

from fakelake.infra.ray_join import connect
from fakelake.models.wheels import cache_home

PARTS = ("loop", "decode", "memory", "orchestration", "commit")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--frames", type=int, default=240, help="of each mosaic")
    parser.add_argument("--files", type=int, default=2, help="mosaics of each size and layout")
    parser.add_argument("--rounds", type=int, default=3, help="turns of both sides; the best of each counts")
    parser.add_argument("--minutes", type=float, nargs=2, default=(2, 20), help="of video whose memory is compared")
    parser.add_argument("--items", type=int, default=10_000, help="empty work items")
    parser.add_argument("--clips", type=int, default=128, help="short videos for the commits")
    parser.add_argument("--directory", type=Path, default=cache_home() / "benchmarks", help="keeps what was made")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    parts = PARTS if "all" in asked.parts else [part for part in PARTS if part in asked.parts]
    start = time.perf_counter()
    connect(None, ingest_speed.THREADS)
    print(f"Ray started in {time.perf_counter() - start:.1f} s; load {_load()}; {os.cpu_count()} cores")
    verdicts: list[Verdict] = []
    for part in parts:
        print(f"\n== {part} == (load {_load()})", flush=True)
        verdicts += _measure(part, asked)
    print(f"\nload {_load()}, {time.perf_counter() - start:.0f} s\n")
    print(*verdicts, sep="\n")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _measure(part: str, asked: argparse.Namespace) -> list[Verdict]:
    match part:
        case "loop":
            return ingest_speed.measure_loop(asked.directory, asked.files, asked.frames, asked.rounds)
        case "decode":
            return ingest_speed.measure_decode(asked.directory, asked.files, asked.frames, asked.rounds)
        case "memory":
            return ingest_memory.measure(asked.directory, asked.minutes)
        case "orchestration":
            return ingest_overhead.measure_orchestration(asked.items)
        case _:
            return ingest_overhead.measure_commit(asked.directory, asked.clips)


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
