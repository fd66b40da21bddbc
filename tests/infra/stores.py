"""MLflow stores of a test's own, quickly: making the tables of one takes many seconds, copying them none."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from fakelake.infra.model_store import ModelStore

DATABASE = "mlflow.db"


def new_store(directory: Path) -> ModelStore:
    """An empty store in a directory, as `ModelStore(directory)` makes it."""
    if not (directory / DATABASE).exists():
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(_empty() / DATABASE, directory / DATABASE)
    return ModelStore(str(directory))


def files(directory: Path, text: str = "weights") -> Path:
    """What stands in for a model's files."""
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(text)
    return directory


@cache
def _empty() -> Path:
    directory = Path(mkdtemp(prefix="fakelake-tests-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    ModelStore(str(directory))
    return directory
