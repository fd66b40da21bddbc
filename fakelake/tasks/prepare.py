"""What has to be true before the first video is touched."""

from __future__ import annotations

from fakelake.models.weights import resolve
from fakelake.tasks.whole_frame import WHOLE_FRAME


def resolve_detector(name: str) -> str:
    """SHA-256 of a detector's weights, fetched if need be; "" for face clips. Raises WeightsMissing, WeightsCorrupt."""
    return "" if name == WHOLE_FRAME else resolve(name).sha256
