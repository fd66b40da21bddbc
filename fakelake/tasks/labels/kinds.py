"""Which importer reads a list, and which keys a file name has for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from fakelake.tasks.labels import celebdf, csv_list, dfdc, faceforensics, folder, voxceleb
from fakelake.tasks.labels.base import Label, LabelEntry, LabelList, LabelListError
from fakelake.tasks.labels.match import KeyOf
from fakelake.tasks.labels.names import lines_of, list_from_names

READERS: dict[str, Callable[[Path], LabelList]] = {
    celebdf.KIND: celebdf.read,
    faceforensics.KIND: faceforensics.read,
    dfdc.KIND: dfdc.read,
    voxceleb.KIND: voxceleb.read,
    folder.KIND: folder.read,
    csv_list.KIND: csv_list.read,
}
NAME_RULES: dict[str, Callable[[str], LabelEntry | None]] = {
    celebdf.KIND: celebdf.entry_of,
    faceforensics.KIND: faceforensics.entry_of,
    voxceleb.KIND: voxceleb.entry_of,
}


def import_labels(
    path: Path | str, kind: str | None = None, *, one_means: Label | None = None, dataset: str | None = None
) -> LabelList:
    """Reads a list or a data set's directory. `one_means` and `dataset` (a name space for identities) are for CSV.

    Raises LabelListError: no such file, kind not recognised, or a list that says something that must not be guessed.
    """
    place = Path(path)
    if not place.exists():
        raise LabelListError(f"{place}: no such file or directory.")
    kind = kind or detect_kind(place)
    if kind not in READERS:
        raise LabelListError(f"{kind!r} is no kind of label list. Known: {', '.join(READERS)}.")
    if kind == csv_list.KIND:
        return csv_list.read(place, one_means=one_means, dataset=dataset)
    if one_means is not None:
        raise LabelListError(f"--one-means is for CSV lists; the numbers of a {kind} list have one meaning.")
    return READERS[kind](place)


def labels_from_names(kind: str, names: list[str]) -> LabelList:
    """A list made of paths alone, for data sets whose names carry the labels. Raises LabelListError for others."""
    if kind not in NAME_RULES:
        raise LabelListError(
            f"Names carry no labels in {kind!r}. Give a list; without one only: {', '.join(NAME_RULES)}."
        )
    return list_from_names(kind, "names in the lake", names, NAME_RULES[kind])


def key_rule(kind: str) -> KeyOf | None:
    """The function from any path to the kind's key for it; None where the path is the only name."""
    if kind == dfdc.KIND:
        return dfdc.key_of
    if rule := NAME_RULES.get(kind):
        return lambda path: entry.key if (entry := rule(path)) else None
    return None


def detect_kind(place: Path) -> str:
    """The kind of a directory by its folders, of a file by its suffix and first lines. Raises LabelListError."""
    kind = _kind_of_directory(place) if place.is_dir() else _kind_of_file(place)
    if kind is None:
        raise LabelListError(f"{place}: not recognised as a label list. Say --kind, one of {', '.join(READERS)}.")
    return kind


def _kind_of_directory(place: Path) -> str | None:
    folders = {child.name.lower() for child in place.iterdir() if child.is_dir()}
    if folders & {name.lower() for name in celebdf.FOLDERS}:
        return celebdf.KIND
    methods = {name.lower() for name in (*faceforensics.METHODS, faceforensics.ACTORS_METHOD)}
    if folders & (methods | {"manipulated_sequences", "original_sequences"}):
        return faceforensics.KIND
    if {"real", "fake"} <= folders:
        return folder.KIND
    if (place / dfdc.METADATA).is_file() or any(place.glob(f"*/{dfdc.METADATA}")):
        return dfdc.KIND
    if any(next(place.glob(depth), None) for depth in ("id[0-9]*", "mp4/id[0-9]*", "*/mp4/id[0-9]*")):
        return voxceleb.KIND
    if faceforensics.split_files(place):
        return faceforensics.KIND
    return None


def _kind_of_file(place: Path) -> str | None:
    suffix = place.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return csv_list.KIND
    if suffix == ".json":
        try:
            content = json.loads(place.read_bytes())
        except ValueError as e:
            raise LabelListError(f"{place}: not readable as JSON ({e}). Fetch the file again.") from e
        return dfdc.KIND if isinstance(content, dict) else faceforensics.KIND
    for line in lines_of(place)[:1000]:
        name = line.split(maxsplit=1)[-1] if line[:2] in ("0 ", "1 ", "2 ", "3 ") else line
        if kind := next((kind for kind, rule in NAME_RULES.items() if rule(name)), None):
            return kind
    return None
