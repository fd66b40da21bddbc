"""A trained generator as a directory: its settings, its state dict, the names of its parts, a card for people."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from fakelake.models.bundle import CARD, CONFIG, STATE, reading
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.network import Generator
from fakelake.models.generator.recipes import GeneratorRecipe
from fakelake.models.weights import WeightsUnfit


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratorBundle:
    """recipe: with which it was trained, its network included; parts: their names.

    portrait_margin: added to a face's box on each side, as a share of its longer side, for the window of a portrait
    recipe_id: of the portraits; split_id: of which it saw the train part; trained: more of the training's record
    """

    recipe: GeneratorRecipe
    parts: tuple[PartName, ...]
    portrait_margin: float
    recipe_id: str
    split_id: str
    trained: dict

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> GeneratorBundle:
        values = json.loads(text)
        values["recipe"] = GeneratorRecipe.from_json(json.dumps(values["recipe"]))
        values["parts"] = tuple(PartName(**{**part, "covers": tuple(part["covers"])}) for part in values["parts"])
        return cls(**values)


def write_bundle(directory: Path, generator: Generator, bundle: GeneratorBundle, card: str) -> None:
    """Write all files."""
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in generator.state_dict().items()}
    torch.save(state, directory / STATE)
    (directory / CONFIG).write_text(bundle.to_json())
    (directory / CARD).write_text(card)


def read_bundle(directory: Path) -> tuple[Generator, GeneratorBundle]:
    """The model on the CPU, ready to draw. Raises BundleUnfit."""
    with reading(directory):
        bundle = GeneratorBundle.from_json((directory / CONFIG).read_text())
        generator = Generator(bundle.recipe.network)
        generator.load_state_dict(torch.load(directory / STATE, map_location="cpu", weights_only=True))
    return generator.eval(), bundle


def take_up(generator: Generator, path: Path) -> list[str]:
    """Start from a state dict (`weights.pt` of a bundle): all tensors of equal name and shape; returns the others.

    So a generator of ten parts starts from one of five: its heads are random, all else is learnt. Raises WeightsUnfit.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        own = generator.state_dict()
        fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    except (OSError, RuntimeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsUnfit(f"{path} is no state dict of a generator: {str(error).splitlines()[0]}") from None
    if not fitting:
        raise WeightsUnfit(f"{path} holds nothing that a generator of these settings has. Give its weights.pt.")
    generator.load_state_dict(fitting, strict=False)
    return sorted(own.keys() - fitting.keys())
