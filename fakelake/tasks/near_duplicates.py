"""Pairs of videos whose perceptual hashes nearly agree: one footage, re-encoded, resized or swapped a little."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

# Mean differing bits of 64 a sample. Re-encoded at CRF 32 or 40, or at half the size, 19 talking-head clips stayed at
# or below 4; among 37 clips the nearest two of different footage, of one studio, were 5.3 apart.
BITS = 4.0


def near_duplicates(hashes: Mapping[str, str], bits: float = BITS) -> dict[tuple[str, str], float]:
    """(video_id, video_id) -> differing bits of 64, on the mean of the samples that both have, where at most `bits`.

    The first of a pair is the smaller id.
    hashes: video_id -> 16 hex digits a sample (`videos.phash`); empty ones have no duplicates. Exact, without comparing
    all pairs: a mean of at most b bits means a sample with at most b, so one of its b+1 pieces is equal.
    """
    ids = sorted(video for video, text in hashes.items() if len(text or "") >= 16)
    samples = max((len(hashes[video]) // 16 for video in ids), default=0)
    words = np.zeros((len(ids), samples), np.uint64)
    there = np.zeros((len(ids), samples), bool)
    for row, video in enumerate(ids):
        for at in range(len(hashes[video]) // 16):
            words[row, at] = int(hashes[video][16 * at : 16 * at + 16], 16)
            there[row, at] = True
    found: dict[tuple[int, int], float] = {}
    edges = np.linspace(0, 64, int(bits) + 2).astype(int)
    for sample in range(samples):
        for low, high in itertools.pairwise(edges):
            mask = np.uint64(((1 << int(high - low)) - 1) << int(low))
            buckets: dict[int, list[int]] = defaultdict(list)
            for row in np.flatnonzero(there[:, sample]):
                buckets[int(words[row, sample] & mask)].append(int(row))
            for rows in buckets.values():
                if len(rows) > 1:
                    found |= _near(np.array(rows), words, there, bits)
    return {(ids[a], ids[b]): found[a, b] for a, b in sorted(found)}


def _near(rows: np.ndarray, words: np.ndarray, there: np.ndarray, bits: float) -> dict[tuple[int, int], float]:
    pairs: dict[tuple[int, int], float] = {}
    for at, row in enumerate(rows[:-1]):
        others = rows[at + 1 :]
        both = there[others] & there[row]
        differing = (np.bitwise_count(words[others] ^ words[row]) * both).sum(axis=1) / np.maximum(1, both.sum(axis=1))
        near = both.any(axis=1) & (differing <= bits)
        pairs |= {(int(row), int(o)): float(d) for o, d in zip(others[near], differing[near], strict=True)}
    return pairs
