"""What a training reads: the videos of one split part, one recipe, with their labels and tracks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.models.detector.blend import self_blend
from fakelake.models.detector.clips import FAKE, REAL, Clip
from fakelake.tasks.face_tracks import CropReader, FaceTrack, face_tracks

BLEND = "blend:"  # begins the video_id of a blend of a video with itself


class RecipeUnknown(LookupError):
    """No run of the lake says with which settings these crops were cut."""


class NothingToLearnFrom(Exception):
    """The lake has no crops to train on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What evaluation groups by. label: 0 real, 1 fake; identities: everyone in it; group: its split component."""

    video_id: str
    label: int
    method: str
    group: str


class VideoClips:
    """A `ClipSource`: clips of videos that have a track that is long enough. Pickles, so that readers can spawn."""

    def __init__(self, reader: CropReader, videos: Sequence[VideoInfo], tracks: Sequence[FaceTrack], px: int) -> None:
        by_video: dict[str, list[FaceTrack]] = defaultdict(list)
        for track in tracks:
            if track.runs():
                by_video[track.video_id].append(track)
        self.reader, self.px = reader, px
        self.videos = [video for video in videos if video.video_id in by_video]
        self.without_track = [video for video in videos if video.video_id not in by_video]
        self.tracks = [by_video[video.video_id] for video in self.videos]
        self.labels = [video.label for video in self.videos]

    def __len__(self) -> int:
        return len(self.videos)

    def read(self, video: int, frames: int, rng: np.random.Generator) -> Clip:
        """A longer track is drawn more often; the place in it is drawn too."""
        runs = [(track, run) for track in self.tracks[video] for run in track.runs()]
        lengths = np.array([run.stop - run.start for _, run in runs], float)
        track, run = runs[int(rng.choice(len(runs), p=lengths / lengths.sum()))]
        start = run.start + int(rng.integers(0, max(1, run.stop - run.start - frames + 1)))
        window = slice(start, min(start + frames, run.stop))
        return Clip(self.reader.read(track, window, self.px), track.landmarks_at(window, self.px))

    def windows(self, video: int, frames: int, most: int | None = None) -> list[tuple[FaceTrack, slice]]:
        """All windows of a video, or `most` a track."""
        return [(track, window) for track in self.tracks[video] for window in track.windows(frames, most)]


@dataclass(frozen=True, slots=True)
class FixedClip:
    """A clip to judge by: of which video, which track. A blend is a fake video of its own."""

    video: VideoInfo
    track_id: int
    frames: np.ndarray


def fixed_clips(
    source: VideoClips, frames: int, *, blended: bool, most: int | None, seed: int = 0
) -> Iterator[FixedClip]:
    """The same clips at every call: `most` windows a track and, with `blended`, the same of a blend of each real video.

    The blend of a video is a video of its own, `blend:<video_id>`, in the group of the person whom it shows.
    """
    for index, video in enumerate(source.videos):
        draw = np.random.default_rng((seed, index)).integers(1 << 31)
        fake = VideoInfo(f"{BLEND}{video.video_id}", FAKE, "self-blended", video.group)
        for track, window in source.windows(index, frames, most):
            crops = source.reader.read(track, window, source.px)
            yield FixedClip(video, track.track_id, crops)
            if blended and video.label == REAL:
                mixed = self_blend(crops, track.landmarks_at(window, source.px), np.random.default_rng(draw))
                yield FixedClip(fake, track.track_id, mixed)


def recipe_setting(lake: Lake, recipe_id: str, name: str) -> object:
    """Of an ingest's recipe, as the run that used it wrote it down. Raises RecipeUnknown."""
    for text in lake.read("runs", ["recipe"], pc.field("recipe_id") == recipe_id).column(0).to_pylist():
        if text and name in (settings := json.loads(text)):
            return settings[name]
    raise RecipeUnknown(f"No run of this lake says how the crops of recipe {recipe_id} were cut. Ingest with it again.")


def crop_margin(lake: Lake, recipe_id: str) -> float:
    """Of the recipe. Raises RecipeUnknown."""
    return float(recipe_setting(lake, recipe_id, "crop_margin"))


def most_used_recipe(lake: Lake, video_ids: Sequence[str]) -> str:
    """The recipe under which most of these videos are ready. Raises NothingToLearnFrom."""
    rows = lake.read("videos", ["video_id", "recipe_id", "status"])
    wanted = set(video_ids)
    count: dict[str, int] = defaultdict(int)
    for row in rows.to_pylist():
        if row["status"] == "ready" and row["video_id"] in wanted:
            count[row["recipe_id"]] += 1
    if not count:
        raise NothingToLearnFrom(
            "None of the labelled videos has a face in the lake. Ingest some (fakelake ingest PATH), or see what there "
            'is: fakelake sql "SELECT * FROM video_label"'
        )
    return max(count, key=lambda recipe: (count[recipe], recipe))


def video_clips(
    lake: Lake, infos: Sequence[VideoInfo], recipe_id: str, px: int, reader: CropReader | None = None
) -> VideoClips:
    """The clips of these videos under a recipe."""
    tracks = face_tracks(lake, recipe_id, crop_margin(lake, recipe_id), [video.video_id for video in infos])
    return VideoClips(reader or CropReader(lake), infos, tracks, px)


def labelled_parts(lake: Lake, part: Mapping[str, str], group: Mapping[str, str]) -> dict[str, list[VideoInfo]]:
    """train, val, test -> the videos of a split with their labels of today.

    What the generator made and marked is left out: a detector would learn the mark, not the fake. So is what has a
    label and is not in the lake (forgotten, or a swap that was killed half way): it would count as not scored.
    """
    with lake.connect() as connection:
        rows = connection.execute(
            "SELECT video_id, label, coalesce(method, '') FROM current_labels SEMI JOIN videos USING (video_id) "
            "WHERE label IN ('real', 'fake') AND NOT "
            "(video_id IN (SELECT video_id FROM labels WHERE origin = 'generator') "
            "AND video_id IN (SELECT video_id FROM videos WHERE provenance IS NOT NULL))"
        ).fetchall()
    parts: dict[str, list[VideoInfo]] = {"train": [], "val": [], "test": []}
    for video_id, label, method in sorted(rows):
        if video_id in part:
            info = VideoInfo(video_id, FAKE if label == "fake" else REAL, method or label, group[video_id])
            parts[part[video_id]].append(info)
    return parts
