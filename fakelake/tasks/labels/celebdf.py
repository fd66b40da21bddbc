"""Celeb-DF (v1 and v2): names carry label and identities; its testing list counts 1 as real."""

from __future__ import annotations

import re
from pathlib import Path

from fakelake.tasks.labels.base import LabelEntry, LabelList, LabelListError, printable, stem
from fakelake.tasks.labels.names import lines_of, list_from_names, names_in

KIND = "celebdf"
FOLDERS = ("Celeb-real", "Celeb-synthesis", "YouTube-real")
_FOLDER = {folder.lower(): folder for folder in FOLDERS}
_REAL = re.compile(r"(id\d+)_\d+")
_FAKE = re.compile(r"(id\d+)_(id\d+)_\d+")
_YOUTUBE = re.compile(r"\d+")
_LISTED = re.compile(r"([01])\s+(.+)")


def entry_of(path: str) -> LabelEntry | None:
    """`.../Celeb-real/id3_0001.mp4`, `.../Celeb-synthesis/id3_id5_0001.mp4` (target id3, source id5) or
    `.../YouTube-real/00012.mp4`; None for any other name. Folders between, such as `videos`, do no harm."""
    *folders, name = path.split("/")
    folder = next((_FOLDER[f.lower()] for f in reversed(folders) if f.lower() in _FOLDER), None)
    clip = stem(name)
    key = (folder or "", clip)
    if folder == "Celeb-synthesis" and (m := _FAKE.fullmatch(clip)):
        return LabelEntry(
            path=path,
            label="fake",
            key=key,
            method=folder,
            target_identity=f"celebdf:{m[1]}",
            source_identity=f"celebdf:{m[2]}",
        )
    if folder == "Celeb-real" and (m := _REAL.fullmatch(clip)):
        return LabelEntry(path=path, label="real", key=key, target_identity=f"celebdf:{m[1]}")
    if folder == "YouTube-real" and _YOUTUBE.fullmatch(clip):
        return LabelEntry(path=path, label="real", key=key)
    return None


def read(place: Path) -> LabelList:
    """The data set's directory, its `List_of_testing_videos.txt`, or a text file with one path a line.

    Raises LabelListError where the testing list's number contradicts the folder: 1 is real there, and a list with
    the numbers turned round must not get in.
    """
    if place.is_dir():
        return list_from_names(KIND, place.name, names_in(place), entry_of, folder=place)
    names = []
    for number, line in enumerate(lines_of(place), 1):
        listed = _LISTED.fullmatch(line)
        path = listed[2] if listed else line
        entry = entry_of(path)
        if listed and entry and entry.label != ("real" if listed[1] == "1" else "fake"):
            raise LabelListError(
                f"{place}, line {number}: {printable(line)!r} contradicts its folder. In Celeb-DF's testing list 1 is "
                "real and 0 is fake: use the data set's own file, or turn the numbers round."
            )
        names.append(path)
    return list_from_names(KIND, place.name, names, entry_of)
