"""FaceForensics++ (and the actors' set DeepFakeDetection in it): the method's folder and the pair of clips name a fake.

`000_003.mp4` stands in the folder of every method, in c0, c23 and c40: a bare file name says nothing here, so the
key is (method, clip) and compressed copies of one clip share it. The numbers 000 to 999 are clips of YouTube videos;
the data set does not say which of them show one person.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from fakelake.tasks.labels.base import LabelEntry, LabelList, LabelListError, stem
from fakelake.tasks.labels.names import list_from_names, names_at

KIND = "faceforensics"
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
ACTORS_METHOD = "DeepFakeDetection"
_METHOD = {method.lower(): method for method in (*METHODS, ACTORS_METHOD)}
_ORIGINALS = {"youtube", "original", "originals", "original_sequences", "actors"}
_PAIR = re.compile(r"(\d{3})_(\d{3})")
_CLIP = re.compile(r"\d{3}")
_ACTORS_FAKE = re.compile(r"(\d{2})_(\d{2})__.+")
_ACTORS_REAL = re.compile(r"(\d{2})__.+")


def entry_of(path: str) -> LabelEntry | None:
    """`.../Deepfakes/c23/videos/000_003.mp4` (target 000, source 003), `.../youtube/c23/videos/000.mp4`, and the
    actors' `01_02__scene__CODE.mp4` and `01__scene.mp4`; None for other names and for videos of masks."""
    *folders, name = path.split("/")
    folders = [folder.lower() for folder in folders]
    if "masks" in folders:
        return None
    clip = stem(name)
    method = next((_METHOD[f] for f in reversed(folders) if f in _METHOD), None)
    if method == ACTORS_METHOD:
        return _swap(path, method, clip, "dfd", _ACTORS_FAKE.fullmatch(clip))
    if method:
        return _swap(path, method, clip, "ffpp", _PAIR.fullmatch(clip))
    if _ORIGINALS.isdisjoint(folders):
        return None
    if _CLIP.fullmatch(clip):
        return LabelEntry(path=path, label="real", key=("original", clip), target_identity=f"ffpp:{clip}")
    if m := _ACTORS_REAL.fullmatch(clip):
        return LabelEntry(path=path, label="real", key=("actors", clip), target_identity=f"dfd:{m[1]}")
    return None


def _swap(path: str, method: str, clip: str, space: str, pair: re.Match | None) -> LabelEntry | None:
    if pair is None:
        return None
    return LabelEntry(
        path=path,
        label="fake",
        key=(method, clip),
        method=method,
        target_identity=f"{space}:{pair[1]}",
        source_identity=f"{space}:{pair[2]}",
    )


def read(place: Path) -> LabelList:
    """The data set's directory, a text file with one path a line, a `splits/*.json` of pairs, or the folder of those.

    A split file names pairs: each stands for its two originals and, per method, the swaps in both directions.
    """
    if place.suffix == ".json":
        return _from_pairs(place.name, [place])
    if place.is_dir() and (splits := split_files(place)) and not any(child.is_dir() for child in place.iterdir()):
        return _from_pairs(place.name, splits)
    return list_from_names(KIND, place.name, names_at(place), entry_of, folder=place if place.is_dir() else None)


def split_files(folder: Path) -> list[Path]:
    return [file for part in ("train", "val", "test") if (file := folder / f"{part}.json").is_file()]


def _from_pairs(name: str, files: list[Path]) -> LabelList:
    entries = []
    for file in files:
        for a, b in pairs_of(file):
            names = [f"original_sequences/{a}.mp4", f"original_sequences/{b}.mp4"]
            names += [f"{method}/{clip}.mp4" for method in METHODS for clip in (f"{a}_{b}", f"{b}_{a}")]
            note = f"official split {file.stem}"
            entries += [replace(entry, note=note) for path in names if (entry := entry_of(path))]
    return LabelList(kind=KIND, name=name, entries=tuple(entries))


def pairs_of(file: Path) -> list[tuple[str, str]]:
    """[["071", "054"], ...] of an official split file. Raises LabelListError for anything else."""
    try:
        content = json.loads(file.read_bytes())
        pairs = [(a, b) for a, b in content]
    except (OSError, ValueError, TypeError) as e:
        raise LabelListError(f"{file}: not a FaceForensics++ split, a JSON list of pairs ({e}).") from e
    if not all(isinstance(clip, str) and _CLIP.fullmatch(clip) for pair in pairs for clip in pair):
        raise LabelListError(f'{file}: not a FaceForensics++ split: its clips are three digits, such as "071".')
    return pairs
