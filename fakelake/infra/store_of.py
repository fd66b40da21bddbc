"""Which MLflow a lake uses, and where its trainings keep what they need to go on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from fakelake.catalog.lake import Lake
from fakelake.infra.held_alone import held_alone
from fakelake.infra.model_store import ModelStore
from fakelake.infra.settings import Settings


def store_of(lake: Lake, settings: Settings) -> ModelStore:
    """The store that is set, else one in the lake itself or, for a lake on S3, in the working directory."""
    return ModelStore(settings.mlflow or str(_own(lake)))


def work_directory(lake: Lake, settings: Settings) -> Path:
    """Where checkpoints of trainings under way lie."""
    return _own(lake) / "training"


def training_alone(directory: Path) -> AbstractContextManager[None]:
    """The directory of a training, for one process at a time. Raises HeldByAnother."""
    return held_alone(
        directory,
        f"Another process is at this very training already (its checkpoints are in {directory}). Wait for it, or "
        "change a setting.",
    )


def credentials_directory(lake: Lake) -> Path:
    """Where the self-made certificate lies that signs made videos."""
    return lake.location.path("_credentials") if lake.location.is_local else Path("credentials").absolute()


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
