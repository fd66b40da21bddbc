"""DFDC: metadata.json beside the clips, with label, split and, for a fake, the original it was made of.

`original` groups clips, not people: one actor is in many originals, and nothing published says which. A few of its
fakes have a changed voice and an untouched picture; the metadata does not mark them.
"""

from __future__ import annotations

import json
from pathlib import Path

from fakelake.tasks.labels.base import LabelEntry, LabelList, LabelListError, printable, stem

KIND = "dfdc"
METADATA = "metadata.json"


def key_of(path: str) -> tuple[str, ...]:
    """DFDC's ten-letter names are unique in the whole set, so the folder may be any."""
    return (path.rsplit("/", 1)[-1],)


def entry_of(path: str, said: dict) -> LabelEntry:
    """One item of metadata.json; `path` is prefixed with the part's folder. Raises LabelListError for other labels."""
    word = str(said.get("label", "")).upper()
    if word not in ("REAL", "FAKE"):
        raise LabelListError(f"DFDC metadata: {printable(path)} has the label {said.get('label')!r}, not REAL or FAKE.")
    name = path.rsplit("/", 1)[-1]
    original = name if word == "REAL" else said.get("original") or name
    return LabelEntry(
        path=path,
        label="real" if word == "REAL" else "fake",
        key=key_of(path),
        target_identity=f"dfdc:{stem(original)}",
    )


def read(place: Path) -> LabelList:
    """A metadata.json, or the directory that holds one or several of them (dfdc_train_part_0 ...)."""
    files = sorted(place.rglob(METADATA)) if place.is_dir() else [place]
    if not files:
        raise LabelListError(f"{place}: no {METADATA} in it. Give the file, or the folder of a DFDC part.")
    root = (place if place.is_dir() else place.parent).absolute()
    entries = []
    for file in files:
        folder = file.parent.absolute().relative_to(root).as_posix()
        prefix = "" if folder == "." else folder + "/"
        entries += [entry_of(prefix + name, said) for name, said in sorted(_items(file).items())]
    return LabelList(kind=KIND, name=place.name, entries=tuple(entries), folder=str(root))


def _items(file: Path) -> dict[str, dict]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as e:
        raise LabelListError(f"{file}: cannot be read as JSON ({e}). Fetch the file again.") from e
    if not isinstance(content, dict) or not all(isinstance(said, dict) for said in content.values()):
        raise LabelListError(f'{file}: not DFDC metadata, which reads {{"name.mp4": {{"label": "FAKE", ...}}, ...}}.')
    return content
