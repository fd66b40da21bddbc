"""Pairs of one clip, everyone as often, the same at every call."""

import numpy as np
import pytest
import torch

from fakelake.models.generator.pairs import FramePairs, PairAugmentation, batches
from fakelake.models.generator.sprites import PARTS, Sprites


@pytest.fixture
def sprites():
    return Sprites(figures=5, poses=4, px=64)


def test_an_epoch_has_everyone_as_often(sprites, monkeypatch):
    seen = []
    clip = sprites.clip
    monkeypatch.setattr(sprites, "clip", lambda person, rng: seen.append(person) or clip(person, rng))
    pairs = FramePairs(sprites, 64, repeats=3, augment=None, seed=0)
    for i in range(len(pairs)):
        pairs[0, i]
    assert len(pairs) == 15 and sorted(seen) == sorted(list(range(5)) * 3)
    assert sorted(seen[:5]) == list(range(5)), "nobody comes again before all have come"


def test_a_pair_is_the_same_at_every_call_and_another_in_every_epoch(sprites):
    pairs = FramePairs(sprites, 64, repeats=2, augment=PairAugmentation(), seed=0)
    assert torch.equal(pairs[1, 3], pairs[1, 3])
    assert not torch.equal(pairs[1, 3], pairs[2, 3])


def test_both_pictures_are_treated_alike():
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.integers(0, 256, (3, 16, 16), dtype=np.uint8))
    for _ in range(20):
        first, second = PairAugmentation()(torch.stack([picture, picture]), rng)
        assert torch.equal(first, second)


def test_time_is_turned_or_the_mirror_held_up_never_both():
    pair = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
    still = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
    rng = np.random.default_rng(0)
    assert torch.equal(PairAugmentation(time=1, mirror=1, **still)(pair, rng), pair.flip(0))
    assert torch.equal(PairAugmentation(time=0, mirror=1, **still)(pair, rng), pair.flip(3))
    assert torch.equal(PairAugmentation(time=0, mirror=0, **still)(pair, rng), pair)


def test_batches_go_on_from_a_step(sprites):
    pairs = FramePairs(sprites, 64, repeats=2, augment=None, seed=0)
    whole = list(batches(pairs, 4, 0, 0, 0))
    assert [len(batch) for batch in whole] == [4, 4, 2]
    assert torch.equal(next(iter(batches(pairs, 4, 0, 2, 0))), whole[2])


def test_sprites_show_all_their_parts_where_the_labels_say(sprites):
    for frame in range(4):
        picture, labels = sprites.drawn(1, frame)
        assert picture.shape == (64, 64, 3) and set(np.unique(labels)) == set(range(len(PARTS) + 1))
        for number in range(1, len(PARTS) + 1):
            inside = picture[labels == number].astype(int)
            colour = sprites.figures[1].colours[number - 1]
            assert np.median(np.abs(inside - colour).max(1)) < 10
    a, b = (sprites.drawn(1, frame)[1] for frame in (0, 1))
    assert (a != b).mean() > 0.05, "they move"
