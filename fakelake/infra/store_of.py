"""Which MLflow a lake uses, and where its trainings keep what they need to go on."""

from __future__ import annotations

import fcntl
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


def credentials_directory(lake: Lake) -> Path:
    """Where the self-made certificate lies that signs made videos."""
    return lake.location.path("_credentials") if lake.location.is_local else Path("credentials").absolute()


class TrainingBusy(Exception):
    """Another process is at the same training."""


@contextmanager
def held_alone(directory: Path) -> Iterator[None]:
    """The directory of a training, for one process at a time. Raises TrainingBusy."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingBusy(
                f"Another process is at this very training already (its checkpoints are in {directory}). Wait for it, "
                "or change a setting."
            ) from None
        yield


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
