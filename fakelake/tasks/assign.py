"""Puts indivisible groups of real and fake videos into parts, as near to the wanted shares as they allow.

Groups of equal counts are interchangeable, so the search runs over kinds of groups: the few largest are tried in every
combination, the others fill up, and moves and exchanges improve the whole until none helps.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np

LARGEST = 8  # groups tried in every combination: 3^8 = 6561
CANDIDATES = 6  # of those, how many are filled up and improved
EXCHANGE_KINDS = 128  # exchanges cost kinds^2
STEPS = 400  # of improvement; each is the best there is, so a few dozen are usual
EMPTY = 10.0  # the cost of a part without any real, or any fake: above every deviation, which is below 2 a label


def assign(counts: Sequence[tuple[int, int]], shares: Sequence[float], seed: int = 0) -> list[int]:
    """The part of each group.

    counts: (real, fake) videos of each group. shares: wanted share of each part, summing to 1. Minimises first the
    number of (part, label) cells left empty, then the sum over parts and labels of the squared difference between
    reached and wanted share. Deterministic; `seed` chooses among groups of equal counts.
    """
    kinds, kind_of = np.unique(np.asarray(counts, np.int64).reshape(-1, 2), axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)
    number = np.bincount(kind_of, minlength=len(kinds))
    cost = _Cost(kinds, number, np.asarray(shares, float))
    best = min((_improve(x, kinds, cost) for x in _starts(kinds, number, cost)), key=lambda found: found[0])[1]

    rng = random.Random(seed)
    chosen = [0] * len(counts)
    for kind, row in enumerate(best):
        members = np.flatnonzero(kind_of == kind).tolist()
        rng.shuffle(members)
        parts = itertools.chain.from_iterable(itertools.repeat(part, n) for part, n in enumerate(row.tolist()))
        for group, part in zip(members, parts, strict=True):
            chosen[group] = part
    return chosen


class _Cost:
    """Cost of states [..., parts, 2]: videos per part and label. A label or a part that is not wanted costs nothing."""

    def __init__(self, kinds: np.ndarray, number: np.ndarray, shares: np.ndarray) -> None:
        self.total = (kinds * number[:, None]).sum(axis=0)  # [2]
        self.shares = shares  # [parts]
        self.wanted = np.outer(shares, self.total)  # [parts, 2]

    def __call__(self, state: np.ndarray) -> np.ndarray:
        off = state / np.maximum(self.total, 1) - self.shares[:, None] * (self.total > 0)
        empty = (state <= 0) & (self.wanted > 0)
        # Rounded, so that sums in another order break no tie another way.
        return np.round((off**2).sum(axis=(-2, -1)) + EMPTY * empty.sum(axis=(-2, -1)), 12)


def _starts(kinds: np.ndarray, number: np.ndarray, cost: _Cost) -> list[np.ndarray]:
    """Whole assignments [kinds, parts] to improve: the best combinations of the largest groups, filled up."""
    weight = (kinds / np.maximum(cost.total, 1)).max(axis=1)
    order = np.argsort(-weight, kind="stable")
    largest = [kind for kind in order for _ in range(min(int(number[kind]), LARGEST))][:LARGEST]
    parts = len(cost.shares)
    combinations = np.array(list(itertools.product(range(parts), repeat=len(largest))))
    states = np.zeros((len(combinations), parts, 2))
    for group, kind in enumerate(largest):
        states[np.arange(len(combinations)), combinations[:, group]] += kinds[kind]
    # The rest as if it were sand, shared out in proportion to what each part lacks.
    lacking = np.maximum(cost.wanted - states, 0)
    rest = cost.total - states.sum(axis=1)
    sand = lacking * (rest / np.maximum(lacking.sum(axis=1), 1e-9))[:, None, :]
    starts = []
    for row in np.argsort(cost(states + sand), kind="stable")[:CANDIDATES]:
        x = np.zeros((len(kinds), parts), np.int64)
        for part, kind in zip(combinations[row], largest, strict=True):
            x[kind, part] += 1
        starts.append(_fill(x, kinds, number, order, cost))
    return starts


def _fill(x: np.ndarray, kinds: np.ndarray, number: np.ndarray, order: np.ndarray, cost: _Cost) -> np.ndarray:
    state = (x.T @ kinds).astype(float)
    one_more = np.eye(len(cost.shares))[:, :, None]
    for kind in order:
        left = int(number[kind] - x[kind].sum())
        while left:
            batch = max(1, left // 16)
            added = batch * kinds[kind]
            part = int(np.argmin(cost(state + one_more * added)))
            x[kind, part] += batch
            state[part] += added
            left -= batch
    return x


def _improve(x: np.ndarray, kinds: np.ndarray, cost: _Cost) -> tuple[float, np.ndarray]:
    state = (x.T @ kinds).astype(float)
    now = float(cost(state))
    for _ in range(STEPS):
        best = min(_best_move(x, kinds, state, cost), _best_exchange(x, kinds, state, cost), key=lambda found: found[0])
        if best[0] >= now:
            break
        now = best[0]
        for kind, source, target, n in best[1]:
            x[kind, source] -= n
            x[kind, target] += n
        state = (x.T @ kinds).astype(float)
    return now, x


Change = tuple[float, list[tuple[int, int, int, int]]]  # cost after it; (kind, from part, to part, groups) of each move


def _best_move(x: np.ndarray, kinds: np.ndarray, state: np.ndarray, cost: _Cost) -> Change:
    best: Change = (np.inf, [])
    for source, target in itertools.permutations(range(x.shape[1]), 2):
        n = 1
        while (able := np.flatnonzero(x[:, source] >= n)).size:
            moved = np.repeat(state[None], able.size, axis=0)
            moved[:, source] -= n * kinds[able]
            moved[:, target] += n * kinds[able]
            after = cost(moved)
            at = int(np.argmin(after))
            if after[at] < best[0]:
                best = (float(after[at]), [(int(able[at]), source, target, n)])
            n *= 2
    return best


def _best_exchange(x: np.ndarray, kinds: np.ndarray, state: np.ndarray, cost: _Cost) -> Change:
    best: Change = (np.inf, [])
    for a, b in itertools.combinations(range(x.shape[1]), 2):
        from_a, from_b = (np.flatnonzero(x[:, part] > 0)[:EXCHANGE_KINDS] for part in (a, b))
        if not (from_a.size and from_b.size):
            continue
        gain = kinds[from_b][None, :] - kinds[from_a][:, None]  # what part a wins, [from_a, from_b, 2]
        swapped = np.broadcast_to(state, (*gain.shape[:2], *state.shape)).copy()
        swapped[:, :, a] += gain
        swapped[:, :, b] -= gain
        after = cost(swapped)
        i, j = np.unravel_index(int(np.argmin(after)), after.shape)
        if after[i, j] < best[0]:
            best = (float(after[i, j]), [(int(from_a[i]), a, b, 1), (int(from_b[j]), b, a, 1)])
    return best
