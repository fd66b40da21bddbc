"""A name list with the structure of Celeb-DF v2's: three closed groups of identities, one apart, and YouTube's."""

from __future__ import annotations

from itertools import cycle, islice

A = [*range(14), 16, 17, *range(19, 36), 37, 38, 59, 60, 61]
B = list(range(39, 49))
C = list(range(49, 59))
COUNTS = ((A, 389, 4188), (B, 91, 723), (C, 100, 728), ([36], 10, 0))
YOUTUBE = 300


def celeb_names() -> list[str]:
    """Paths relative to the data set's directory: 590 + 300 real, 5,639 fake."""
    names = [f"YouTube-real/{n:05d}.mp4" for n in range(YOUTUBE)]
    for ids, real, fake in COUNTS:
        names += [
            f"Celeb-real/id{who}_{n // len(ids):04d}.mp4" for n, who in zip(range(real), cycle(ids), strict=False)
        ]
        # Neighbours first: with them alone all identities of a group hang together.
        steps = range(1, len(ids))
        swaps = (
            f"Celeb-synthesis/id{ids[i]}_id{ids[(i + step) % len(ids)]}_{clip:04d}.mp4"
            for clip in range(10)
            for step in steps
            for i in range(len(ids))
        )
        names += islice(swaps, fake)
    return names
