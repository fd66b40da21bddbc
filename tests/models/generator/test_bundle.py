"""A generator's files are its settings, its weights and the names of its parts."""

from __future__ import annotations

import json

import pytest
import torch

from fakelake.models.bundle import CONFIG, STATE, BundleUnfit
from fakelake.models.generator.bundle import GeneratorBundle, read_bundle, write_bundle
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.network import Generator
from fakelake.models.generator.recipes import GeneratorRecipe
from tests.models.generator.small import SMALL


def written(directory):
    torch.manual_seed(0)
    generator = Generator(SMALL).to(memory_format=torch.channels_last).eval()
    bundle = GeneratorBundle(
        recipe=GeneratorRecipe(name="light", network=SMALL), parts=(PartName(1, "jaw", 0.7, ("jaw", "mouth")),),
        portrait_margin=0.5, recipe_id="r" * 16, split_id="s", trained={"people": 3},
    )  # fmt: skip
    write_bundle(directory, generator, bundle, "A card.")
    return generator, bundle


def test_what_is_read_draws_what_was_written_and_knows_its_parts(tmp_path):
    generator, bundle = written(tmp_path)
    again, known = read_bundle(tmp_path)
    pictures = torch.rand(2, 3, SMALL.px, SMALL.px, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(again(*pictures[:, None]).picture, generator(*pictures[:, None]).picture)
    assert known == bundle and not again.training


def test_damage_is_told_with_the_remedy(tmp_path):
    written(tmp_path)
    (tmp_path / STATE).write_bytes(b"half")
    with pytest.raises(BundleUnfit, match="Train or register it again"):
        read_bundle(tmp_path)
    written(tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    config["recipe"]["network"]["parts"] += 1
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(BundleUnfit, match="cannot be read"):
        read_bundle(tmp_path)
    (tmp_path / STATE).unlink()
    with pytest.raises(BundleUnfit, match=r"has no weights\.pt"):
        read_bundle(tmp_path)
