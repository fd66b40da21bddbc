"""Splits that share no identity: whole connected components of the swap graph go to train, val or test.

Nodes are identities and videos. A video is tied to the identities it shows (a fake to two: its target and its
source), and to the videos it nearly duplicates. Whatever hangs together stays in one part.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from fakelake.tasks.assign import assign

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
# Raise this when a change of code moves videos to other parts under unchanged settings.
ALGORITHM = 1


class SplitError(ValueError):
    """A split cannot be made of these videos or with these settings. The message says what to change."""


class LeakageError(SplitError):
    """Two parts of a split share an identity or a pair of near-duplicates. Such a split measures memory, not skill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledVideo:
    """identities: name-spaced (`celebdf:id3`), empty where nobody knows who is in it."""

    video_id: str
    label: Literal["real", "fake"]
    identities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """Shares of the videos: `test` of all, then `val` of what remains for training."""

    test: float = 0.30
    val: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.test < 1 and 0 <= self.val < 1):
            raise SplitError(f"shares must lie between 0 and 1: test {self.test}, val {self.val} of the training part")

    @property
    def shares(self) -> dict[Part, float]:
        rest = 1 - self.test
        return {"train": rest * (1 - self.val), "val": rest * self.val, "test": self.test}


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Videos that must stay together. `name` is its first identity, or the video's id where there is none."""

    name: str
    videos: tuple[str, ...]
    identities: tuple[str, ...]
    real: int
    fake: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """part and group: by video_id; the group is the component's name (`splits.group_id`)."""

    split_id: str
    settings: SplitSettings
    components: tuple[Component, ...]
    part: Mapping[str, Part] = field(repr=False)
    group: Mapping[str, str] = field(repr=False)

    def rows(self) -> list[dict[str, str]]:
        return [
            {"split_id": self.split_id, "video_id": video, "part": part, "group_id": self.group[video]}
            for video, part in sorted(self.part.items())
        ]


def make_split(
    videos: Iterable[LabelledVideo],
    settings: SplitSettings | None = None,
    near_duplicates: Iterable[tuple[str, str]] = (),
) -> Split:
    """As near to the settings' shares, for real and for fake videos each, as whole components allow.

    near_duplicates: pairs of video_ids; pairs with a video that is not in `videos` are left out. Equal inputs give an
    equal split, in whatever order they come; `split_id` is their hash. Raises SplitError for no videos or a video_id
    given twice, LeakageError if the result were not disjoint.
    """
    settings = settings or SplitSettings()
    ordered = sorted(videos, key=lambda video: video.video_id)
    known = {video.video_id for video in ordered}
    if not ordered:
        raise SplitError("nothing to split: no video has the label real or fake. Import labels first.")
    if len(known) < len(ordered):
        raise SplitError("a video_id is given twice; give each video once, with all its identities")
    pairs = sorted({(min(a, b), max(a, b)) for a, b in near_duplicates if a in known and b in known and a != b})
    components = connected_components(ordered, pairs)
    chosen = assign([(c.real, c.fake) for c in components], list(settings.shares.values()), settings.seed)
    part = {video: PARTS[p] for c, p in zip(components, chosen, strict=True) for video in c.videos}
    assert_disjoint(ordered, part, pairs)
    return Split(
        split_id=_split_id(ordered, pairs, settings),
        settings=settings,
        components=components,
        part=part,
        group={video: c.name for c in components for video in c.videos},
    )


def connected_components(
    videos: Sequence[LabelledVideo], near_duplicates: Iterable[tuple[str, str]] = ()
) -> tuple[Component, ...]:
    """Largest first, then by name: an order that depends on the content alone."""
    forest = _Forest()
    for video in videos:
        forest.find(("video", video.video_id))
        for identity in video.identities:
            forest.join(("video", video.video_id), ("identity", identity))
    for a, b in near_duplicates:
        forest.join(("video", a), ("video", b))
    members: dict[tuple[str, str], list[LabelledVideo]] = defaultdict(list)
    for video in videos:
        members[forest.find(("video", video.video_id))].append(video)
    components = []
    for group in members.values():
        ids = tuple(sorted(video.video_id for video in group))
        identities = tuple(sorted({i for video in group for i in video.identities}, key=natural))
        fake = sum(video.label == "fake" for video in group)
        name = identities[0] if identities else f"video:{ids[0]}"
        components.append(Component(name=name, videos=ids, identities=identities, real=len(ids) - fake, fake=fake))
    return tuple(sorted(components, key=lambda c: (-len(c.videos), natural(c.name))))


def assert_disjoint(
    videos: Iterable[LabelledVideo], part: Mapping[str, str], near_duplicates: Iterable[tuple[str, str]] = ()
) -> None:
    """Raises LeakageError, with examples, if an identity or a pair of near-duplicates is in more than one part.

    part: of each video that the split uses; others are ignored. Works for any split, such as a data set's official one.
    """
    where: dict[str, set[str]] = defaultdict(set)
    for video in videos:
        if video.video_id in part:
            for identity in video.identities:
                where[identity].add(part[video.video_id])
    shared = sorted((i for i, parts in where.items() if len(parts) > 1), key=natural)
    torn = [(a, b) for a, b in near_duplicates if a in part and b in part and part[a] != part[b]]
    if shared or torn:
        parts = Counter(" and ".join(sorted(where[i])) for i in shared)
        told = "; ".join(f"{n} in {names}" for names, n in sorted(parts.items()))
        raise LeakageError(
            f"the parts share {len(shared)} of {len(where)} identities ({told or 'none'}; first: {shared[:5]}) and "
            f"tear {len(torn)} pairs of near-duplicates apart (first: {torn[:2]}). Make a new split of these videos."
        )


def natural(text: str) -> tuple[str | int, ...]:
    """Sort key with numbers by value: id2 before id10. Pieces alternate text, number, text, so keys compare."""
    return tuple(int(piece) if n % 2 else piece for n, piece in enumerate(re.split(r"(\d+)", text)))


def _split_id(videos: Sequence[LabelledVideo], pairs: Sequence[tuple[str, str]], settings: SplitSettings) -> str:
    content = {
        "algorithm": ALGORITHM,
        "settings": asdict(settings),
        "videos": [(video.video_id, video.label, sorted(video.identities)) for video in videos],
        "near_duplicates": pairs,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


class _Forest:
    """Disjoint sets with path halving."""

    def __init__(self) -> None:
        self.parent: dict[tuple[str, str], tuple[str, str]] = {}

    def find(self, node: tuple[str, str]) -> tuple[str, str]:
        parent = self.parent
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, a: tuple[str, str], b: tuple[str, str]) -> None:
        self.parent[self.find(a)] = self.find(b)
