"""Small plots as SVG text, drawn on the server: no script, no colours of their own (static/desk/insight.css has them).

Every bar begins at 0 and is as long as its value says, however small. A drawing is WIDTH units wide; the page scales
it. Texts are escaped: names in a lake are anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH = 400
_LEFT, _RIGHT = 40, 392  # of the ground of upright bars: numbers stand left of it
_TOP, _HEIGHT = 30, 120
_ROW, _BAR = 36, 13
_LOW = 8  # an upright bar below this is hard to tell from none
_NAME_LETTERS = 34


@dataclass(frozen=True, slots=True)
class Bar:
    """parts: kind -> value, drawn one after the other; the kind is the colour's class.

    says: beside the name, or above an upright bar; mark: a value that the bar is to be compared with
    """

    name: str
    parts: Mapping[str, float]
    says: str = ""
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval."""

    name: str
    low: float
    value: float
    high: float
    says: str = ""
    kind: str = "scored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """key: unique in the page; title, text: what people hear who do not see it; unit: of the axis of values."""

    key: str
    title: str
    text: str
    unit: str
    across: str = ""  # of the other axis
    lines: Sequence[tuple[float, str]] = field(default=())  # upright lines: place from 0 (left) to 1, and name


def lying_bars(words: Words, bars: Sequence[Bar], *, whole: bool = True) -> str:
    """A bar a row, its name above it. whole: values are counts, so ticks are whole numbers."""
    most = max((max(sum(bar.parts.values()), bar.mark or 0) for bar in bars), default=0)
    steps = ticks(most, whole=whole)
    scale = (WIDTH - 8) / steps[-1]
    picture = _picture(words, _ROW * len(bars) + 40)
    bottom = _ROW * len(bars) + 4
    _lying_axis(picture, words, [(4 + step * scale, compact(step)) for step in steps], bottom)
    for number, bar in enumerate(bars):
        top = _ROW * number
        row = _row(picture, bar.name, bar.says, top)
        at = 4.0
        for kind, value in bar.parts.items():
            if value > 0:
                _box(row, kind, at, top + 19, value * scale, _BAR)
                at += value * scale
        if bar.mark is not None:
            _line(row, "mark", 4 + bar.mark * scale, top + 15, 4 + bar.mark * scale, top + 19 + _BAR + 4)
    return _text(picture)


def standing_bars(
    words: Words, bars: Sequence[Bar], names: Mapping[float, str], *, whole: bool = True, counted: bool = False
) -> str:
    """Bars side by side.

    names: what stands under the axis, by its place in bars: 0 is the first one's left edge
    counted: a low bar has its sum above it
    """
    steps = ticks(max((sum(bar.parts.values()) for bar in bars), default=0), whole=whole)
    scale, wide = _HEIGHT / steps[-1], (_RIGHT - _LEFT) / max(len(bars), 1)
    picture, ground = _picture(words, _TOP + _HEIGHT + 40), _TOP + _HEIGHT
    for step in steps:
        y = ground - step * scale
        _line(picture, "grid" if step else "axis", _LEFT, y, _RIGHT, y)
        _write(picture, _LEFT - 5, y + 4, compact(step), "tick end")
    for number, bar in enumerate(bars):
        column, y = SubElement(picture, "g"), ground
        SubElement(column, "title").text = f"{bar.name}: {bar.says}"
        for kind, value in bar.parts.items():
            if value > 0:
                y -= value * scale
                _box(column, kind, _LEFT + number * wide + wide * 0.08, y, wide * 0.84, value * scale)
        if counted and 0 < ground - y < _LOW:
            _write(column, _LEFT + (number + 0.5) * wide, y - 3, compact(sum(bar.parts.values())), "small middle")
    for place, name in names.items():
        _write(picture, _LEFT + place * wide, ground + 15, name, "tick middle")
    for number, (place, name) in enumerate(words.lines):
        x = _LEFT + place * (_RIGHT - _LEFT)
        _line(picture, "threshold", x, 12 + 11 * (number % 2), x, ground)
        left = place > 0.4  # of the line there is room
        _write(picture, x - 4 if left else x + 4, 10 + 11 * (number % 2), name, "tick end" if left else "tick")
    _write(picture, 0, 12, words.unit, "tick")
    _write(picture, (_LEFT + _RIGHT) / 2, ground + 33, words.across, "tick middle")
    return _text(picture)


def dots(words: Words, dots: Sequence[Dot]) -> str:
    """A dot a row on an axis from 0 to 1, with its interval as a line."""
    picture, bottom, scale = _picture(words, _ROW * len(dots) + 40), _ROW * len(dots) + 4, WIDTH - 32
    _lying_axis(picture, words, [(16 + step * scale, f"{step:.0%}") for step in (0, 0.25, 0.5, 0.75, 1)], bottom)
    for number, dot in enumerate(dots):
        y = _ROW * number + 25.5
        row = _row(picture, dot.name, dot.says, _ROW * number)
        _line(row, f"interval k-{dot.kind}", 16 + dot.low * scale, y, 16 + dot.high * scale, y)
        for end in (dot.low, dot.high):
            _line(row, f"interval k-{dot.kind}", 16 + end * scale, y - 4, 16 + end * scale, y + 4)
        SubElement(row, "circle", {"class": f"k-{dot.kind}", **_numbers(cx=16 + dot.value * scale, cy=y, r=5)})
    return _text(picture)


def ticks(most: float, *, whole: bool = True) -> list[float]:
    """From 0 to `most` or a little above, in at most five steps of 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return [0, 1]
    power = 10.0 ** floor(log10(most / 5))
    step = next(s * power for s in (1, 2, 5, 10) if s * power * 5 >= most * (1 - 1e-9))
    if whole:
        step = max(1, round(step))
    return [round(n * step, 10) for n in range(ceil(most / step - 1e-9) + 1)]


def compact(value: float) -> str:
    """A number in few letters: 950, 1.2k, 34k, 5.6M; 0.25."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            figure = value / size
            return f"{figure:.0f}{letter}" if figure >= 9.95 or figure == int(figure) else f"{figure:.1f}{letter}"
    return f"{value:.0f}" if value == int(value) else f"{value:.2g}"


def shortened(name: str, letters: int = _NAME_LETTERS) -> str:
    """To fit into a drawing; the table has it whole."""
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _picture(words: Words, height: float) -> Element:
    key = f"plot-{words.key}"
    picture = Element(
        "svg",
        {"class": "plot", "role": "img", "viewBox": f"0 0 {WIDTH} {height:g}", "aria-labelledby": f"{key}-t {key}-d"},
    )
    SubElement(picture, "title", {"id": f"{key}-t"}).text = words.title
    SubElement(picture, "desc", {"id": f"{key}-d"}).text = words.text
    return picture


def _row(picture: Element, name: str, says: str, top: float) -> Element:
    row = SubElement(picture, "g")
    SubElement(row, "title").text = f"{name}: {says}"
    _write(row, 8, top + 14, shortened(name), "name")
    _write(row, WIDTH - 4, top + 14, says, "tick end")
    return row


def _lying_axis(picture: Element, words: Words, steps: Sequence[tuple[float, str]], bottom: float) -> None:
    for number, (x, name) in enumerate(steps):
        _line(picture, "grid" if number else "axis", x, 0, x, bottom)
        at = {0: "start", len(steps) - 1: "end"}.get(number, "middle")
        _write(picture, x + {"start": -4, "end": 4, "middle": 0}[at], bottom + 14, name, f"tick {at}")
    _write(picture, WIDTH / 2, bottom + 31, words.unit, "tick middle")


def _box(parent: Element, kind: str, x: float, y: float, width: float, height: float) -> None:
    SubElement(parent, "rect", {"class": f"k-{kind}", **_numbers(x=x, y=y, width=width, height=height)})


def _line(parent: Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    SubElement(parent, "line", {"class": kind, **_numbers(x1=x1, y1=y1, x2=x2, y2=y2)})


def _write(parent: Element, x: float, y: float, text: str, kind: str) -> None:
    if text:
        SubElement(parent, "text", {"class": kind, **_numbers(x=x, y=y)}).text = text


def _numbers(**values: float) -> dict[str, str]:
    """To a thousandth of a unit."""
    return {name: f"{round(value, 3):g}" if abs(value) < 1000 else f"{value:.3f}" for name, value in values.items()}


def _text(picture: Element) -> str:
    # In HTML a text may hold no control characters, and a name in a lake may.
    text = tostring(picture, encoding="unicode")
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
