"""How much each part of a face weighs as SVG: bars, and lines over time. The colours read on light and dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fakelake.tasks.part_scores import REST, PartDrop, PartMean
from fakelake.tasks.score_chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, line, ticks

ROW, NAMES, FIGURES = 26, 220, 70  # px: of a bar, of the column left of the bars, of what stands behind a bar
LINES = ("#d1495b", "#2f9e8f", "#d98200", "#6a7fdb", "#a05fd0", "#8a7a2f", "#c44fa0", "#4f8fb8")
GREY = "#8a8f98"
APART = 14  # px between two names at the ends of lines


def bars_chart(means: Sequence[PartMean], title: str) -> str:
    """A bar a part: to the right it speaks for fake, to the left against."""
    drops = [mean.drop for mean in means]
    low, high = min(0.0, *drops), max(0.0, *drops)
    height = TOP + ROW * len(means) + 8
    left = NAMES + (FIGURES if low < 0 else 0)

    def x(drop: float) -> float:
        return round(left + (drop - low) / max(high - low, 1e-9) * (WIDTH - left - FIGURES), 1)

    parts = [_head(height), f"<title>{escape(title)}</title>"]
    for row, mean in enumerate(means):
        y = TOP + row * ROW + ROW // 2
        css = "fake" if mean.drop > 0 else "authentic"
        words = f"{mean.part}: {mean.drop:+.3f}, at most {mean.largest_drop:+.3f} from {mean.largest_second:.2f} s on"
        name = f"{mean.part} ({100 * mean.area:.0f} % of the picture)"
        parts.append(f'<text x="{NAMES - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect class="{css}" x="{min(x(0), x(mean.drop))}" y="{y - 8}" '
            f'width="{max(abs(x(mean.drop) - x(0)), 1):.1f}" height="16"><title>{escape(words)}</title></rect>'
        )
        at, anchor = (x(mean.drop) + 6, "start") if mean.drop > 0 else (x(mean.drop) - 6, "end")
        parts.append(f'<text x="{at:.1f}" y="{y + 4}" text-anchor="{anchor}">{mean.drop:+.2f}</text>')
    parts.append(line("axis", x(0), TOP - 4, x(0), height - 4))
    return "".join([*parts, "</svg>"])


def over_time_chart(drops: Sequence[PartDrop], order: Sequence[str], title: str) -> str:
    """A line a part over the windows' middles; order: of the parts, by which they are coloured."""
    start = min(each.window.start_s for each in drops)
    end = max(each.window.end_s for each in drops)
    low, high = min(0.0, *(each.drop for each in drops)), max(0.0, *(each.drop for each in drops))

    def x(seconds: float) -> float:
        return round(LEFT + (seconds - start) / max(end - start, 1e-9) * (WIDTH - LEFT - RIGHT), 1)

    def y(drop: float) -> float:
        return round(TOP + (high - drop) / max(high - low, 1e-9) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [_head(HEIGHT), f"<title>{escape(title)}</title>"]
    for drop in ticks(low, high):
        parts.append(line("axis" if drop == 0 else "grid", LEFT, y(drop), WIDTH - RIGHT, y(drop)))
        parts.append(f'<text x="{LEFT - 8}" y="{y(drop) + 4}" text-anchor="end">{drop:+.2g}</text>')
    for seconds in ticks(start, end):
        parts.append(line("axis", x(seconds), HEIGHT - BOTTOM, x(seconds), HEIGHT - BOTTOM + 5))
        parts.append(f'<text x="{x(seconds)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{seconds:g} s</text>')
    ends = []
    for number, part in enumerate(order):
        of_part = sorted((each for each in drops if each.part == part), key=lambda each: each.window.start_s)
        colour = GREY if part == REST else LINES[number % len(LINES)]
        points = [(x((each.window.start_s + each.window.end_s) / 2), y(each.drop)) for each in of_part]
        path = " ".join(f"{px},{py}" for px, py in points)
        dashes = ' stroke-dasharray="5 4"' if part == REST else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        for (px, py), each in zip(points, of_part, strict=True):
            words = f"{part}, {each.window.start_s:.2f} to {each.window.end_s:.2f} s: {each.drop:+.3f}"
            parts.append(f'<circle cx="{px}" cy="{py}" r="3.5" fill="{colour}"><title>{escape(words)}</title></circle>')
        ends.append((points[-1][1], part, colour))
    # Names that would lie on one another move down; past the lower edge all of them move up again.
    places = []
    for at, _, _ in sorted(ends):
        places.append(max(at, places[-1] + APART) if places else at)
    up = max(0.0, places[-1] - (HEIGHT - 8))
    for place, (at, part, colour) in zip(places, sorted(ends), strict=True):
        beside = WIDTH - RIGHT + 6
        parts.append(f'<line x1="{beside}" y1="{at}" x2="{beside + 12}" y2="{place - up}" stroke="{colour}"/>')
        parts.append(f'<text x="{beside + 16}" y="{place - up + 4:.1f}">{escape(part)}</text>')
    return "".join([*parts, "</svg>"])


def _head(height: int) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {height}" role="img">'
