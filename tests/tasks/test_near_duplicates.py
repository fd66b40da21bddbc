import itertools
import random

from fakelake.tasks.near_duplicates import near_duplicates


def flip(text, bits, rng):
    """The hash with `bits` bits of each 64 turned."""
    words = []
    for at in range(0, len(text), 16):
        word = int(text[at : at + 16], 16)
        for bit in rng.sample(range(64), bits):
            word ^= 1 << bit
        words.append(f"{word:016x}")
    return "".join(words)


def bits_apart(a, b):
    n = min(len(a), len(b)) // 16
    return (int(a[: 16 * n], 16) ^ int(b[: 16 * n], 16)).bit_count() / n


def test_a_hash_within_the_bits_is_found_and_one_beyond_is_not():
    rng = random.Random(0)
    one = f"{rng.getrandbits(256):064x}"
    hashes = {"one": one, "near": flip(one, 4, rng), "far": flip(one, 5, rng)}
    assert near_duplicates(hashes, 4) == {("near", "one"): 4.0}


def test_every_pair_that_comparing_all_finds_is_found():
    rng = random.Random(1)
    hashes = {}
    for n in range(60):
        one = f"{rng.getrandbits(256):064x}"[: 16 * rng.randrange(1, 5)]
        hashes |= {f"{n} original": one, f"{n} copy": flip(one, rng.randrange(10), rng)}
    for bits in (0, 3, 4.5, 8):
        pairs = itertools.combinations(sorted(hashes), 2)
        apart = {(a, b): bits_apart(hashes[a], hashes[b]) for a, b in pairs}
        expected = {pair: found for pair, found in apart.items() if found <= bits}
        assert near_duplicates(hashes, bits) == expected
        assert expected


def test_a_shorter_video_is_compared_over_the_samples_it_has():
    rng = random.Random(2)
    one = f"{rng.getrandbits(256):064x}"
    assert near_duplicates({"whole": one, "start": one[:16]}) == {("start", "whole"): 0.0}


def test_videos_without_a_hash_are_nobodys_duplicates():
    assert near_duplicates({"a": "", "b": "", "c": None}) == {}
