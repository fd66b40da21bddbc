"""Which MLflow a lake uses, and where its trainings keep what they need to go on."""

from __future__ import annotations

from pathlib import Path

from fakelake.catalog.lake import Lake
from fakelake.infra.model_store import ModelStore
from fakelake.infra.settings import Settings


def store_of(lake: Lake, settings: Settings) -> ModelStore:
    """The store that is set, else one in the lake itself or, for a lake on S3, in the working directory."""
    return ModelStore(settings.mlflow or str(_own(lake)))


def work_directory(lake: Lake, settings: Settings) -> Path:
    """Where checkpoints of trainings under way lie."""
    return _own(lake) / "training"


def _own(lake: Lake) -> Path:
    return lake.location.path("_mlflow") if lake.location.is_local else Path("mlflow").absolute()
