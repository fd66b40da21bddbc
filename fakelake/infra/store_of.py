"""Which MLflow a lake uses, and where its trainings keep what they need to go on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def place_for_models(lake: Lake, settings: Settings) -> Iterator[Path]:
    """A directory beside the lake's own store for a model that is in use; those of killed processes are removed."""
    place = work_directory(lake, settings).parent / "loaded"
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        if not _alive(left.name.partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f"{os.getpid()}-") as directory:
        yield Path(directory)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _own(lake: Lake) -> Path:
    return lake.location.path("_mlflow") if lake.location.is_local else Path("mlflow").absolute()
