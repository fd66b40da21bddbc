"""The paper's measures of parts, each on a case whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fakelake.models.generator.network import Generator
from fakelake.models.generator.probes import (
    centroids,
    flicker,
    foreground_iou,
    landmark_regression,
    leakage,
    locality,
    swap_probe,
)  # fmt: skip
from tests.models.generator.made import skin_generator
from tests.models.generator.small import SMALL, pictures, random_parts


def test_a_centroid_is_the_mean_place_under_the_mask():
    masks = random_parts(2, 3, side=5).masks
    across = torch.linspace(-1, 1, 5)
    for n in range(2):
        for k in range(3):
            wanted = [0.0, 0.0]
            for y in range(5):
                for x in range(5):
                    share = masks[n, k + 1, y, x] / masks[n, k + 1].sum()
                    wanted[0] += share * across[x]
                    wanted[1] += share * across[y]
            assert centroids(masks)[n, k].tolist() == pytest.approx([float(w) for w in wanted], abs=1e-5)


def test_landmarks_that_hang_on_the_parts_are_told_without_error_and_others_by_the_sum_of_theirs():
    rng = np.random.default_rng(0)
    centres = rng.uniform(-1, 1, (60, 3, 2))
    follows = centres[:, :2] * 0.5 + 0.1
    learn = np.arange(60) < 40
    assert landmark_regression(centres, follows, learn) == pytest.approx(0, abs=1e-6)
    moved = follows.copy()
    moved[~learn, 0, 0] += 0.2
    moved[~learn, 1, 1] -= 0.1
    assert landmark_regression(centres, moved, learn) == pytest.approx((0.2 + 0.1) * 255 / 2), "a sum, in px of 256"


def test_the_foreground_is_where_the_background_is_not_the_likeliest():
    masks = torch.zeros(1, 3, 1, 4)
    masks[0, 0] = torch.tensor([0.5, 0.4, 0.2, 0.9])
    masks[0, 1] = torch.tensor([0.3, 0.5, 0.1, 0.1])
    masks[0, 2] = 1 - masks[0, 0] - masks[0, 1]
    assert foreground_iou(masks, torch.tensor([[[False, True, False, True]]])) == pytest.approx(1 / 3)


def test_a_network_that_draws_from_its_maps_alone_is_caught():
    """It pays no heed to the source, so a grey one is as good."""
    deaf = Generator(SMALL).eval()
    deaf.draw = lambda source_parts, target_parts, source, target: Generator.draw(
        deaf, source_parts, target_parts, torch.full_like(source, 0.5), target
    )
    whole, alone = leakage(deaf, pictures(2), pictures(2, seed=1))
    assert whole == pytest.approx(alone)
    heeding = skin_generator()
    whole, alone = leakage(heeding, pictures(2), pictures(2, seed=1))
    assert whole != pytest.approx(alone)


def test_locality_is_the_share_of_change_inside_the_mask():
    before, mask = torch.zeros(1, 3, 2, 2), torch.tensor([[[[1.0, 0.4], [0.0, 0.0]]]])
    after = torch.tensor([[0.6, 0.1], [0.1, 0.0]]).expand(1, 3, 2, 2)
    assert locality(before, after, mask) == pytest.approx(0.6 / 0.8)


def test_a_change_that_stays_does_not_flicker_and_one_that_comes_and_goes_does():
    before = pictures(4)
    assert flicker(before, before + 0.3) == pytest.approx(0, abs=1e-6)
    blinking = before + torch.tensor([0, 0.3, 0, 0.3])[:, None, None, None]
    assert flicker(before, blinking) == pytest.approx(0.3, abs=1e-6)


def test_a_swap_of_skin_changes_the_skin_most_and_a_still_picture_does_not_flicker():
    generator = skin_generator()
    warm = torch.zeros(3, 3, 64, 64)
    warm[:, 0, 20:40, 20:40] = 0.9  # what `skin_generator` calls its first part
    other = warm[:1].roll(8, -1) + 0.05 * pictures(1)
    local, flickers = swap_probe(generator, other, warm, [1])
    assert local > 3 * (20 / 64) ** 2, "three times its share of the picture; a change also reaches its neighbours"
    assert flickers == pytest.approx(0, abs=1e-5), "three times the same picture"
