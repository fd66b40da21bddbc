"""Scores, calibrations and promotions for tests, as the scoring flow and the training write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fakelake.catalog.lake import Lake
from tests.catalog.rows import RECIPE, video_id

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def scores(
    i: int,
    tracks: Mapping[int, Sequence[float]] | Sequence[float],
    *,
    version: str = "1",
    recipe: str = RECIPE,
    hours: float = 0,
) -> list[dict[str, object]]:
    """Rows of one video: logits of windows of two seconds, per track or, as a list, of track 0."""
    tracks = tracks if isinstance(tracks, Mapping) else {0: tracks}
    return [
        {
            **_same(i, version, recipe, hours),
            "track_id": track,
            "window": n,
            "start_s": 2.0 * n,
            "end_s": 2.0 * n + 1.9,
            "frames": 20,
            "logit": logit,
        }
        for track, logits in tracks.items()
        for n, logit in enumerate(logits)
    ]


def unscored(i: int, reason: str = "too short", *, version: str = "1", recipe: str = RECIPE) -> list[dict[str, object]]:
    return [{**_same(i, version, recipe, 0), "reason": reason}]


def promote(lake: Lake, version: str = "1", *, hours: float = 0, outcome: str = "promoted", model: str = "detector"):
    row = {"model": model, "model_version": version, "outcome": outcome, "reason": "better", "at": at(hours)}
    lake.append("promotions", [row])


def calibrate(lake: Lake, version: str = "1", *, hours: float = 0, **other: object) -> None:
    row = {
        "model": "detector",
        "model_version": version,
        "calibration_id": f"c{version}-{hours}",
        "aggregation": "mean",
        "temperature": 1.0,
        "alpha": 0.01,
        "fake_at": 0.9,
        "suspicious_at": 0.5,
        "at": at(hours),
    }
    lake.append("calibrations", [{**row, **other}])


def label(i: int, word: str, *, by: str = "mod-1", hours: float = 0, origin: str = "moderator") -> dict[str, object]:
    return {"video_id": video_id(i), "label": word, "origin": origin, "labelled_by": by, "labelled_at": at(hours)}


def _same(i: int, version: str, recipe: str, hours: float) -> dict[str, object]:
    return {
        "video_id": video_id(i),
        "recipe_id": recipe,
        "model": "detector",
        "model_version": version,
        "run_id": "run",
        "scored_at": at(hours),
    }
