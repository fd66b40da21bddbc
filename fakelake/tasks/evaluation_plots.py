"""Pictures of an evaluation as PNG files: ROC, calibration, confusion, robustness and loss curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from fakelake.models.detector.metrics import Confusion, Figure, Report
from fakelake.models.detector.weighted import Weighted, equal_mass_bins
from fakelake.tasks.plot_style import BLUE, GREY, ORANGE, plain


@dataclass(frozen=True, slots=True)
class RobustnessPoint:
    """One perturbation's figure. family: groups the points; strength: its place on that family's axis."""

    name: str
    family: str
    strength: float
    figure: Figure


@dataclass(frozen=True, slots=True)
class Epoch:
    """Mean losses after one pass over the training part; validation None where none was made."""

    epoch: int
    training: float
    validation: float | None = None


def plot_roc(path: Path, labels: np.ndarray, p: np.ndarray, report: Report) -> Path:
    """ROC of predictions [N] (1 = fake = positive) with the AUC and its interval."""
    canvas, axes = _axes("ROC, fake is positive", "false positive rate (authentic called fake)", "true positive rate")
    rows = Weighted(np.asarray(labels), np.asarray(p, float), np.ones((1, len(p))))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="chance")
    axes.plot(rows.fpr[0], rows.tpr[0], color=BLUE, label=f"AUC {report.figures.auc.as_text()}\n{_n(report)}")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    return _save(canvas, path)


def plot_calibration(path: Path, labels: np.ndarray, p: np.ndarray, report: Report) -> Path:
    """Share of fakes against mean p in 15 bins of equal mass; bars are 95 % (Wilson), rows as if independent."""
    canvas, axes = _axes("Calibration", "mean p that it is fake, of the bin", "share that is fake")
    labels, p = np.asarray(labels, float), np.asarray(p, float)
    bins = equal_mass_bins(p)
    rows = np.bincount(bins)
    kept = rows > 0
    rows = rows[kept]
    said, true = (np.bincount(bins, weights=of)[kept] / rows for of in (p, labels))
    low, high = _wilson(true, rows)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="perfectly calibrated")
    axes.errorbar(
        said, true, yerr=[true - low, high - true], color=BLUE, marker="o", markersize=4, linewidth=1, capsize=2,
        label=f"{len(rows)} bins of about {np.median(rows):.0f} rows\n"
        f"ECE {report.figures.ece.as_text()}\n{_n(report)}",
    )  # fmt: skip
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    return _save(canvas, path)


def plot_confusion(path: Path, cells: Confusion) -> Path:
    """Rows: what the videos are; columns: what they are called at p >= .5."""
    n = cells.tp + cells.fp + cells.tn + cells.fn
    canvas, axes = _axes(f"Confusion at p .5, n={n}", "is called", "really is")
    counts = np.array([[cells.tp, cells.fn], [cells.fp, cells.tn]])
    names = (("true positive", "false negative"), ("false positive", "true negative"))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i in range(2):
        for j in range(2):
            colour = "white" if shares[i, j] > 0.5 else "black"
            text = f"{counts[i, j]}\n{names[i][j]}\n{shares[i, j]:.1%} of the row"
            axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=11)
    axes.set_xticks([0, 1], ["fake", "authentic"])
    axes.set_yticks([0, 1], [f"fake\nn={counts[0].sum()}", f"authentic\nn={counts[1].sum()}"])
    axes.grid(False)
    return _save(canvas, path)


def plot_robustness(
    path: Path, clean: Figure, points: Sequence[RobustnessPoint], axis_of: Mapping[str, str], metric: str = "AUC"
) -> Path:
    """One panel a family of perturbations, each from the untouched clips on the left to the harshest on the right.

    axis_of: family -> the words of its axis; a point whose n is too small is named without a dot
    """
    families = list(dict.fromkeys(point.family for point in points))
    canvas = Canvas(figsize=(3.1 * max(len(families), 1) + 0.6, 4), layout="constrained")
    panels = canvas.subplots(1, max(len(families), 1), sharey=True, squeeze=False)[0]
    for axes, family in zip(panels, families, strict=False):
        ordered = _by_harm([point for point in points if point.family == family])
        shown = [("none", clean), *((f"{point.strength:g}", point.figure) for point in ordered)]
        for place, (_, figure) in enumerate(shown):
            if figure.value is None:
                axes.text(
                    place, 0.5, figure.note, rotation=90, ha="center", va="center", fontsize=7, color=ORANGE,
                    transform=axes.get_xaxis_transform(),
                )  # fmt: skip
        there = [(place, figure) for place, (_, figure) in enumerate(shown) if figure.value is not None]
        values = [figure.value for _, figure in there]
        reach = [[f.value - (f.value if f.low is None else f.low) for _, f in there],
                 [(f.value if f.high is None else f.high) - f.value for _, f in there]]  # fmt: skip
        axes.errorbar([x for x, _ in there], values, yerr=reach, color=BLUE, marker="o", markersize=4, capsize=3)
        axes.set_xticks(range(len(shown)), [name for name, _ in shown])
        axes.set(xlabel=axis_of.get(family, family), xlim=(-0.5, len(shown) - 0.5))
        if metric == "AUC":
            axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
        plain(axes)
    panels[0].set_ylabel(f"{metric}, n={clean.n} identities")
    canvas.suptitle(f"{metric} under perturbation, 95 % intervals", fontsize=12)
    return _save(canvas, path)


def plot_losses(path: Path, epochs: Sequence[Epoch]) -> Path:
    """Training and validation loss by epoch, the lowest validation loss marked."""
    canvas, axes = _axes(f"Loss, n={len(epochs)} epochs", "epoch", "cross-entropy (natural log)")
    axes.plot([e.epoch for e in epochs], [e.training for e in epochs], color=GREY, marker=".", label="training")
    judged = [e for e in epochs if e.validation is not None]
    if judged:
        best = min(judged, key=lambda e: e.validation)
        axes.plot([e.epoch for e in judged], [e.validation for e in judged], color=BLUE, marker=".", label="validation")
        axes.plot(
            best.epoch, best.validation, "o", color=ORANGE, label=f"least: {best.validation:.3f}, epoch {best.epoch}"
        )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _save(canvas, path)


def _wilson(share: np.ndarray, rows: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a share of `rows` (Wilson 1927): has a width at 0 and at 1 too, where nothing varied."""
    scale = 1 + z**2 / rows
    middle = (share + z**2 / (2 * rows)) / scale
    reach = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)) / scale
    return np.minimum(middle - reach, share), np.maximum(middle + reach, share)


def _by_harm(points: Sequence[RobustnessPoint]) -> list[RobustnessPoint]:
    """A higher CRF or blur harms more; a higher size or JPEG quality less."""
    return sorted(points, key=lambda point: point.strength, reverse=points[0].family in ("resize", "jpeg"))


def _axes(title: str, x: str, y: str) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(5.6, 5.2), layout="constrained")
    axes = canvas.subplots()
    axes.set_title(title, fontsize=12)
    axes.set(xlabel=x, ylabel=y)
    plain(axes)
    return canvas, axes


def _n(report: Report) -> str:
    return f"n={report.authentic} authentic, {report.fake} fake\n{report.identities} identities"


def _save(canvas: Canvas, path: Path) -> Path:
    """The picture appears under its name only when it is whole. Figures are drawn without pyplot: it keeps them all."""
    FigureCanvasAgg(canvas)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        canvas.savefig(temporary, format="png", dpi=120)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
