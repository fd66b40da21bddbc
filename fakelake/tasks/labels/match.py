"""Finds the videos of the lake that a label list speaks of."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fakelake.tasks.labels.base import LabelEntry, LabelList

KeyOf = Callable[[str], tuple[str, ...] | None]
# Folders in which FaceForensics++ keeps one clip several times: copies, not different clips.
COMPRESSIONS = frozenset({"raw", "c0", "c23", "c40"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place where the lake saw a video: a row of `sources`. `uri` is percent-encoded."""

    uri: str
    video_id: str
    dataset: str | None = None

    @property
    def path(self) -> str:
        return path_of_uri(self.uri)


def path_of_uri(uri: str) -> str:
    """`file:///a/b%20c.mp4` -> `/a/b c.mp4`; `s3://bucket/a.mp4` -> `/bucket/a.mp4`. Odd bytes as surrogate escapes."""
    _, separator, rest = uri.partition("://")
    if not separator:
        return uri
    return "/" + unquote_to_bytes(rest).decode("utf-8", "surrogateescape").lstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """matched: entry and each video it labels; missing: not in the lake; ambiguous: entry and where it could be."""

    matched: tuple[tuple[LabelEntry, str], ...]
    missing: tuple[LabelEntry, ...]
    ambiguous: tuple[tuple[LabelEntry, tuple[Source, ...]], ...]


def match(labels: LabelList, sources: Iterable[Source], key_of: KeyOf | None = None) -> Matches:
    """Matches each entry to videos, from the surest way to the loosest:

    1. the file itself: the list's folder and the entry's path, or the whole uri, or the video_id;
    2. the data set's own key (`key_of` gives it for any path), where the entry has one;
    3. the entry's path as a suffix of the source's, whole components only.

    If way 1 finds any entry of a list that has a folder, the list lies beside its files, and what way 1 does not find
    is not in the lake. An entry that fits several videos is ambiguous and labels none of them, unless they are copies
    of one clip that differ only in a compression folder.
    """
    index = _Index(tuple(sources), key_of)
    exact = {entry: index.exact(entry.path, labels.folder) for entry in labels.entries}
    beside = labels.folder is not None and any(exact.values())
    matched, missing, ambiguous = [], [], []
    for entry, found in exact.items():
        if not found and not beside:
            found = index.loose(entry)
        if not found:
            missing.append(entry)
        elif _one_clip(found):
            matched += [(entry, video_id) for video_id in dict.fromkeys(s.video_id for s in found)]
        else:
            ambiguous.append((entry, tuple(found)))
    return Matches(matched=tuple(matched), missing=tuple(missing), ambiguous=tuple(ambiguous))


class _Index:
    def __init__(self, sources: tuple[Source, ...], key_of: KeyOf | None) -> None:
        self.by_path: Mapping[str, list[Source]] = defaultdict(list)
        self.by_key: Mapping[tuple[str, ...], list[Source]] = defaultdict(list)
        self.by_name: Mapping[str, list[Source]] = defaultdict(list)
        self.by_id: Mapping[str, list[Source]] = defaultdict(list)
        for source in sources:
            path = source.path
            self.by_path[path].append(source)
            self.by_name[path.rsplit("/", 1)[-1]].append(source)
            self.by_id[source.video_id].append(source)
            if key_of and (key := key_of(path)):
                self.by_key[key].append(source)

    def exact(self, path: str, folder: str | None) -> list[Source]:
        if "://" in path or path.startswith("/"):
            return self.by_path.get(path_of_uri(path), [])
        found = self.by_id.get(path, [])
        for place in (folder, os.path.realpath(folder)) if folder else ():
            found = found or self.by_path.get(f"{place.rstrip('/')}/{path}", [])
        return found

    def loose(self, entry: LabelEntry) -> list[Source]:
        if entry.key is not None:
            return self.by_key.get(entry.key, [])
        wanted = "/" + entry.path.removeprefix("./")
        return [s for s in self.by_name.get(wanted.rsplit("/", 1)[-1], []) if s.path.endswith(wanted)]


def _one_clip(found: list[Source]) -> bool:
    if len({source.video_id for source in found}) == 1:
        return True
    bare = {tuple(p for p in source.path.split("/") if p.lower() not in COMPRESSIONS) for source in found}
    return len(bare) == 1
