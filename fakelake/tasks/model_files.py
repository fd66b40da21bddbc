"""A trained model's files: written after a training, read by whoever scores or explains."""

from __future__ import annotations

import json
from pathlib import Path

from fakelake.models.detector.bundle import BundleConfig, read_bundle, write_bundle
from fakelake.models.detector.network import Detector
from fakelake.tasks.training_plan import TrainingPlan


def write_model(directory: Path, detector: Detector, plan: TrainingPlan, card: str) -> float:
    """Write the bundle; returns the largest difference of a logit to the exported model. Raises BundleUnfit."""
    config = BundleConfig(
        network=plan.recipe.network, recipe_id=plan.recipe_id, crop_margin=plan.margin,
        trained={"recipe": json.loads(plan.recipe.to_json()), "split_id": plan.split_id, "blended": plan.blended},
    )  # fmt: skip
    return write_bundle(directory, detector, config, card)


def read_model(directory: Path) -> tuple[Detector, BundleConfig]:
    """The model on the CPU, ready to score. Raises BundleUnfit."""
    return read_bundle(directory)
