"""A test part with its scored windows, for the tests of evaluations and their plots."""

from datetime import UTC, datetime

import numpy as np

from fakelake.models.detector.calibrate import Calibration
from fakelake.tasks.evaluate import EvaluatedVideo, Windows


def calibration(**changes):
    fields = {
        "model": "detector", "model_version": "7", "calibration_id": "c", "aggregation": "mean", "temperature": 1.0,
        "alpha": 0.01, "fake_at": 0.9, "suspicious_at": 0.4, "authentic": 120, "fake": 80, "refused": None,
        "split_id": "s", "run_id": "r", "at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return Calibration(**{**fields, **changes})


def part(videos=120, *, windows=4, apart=3.0, seed=0):
    """Videos by turns authentic, of method `swap` (easy) and of `blend` (hard), two a person, and their windows."""
    rng = np.random.default_rng(seed)
    methods = [None, "swap", None, "blend"]
    made = [
        EvaluatedVideo(
            video_id=f"v{i}", label=int(methods[i % 4] is not None), identity=f"p{i // 2}", method=methods[i % 4]
        )
        for i in range(videos)
    ]
    shift = {None: -apart / 2, "swap": apart, "blend": 0.0}
    logits = np.concatenate([shift[video.method] + rng.normal() + rng.normal(0, 0.3, windows) for video in made])
    names = np.repeat([video.video_id for video in made], windows)
    return made, Windows(names, np.zeros(len(names), int), logits)
