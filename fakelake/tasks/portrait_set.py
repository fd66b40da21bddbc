"""The portraits of a lake by person and clip, for the generator: a `PortraitSource` out of Parquet files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fakelake.catalog.lake import Lake
from fakelake.models.generator.measures import HeldOutPairs
from fakelake.tasks.face_tracks import FaceBoxes, face_boxes
from fakelake.tasks.picture_reader import PictureReader, picture_rows

LEAST_PORTRAITS = 4  # of a clip: fewer show no motion
COLUMNS = ("video_id", "track_id", "clip_id", "frame", "window")


@dataclass(frozen=True, slots=True)
class PortraitClip:
    """Portraits of one face in one window that stays put, in order of time.

    file, rows: where the pictures lie, by row number, int64 [n]; frames: int64 [n]
    landmarks:  float32 [n, 5, 2], x and y from -1 to 1 over the window, NaN where not known
    """

    video_id: str
    track_id: int
    clip_id: str
    person: str
    file: str
    rows: np.ndarray
    frames: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


class Portraits:
    """Clips by person. Pickles, so that readers can spawn."""

    def __init__(self, reader: PictureReader, clips: Sequence[PortraitClip]) -> None:
        self.reader, self.clips = reader, list(clips)
        by_person: dict[str, list[int]] = defaultdict(list)
        for n, clip in enumerate(self.clips):
            by_person[clip.person].append(n)
        self.people = sorted(by_person)
        self._of = [by_person[person] for person in self.people]

    def __len__(self) -> int:
        return len(self.people)

    def clip(self, person: int, rng: np.random.Generator) -> int:
        """A clip of that person; a longer one is drawn more often."""
        of = self._of[person]
        lengths = np.array([len(self.clips[n]) for n in of], float)
        return int(rng.choice(of, p=lengths / lengths.sum()))

    def longest(self, person: int) -> int:
        """The clip of that person with the most portraits."""
        return max(self._of[person], key=self.length)

    def length(self, clip: int) -> int:
        return len(self.clips[clip])

    def read(self, clip: int, frames: list[int], px: int) -> np.ndarray:
        """uint8 [len(frames), px, px, 3] RGB. Raises ValueError where a picture cannot be decoded."""
        found = self.clips[clip]
        return np.stack([self.reader.picture(found.video_id, found.file, int(found.rows[n]), px) for n in frames])

    def videos(self) -> set[str]:
        return {clip.video_id for clip in self.clips}


def portraits(lake: Lake, recipe_id: str, people: Mapping[str, str]) -> Portraits:
    """Of these videos under one recipe; clips too short to show motion are left out.

    people: video_id -> who is in it
    """
    boxes = face_boxes(lake, recipe_id, people)
    clips = []
    for file, rows in picture_rows(lake, "portraits", COLUMNS, recipe_id, people):
        members: dict[tuple[str, int, str], list[dict]] = defaultdict(list)
        for row in rows.to_pylist():
            members[row["video_id"], row["track_id"], row["clip_id"]].append(row)
        for (video_id, track_id, clip_id), own in members.items():
            if len(own) >= LEAST_PORTRAITS:
                own.sort(key=lambda row: row["frame"])
                frames = np.array([row["frame"] for row in own])
                clips.append(PortraitClip(
                    video_id, track_id, clip_id, people[video_id], file, np.array([row["row"] for row in own]), frames,
                    _landmarks(boxes[video_id], track_id, frames, np.array([row["window"] for row in own])),
                ))  # fmt: skip
    order = sorted(clips, key=lambda clip: (clip.video_id, clip.track_id, int(clip.frames[0])))
    return Portraits(PictureReader(lake), order)


def held_out_pairs(source: Portraits, px: int, a_person: int, seed: int = 0) -> HeldOutPairs:
    """The same pairs at every call: so many of each person, two different pictures of one clip."""
    rng = np.random.default_rng(seed)
    pairs = []
    for person in range(len(source)):
        for _ in range(a_person):
            clip = source.clip(person, rng)
            frames = rng.choice(source.length(clip), 2, replace=False).tolist()
            pairs.append(source.read(clip, frames, px).transpose(0, 3, 1, 2))
    return HeldOutPairs(torch.from_numpy(np.stack(pairs)))


def with_landmarks(source: Portraits, px: int, a_clip: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures [n, px, px, 3] RGB and landmarks [n, 5, 2] of each clip: `a_clip` of them, evenly, as far as known."""
    for number, clip in enumerate(source.clips):
        known = np.flatnonzero(np.isfinite(clip.landmarks).all((1, 2)))
        if len(known):
            chosen = known[np.linspace(0, len(known) - 1, min(a_clip, len(known))).round().astype(int)]
            yield source.read(number, chosen.tolist(), px), clip.landmarks[chosen]


def _landmarks(boxes: FaceBoxes, track_id: int, frames: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """windows: [n, 4] x1, y1, x2, y2."""
    corner, side = windows[:, None, :2], (windows[:, 2:] - windows[:, :2])[:, None]
    return (2 * (boxes.landmarks[boxes.rows_of(track_id, frames)] - corner) / side - 1).astype(np.float32)
