"""The words every importer shares: one labelled file of a list, the list, and who an identity stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Label = Literal["real", "fake"]


class LabelListError(ValueError):
    """A list cannot be read, or says something that must not be guessed. The message names the file and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEntry:
    """What a list says about one file (1 = fake in every number this project writes; here it is a word).

    path: as the list names it, with `/`, relative to the data set or bare; odd bytes as surrogate escapes
    key:  the file's name in the data set's own numbering, such as ("Deepfakes", "000_003"), where the importer knows
          it. Two files with one key are copies of one clip (c23 and c40). None: the path itself is the name.
    identities: name-spaced, `celebdf:id3`. A fake has the target (whose video it is) and the source (whose face it
          shows); a real video has only a target, the person in it.
    """

    path: str
    label: Label
    key: tuple[str, ...] | None = None
    method: str | None = None
    target_identity: str | None = None
    source_identity: str | None = None
    note: str | None = None

    @property
    def facts(self) -> tuple[str, str | None, str | None, str | None]:
        """What a `labels` row states, without who said it and when."""
        return self.label, self.method, self.target_identity, self.source_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelList:
    """A list as read. `not_understood`: lines or files that fit no rule of the data set, kept to be reported."""

    kind: str
    name: str
    entries: tuple[LabelEntry, ...]
    not_understood: tuple[str, ...] = ()
    folder: str | None = None  # the directory that bare names are relative to, absolute

    @property
    def permission(self) -> str | None:
        """The use that the data set's own terms allow, as a word for `consents`; None where no terms are known."""
        return PERMISSIONS.get(self.kind)


# The data sets' access forms grant research use and no more; the persons' rights stand beside that.
PERMISSIONS = {
    "celebdf": "research-only",
    "faceforensics": "research-only",
    "dfdc": "research-only",
    "voxceleb": "research-only",
}

# What one identity of a name space stands for. "person" only where the data set itself tracks persons.
NAMESPACE_UNIT = {"celebdf": "person", "voxceleb": "person", "dfd": "person", "ffpp": "clip", "dfdc": "clip"}

VIDEO_SUFFIXES = frozenset(["3gp", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ts", "webm", "wmv"])


def stem(name: str) -> str:
    """File name without its last suffix: `id10283#x#1#2.mp4` -> `id10283#x#1#2`."""
    return name.rpartition(".")[0] or name


def is_video_name(name: str) -> bool:
    return name.rpartition(".")[2].lower() in VIDEO_SUFFIXES


def printable(text: str) -> str:
    """The text as valid UTF-8, for messages and table cells: undecodable bytes become `\\udc..` escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
