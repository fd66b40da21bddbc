"""A generator's files are its settings, its weights and the names of its parts."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from fakelake.models.bundle import CONFIG, STATE, BundleUnfit
from fakelake.models.generator.bundle import GeneratorBundle, read_bundle, take_up, write_bundle
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.network import Generator
from fakelake.models.generator.recipes import GeneratorRecipe
from fakelake.models.weights import WeightsUnfit
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


def test_a_training_starts_from_another_generator_with_random_heads_where_the_parts_differ(tmp_path):
    generator, _ = written(tmp_path)
    other = Generator(dataclasses.replace(SMALL, parts=SMALL.parts + 2))
    left = take_up(other, tmp_path / STATE)
    assert left == sorted(f"segmentation.{head}.{kind}" for head in ("segment", "heat", "turn")
                          for kind in ("weight", "bias"))  # fmt: skip
    name = "reconstruction.encoder.0.0.weight"
    assert torch.equal(other.state_dict()[name], generator.state_dict()[name])


def test_a_file_that_is_no_generator_is_refused(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"no")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "b.pt")
    torch.save([1], tmp_path / "c.pt")
    for name in "abc":
        with pytest.raises(WeightsUnfit, match="generator"):
            take_up(Generator(SMALL), tmp_path / f"{name}.pt")
