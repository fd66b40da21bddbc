"""File names out of a directory or a text file, for the data sets whose names carry the labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from fakelake.tasks.labels.base import LabelEntry, LabelList, LabelListError, is_video_name


def names_in(directory: Path) -> list[str]:
    """Paths of all video files below `directory`, relative to it, sorted. Linked folders are entered once."""
    seen: set[tuple[int, int]] = set()
    names: list[str] = []
    for folder, subfolders, files in os.walk(directory, followlinks=True):
        here = Path(folder).stat()
        if (here.st_dev, here.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        names += (os.path.relpath(os.path.join(folder, file), directory) for file in files if is_video_name(file))  # noqa: PTH118
    return sorted(names)


def lines_of(file: Path) -> list[str]:
    """Lines of a text file that say something, unstripped of inner blanks. UTF-8, other bytes as surrogate escapes."""
    try:
        text = file.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as e:
        raise LabelListError(f"{file}: cannot be read ({e.strerror}). Check the path and its permissions.") from e
    return [line.strip() for line in text.splitlines() if line.strip()]


def names_at(place: Path) -> list[str]:
    """Video names of a directory, or of a text file with one path a line."""
    return names_in(place) if place.is_dir() else lines_of(place)


def list_from_names(
    kind: str, name: str, names: Iterable[str], entry_of: Callable[[str], LabelEntry | None], folder: Path | None = None
) -> LabelList:
    """Entries of all names that `entry_of` understands; the others are kept by name."""
    entries, rest = [], []
    for path in names:
        entry = entry_of(path)
        if entry is None:
            rest.append(path)
        else:
            entries.append(entry)
    return LabelList(
        kind=kind,
        name=name,
        entries=tuple(entries),
        not_understood=tuple(rest),
        folder=str(folder.absolute()) if folder else None,
    )
