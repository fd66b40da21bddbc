"""Scoring some videos in one worker: the model is loaded once a process, the crops come from the lake's row groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from fakelake.catalog.lake import Lake
from fakelake.catalog.location import LakeLocation
from fakelake.models.detector.bundle import BundleConfig, read_bundle
from fakelake.models.detector.infer import best_precision, score_clips
from fakelake.models.detector.network import Detector
from fakelake.tasks.face_tracks import LEAST_FRAMES, CropReader, FaceTrack, face_tracks

CLIPS_AT_ONCE = 16  # in memory


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Videos of one recipe, to be scored by one model version.

    bundle:  the model's files, in a directory that every node sees, or that is on this machine
    rows:    what every row of the result carries: model, model_version, recipe_id, run_id
    """

    lake: LakeLocation
    bundle: str
    device: str
    threads: int
    video_ids: tuple[str, ...]
    recipe_id: str
    rows: tuple[tuple[str, str], ...]


def score_videos(job: ScoreJob) -> list[dict]:
    """Rows of `scores`: one a window or, of a video that cannot be scored, one with the reason.

    Raises ValueError where a crop is no picture, BundleUnfit.
    """
    detector, config = loaded_model(job.bundle, job.device, job.threads)
    lake = Lake(job.lake)
    reader = CropReader(lake)
    tracks: dict[str, list[FaceTrack]] = {video_id: [] for video_id in job.video_ids}
    for track in face_tracks(lake, job.recipe_id, config.crop_margin, job.video_ids):
        tracks[track.video_id].append(track)
    common = dict(job.rows)
    rows = []
    for video_id, of_video in tracks.items():
        scored = [row for track in of_video for row in score_track(detector, reader, track, job.device)]
        rows += [{**common, **row} for row in scored] or [{**common, "video_id": video_id, "reason": _why(of_video)}]
    return rows


def score_track(detector: Detector, reader: CropReader, track: FaceTrack, device: str) -> list[dict]:
    """Rows of all windows of a track."""
    windows = track.windows(detector.config.frames)
    rows = []
    for start in range(0, len(windows), CLIPS_AT_ONCE):
        some = windows[start : start + CLIPS_AT_ONCE]
        clips = [reader.read(track, window, detector.config.px) for window in some]
        scores = score_clips(detector, clips, precision=best_precision(device))
        for number, (window, score) in enumerate(zip(some, scores, strict=True), start):
            rows.append(
                {
                    "video_id": track.video_id, "track_id": track.track_id, "window": number,
                    "start_s": float(track.pts_s[window.start]), "end_s": float(track.pts_s[window.stop - 1]),
                    "frames": window.stop - window.start, "logit": score.logit,
                }
            )  # fmt: skip
    return rows


def _why(tracks: Sequence[FaceTrack]) -> str:
    longest = max((run.stop - run.start for track in tracks for run in track.runs(least=1)), default=0)
    return f"too short: no face is seen in more than {longest} frames on end, {LEAST_FRAMES} are needed"


@lru_cache(maxsize=1)
def loaded_model(bundle: str, device: str, threads: int) -> tuple[Detector, BundleConfig]:
    """Of these files, kept for the next call in this process."""
    torch.set_num_threads(threads)
    detector, config = read_bundle(Path(bundle))
    return detector.to(device, memory_format=torch.channels_last), config
