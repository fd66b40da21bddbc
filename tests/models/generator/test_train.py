"""Training draws better, finds parts better, goes on where it stopped, and refuses what it must."""

import dataclasses

import numpy as np
import pytest
import torch

from fakelake.models.checkpoint import OtherTraining, TrainingDiverged
from fakelake.models.generator.measures import HeldOutPairs, part_iou, ssim
from fakelake.models.generator.network import Generator
from fakelake.models.generator.objective import by_place
from fakelake.models.generator.pairs import FramePairs
from fakelake.models.generator.recipes import GeneratorRecipe
from fakelake.models.generator.sprites import Sprites
from fakelake.models.generator.train import train
from tests.models.generator.small import SMALL, pictures, random_parts

RECIPE = GeneratorRecipe(
    name="test", network=SMALL, perceptual="pixels", perceptual_weights="scratch", init="scratch", batch=4, epochs=2,
    repeats=2, jitter=False, learning_rate=1e-3,
)  # fmt: skip


@pytest.fixture(scope="module")
def sprites():
    return Sprites(figures=6, poses=6, px=64)


def held_out(figures=3):
    other = FramePairs(Sprites(figures, poses=6, px=64, seed=9), 64, repeats=1, augment=None, seed=0)
    return HeldOutPairs(torch.stack([other[0, i] for i in range(len(other))]))


def run(directory, sprites, recipe=RECIPE, **more):
    torch.manual_seed(0)
    generator = Generator(recipe.network)
    return generator, train(generator, sprites, held_out(), recipe, directory, **more)


def test_a_generator_learns_to_draw_what_it_never_saw(tmp_path, sprites):
    _, progress = run(tmp_path, sprites, dataclasses.replace(RECIPE, epochs=12, repeats=4))
    first, last = progress.history[0], progress.history[-1]
    assert last.val["l1"] < 0.8 * first.val["l1"]
    assert last.losses["reconstruction"] < first.losses["reconstruction"]
    assert {"ssim", "foreground", "false_foreground", "shift", "affine", "l1_still"} <= set(last.val)


def test_training_finds_the_parts_of_figures_that_it_never_saw(tmp_path):
    """How far it gets in hours is told by benchmarks/generator.py."""
    unseen = Sprites(figures=12, poses=1, px=64, seed=9)
    shown, labels = zip(*(unseen.drawn(figure, 0) for figure in range(12)), strict=True)
    shown = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 255
    recipe = dataclasses.replace(
        RECIPE, network=dataclasses.replace(SMALL, parts=4), init="warmup", epochs=2, repeats=8, learning_rate=2e-3,
        hold=1.0,
    )  # fmt: skip

    def iou(generator):
        with torch.no_grad():
            return part_iou(generator.eval().segmentation(shown).masks, torch.from_numpy(np.stack(labels)))

    torch.manual_seed(0)
    before = iou(Generator(recipe.network))
    generator, _ = run(tmp_path, Sprites(figures=24, poses=8, px=64), recipe)
    assert iou(generator) > 1.4 * before


def test_a_training_that_was_stopped_goes_on_to_the_same_end(tmp_path, sprites):
    whole, _ = run(tmp_path / "whole", sprites)

    class Stopped(Exception):
        pass

    def stop(epoch, generator):
        raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path / "parts", sprites, on_epoch=stop)
    again, progress = run(tmp_path / "parts", sprites)
    assert [epoch.epoch for epoch in progress.history] == [0, 1]
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, sprites):
    run(tmp_path, sprites, dataclasses.replace(RECIPE, epochs=1))
    with pytest.raises(OtherTraining, match="other settings"):
        run(tmp_path, sprites, dataclasses.replace(RECIPE, epochs=1, learning_rate=1e-4))


def test_a_loss_that_is_no_number_stops_with_what_to_do(tmp_path, sprites):
    torch.manual_seed(0)
    generator = Generator(SMALL)
    with torch.no_grad():
        generator.reconstruction.decoder[-1].bias.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="learning_rate"):
        train(generator, sprites, held_out(), RECIPE, tmp_path)


def test_a_warm_up_comes_first_and_is_driven_by_places(tmp_path, sprites):
    _, progress = run(tmp_path, sprites, dataclasses.replace(RECIPE, init="warmup", warmup_epochs=1, epochs=1))
    assert [epoch.warmup for epoch in progress.history] == [True, False]
    parts = by_place(random_parts(1, 3))
    assert torch.allclose(parts.masks.sum(1), torch.ones(1, 64, 64), atol=1e-5)
    for k in range(3):
        x, y = ((parts.place[0, k] + 1) / 2 * 63).round().int().tolist()
        assert parts.masks[0, :, y, x].argmax() > 0, "where a part is, it stands before the background"


def test_held_masks_stay_around_the_places_of_their_parts(tmp_path, sprites):
    """Let go so early, they soon call everything background."""
    epochs = dataclasses.replace(RECIPE, init="warmup", warmup_epochs=3, epochs=3)
    apart = {}
    for hold in (0.0, 20.0):
        generator, progress = run(tmp_path / str(hold), sprites, dataclasses.replace(epochs, hold=hold))
        assert [epoch.losses["masks"] > 0 for epoch in progress.history] == [True] * 3 + [hold > 0] * 3
        with torch.no_grad():
            found = generator.train().segmentation(held_out().pairs[:, 0].float() / 255)
        apart[hold] = float((found.masks - by_place(found).masks).abs().mean())
    assert apart[20.0] < 0.9 * apart[0.0]


def test_structural_similarity_is_one_of_a_picture_with_itself_only():
    a, b = pictures(2), pictures(2, seed=1)
    assert torch.allclose(ssim(a, a), torch.ones(2), atol=1e-5)
    assert ssim(a, b).max() < 0.2
    constant = torch.full((1, 3, 32, 32), 0.5)
    darker = torch.full((1, 3, 32, 32), 0.25)
    wanted = (2 * 0.5 * 0.25 + 1e-4) / (0.25 + 0.0625 + 1e-4)  # only the luminance differs
    assert ssim(constant, darker).item() == pytest.approx(wanted, abs=1e-4)


def test_part_iou_fits_each_part_with_the_one_that_is_most_like_it():
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    labels[0, :4, :4], labels[0, 4:, 4:] = 1, 2
    found = torch.zeros(1, 4, 8, 8)
    found[0, 3][labels[0] == 1] = 1  # part 1 under another number
    found[0, 1, 4:, 4:6] = 1  # half of part 2
    found[0, 0] = 1 - found[0, 1:].sum(0)
    assert part_iou(found, labels) == pytest.approx((1 + 0.5) / 2)


def test_sprites_read_at_another_size(sprites):
    assert sprites.read(0, [0, 1], 32).shape == (2, 32, 32, 3)
    assert sprites.read(0, [0], 64).dtype == np.uint8
