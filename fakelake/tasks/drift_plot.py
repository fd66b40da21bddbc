"""One picture of a comparison for drift: small panels, the reference in grey, what came lately in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from fakelake.tasks.drift import WITHOUT, Drift, Side
from fakelake.tasks.plot_style import BLUE, GREY, ORANGE, plain

PAPER = "#d4d4d4"  # the reference's fill, light enough for a line over it
BARS = 24
CODECS = 6  # of more, the rarest become one bar
NAMES = {
    "score": ("Score", "logit, above 0 speaks for fake"),
    "face_height": ("Face height", "pixels, median of the video"),
    "sharpness": ("Sharpness", "variance of the Laplacian, median of the video"),
    "no_face": ("Videos without a face", "share of videos"),
    "codec": ("Codec mix", "share of videos"),
}
SAYS = {True: "drifted", False: "no drift", None: "not told"}


def drift_picture(drifts: Sequence[Drift], reference: Side, recent: Side, title: str) -> bytes:
    """A PNG of 3 x 2 panels: one a measure, the last with the legend. Orange is what drifted."""
    canvas = Canvas(figsize=(12, 7), layout="constrained")
    panels = canvas.subplots(2, 3).ravel()
    values = {
        "score": (reference.scores, recent.scores),
        "face_height": (reference.face_heights, recent.face_heights),
        "sharpness": (reference.sharpness, recent.sharpness),
    }
    for axes, drift in zip(panels, drifts, strict=False):
        colour = ORANGE if drift.drifted else BLUE
        if drift.measure in values:
            _values(axes, *values[drift.measure], colour, log=drift.measure == "sharpness")
        elif drift.measure == "no_face":
            _shares(axes, _of(reference.faces), _of(recent.faces), [WITHOUT], colour)
        else:
            was, now = _of(reference.codecs), _of(recent.codecs)
            _shares(axes, *_with_others(was, now), colour)
        _entitle(axes, drift, colour)
    _legend(panels[-1], drifts, reference, recent)
    canvas.suptitle(title, fontsize=12)
    FigureCanvasAgg(canvas)  # without pyplot, which keeps all figures
    file = BytesIO()
    canvas.savefig(file, format="png", dpi=120)
    return file.getvalue()


def _entitle(axes: Axes, drift: Drift, colour: str) -> None:
    name, axis = NAMES[drift.measure]
    figures = ", ".join(f"{n.upper()} {v:.2f}" for n, v in (("psi", drift.psi), ("ks", drift.ks)) if v is not None)
    axes.set_title(f"{name}: {SAYS[drift.drifted]}", fontsize=11, color=colour if drift.drifted else "black")
    axes.set_xlabel(f"{axis}\n{figures or 'too few videos'}; n={drift.reference_n} and {drift.recent_n}", fontsize=9)
    plain(axes)


def _values(axes: Axes, reference: np.ndarray, recent: np.ndarray, colour: str, *, log: bool) -> None:
    """Both distributions over the same bins; what lies outside of all but 1 % is in the outer bins."""
    both = np.concatenate([reference, recent])
    if not len(both):
        return
    least = 0.1 if log else -np.inf  # a blank crop has no sharpness at all
    low, high = np.maximum(np.quantile(both, [0.005, 0.995]), least)
    high = max(high, low + 1e-6 * max(abs(low), 1))
    edges = np.geomspace(low, high, BARS + 1) if log else np.linspace(low, high, BARS + 1)
    sides = ((reference, {"color": PAPER, "fill": True}, GREY), (recent, {"color": colour, "linewidth": 1.8}, colour))
    for values, style, line in sides:
        if len(values):
            shares = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
            axes.stairs(shares, edges, **style)
            axes.axvline(np.median(values), color=line, linestyle=":", linewidth=1.2)
    if log:
        axes.set_xscale("log")
    axes.set_ylabel("share of videos", fontsize=9)


def _shares(axes: Axes, was: Mapping[str, float], now: Mapping[str, float], names: Sequence[str], colour: str) -> None:
    """A pair of bars a name, the first on top, each with its share in words."""
    places = np.arange(len(names))
    sides = ((was, -0.2, PAPER), (now, 0.2, colour))
    for shares, shift, fill in sides:
        lengths = [shares.get(name, 0.0) for name in names]
        axes.barh(places + shift, lengths, height=0.36, color=fill)
        for place, length in zip(places, lengths, strict=True):
            axes.text(length, place + shift, f" {length:.1%}", va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    largest = max((shares.get(name, 0.0) for shares, *_ in sides for name in names), default=0)
    axes.set_xlim(0, max(1.25 * largest, 0.02))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%" if share < 1.01 else "")


def _with_others(was: Mapping[str, float], now: Mapping[str, float]) -> tuple[dict, dict, list[str]]:
    """Both mixes and the names to show, the most frequent first; the rarest are summed up."""
    names = sorted({*was, *now}, key=lambda name: (-max(was.get(name, 0), now.get(name, 0)), name))
    shown = names if len(names) <= CODECS else names[: CODECS - 1]
    rest = names[len(shown) :]
    sides = [{**side, **({"others": sum(side.get(name, 0) for name in rest)} if rest else {})} for side in (was, now)]
    return sides[0], sides[1], [*shown, *(["others"] if rest else [])]


def _of(counts: Mapping[str, int]) -> dict[str, float]:
    """Shares; of nothing, none."""
    return {name: count / max(sum(counts.values()), 1) for name, count in counts.items()}


def _legend(axes: Axes, drifts: Sequence[Drift], reference: Side, recent: Side) -> None:
    axes.axis("off")
    entries = [
        Patch(color=PAPER, label=f"reference: there at the training, n={reference.videos}"),
        Patch(color=BLUE, label=f"recent, n={recent.videos}"),
        Patch(color=ORANGE, label="recent, where it has drifted"),
    ]
    axes.legend(handles=entries, loc="upper left", frameon=False, fontsize=10)
    drifted = [NAMES[drift.measure][0] for drift in drifts if drift.drifted]
    said = ("Drifted:\n" + "\n".join(drifted)) if drifted else "Nothing has drifted, as far as can be told."
    axes.text(0.03, 0.6, f"{said}\n\nDotted: medians", va="top", fontsize=10, transform=axes.transAxes)
