"""A detector on the videos of a split part: windows with logits, for calibration, for the test, for comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from fakelake.models.detector.clips import REAL
from fakelake.models.detector.infer import best_precision, score_clips
from fakelake.models.detector.network import Detector
from fakelake.models.detector.validation import HeldOut
from fakelake.tasks.evaluate import EvaluatedVideo, Windows
from fakelake.tasks.perturb import Perturbation
from fakelake.tasks.training_set import FixedClip, VideoClips, VideoInfo, fixed_clips

CLIPS_AT_ONCE = 16  # in memory
VALIDATION_CLIPS = 256  # looked at after every epoch, kept in memory


@dataclass(frozen=True, slots=True)
class Judged:
    """What a detector said of a part. videos: all of it, with the reason where there is no score."""

    videos: tuple[EvaluatedVideo, ...]
    windows: Windows

    @property
    def labels(self) -> dict[str, int]:
        return {video.video_id: video.label for video in self.videos}


def needs_blends(source: VideoClips) -> bool:
    """Whether a part has no fake to judge by, so that its real videos are blended into some."""
    return not any(label != REAL for label in source.labels)


def judge(
    detector: Detector, source: VideoClips, *, blended: bool, perturbation: Perturbation | None = None,
    most: int | None = None,
) -> Judged:  # fmt: skip
    """Score a part's clips as the scoring flow does, each first harmed by `perturbation`; `most` windows a track."""
    precision = best_precision(detector.mean.device)
    clips = fixed_clips(source, detector.config.frames, blended=blended, most=most)
    video_ids, track_ids, logits, frames = [], [], [], []
    seen: dict[str, VideoInfo] = {}
    for some in _groups(clips, CLIPS_AT_ONCE):
        pictures = [perturbation.apply(clip.frames) if perturbation else clip.frames for clip in some]
        for clip, score in zip(some, score_clips(detector, pictures, precision=precision), strict=True):
            seen[clip.video.video_id] = clip.video
            video_ids.append(clip.video.video_id)
            track_ids.append(clip.track_id)
            logits.append(score.logit)
            frames.append(len(clip.frames))
    videos = [_evaluated(video) for video in seen.values()]
    videos += [_evaluated(video, "no face, or too short") for video in source.without_track]
    windows = Windows(np.array(video_ids), np.array(track_ids), np.array(logits), np.array(frames))
    return Judged(tuple(videos), windows)


def held_out(source: VideoClips, frames: int, *, blended: bool) -> HeldOut:
    """The validation clips of every epoch: one or two a track, at most VALIDATION_CLIPS in all."""
    windows = sum(len(tracks) for tracks in source.tracks) * (2 if blended else 1)
    most = 2 if 2 * windows <= VALIDATION_CLIPS else 1
    clips = list(islice(fixed_clips(source, frames, blended=blended, most=most), VALIDATION_CLIPS))
    return HeldOut([clip.frames for clip in clips], [clip.video.label for clip in clips])


def _evaluated(video: VideoInfo, missing: str | None = None) -> EvaluatedVideo:
    return EvaluatedVideo(
        video_id=video.video_id, label=video.label, identity=video.group, method=video.method, missing=missing
    )


def _groups(clips: Iterable[FixedClip], size: int) -> Iterable[Sequence[FixedClip]]:
    clips = iter(clips)
    while some := list(islice(clips, size)):
        yield some
