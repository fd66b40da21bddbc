"""Frames a second: fakelake's ingest beside the plain loop, and beside decoding alone, on the same files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import av
from ingest_run import IngestRun, ingest, warm_up
from mosaics import Mosaic, make_mosaics
from plain_loop import LoopRun, PlainLoop
from recall import CLASSES, Recall, recall
from verdict import Verdict, at_least

from fakelake.catalog.recipe import Recipe, archive
from fakelake.infra.ray_pool import RayPool
from fakelake.tasks.prepare import resolve_detector

SIZES = ((1280, 720), (1920, 1080))
LAYOUTS = ("crowd", "talk")
THREADS = 2  # of the loop; as many workers of one thread on our side
RECALL_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run the ingest; least: frames/s that it should reach, times the peer's (None: shown only)."""

    name: str
    recipe: Recipe
    least: float | None = None


# The loop makes no portraits, so neither do we.
_WHOLE = Recipe(name="benchmark", portrait_px=0)
_EVERY_8TH = replace(_WHOLE, detect_every=8, search_every=4)
LOOP_SETTINGS = (
    Setting("every frame searched whole", _WHOLE),
    Setting("every frame looked at, each 15th searched", replace(_WHOLE, search_every=15), 2.5),
    Setting("each 8th frame searched", replace(_WHOLE, detect_every=8)),
    Setting("each 8th frame looked at, each 32nd searched", _EVERY_8TH, 4.0),
)
DECODE_SETTINGS = (
    Setting("each 8th looked at, each 32nd searched; all crops", _EVERY_8TH),
    Setting(
        "the same; crops of 32 in 300 frames",
        replace(archive(), detect_every=8, search_every=4, portrait_px=0),
        0.5,
    ),
    Setting("archive recipe, portraits too", archive()),
)
HEAD = f"{'':46}{'frames/s':>9}{'ratio':>7}  {'  '.join(f'{c:>6}' for c in CLASSES)}  over 48  false   IoU"


def measure_loop(directory: Path, files: int, frames: int, rounds: int) -> list[Verdict]:
    """Per size and layout, in turns: the loop and each of our settings. The best of a side's rounds counts."""
    verdicts = []
    for layout, size in product(LAYOUTS, SIZES):
        mosaics = make_mosaics(directory, layout, size, files, frames)
        verdicts += _against_loop(mosaics, f"{layout} {size[1]}p", rounds)
    return verdicts


def _against_loop(mosaics: Sequence[Mosaic], title: str, rounds: int) -> list[Verdict]:
    paths, known = [m.path for m in mosaics], [m.faces for m in mosaics]
    loop, loops, runs = PlainLoop(THREADS), [], {s.name: [] for s in LOOP_SETTINGS}
    for _ in range(rounds):
        loops.append(loop.run(paths))
        for setting in LOOP_SETTINGS:
            runs[setting.name].append(_ours(paths, setting.recipe))
    base = max(run.fps for run in loops)
    of_loop = recall(known, loops[0].boxes)
    print(f"\n{title}: {len(paths)} files, {loops[0].frames} frames, {known[0].shape[1]} faces a frame")
    print(f"{HEAD}   all rounds, frames/s")
    print(_line("plain loop", base, 1.0, of_loop, loops))
    verdicts = []
    for setting in LOOP_SETTINGS:
        best = max(runs[setting.name], key=lambda run: run.fps)
        found, ratio = recall(known, best.boxes), best.fps / base
        print(_line(setting.name, best.fps, ratio, found, runs[setting.name]))
        print(f"{'':48}core ms a frame: {_stages(best)}", flush=True)
        if setting.least:
            verdicts.append(at_least(f"{title}, {setting.name}: frames/s over the loop's", ratio, setting.least))
            claim = f"{title}, {setting.name}: recall over 48 px within {RECALL_SLACK:.0%} of the loop's"
            words = f"{found.over_48:.4f} against {of_loop.over_48:.4f}"
            verdicts.append(Verdict(claim, words, found.over_48 >= of_loop.over_48 - RECALL_SLACK))
    return verdicts


def _ours(paths: list[Path], recipe: Recipe) -> IngestRun:
    recipe = recipe.with_weights(resolve_detector(recipe.detector))
    warm_up(paths, recipe)
    return ingest(paths, recipe)


def _line(name: str, fps: float, ratio: float, found: Recall, runs: Sequence[IngestRun | LoopRun]) -> str:
    shares = "  ".join(f"{share:6.3f}" for share in found.share)
    figures = f"{shares}  {found.over_48:7.4f}  {found.false / found.frames:5.2f}  {found.iou:.2f}"
    return f"{name:46}{fps:9.1f}{ratio:6.2f}x  {figures}   {' '.join(f'{run.fps:.1f}' for run in runs)}"


def _stages(run: IngestRun) -> str:
    return ", ".join(f"{stage} {1000 * seconds / run.frames:.2f}" for stage, seconds in run.stages.items())


def measure_decode(directory: Path, files: int, frames: int, rounds: int) -> list[Verdict]:
    """Per size and layout, in turns on the same two workers: decoding alone, and ingests that detect now and then."""
    verdicts = []
    for layout, size in product(LAYOUTS, SIZES):
        paths = [m.path for m in make_mosaics(directory, layout, size, files, frames)]
        verdicts += _against_decoding(paths, f"{layout} {size[1]}p", rounds)
    return verdicts


def _against_decoding(paths: list[Path], title: str, rounds: int) -> list[Verdict]:
    decoded, runs = [], {s.name: [] for s in DECODE_SETTINGS}
    _spread(decode_only, paths)  # workers import PyAV
    for _ in range(rounds):
        decoded.append(_spread(decode_only, paths))
        for setting in DECODE_SETTINGS:
            runs[setting.name].append(_ours(paths, setting.recipe))
    alone = max(decoded)
    print(f"\n{title}: decoding alone {alone:.1f} frames/s ({' '.join(f'{fps:.1f}' for fps in decoded)})")
    verdicts = []
    for setting in DECODE_SETTINGS:
        best = max(runs[setting.name], key=lambda run: run.fps)
        share, all_rounds = best.fps / alone, " ".join(f"{run.fps:.1f}" for run in runs[setting.name])
        print(f"{setting.name:52}{best.fps:8.1f} frames/s {share:5.2f}x   {all_rounds}; core ms: {_stages(best)}")
        if setting.least:
            verdicts.append(at_least(f"{title}, {setting.name}: rate of decoding alone", share, setting.least))
    return verdicts


def _spread(function: Callable[[str], int], paths: Sequence[Path]) -> float:
    """Frames a second of `function` on each path, over all workers."""
    pool, frames = RayPool(cpus_per_task=1), 0
    start = time.perf_counter()
    for path in paths:
        pool.submit(path, function, str(path), deadline_s=600)
    while len(pool):
        for done in pool.wait():
            if done.error:
                raise done.error
            frames += done.value
    seconds = time.perf_counter() - start
    pool.close()
    return frames / seconds


def decode_only(path: str) -> int:
    """Frames of a file, decoded by one thread and thrown away."""
    with av.open(path) as container:
        container.streams.video[0].thread_count = 1
        return sum(1 for _ in container.decode(video=0))
