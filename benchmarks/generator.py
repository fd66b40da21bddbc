"""The generator's speed, memory and parts, each claim beside its peer in one run.

    python benchmarks/generator.py [swap|training|sprites ...] [--seeds 3] [--epochs 30]

swap      seconds a frame of a part swap at 256 px, ten parts, beside the published networks in plain fp32 eager: a
          source and a target through all of it for every frame; and how far the pictures are apart
training  a training step beside the sum of its bare forwards and backwards
sprites   IoU of parts on articulated figures that nobody saw, over seeds, beside clusters of their optical flow
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import torch
from sprites_run import flow_clusters_iou, trained_iou
from verdict import Verdict, at_least, at_most

from fakelake.models.generator.blocks import resize
from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.equivariance import Transform
from fakelake.models.generator.motion import flow, visibility
from fakelake.models.generator.network import Generator
from fakelake.models.generator.objective import losses
from fakelake.models.generator.perceptual import PerceptualLoss
from fakelake.models.generator.reconstruction import warp
from fakelake.models.generator.swap import Swapper

PARTS = ("swap", "training", "sprites")
CHANNELS = (1, 2, 3)
ROUNDS = 3
BATCH = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    device = torch.cuda.get_device_name() if asked.device == "cuda" else f"{torch.get_num_threads()} threads of a CPU"
    print(f"{device}, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    verdicts: list[Verdict] = []
    for part in asked.parts:
        print(f"\n== {part} == (load {os.getloadavg()[0]:.1f})", flush=True)
        if part == "sprites":
            verdicts += measure_sprites(asked.seeds, asked.epochs)
        else:
            verdicts += {"swap": measure_swap, "training": measure_training}[part](asked.device)
    print("\n", *(f"{verdict}\n" for verdict in verdicts), sep="")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def network(device: str) -> Generator:
    """The published one, its batch norms as after some training."""
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(parts=10, px=256))
    generator.train()
    with torch.no_grad():
        for _ in range(3):
            generator(*faces(2, 256))
    return generator.eval().to(device)


def faces(pictures: int, px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two smooth batches of pictures; speed and rounding have no use for people."""
    noise = torch.rand(2, pictures, 3, 8, 8)
    both = torch.nn.functional.interpolate(noise.flatten(0, 1), (px, px), mode="bicubic").clamp(0, 1)
    return both[:pictures], both[pictures:]


@torch.no_grad()
def plain(generator: Generator, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """One frame as published: both pictures through both modules."""
    parts, wanted = generator.segmentation(source), generator.segmentation(target)
    moved = flow(parts, wanted)
    mask = wanted.masks[:, list(CHANNELS)].sum(1, keepdim=True)
    own, theirs = generator.reconstruction.encode(target), generator.reconstruction.encode(source)
    here = resize(mask, own.shape[-2:])
    return generator.reconstruction.decode(own * (1 - here) + warp(theirs, moved, visibility(parts, wanted)) * here)


def measure_swap(device: str) -> list[Verdict]:
    """Both sides take turns; the best of each counts."""
    generator = network(device)
    (source, _), (targets, _) = faces(1, 256), faces(BATCH, 256)
    source, targets = source.to(device), targets.to(device)
    verdicts = []
    for precision, ratio, shade in (("fp32", 1.6, 2.0), ("bf16", 3.0, 4.0)):
        swapper = Swapper(generator, source, CHANNELS, precision=precision)
        slow, fast = [], []
        for _ in range(ROUNDS):
            slow.append(timed(device, lambda: [plain(generator, source, one[None]) for one in targets]) / BATCH)
            fast.append(timed(device, lambda: swapper.swap(targets)) / BATCH)  # noqa: B023
        wanted = torch.cat([plain(generator, source, one[None]) for one in targets])
        apart = 255 * (swapper.swap(targets).picture.float() - wanted).abs()
        print(f"{precision}: plain {min(slow):.3f} s a frame, swapper {min(fast):.3f} s; largest {apart.max():.2f}/255")
        told = apart.max() if precision == "fp32" else torch.quantile(apart.flatten()[::7], 0.999)
        what = "largest difference" if precision == "fp32" else "99.9th percentile of the difference"
        verdicts += [
            at_least(f"a swapped frame in {precision} beside plain fp32", min(slow) / min(fast), ratio),
            at_most(f"{what} in {precision}", float(told), shade, "/255"),
        ]
    return verdicts


def measure_training(device: str) -> list[Verdict]:
    """Of a step at 128 px and a half of the channels, compared by an untrained MobileNetV2."""
    config = GeneratorConfig(parts=10, px=128, seg_base=16, rec_base=32)
    torch.manual_seed(0)
    generator = Generator(config).to(device, memory_format=torch.channels_last).train()
    perceptual = PerceptualLoss("mobilenet_v2", weights="scratch").to(device)
    source, target = (each.to(device) for each in faces(4, 128))

    def step() -> None:
        losses(generator, perceptual, source, target, Transform.random(4, device))[0].total.backward()

    def bare() -> None:
        """Each network once, with a loss that costs nothing: masks of 12 pictures, drawings and features of 4."""
        features = generator.segmentation.features(generator.segmentation.shrink(torch.cat([source, target, target])))
        heads = (generator.segmentation.segment, generator.segmentation.heat, generator.segmentation.turn)
        sum(head(features).mean() for head in heads).backward()
        made = generator.reconstruction.decode(generator.reconstruction.encode(source))
        made.mean().backward()
        picture = target.clone().requires_grad_()
        seen = [
            perceptual.features(shrink(picture))
            for shrink in perceptual.scales
            if min(shrink(picture).shape[-2:]) >= 16
        ]
        sum(each.mean() for scale in seen for each in scale).backward()
        with torch.no_grad():
            for shrink in perceptual.scales[: len(seen)]:
                perceptual.features(shrink(target))

    whole, parts = [], []
    for _ in range(ROUNDS + 1):
        whole.append(timed(device, step))
        parts.append(timed(device, bare))
    print(f"step {min(whole):.2f} s, bare {min(parts):.2f} s")
    return [at_most("a training step beside its bare forwards and backwards", min(whole) / min(parts), 1.3, "x")]


def measure_sprites(seeds: int, epochs: int) -> list[Verdict]:
    """The same held-out figures for both."""
    ours, theirs = [], []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as directory:
            ours.append(trained_iou(seed, epochs, Path(directory)))
        theirs.append(flow_clusters_iou(seed))
        print(f"seed {seed}: parts {ours[-1]:.3f}, clusters of flow {theirs[-1]:.3f}", flush=True)
    print(f"mean over {seeds} seeds: parts {statistics.mean(ours):.3f}, clusters {statistics.mean(theirs):.3f}")
    return [at_least("mean part IoU on held-out sprites", statistics.mean(ours), 0.8, "")]


def timed(device: str, function) -> float:
    start = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    cv2.setNumThreads(1)
    sys.exit(main())
