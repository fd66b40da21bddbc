"""Frames a second: fakelake's ingest beside the plain loop, and beside decoding alone, on the same files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import av
from ingest_run import IngestRun, ingest, warm_up
from mosaics import Mosaic, make_mosaics
from plain_loop import PlainLoop
from recall import CLASSES, Recall, recall
from verdict import Verdict, at_least

from fakelake.catalog.recipe import Recipe, archive
from fakelake.infra.ray_pool import RayPool
from fakelake.tasks.prepare import resolve_detector

SIZES = ((1280, 720), (1920, 1080))
LAYOUTS = ("crowd", "talk")
THREADS = 2  # of the loop; as many workers of one thread on our side
EVERY_N = 8
RECALL_SLACK = 0.01

# The loop makes no portraits, so neither do we.
_BASE = Recipe(name="benchmark", portrait_px=0)
SETTINGS = {
    "a  every frame searched whole": _BASE,
    f"b  every frame looked at, searched every {EVERY_N}th": replace(_BASE, search_every=EVERY_N),
    f"c  every {EVERY_N}th frame, tracked between": replace(_BASE, detect_every=EVERY_N),
    f"c  every {EVERY_N}th frame at 512 px": replace(_BASE, detect_every=EVERY_N, detect_px=512),
}
TARGETS = {"b": 2.5, "c": 4.0}
HEAD = f"{'':44}{'frames/s':>9}{'ratio':>7}   recall {'  '.join(f'{c:>6}' for c in CLASSES)}   over 48  false  IoU"


def measure_loop(directory: Path, files: int, frames: int) -> list[Verdict]:
    """Per size and layout: the loop, our settings, the loop again; ratios to the mean of the loop's two runs."""
    verdicts = []
    for size in SIZES:
        for layout in LAYOUTS:
            verdicts += _compare(make_mosaics(directory, layout, size, files, frames), f"{layout} {size[1]}p")
    return verdicts


def _compare(mosaics: Sequence[Mosaic], title: str) -> list[Verdict]:
    paths, known = [m.path for m in mosaics], [m.faces for m in mosaics]
    loop = PlainLoop(THREADS)
    first = loop.run(paths)
    runs = {name: _ours(paths, recipe) for name, recipe in SETTINGS.items()}
    again = loop.run(paths)
    seconds = (first.seconds + again.seconds) / 2
    base, of_loop = first.frames / seconds, recall(known, first.boxes)
    print(f"\n{title}: {len(paths)} files, {first.frames} frames, {known[0].shape[1]} faces a frame")
    print(HEAD)
    print(_line("plain loop", base, 1.0, of_loop) + f"   (runs {first.fps:.1f}, {again.fps:.1f})")
    verdicts = []
    for name, run in runs.items():
        found = recall(known, run.boxes)
        print(_line(name, run.fps, run.fps / base, found) + f"   core ms a frame: {_stages(run)}", flush=True)
        if least := TARGETS.get(name[0]):
            verdicts.append(at_least(f"{title}, {name[3:]}: frames/s of the loop's", run.fps / base, least))
            missing = of_loop.over_48 - found.over_48
            claim = f"{title}, {name[3:]}: recall over 48 px within {RECALL_SLACK:.0%} of the loop's"
            words = f"{found.over_48:.4f} against {of_loop.over_48:.4f}"
            verdicts.append(Verdict(claim, words, missing <= RECALL_SLACK))
    return verdicts


def _ours(paths: list[Path], recipe: Recipe) -> IngestRun:
    recipe = recipe.with_weights(resolve_detector(recipe.detector))
    warm_up(paths, recipe)
    return ingest(paths, recipe)


def _line(name: str, fps: float, ratio: float, found: Recall) -> str:
    shares = "  ".join(f"{share:6.3f}" for share in found.share)
    return (
        f"{name:44}{fps:9.1f}{ratio:6.2f}x          {shares}   {found.over_48:7.4f}"
        f"  {found.false / found.frames:5.2f}  {found.iou:.2f}"
    )


def _stages(run: IngestRun) -> str:
    return ", ".join(f"{stage} {1000 * seconds / run.frames:.2f}" for stage, seconds in run.stages.items())


def measure_decode(directory: Path, files: int, frames: int) -> list[Verdict]:
    """Per size: decoding alone and the ingest with detection every n frames, on the same two workers."""
    verdicts = []
    for size in SIZES:
        for layout in LAYOUTS:
            mosaics = make_mosaics(directory, layout, size, files, frames)
            verdicts += _against_decoding([m.path for m in mosaics], f"{layout} {size[1]}p")
    return verdicts


def _against_decoding(paths: list[Path], title: str) -> list[Verdict]:
    recipes = {
        f"every {EVERY_N}th frame, crops of all": replace(_BASE, detect_every=EVERY_N),
        f"every {EVERY_N}th frame, crops of the archive's windows": replace(
            archive(), detect_every=EVERY_N, portrait_px=0
        ),
        "archive recipe as it is": archive(),
    }
    _spread(decode_only, paths)  # workers import PyAV
    before = _spread(decode_only, paths)
    runs = {name: _ours(paths, recipe) for name, recipe in recipes.items()}
    after = _spread(decode_only, paths)
    alone = (before + after) / 2
    print(f"\n{title}: decoding alone {alone:.1f} frames/s (runs {before:.1f}, {after:.1f})")
    verdicts = []
    for name, run in runs.items():
        share = run.fps / alone
        print(f"  {name:50}{run.fps:8.1f} frames/s, {share:.2f} of it; core ms a frame: {_stages(run)}", flush=True)
        if name.startswith("every"):
            verdicts.append(at_least(f"{title}, {name}: rate of decoding alone", share, 0.5))
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
