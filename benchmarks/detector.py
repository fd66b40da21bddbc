"""The detector's speed and memory, each claim beside its peer in one run.

    python benchmarks/detector.py LAKE [score|precision|training|memory ...] [--trunk resnext50] [--videos 12]

LAKE holds crops (fakelake ingest). Weights are random: speed does not depend on them.

score      clips/s from the lake's row groups to logits, beside the bare forward of the same clips from memory
precision  bf16 beside plain fp32 eager, with the greatest difference of p; on hardware that multiplies bf16 only
training   share of a training's time that waits for input, batches of 4 clips of 20 frames
memory     peak memory of the report's training batch, 4 clips of 20 frames, in a process of its own
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from verdict import Verdict, at_least, at_most

from fakelake.catalog.lake import Lake
from fakelake.models.checkpoint import give_memory_back
from fakelake.models.detector.infer import best_precision, score_clips
from fakelake.models.detector.network import Detector, DetectorConfig
from fakelake.models.detector.recipes import best, paper
from fakelake.models.detector.train import train
from fakelake.models.detector.validation import HeldOut
from fakelake.tasks.face_tracks import CropReader
from fakelake.tasks.score_task import score_track
from fakelake.tasks.training_set import VideoClips, VideoInfo, most_used_recipe, video_clips

PARTS = ("score", "precision", "training", "memory")
ROUNDS = 3
BATCHES = (16, 32, 64, 128)  # frames through the trunk at once


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake")
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--trunk", default="resnext50")
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    device = torch.cuda.get_device_name() if asked.device == "cuda" else f"{torch.get_num_threads()} threads of a CPU"
    print(f"{asked.trunk} on {device}, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    clips = source(Lake.open(asked.lake), asked.videos)
    verdicts: list[Verdict] = []
    for part in asked.parts:
        print(f"\n== {part} == (load {os.getloadavg()[0]:.1f})", flush=True)
        verdicts += {"score": measure_score, "precision": measure_precision, "training": measure_training,
                     "memory": measure_memory}[part](clips, asked.trunk, asked.device)  # fmt: skip
    print("\n", *(f"{verdict}\n" for verdict in verdicts), sep="")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def source(lake: Lake, videos: int) -> VideoClips:
    """Real clips; every second one is called fake, for speed has no use for truth."""
    ids = sorted(set(lake.read("videos", ["video_id"]).column(0).to_pylist()))
    recipe = most_used_recipe(lake, ids)
    infos = [VideoInfo(video_id, n % 2, "benchmark", video_id) for n, video_id in enumerate(ids)]
    found = video_clips(lake, infos, recipe, 112)
    found.videos, found.tracks, found.labels = found.videos[:videos], found.tracks[:videos], found.labels[:videos]
    return found


def network(trunk: str, device: str, frames: int = 20) -> Detector:
    torch.manual_seed(0)
    detector = Detector(DetectorConfig(trunk=trunk, frames=frames)).eval()
    return detector.to(device, memory_format=torch.channels_last)


def measure_score(clips: VideoClips, trunk: str, device: str) -> list[Verdict]:
    """Both sides take turns; the best of each counts."""
    detector, precision = network(trunk, device), best_precision(device)
    tracks = [track for of_video in clips.tracks for track in of_video if len(track) >= 20]
    windows = [(track, window) for track in tracks for window in track.windows(20)]
    held = [clips.reader.read(track, window, 112) for track, window in windows]
    rates = {}
    for size in BATCHES:
        rates[size] = max(len(held[:8]) / timed(score_clips, detector, held[:8], batch=size, precision=precision)
                          for _ in range(2))  # fmt: skip
    size = max(rates, key=rates.get)
    print("clips/s by batch: " + ", ".join(f"{size} frames {rate:.2f}" for size, rate in rates.items()))
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(len(held) / timed(score_clips, detector, held, batch=size, precision=precision))
        reader = CropReader(Lake(clips.reader.location))
        ours.append(len(held) / timed(lambda: [score_track(detector, reader, t, device) for t in tracks]))  # noqa: B023
    print(f"{len(held)} clips of 20 frames: bare forward {max(bare):.2f} clips/s, from the lake {max(ours):.2f}")
    return [at_least("scoring beside the bare forward", max(ours) / max(bare), 0.9)]


def measure_precision(clips: VideoClips, trunk: str, device: str) -> list[Verdict]:
    """Equal verdicts: p may differ by .02 at most."""
    if best_precision(device) == "fp32":
        print("this hardware does not multiply bf16: not measured")
        return []
    detector = network(trunk, device)
    rng = np.random.default_rng(0)
    held = [clips.read(n % len(clips), 20, rng).frames for n in range(16)]
    plain, fast, p = [], [], {}
    for _ in range(ROUNDS):
        plain.append(timed(lambda: p.update(fp32=score_clips(detector, held, precision="fp32"))))
        fast.append(timed(lambda: p.update(bf16=score_clips(detector, held, precision="bf16"))))
    apart = max(abs(sigmoid(a.logit) - sigmoid(b.logit)) for a, b in zip(p["fp32"], p["bf16"], strict=True))
    return [
        at_least("bf16 beside fp32", min(plain) / min(fast), 2.0),
        at_most("greatest difference of p in bf16", apart, 0.02, ""),
    ]


def measure_training(clips: VideoClips, trunk: str, device: str) -> list[Verdict]:
    """A few batches of each recipe; what waits for input is measured by the loop itself."""
    verdicts = []
    for recipe, blended in ((paper(), 0.0), (best(), 0.5)):
        recipe = recipe.changed({"trunk": trunk, "weights": "scratch", "epochs": 1, "batch": 4, "clips_per_video": 1})
        held_out = HeldOut([clips.read(n, 20, np.random.default_rng(0)).frames for n in (0, 1)], [0, 1])
        with tempfile.TemporaryDirectory() as directory:
            workers = 0 if device == "cpu" else 8
            (epoch,) = train(
                Detector(recipe.network), clips, held_out, recipe, blended, Path(directory), device=device,
                workers=workers,
            ).history  # fmt: skip
        print(f"{recipe.name}: {epoch.clips_per_s:.2f} clips/s")
        verdicts.append(at_most(f"input wait of recipe {recipe.name}", 100 * epoch.wait_share, 5.0, " %"))
    return verdicts


def measure_memory(clips: VideoClips, trunk: str, device: str) -> list[Verdict]:
    """In a process of its own, so that nothing else counts."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        gib = pool.apply(_training_memory, (trunk, device))
    return [at_most("peak memory of a training batch of 4 x 20 frames", gib, 4.0, " GiB")]


def _training_memory(trunk: str, device: str) -> float:
    give_memory_back()  # as the training loop does
    detector = Detector(DetectorConfig(trunk=trunk)).to(device, memory_format=torch.channels_last).train()
    libraries = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    optimizer = torch.optim.Adam(detector.parameters(), fused=True)
    batch = torch.randint(0, 256, (4, 20, 3, 112, 112), dtype=torch.uint8, device=device)
    mask, labels = torch.ones(4, 20, dtype=torch.bool, device=device), torch.tensor([0, 1, 0, 1], device=device)
    for _ in range(2):
        torch.nn.functional.cross_entropy(detector(batch, mask), labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{peak:.2f} GiB, of which libraries and network {libraries:.2f}")
    return peak


def timed(function, *arguments, **settings) -> float:
    start = time.perf_counter()
    function(*arguments, **settings)
    return time.perf_counter() - start


def sigmoid(logit: float) -> float:
    return 1 / (1 + np.exp(-logit))


if __name__ == "__main__":
    sys.exit(main())
