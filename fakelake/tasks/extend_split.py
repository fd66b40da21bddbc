"""A split that takes new people in and leaves its test part as it was, so that models before and after compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from fakelake.tasks.assign import assign
from fakelake.tasks.split import (
    PARTS,
    LabelledVideo,
    Part,
    Split,
    SplitSettings,
    assert_disjoint,
    connected_components,
)  # fmt: skip

FIRST_KEPT: tuple[Part, ...] = ("test", "val", "train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """left_out: videos that tie people of two parts together, which nobody may learn from while the test is frozen."""

    split: Split
    parent: str
    new: tuple[str, ...]
    left_out: tuple[str, ...]

    def rows(self) -> list[dict[str, str]]:
        return [{**row, "extends": self.parent} for row in self.split.rows()]


def extend_split(
    videos: Iterable[LabelledVideo], before: Mapping[str, str], parent: str, settings: SplitSettings | None = None,
    near_duplicates: Iterable[tuple[str, str]] = (),
) -> Extended:  # fmt: skip
    """Old videos keep their parts; whole components of new people are divided by the settings' shares.

    videos: all that are labelled today; before: video_id -> part of the split `parent`
    New footage of known people joins their part. Where it ties people of two parts together, the tied people stay
    only in the first of test, val and train, and the rest of them is left out. Equal inputs give an equal split.
    Raises LeakageError if the result were not disjoint.
    """
    settings = settings or SplitSettings()
    ordered = sorted(videos, key=lambda video: video.video_id)
    known = {video.video_id for video in ordered}
    pairs = sorted({(min(a, b), max(a, b)) for a, b in near_duplicates if a in known and b in known and a != b})
    components = connected_components(ordered, pairs)
    part: dict[str, Part] = {}
    left_out: list[str] = []
    unknown = []
    for component in components:
        stands = {before[video] for video in component.videos if video in before}
        if not stands:
            unknown.append(component)
            continue
        kept = next(name for name in FIRST_KEPT if name in stands)
        stay = [video for video in component.videos if len(stands) == 1 or before.get(video) == kept]
        part |= dict.fromkeys(stay, kept)
        left_out += [video for video in component.videos if video not in part]
    chosen = (
        assign([(c.real, c.fake) for c in unknown], list(settings.shares.values()), settings.seed) if unknown else []
    )
    part |= {video: PARTS[n] for c, n in zip(unknown, chosen, strict=True) for video in c.videos}
    assert_disjoint(ordered, part, pairs)
    group = {video: c.name for c in components for video in c.videos if video in part}
    content = {
        "parent": parent,
        "settings": asdict(settings),
        "part": sorted(part.items()),
        "group": sorted(group.items()),
    }
    split_id = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:16]
    split = Split(split_id=split_id, settings=settings, components=components, part=part, group=group)
    return Extended(split=split, parent=parent, new=tuple(v for v in part if v not in before), left_out=tuple(left_out))
