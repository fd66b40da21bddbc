"""Rows of a made lake of any size, as ingests and scorings of years would have left them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

START = datetime(2026, 1, 1, tzinfo=UTC)
DATASETS = ["newsroom", "uploads", "archive-2019", "celebdf", "interviews"]


class MadeVideos:
    """Columns of n videos, in the order in which they were ingested."""

    def __init__(self, n: int, faces: int, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        self.random = random
        self.n = n
        self.video_id = np.array([hashlib.sha256(b"%d" % i).hexdigest() for i in range(n)])
        self.attempt_id = np.array([uuid.UUID(int=i + 1).hex for i in range(n)])
        self.no_face = random.random(n) < 0.04
        weight = np.where(self.no_face, 0, random.gamma(2.0, 1.0, n) + 0.05)
        self.rows = np.floor(weight * faces / weight.sum()).astype(np.int64)
        self.rows[np.flatnonzero(~self.no_face)[0]] += faces - self.rows.sum()
        self.no_face |= self.rows == 0
        self.tracks = np.where(self.rows > 0, 1 + (self.rows // 90) + random.integers(0, 2, n) * (self.rows > 1), 0)
        self.dataset = np.array(DATASETS)[random.integers(0, len(DATASETS), n)]
        self.name = np.array([f"{d}-{i:06}.mp4" for i, d in enumerate(self.dataset)])
        self.name[n // 2] = "interview.mp4"
        self.no_face[n // 2] = False

    def videos(self, at: np.ndarray) -> pa.Table:
        n = len(at)
        rows = self.rows[at]
        return pa.table(
            {
                "video_id": self.video_id[at],
                "recipe_id": ["0123456789abcdef"] * n,
                "attempt_id": self.attempt_id[at],
                "dataset": self.dataset[at],
                "container": ["mp4"] * n,
                "codec": ["h264"] * n,
                "width": pa.array([1280] * n, pa.int32()),
                "height": pa.array([720] * n, pa.int32()),
                "fps": [25.0] * n,
                "frames": rows * 3,
                "duration_s": rows * 3 / 25 + 1,
                "bytes": rows * 30_000,
                "phash": [
                    "".join(f"{word:016x}" for word in words) for words in self.random.integers(0, 2**63, (n, 8))
                ],
                "frames_read": rows * 3,
                "frames_with_face": rows,
                "tracks": pa.array(self.tracks[at], pa.int32()),
                "status": np.where(self.no_face[at], "no_face", "ready"),
                "reason": [
                    f"no face in {r * 3} frames" if none else None
                    for r, none in zip(rows, self.no_face[at], strict=True)
                ],
                "run_id": ["run"] * n,
                "ingested_at": [START + timedelta(seconds=int(i) * 20) for i in at],
            }
        )

    def sources(self, at: np.ndarray) -> pa.Table:
        twice = at[at % 50 == 0]
        both = np.r_[at, twice]
        folder = np.r_[np.full(len(at), "archive"), np.full(len(twice), "copies")]
        return pa.table(
            {
                "uri": [f"file:///{f}/{self.dataset[i]}/{self.name[i]}" for f, i in zip(folder, both, strict=True)],
                "name": self.name[both],
                "video_id": self.video_id[both],
                "dataset": self.dataset[both],
                "bytes": self.rows[both] * 30_000,
                "mtime_ns": both * 10**9,
                "run_id": ["run"] * len(both),
                "seen_at": [START + timedelta(seconds=int(i) * 20) for i in both],
            }
        )

    def quarantine(self, at: np.ndarray) -> pa.Table:
        bad = at[at % 20 == 7]
        errors = np.array(["truncated", "not_a_video", "encrypted", "deadline", "audio_only"])[bad // 20 % 5]
        return pa.table(
            {
                "uri": [f"file:///archive/broken/{i:06}.mp4" for i in bad],
                "dataset": self.dataset[bad],
                "stage": ["probe"] * len(bad),
                "error": errors,
                "message": [f"{e} at byte {i * 1000}" for e, i in zip(errors, bad, strict=True)],
                "remedy": ["Copy the file again from its origin."] * len(bad),
                "frames_kept": [0] * len(bad),
                "lasting": [True] * len(bad),
                "recipe_id": ["0123456789abcdef"] * len(bad),
                "at": [START + timedelta(seconds=int(i) * 20) for i in bad],
            }
        )

    def labels(self, at: np.ndarray) -> pa.Table:
        listed, disputed = at[at % 3 == 0], at[at % 300 == 0]
        both = np.r_[listed, disputed]
        person = np.r_[np.zeros(len(listed), bool), np.ones(len(disputed), bool)]
        return pa.table(
            {
                "video_id": self.video_id[both],
                "label": np.where((both % 2 == 0) != person, "fake", "real"),
                "origin": np.where(person, "moderator", "dataset"),
                "labelled_by": np.where(person, "moderator-7", "List_of_testing_videos.txt"),
                "labelled_at": [START + timedelta(seconds=int(i) * 20) for i in both],
            }
        )

    def faces(self, at: np.ndarray) -> Iterator[pa.Table]:
        """Frames rows of some videos, sorted by video, track and frame, in tables of about a million rows."""
        at = at[np.argsort(self.video_id[at])]
        cuts = np.searchsorted(np.cumsum(self.rows[at]), np.arange(1_000_000, self.rows[at].sum() + 1, 1_000_000))
        for chunk in np.split(at, cuts):
            if self.rows[chunk].sum():
                yield self._faces(chunk)

    def _faces(self, at: np.ndarray) -> pa.Table:
        rows = self.rows[at]
        n = int(rows.sum())
        nth = np.arange(n) - np.repeat(np.cumsum(rows) - rows, rows)
        per_track = np.repeat(np.maximum(1, -(-rows // np.maximum(1, self.tracks[at]))), rows)
        frame = (nth % per_track) * 3
        per_video = nth // per_track
        track = np.repeat(np.cumsum(self.tracks[at] + 1), rows) + per_video  # a number for each track of the chunk
        tracks = int(track.max()) + 1
        size = (self.random.gamma(3.0, 40.0, tracks) + 20).astype(np.float32)[track]
        size *= self.random.normal(1.0, 0.04, n).astype(np.float32)
        sharpness = self.random.gamma(2.0, 150.0, tracks)[track] * self.random.lognormal(0.0, 0.2, n)
        left, top = (self.random.random((2, n)) * 900).astype(np.float32).round(2)
        marks = (left[:, None] + self.random.random((n, 10), np.float32) * size[:, None]).round(2)
        repeated = pa.array(np.repeat(np.arange(len(at), dtype=np.int32), rows))
        return pa.table(
            {
                "video_id": pa.array(self.video_id[at]).take(repeated),
                "track_id": pa.array(per_video, pa.int32()),
                "frame": frame,
                "pts_s": frame / 25,
                "x1": left,
                "y1": top,
                "x2": (left + size).round(2),
                "y2": (top + size * np.float32(1.2)).round(2),
                "landmarks": pa.FixedSizeListArray.from_arrays(pa.array(marks.ravel()), 10),
                "det_score": self.random.random(n, np.float32) * np.float32(0.3) + np.float32(0.7),
                "detected": pa.array(frame % 9 == 0),
                "sharpness": sharpness.astype(np.float32),
                "recipe_id": pa.array(["0123456789abcdef"]).take(pa.array(np.zeros(n, np.int32))),
                "attempt_id": pa.array(self.attempt_id[at]).take(repeated),
            }
        )

    def scores(self, at: np.ndarray, version: str = "1") -> pa.Table:
        """Three windows a video with a face, the third of another track; one video in a hundred is too short."""
        at = at[~self.no_face[at]]
        short = at % 100 == 3
        video, window = np.repeat(at, 3), np.tile(np.arange(3), len(at))
        missing = np.repeat(short, 3)
        logit = np.repeat(self.random.normal(-2, 2.5, len(at)), 3) + self.random.normal(0, 0.7, len(video))
        rows = pa.table(
            {
                "video_id": self.video_id[video],
                "track_id": pa.array((window == 2).astype(np.int32), mask=missing),
                "window": pa.array((window % 2).astype(np.int32), mask=missing),
                "start_s": pa.array(window * 0.66, mask=missing),
                "end_s": pa.array(window * 0.66 + 0.64, mask=missing),
                "frames": pa.array(np.full(len(video), 20, np.int32), mask=missing),
                "logit": pa.array(logit, mask=missing),
                "reason": pa.array(["too short" if m else None for m in missing], pa.string()),
                "model": ["detector"] * len(video),
                "model_version": [version] * len(video),
                "recipe_id": ["0123456789abcdef"] * len(video),
                "run_id": ["run"] * len(video),
                "scored_at": [START + timedelta(days=30 + int(version), seconds=int(i)) for i in video],
            }
        )
        return rows.filter(pa.array(~missing | (window == 0)))

    def near_matches(self) -> pa.Table:
        """One pair for each fifty videos."""
        first, second = self.random.integers(0, self.n, (2, self.n // 50))
        pairs = [sorted((self.video_id[a], self.video_id[b])) for a, b in zip(first, second, strict=True) if a != b]
        return pa.table(
            {
                "video_id": [a for a, _ in pairs],
                "match_id": [b for _, b in pairs],
                "bits": [3.0] * len(pairs),
                "run_id": ["run"] * len(pairs),
                "at": [START + timedelta(days=60)] * len(pairs),
            }
        )

    def part_scores(self, at: np.ndarray) -> pa.Table:
        """Two parts of one video in a hundred."""
        both = np.repeat(at[at % 100 == 1], 2)
        return pa.table(
            {
                "video_id": self.video_id[both],
                "track_id": pa.array(np.zeros(len(both), np.int32)),
                "part": ["mouth", "eyes"] * (len(both) // 2),
                "drop": self.random.normal(0.5, 0.5, len(both)),
                "model": ["detector"] * len(both),
                "model_version": ["2"] * len(both),
                "recipe_id": ["0123456789abcdef"] * len(both),
                "run_id": ["run"] * len(both),
                "at": [START + timedelta(days=60)] * len(both),
            }
        )


def models() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of `calibrations` and of `promotions`: two versions, the second is the champion."""
    at = START + timedelta(days=60)
    calibrations = [
        {
            "model": "detector", "model_version": version, "calibration_id": f"c{version}", "aggregation": "mean",
            "temperature": 1.3, "alpha": 0.01, "fake_at": 0.93, "suspicious_at": 0.5, "authentic": 400, "fake": 300,
            "at": at,
        }
        for version in ("1", "2")
    ]  # fmt: skip
    promotions = [
        {"model": "detector", "model_version": version, "outcome": "promoted", "reason": "better",
         "at": at + timedelta(days=int(version))}
        for version in ("1", "2")
    ]  # fmt: skip
    return calibrations, promotions
