"""Detectors of known judgement, made in milliseconds, and plans to judge them on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fakelake.catalog.lake import Lake
from fakelake.models.bundle import CONFIG, STATE
from fakelake.models.detector.bundle import BundleConfig
from fakelake.models.detector.network import Detector, DetectorConfig
from fakelake.tasks.evaluate import Windows
from fakelake.tasks.judge import Judged, judge
from fakelake.tasks.training_plan import TrainingPlan, make_recipe, plan_training
from tests.tasks.lake_of_faces import PX, RECIPE

NETWORK = DetectorConfig(trunk="mobilenet_v2", temporal="mean", frames=6, px=PX, dropout=0.0)
PLAIN = make_recipe("light", {"weights": "scratch", "temporal": "mean", "frames": 6, "px": PX, "dropout": 0.0})


def undecided(network: DetectorConfig = NETWORK) -> Detector:
    """Says the same of everything: AUC .5."""
    torch.manual_seed(0)
    detector = Detector(network)
    with torch.no_grad():
        detector.head.weight.zero_()
        detector.head.bias.zero_()
    return detector.eval()


def opinionated() -> Detector:
    """Says something else of every picture, and nothing sensible.

    Random weights alone say the same of all: the normalisation first has to see some pictures.
    """
    torch.manual_seed(0)
    detector = Detector(NETWORK).train()
    for part in detector.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    with torch.no_grad():
        detector.features(torch.randint(0, 256, (32, 3, PX, PX)))
    return detector.eval()


def bundle_of(directory: Path, detector: Detector, *, margin: float = RECIPE.crop_margin, split_id: str = "") -> Path:
    """The files that `read_bundle` reads; the exported copy is left out, as tracing it takes seconds."""
    config = BundleConfig(
        network=detector.config, recipe_id=RECIPE.recipe_id, crop_margin=margin, trained={"split_id": split_id}
    )  # fmt: skip
    directory.mkdir(parents=True)
    (directory / CONFIG).write_text(config.to_json())
    torch.save(detector.state_dict(), directory / STATE)
    return directory


def plan_of(lake: Lake, split: str | None = None, **changes: object) -> TrainingPlan:
    return plan_training(lake, PLAIN.changed(changes), split=split)


def judged_as(judged: Judged, logits_of) -> Judged:
    """The same clips as judged by someone else: logits_of(label) -> logit."""
    labels = judged.labels
    logits = np.array([logits_of(labels[video]) for video in judged.windows.video_ids], float)
    windows = judged.windows
    return replace(judged, windows=Windows(windows.video_ids, windows.track_ids, logits, windows.frames))


def all_knowing(plan: TrainingPlan) -> Judged:
    """What a detector without a fault would say of the test part."""
    return judged_as(judge(undecided(), plan.parts["test"], blended=False), lambda label: 4.0 if label else -4.0)
