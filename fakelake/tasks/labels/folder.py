"""The simplest data set: a directory with real/ and fake/ in it."""

from __future__ import annotations

from pathlib import Path

from fakelake.tasks.labels.base import LabelEntry, LabelList, LabelListError
from fakelake.tasks.labels.names import list_from_names, names_in

KIND = "folder"


def entry_of(path: str) -> LabelEntry | None:
    """Label of a path relative to the data set: its first folder is named real or fake, in any case of letters."""
    first = path.split("/")[0].lower()
    if first not in ("real", "fake") or "/" not in path:
        return None
    return LabelEntry(path=path, label="real" if first == "real" else "fake")


def read(place: Path) -> LabelList:
    if not place.is_dir():
        raise LabelListError(f"{place}: not a directory. A folder data set is a directory with real/ and fake/ in it.")
    found = list_from_names(KIND, place.name, names_in(place), entry_of, folder=place)
    if not found.entries:
        raise LabelListError(f"{place}: no video under real/ or fake/. Name the two folders so, or use a CSV.")
    return found
