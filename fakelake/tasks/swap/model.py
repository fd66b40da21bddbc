"""A registered generator, ready for some of its parts to be swapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fakelake.models.generator.bundle import read_bundle
from fakelake.models.generator.naming import parts_called
from fakelake.models.generator.network import Generator


@dataclass(frozen=True, slots=True)
class SwapModel:
    """channels: of the parts that were asked for; margin: of the portraits that the generator learnt from."""

    generator: Generator
    channels: tuple[int, ...]
    margin: float


def load_model(directory: Path, parts: Sequence[str]) -> SwapModel:
    """Raises BundleUnfit, PartUnknown."""
    generator, bundle = read_bundle(directory)
    return SwapModel(generator, tuple(parts_called(bundle.parts, parts)), bundle.portrait_margin)
