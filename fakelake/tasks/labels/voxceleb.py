"""VoxCeleb 1 and 2: real interviews, the speaker's number in the path."""

from __future__ import annotations

import re
from pathlib import Path

from fakelake.tasks.labels.base import LabelEntry, LabelList, stem
from fakelake.tasks.labels.names import list_from_names, names_at

KIND = "voxceleb"
PERSON = re.compile(r"id\d{5}")
# The cropped clips that the generator's papers train on: id10283#<video>#<first frame>#<last frame>.mp4
_CLIP = re.compile(r"(id\d{5})#.+")


def entry_of(path: str) -> LabelEntry | None:
    """`.../id10270/5r0dWxy17C8/00001.mp4` or `.../id10283#5r0dWxy17C8#000150#000300.mp4`; None for other names."""
    *folders, name = path.split("/")
    clip = stem(name)
    if m := _CLIP.fullmatch(clip):
        return LabelEntry(path=path, label="real", key=(clip,), target_identity=f"voxceleb:{m[1]}")
    at = next((i for i, folder in enumerate(folders) if PERSON.fullmatch(folder)), None)
    if at is None:
        return None
    return LabelEntry(path=path, label="real", key=(*folders[at:], clip), target_identity=f"voxceleb:{folders[at]}")


def read(place: Path) -> LabelList:
    """The data set's directory, or a text file with one path a line (an utterance list as it is published)."""
    names = names_at(place)
    if not place.is_dir():
        # iden_split.txt has the part's number in front: "3 id10270/..."
        names = [re.sub(r"^\d\s+(?=id\d{5})", "", name) for name in names]
    return list_from_names(KIND, place.name, names, entry_of, folder=place if place.is_dir() else None)
