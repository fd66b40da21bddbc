"""The score over time, as the geometry of a small drawing: one line a face, the worst second marked."""

from __future__ import annotations

from dataclasses import dataclass

from fakelake.review.service.player import looked_until_s
from fakelake.review.service.video import Record

WIDTH, HEIGHT = 1000.0, 120.0  # of the drawing, in its own units
MOST_STEPS = 400  # a face: more than a screen could show apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A window, or the highest of some in a row. x, y: its upper left corner, in the drawing's units."""

    x: float
    y: float
    width: float
    height: float
    band: str
    p_fake: float
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One face."""

    track_id: int
    worst: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """fake_y, suspicious_y: of the thresholds' lines; worst_x: of the worst second; looked_x: behind it the recipe
    looked at nothing; None where there is none.
    """

    duration_s: float
    lines: tuple[Line, ...]
    fake_y: float | None
    suspicious_y: float
    worst_x: float | None
    worst_s: float | None
    looked_x: float | None
    width: float = WIDTH
    height: float = HEIGHT


def strip_of(record: Record) -> Strip | None:
    """None for a video without scored windows."""
    if not record.scored or not record.facts.windows:
        return None
    facts, reading = record.facts, record.facts.reading
    last = max(window.end_s for window in facts.windows)
    duration = max(float(record.media.get("duration_s") or 0.0), last) or 1.0
    lines = []
    for track in sorted({window.track_id for window in facts.windows}):
        steps, windows = [], facts.of_track(track)
        together = -(-len(windows) // MOST_STEPS)
        for at in range(0, len(windows), together):
            some = windows[at : at + together]
            p = reading.p_fake(max(window.logit for window in some))
            start, end = some[0].start_s, max(window.end_s for window in some)
            left, right = start / duration * WIDTH, end / duration * WIDTH
            steps.append(
                Step(
                    x=round(left, 2),
                    y=round(_y(p), 2),
                    width=round(max(right - left, 2.0), 2),
                    height=round(HEIGHT - _y(p), 2),
                    band=reading.band(p),
                    p_fake=p,
                    start_s=start,
                    end_s=end,
                )
            )
        lines.append(Line(track_id=track, worst=track == facts.verdict.worst_track, steps=tuple(steps)))
    lines.sort(key=lambda line: line.worst)  # drawn last, and so on top
    worst, looked = facts.verdict.worst_second, looked_until_s(record.media, last)
    return Strip(
        duration_s=duration,
        lines=tuple(lines),
        fake_y=round(_y(reading.fake_at), 2) if reading.fake_at is not None else None,
        suspicious_y=round(_y(reading.suspicious_at), 2),
        worst_x=round(worst / duration * WIDTH, 2) if worst is not None else None,
        worst_s=worst,
        looked_x=None if looked is None else round(looked / duration * WIDTH, 2),
    )


def _y(p: float) -> float:
    """A probability of 0 keeps a foot of two units, so that it can be seen and clicked."""
    return (1 - p) * (HEIGHT - 2)
