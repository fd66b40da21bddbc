import itertools
import random

import numpy as np
import pytest

from fakelake.tasks.assign import assign

SHARES = (0.595, 0.105, 0.30)


def reached(counts, chosen, parts=3):
    """Videos [parts, 2]."""
    state = np.zeros((parts, 2))
    for group, part in zip(counts, chosen, strict=True):
        state[part] += group
    return state


def cost(counts, state):
    """Empty cells x 100 + squared deviation, of states [..., parts, 2], as the docstring of `assign` defines them."""
    there = np.sum(counts, axis=0) > 0
    off = state / np.maximum(np.sum(counts, axis=0), 1) - np.outer(SHARES, there)
    return 100 * ((state == 0) & there).sum(axis=(-2, -1)) + (off**2).sum(axis=(-2, -1))


@pytest.mark.parametrize("seed", range(8))
def test_few_groups_are_placed_as_well_as_by_trying_everything(seed):
    rng = random.Random(seed)
    counts = [(rng.randrange(40), rng.randrange(200)) for _ in range(9)]
    every = np.array(list(itertools.product(range(3), repeat=9)))
    states = np.stack([(every == part) @ np.array(counts) for part in range(3)], axis=1)
    best = cost(counts, states).min()
    assert cost(counts, reached(counts, assign(counts, SHARES))) <= best * 1.05 + 1e-6


def test_many_small_groups_reach_the_shares_beside_a_big_one():
    counts = [(300, 1000), *[(random.Random(n).randrange(4), n % 7) for n in range(2000)]]
    state = reached(counts, assign(counts, SHARES))
    assert np.abs(state / state.sum(axis=0) - np.array(SHARES)[:, None]).max() < 0.001


def test_no_part_is_left_without_fakes_when_there_is_one_for_each():
    counts = [(10, 900), (10, 60), (10, 40), *[(1, 0)] * 50]
    assert (reached(counts, assign(counts, SHARES)) > 0).all()


def test_one_group_goes_where_most_is_wanted():
    assert assign([(5, 5)], SHARES) == [0]
