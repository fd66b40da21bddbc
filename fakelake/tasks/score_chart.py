"""Scores over time as SVG: windows of a track with the bands' thresholds, and the frames of one window."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from fakelake.tasks.facts import Reading, Window, sigmoid

WIDTH, HEIGHT = 760, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 124, 14, 34  # of the plot, px; on the right stand the thresholds' names
MOST_BARS = 400  # more windows than this are shown as the highest of each stretch
LINKED_S = 1.5  # windows closer than this are joined by a line

# The page takes these over; a chart that stands alone carries them itself.
STYLE = """
.chart { --ink: #23272e; --faint: #d5d8dd;
  --fake: #b3261e; --suspicious: #9a6700; --authentic: #1f5fa8; }
@media (prefers-color-scheme: dark) {
  .chart { --ink: #e6e8eb; --faint: #3d434c;
    --fake: #ff8a80; --suspicious: #f2b84b; --authentic: #7db8f5; }
}
.chart text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.chart .axis { stroke: var(--ink); stroke-width: 1; }
.chart .grid { stroke: var(--faint); stroke-width: 1; }
.chart .limit { stroke-width: 1.5; stroke-dasharray: 6 4; }
.chart .whole { stroke: var(--ink); stroke-width: 1.5; }
.chart .link { stroke: var(--ink); stroke-width: 1; fill: none; opacity: .45; }
.chart .bar { stroke-width: 4; stroke-linecap: round; }
.chart .dot { stroke: none; }
.chart .worst { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.chart .fake { stroke: var(--fake); fill: var(--fake); }
.chart .suspicious { stroke: var(--suspicious); fill: var(--suspicious); }
.chart .authentic { stroke: var(--authentic); fill: var(--authentic); }
""".strip()


@dataclass(frozen=True, slots=True)
class _Axes:
    start: float
    end: float

    def x(self, seconds: float) -> float:
        share = (seconds - self.start) / max(self.end - self.start, 1e-9)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, p: float) -> float:
        return round(TOP + (1 - p) * (HEIGHT - TOP - BOTTOM), 1)


def windows_chart(windows: Sequence[Window], reading: Reading, end_s: float, worst: Window | None, title: str) -> str:
    """One track from 0 to `end_s`: a bar a window at its p_fake, `worst` ringed."""
    axes = _Axes(0.0, max(end_s, windows[-1].end_s, 1e-3))
    marks = []
    shown = _thinned(windows, worst)
    for before, after in itertools.pairwise(shown):
        if after.start_s - before.end_s <= LINKED_S:
            ends = axes.x(before.end_s), axes.y(reading.p_fake(before.logit)), axes.x(after.start_s)
            marks.append(line("link", ends[0], ends[1], ends[2], axes.y(reading.p_fake(after.logit))))
    for window in shown:
        p = reading.p_fake(window.logit)
        words = f"{window.start_s:.2f} to {window.end_s:.2f} s: p_fake {p:.3f}"
        x1, x2, y = axes.x(window.start_s), axes.x(window.end_s), axes.y(p)
        marks.append(line(f"bar {reading.band(p)}", x1, y, x2, y, words))
        if window == worst:
            ring = f'<rect class="worst" x="{x1 - 6}" y="{y - 7}" width="{round(x2 - x1 + 12, 1)}" height="14" rx="7"/>'
            marks.append(ring)
    return _chart(title, axes, reading, marks)


def frames_chart(
    pts_s: np.ndarray, frame_logits: np.ndarray, reading: Reading, window: Window, decided: int, title: str
) -> str:
    """The frames of one window: each frame's own p_fake, the window's as a line, the frame that decided ringed."""
    axes = _Axes(float(pts_s[0]), float(max(pts_s[-1], pts_s[0] + 1e-3)))
    values = [sigmoid(float(logit) / reading.temperature) for logit in frame_logits]
    points = [(axes.x(float(t)), axes.y(p)) for t, p in zip(pts_s, values, strict=True)]
    path = " ".join(f"{x},{y}" for x, y in points)
    whole = reading.p_fake(window.logit)
    marks = [
        line("whole", LEFT, axes.y(whole), WIDTH - RIGHT, axes.y(whole), "the whole window"),
        f'<polyline class="link" points="{path}"/>',
    ]
    for (x, y), t, p in zip(points, pts_s, values, strict=True):
        words = f"{t:.3f} s: p_fake {p:.3f}"
        marks.append(f'<circle class="dot {reading.band(p)}" cx="{x}" cy="{y}" r="4"><title>{words}</title></circle>')
    x, y = points[decided]
    marks.append(f'<circle class="worst" cx="{x}" cy="{y}" r="9"/>')
    return _chart(title, axes, reading, marks)


def standalone(svg: str) -> str:
    """The chart as a file of its own."""
    head, end, rest = svg.partition(">")
    return f"{head}{end}<style>{STYLE}</style>{rest}"


def _thinned(windows: Sequence[Window], worst: Window | None) -> list[Window]:
    """At most MOST_BARS: of each stretch the highest; the worst one always stays."""
    if len(windows) <= MOST_BARS:
        return list(windows)
    stretches = np.array_split(np.arange(len(windows)), MOST_BARS)
    best: Callable[[int], tuple] = lambda i: (windows[i] == worst, windows[i].logit)  # noqa: E731
    return [windows[max(stretch.tolist(), key=best)] for stretch in stretches]


def _chart(title: str, axes: _Axes, reading: Reading, marks: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    parts = [head, f"<title>{escape(title)}</title>"]
    for p in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = axes.y(p)
        parts.append(line("grid", LEFT, y, WIDTH - RIGHT, y))
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{p:.2g}</text>')
    for seconds in ticks(axes.start, axes.end):
        x = axes.x(seconds)
        parts.append(line("axis", x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5))
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{seconds:g} s</text>')
    return "".join([*parts, *_limits(axes, reading), *marks, "</svg>"])


def _limits(axes: _Axes, reading: Reading) -> list[str]:
    """Thresholds, each named beside its line; the upper one's name makes room for the lower one's."""
    parts = []
    lower = axes.y(reading.suspicious_at) + 4
    for band, limit in (("suspicious", reading.suspicious_at), ("fake", reading.fake_at)):
        if limit is not None:
            y = axes.y(limit)
            at = lower if band == "suspicious" else min(y + 4, lower - 14)
            parts.append(line(f"limit {band}", LEFT, y, WIDTH - RIGHT, y))
            parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{at}">{band} from {limit:.3g}</text>')
    return parts


def ticks(start: float, end: float) -> list[float]:
    """Round figures from `start` to `end`, three to nine of them."""
    wanted = (end - start) / 6
    step = 10.0 ** np.floor(np.log10(max(wanted, 1e-6)))
    step *= next(m for m in (1, 2, 5, 10) if m * step >= wanted)
    first = np.ceil(start / step) * step
    return [float(round(t, 6)) for t in np.arange(first, end + 1e-9, step)]


def line(css: str, x1: float, y1: float, x2: float, y2: float, words: str = "") -> str:
    """A line of a chart, with words for who points at it."""
    title = f"<title>{escape(words)}</title>" if words else ""
    return f'<line class="{css}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}">{title}</line>'
