"""The frame network on the DFDC face crops: AUC on held-out originals, against the number of crops learnt from.

    python benchmarks/dfdc.py DIRECTORY [--crops 3180 12000] [--epochs 4] [--trunk mobilenet_v2] [--px 112]

DIRECTORY holds faces_224/*.jpg (one crop a video, 224 px) and metadata.csv (videoname, label, original), as the public
repository i-Shreyansh/DeepFake-Detection has them; DFDC's terms apply. The split is by `original`: every fake stays
with the footage that it was made of. That separates clips, not people: an actor may be on both sides.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from fakelake.models.detector.clips import Clip
from fakelake.models.detector.infer import score_clips
from fakelake.models.detector.metrics import figures
from fakelake.models.detector.network import TRUNKS, Detector, DetectorConfig, load_trunk
from fakelake.models.detector.recipes import TrainRecipe
from fakelake.models.detector.train import train
from fakelake.models.detector.validation import HeldOut
from fakelake.models.weights import resolve

TARGETS = {"cpu": 0.92, "cuda": 0.96}
TEST_SHARE, VAL_SHARE = 0.10, 0.02


@dataclass(frozen=True, slots=True)
class Crop:
    """One face of one video. label: 1 = fake; original: the footage that it shows."""

    path: Path
    label: int
    original: str


class Crops:
    """A `ClipSource` of clips of one frame. Each real crop's turn is one pair; its fake is drawn by the loop."""

    def __init__(self, crops: Sequence[Crop], px: int) -> None:
        self.crops, self.px = list(crops), px
        self.labels = [crop.label for crop in crops]

    def read(self, video: int, frames: int, rng: np.random.Generator) -> Clip:
        return Clip(picture(self.crops[video], self.px)[None], np.full((1, 5, 2), np.nan, np.float32))


def picture(crop: Crop, px: int) -> np.ndarray:
    """uint8 [px, px, 3] RGB."""
    image = cv2.imread(str(crop.path), cv2.IMREAD_COLOR_RGB)
    return cv2.resize(image, (px, px), interpolation=cv2.INTER_AREA)


def read_crops(directory: Path, seed: int) -> dict[str, list[Crop]]:
    """train, val, test by original, in an order drawn by `seed`."""
    by_original: dict[str, list[Crop]] = {}
    with (directory / "metadata.csv").open() as file:
        for row in csv.DictReader(file):
            path = directory / "faces_224" / f"{Path(row['videoname']).stem}.jpg"
            original = row["original"] if row["label"] == "FAKE" else row["videoname"]
            if path.exists():
                by_original.setdefault(original, []).append(Crop(path, int(row["label"] == "FAKE"), original))
    names = sorted(by_original)
    np.random.default_rng(seed).shuffle(names)
    test, val = round(TEST_SHARE * len(names)), round(VAL_SHARE * len(names))
    parts = {"test": names[:test], "val": names[test : test + val], "train": names[test + val :]}
    return {part: [crop for name in group for crop in by_original[name]] for part, group in parts.items()}


def balanced(crops: Sequence[Crop], number: int, seed: int) -> list[Crop]:
    """About `number` crops, as many real as fake, the fakes of the very footage of the reals where there are any."""
    rng = np.random.default_rng(seed)
    reals = [crop for crop in crops if not crop.label]
    fakes: dict[str, list[Crop]] = {}
    for crop in crops:
        if crop.label:
            fakes.setdefault(crop.original, []).append(crop)
    paired = [crop for crop in reals if crop.original in fakes] or reals
    rng.shuffle(paired)
    chosen = paired[: number // 2]
    per_real = max(1, (number - len(chosen)) // max(1, len(chosen)))
    drawn = []
    for crop in chosen:
        of = fakes.get(crop.original, [])
        drawn += [of[i] for i in rng.permutation(len(of))[:per_real]]
    return chosen + drawn


def learn(parts: dict[str, list[Crop]], crops: int, asked: argparse.Namespace) -> tuple[float, str]:
    """Train on so many crops. Returns the AUC on the test part, and a line of the report."""
    network = DetectorConfig(trunk=asked.trunk, temporal="mean", frames=1, px=asked.px, dropout=0.2)
    recipe = TrainRecipe(
        name="dfdc", network=network, learning_rate=asked.rate, weight_decay=1e-5, batch=asked.batch,
        epochs=asked.epochs, augment=asked.augment, warmup=0.1, seed=asked.seed,
        precision="bf16" if asked.device == "cuda" else "fp32",
    )  # fmt: skip
    learnt = balanced(parts["train"], crops, asked.seed)
    val = balanced(parts["val"], asked.judged, asked.seed)
    test = balanced(parts["test"], asked.judged, asked.seed)
    assert not {crop.original for crop in learnt} & {crop.original for crop in test}
    detector = Detector(network)
    load_trunk(detector, resolve(TRUNKS[asked.trunk][2]))
    held_out = HeldOut([picture(crop, asked.px)[None] for crop in val], [crop.label for crop in val])
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        train(
            detector, Crops(learnt, asked.px), held_out, recipe, 0.0, Path(directory), device=asked.device,
            workers=asked.workers, on_epoch=lambda e: print(
                f"  epoch {e.epoch + 1}: loss {e.loss:.3f}, validation AUC {e.val['auc']:.3f}, "
                f"{e.clips_per_s:.0f} crops/s, waited {e.wait_share:.1%}", flush=True
            ),
        )  # fmt: skip
    seconds = time.perf_counter() - start
    logits = []
    for at in range(0, len(test), 256):
        pictures = [picture(crop, asked.px)[None] for crop in test[at : at + 256]]
        logits += [score.logit for score in score_clips(detector, pictures)]
    p = 1 / (1 + np.exp(-np.array(logits)))
    report = figures(np.array([crop.label for crop in test]), p, [crop.original for crop in test])
    line = (
        f"| {len(learnt):,} | {asked.epochs} | {report.figures.auc.as_text()} | {report.figures.eer.as_text()} | "
        f"{len(test):,} | {seconds / 60:.1f} |"
    )
    return report.figures.auc.value or 0.0, line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--crops", type=int, nargs="+", default=[3_180, 12_000])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--trunk", default="mobilenet_v2", choices=TRUNKS)
    parser.add_argument("--px", type=int, default=112)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--augment", default="light")
    parser.add_argument("--judged", type=int, default=4_000, help="crops of the test part, and of validation, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    device = torch.cuda.get_device_name() if asked.device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{asked.trunk} at {asked.px} px, {device}, load {os.getloadavg()[0]:.1f}")
    parts = read_crops(asked.directory, asked.seed)
    print({name: len(crops) for name, crops in parts.items()})
    results = [learn(parts, crops, asked) for crops in asked.crops]
    print("\n| crops | epochs | AUC, 95 % over originals | EER | test crops | minutes |\n|---|---|---|---|---|---|")
    print(*(line for _, line in results), sep="\n")
    best, target = max(auc for auc, _ in results), TARGETS[asked.device]
    print(f"\n{'PASS' if best >= target else 'FAIL'}  AUC on held-out originals, at least {target}: {best:.3f}")
    return 0 if best >= target else 1


if __name__ == "__main__":
    sys.exit(main())
