"""What the directories of both models' bundles share."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG, STATE, CARD = "config.json", "weights.pt", "card.md"


class BundleUnfit(Exception):
    """A model's files are missing, damaged or do not fit one another; the text says which."""


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """What goes wrong while a bundle is read, as BundleUnfit."""
    try:
        yield
    except FileNotFoundError as error:
        raise BundleUnfit(f"The model in {directory} has no {Path(error.filename).name}.") from None
    except (OSError, RuntimeError, TypeError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BundleUnfit(f"The model in {directory} cannot be read: {first}. Train or register it again.") from None
