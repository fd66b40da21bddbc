"""Swaps that are made for training only: rows and crops without a video, known by what they were made of.

They are unmarked, so they never leave the lake as a file; nothing scores them and no split is made of them. In each
part of a split they serve with the videos that they were made of, there and in splits that extend it, and in no other:
the generator that drew them has seen the train part of this one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from urllib.parse import parse_qsl, urlencode

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import lineage

DATASET = "training-swaps"
SCHEME = "made:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What one of them was made of; all of it is in its address, whose hash is its video_id.

    target, source: video_ids; source is "" for a control: the target, encoded again like its swap, with nothing swapped
    split: the split_id within one part of which both are; model: e.g. generator@3; parts: what was swapped
    number: of the swap among those of its split and model
    """

    target: str
    source: str
    split: str
    model: str
    parts: str
    number: int

    @property
    def uri(self) -> str:
        return f"{SCHEME}swap?{urlencode(asdict(self))}"

    @property
    def video_id(self) -> str:
        return hashlib.sha256(self.uri.encode()).hexdigest()

    @property
    def control(self) -> bool:
        return not self.source

    @property
    def title(self) -> str:
        """For people."""
        of = self.target[:8]
        return f"{of} encoded again" if self.control else f"{self.source[:8]} into {of} ({self.parts})"

    @classmethod
    def of_uri(cls, uri: str) -> Origin:
        """Raises ValueError."""
        values = dict(parse_qsl(uri.partition("?")[2], keep_blank_values=True))
        if not uri.startswith(SCHEME) or set(values) != {field.name for field in fields(cls)}:
            raise ValueError(f"{uri} is no address of a training swap")
        return cls(**{**values, "number": int(values["number"])})


def origins(lake: Lake) -> dict[str, Origin]:
    """video_id -> what it was made of, for all training swaps and their controls."""
    rows = lake.read("sources", ["uri", "video_id"], pc.field("dataset") == DATASET).to_pylist()
    return {row["video_id"]: Origin.of_uri(row["uri"]) for row in rows}


def with_swaps(
    lake: Lake, split_id: str, part: Mapping[str, str], group: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """A split's parts and groups by video_id, and their target's for swaps made for it or for what it extends."""
    part, group, line = dict(part), dict(group), lineage(lake, split_id)
    for video_id, origin in origins(lake).items():
        both = {part.get(one) for one in (origin.target, origin.source or origin.target)}
        if origin.split in line and len(both) == 1 and None not in both:
            part[video_id], group[video_id] = part[origin.target], group[origin.target]
    return part, group


def made_of(lake: Lake, video_id: str) -> list[str]:
    """What shows a video's person because it was made of it, to be forgotten with it: swaps, for training or not."""
    found = {made for made, origin in origins(lake).items() if video_id in (origin.target, origin.source)}
    for row in lake.read("runs", ["recipe", "summary"], pc.field("flow") == "swap").to_pylist():
        asked = json.loads(row["recipe"] or "{}")
        if video_id in (asked.get("target"), asked.get("source")):
            found.add(json.loads(row["summary"])["video_id"])
    known = set(lake.read("sources", ["video_id"]).column(0).to_pylist())
    return sorted(found & known - {video_id})
