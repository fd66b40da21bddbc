"""Training recipes side by side on one lake and one split: paper against best, the LSTM against the mean of frames.

    python benchmarks/recipes.py LAKE [--seeds 0 1 2] [--set trunk=mobilenet_v2 --set epochs=5 ...]

Figures are of the test part's people; where that part has no fake they are of self-blended images, and speak of those
only.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from fakelake.catalog.lake import Lake
from fakelake.flows.model_commands import parse_settings
from fakelake.models.detector.metrics import Figure
from fakelake.tasks.evaluate import over_seeds
from fakelake.tasks.train_detector import examine, first_weights, train_on
from fakelake.tasks.training_plan import make_recipe, plan_training

SEEDS_FOR_A_MEAN = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one training."""

    auc: Figure
    log_loss: Figure
    epochs: int
    minutes: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake")
    parser.add_argument("--recipes", nargs="+", default=["paper", "best"])
    parser.add_argument("--temporal", nargs="+", default=["lstm", "mean"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", action="append", default=[], dest="changes", help="for all of them: epochs=5")
    parser.add_argument("--split")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    device = torch.cuda.get_device_name() if asked.device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{device}, load {os.getloadavg()[0]:.1f}, settings for all: {' '.join(asked.changes) or 'none'}\n")
    print("| recipe | time | seeds | video AUC, 95 % over people | log loss | epochs | minutes |")
    print("|---|---|---|---|---|---|---|")
    for recipe, temporal in itertools.product(asked.recipes, asked.temporal):
        found = [learn(asked, recipe, temporal, seed) for seed in asked.seeds]
        if len(found) >= SEEDS_FOR_A_MEAN:
            auc, loss = (over_seeds([getattr(each, name) for each in found]) for name in ("auc", "log_loss"))
        else:
            auc, loss = found[0].auc, found[0].log_loss
        minutes = sum(each.minutes for each in found)
        epochs = ", ".join(str(each.epochs) for each in found)
        print(
            f"| {recipe} | {temporal} | {len(found)} | {auc.as_text()} | {loss.as_text()} | {epochs} | {minutes:.1f} |",
            flush=True,
        )
    return 0


def learn(asked: argparse.Namespace, name: str, temporal: str, seed: int) -> Outcome:
    """Train and judge once. Recipe `paper` knows no blends; where the lake has no fake it gets them, as it must."""
    lake = Lake.open(asked.lake)
    changes = {**parse_settings(asked.changes), "temporal": temporal, "seed": seed}
    if name == "paper":
        changes.setdefault("blended", None)
    plan = plan_training(lake, make_recipe(name, changes), split=asked.split)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        detector, progress = train_on(
            plan, Path(directory), first_weights(plan.recipe), device=asked.device, workers=0,
            on_epoch=lambda e: print(f"  {name} {temporal} {seed}: epoch {e.epoch + 1} {e.loss:.3f} {e.val}",
                                     file=sys.stderr, flush=True),
        )  # fmt: skip
    found = examine(detector, plan, lake, "benchmark", robustness=False)
    if found.report is None:
        raise SystemExit("; ".join(found.remarks))
    figures = found.report.video.figures
    minutes = (time.perf_counter() - start) / 60
    return Outcome(figures.auc, figures.log_loss, len(progress.history), minutes)


if __name__ == "__main__":
    sys.exit(main())
