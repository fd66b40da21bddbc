"""How all diagrams of figures look: their colours and axes."""

from __future__ import annotations

from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#1f5fa8", "#c8561b", "#8a8a8a"


def plain(axes: Axes) -> None:
    """No frame, a quiet grid behind what is drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
