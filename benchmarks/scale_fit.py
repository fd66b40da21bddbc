"""How far one driver goes: videos a day by cores, from what was measured of each part of an ingest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DAY_S = 86_400
SHARD = 64  # videos a commit (Settings.shard_videos)
RUN = 200 * SHARD  # videos a flow run, at most (Settings.max_shards)
# DESIGN.md, 5: a Prefect call costs 6 to 18 ms. A shard makes two, its task and its progress.
PREFECT_S = 2 * 0.018

WORKERS = "workers"
WORDS = {
    WORKERS: "the cores that read videos are all busy",
    "driver": "handing out and collecting calls, and Prefect's, one process on one core",
    "commit": "looking up keys in the whole of `videos`, and reading and writing five Delta logs",
    "publication": "views made anew at each commit, and the two files that hold them",
    "compaction": "merging small files, and looking after each commit whether any have to be",
    "run": "start and report of a flow run: what the lake knows, contact sheet",
}


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds, measured with a lake of `videos` videos.

    driver: by cores, of processor time a video. commit (without its publication), publication, look (for something to
    compact): a shard. merge: of compaction, a video, whenever it comes. run: once a flow run.
    """

    videos: int
    driver: Mapping[int, float]
    commit: float
    publication: float
    look: float
    merge: float
    run: float

    def parts(self, cores: int) -> dict[str, float]:
        """What the driver spends on a video, one thing after the other, in seconds."""
        at = sorted(self.driver)
        return {
            "driver": float(np.interp(cores, at, [self.driver[n] for n in at])) + PREFECT_S / SHARD,
            "commit": self.commit / SHARD,
            "publication": self.publication / SHARD,
            "compaction": self.merge + self.look / SHARD,
            "run": self.run / RUN,
        }


@dataclass(frozen=True, slots=True)
class Capacity:
    """videos_a_day, what limits it and what would come next, and from how many cores on the driver is the limit."""

    videos_a_day: float
    limit: str
    next: str
    driver_full_at: float


def capacity(cores: int, worker_s: float, costs: Costs) -> Capacity:
    """One driver on one of `cores`, whose videos each take `worker_s` core seconds.

    The driver does one thing at a time, so its parts add up, and while it works one core is not the workers'. That
    workers may run dry during a long commit is not counted: each holds one video more than it works on.
    """
    parts = costs.parts(cores)
    serial = sum(parts.values())
    by_workers, by_driver = cores / (worker_s + serial), 1 / serial
    ranked = sorted(parts, key=parts.__getitem__, reverse=True)
    limits = [WORKERS, ranked[0]] if by_workers < by_driver else ranked[:2]
    return Capacity(DAY_S * min(by_workers, by_driver), *limits, (worker_s + serial) / serial)


def table(all_costs: Sequence[Costs], all_cores: Sequence[int], worker_s: float) -> str:
    """Markdown: a row a number of cores, videos a day by the size of the lake, and what limits at the largest."""
    sizes = [f"{costs.videos:,} in the lake" for costs in all_costs]
    heads = ["cores", *sizes, "limit at the largest", "next"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for cores in all_cores:
        found = [capacity(cores, worker_s, costs) for costs in all_costs]
        last = found[-1]
        following = last.next + (f", from {last.driver_full_at:,.0f} cores on" if last.limit == WORKERS else "")
        cells = [str(cores), *(f"{_round(each.videos_a_day):,}" for each in found), last.limit, following]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _round(value: float) -> int:
    """Two digits: no fit of this kind knows more."""
    return int(float(f"{value:.1e}"))
