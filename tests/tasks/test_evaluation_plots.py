import subprocess
import sys

import cv2
import numpy as np
import pytest

from fakelake.models.detector.metrics import Confusion, Figure, figures, too_small
from fakelake.tasks.evaluation_plots import (
    Epoch,
    RobustnessPoint,
    plot_calibration,
    plot_confusion,
    plot_losses,
    plot_robustness,
    plot_roc,
)
from fakelake.tasks.perturb import FAMILIES, PERTURBATIONS


def predictions(rows=600, apart=2.0):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, rows)
    p = 1 / (1 + np.exp(-(rng.normal(size=rows) + apart * (labels - 0.5))))
    return labels, p, figures(labels, p, (np.arange(rows) // 3).astype(str), resamples=100)


def curve():
    found = [Figure(0.95 - 0.03 * i, 0.92 - 0.04 * i, 0.97 - 0.02 * i, 60) for i in range(len(PERTURBATIONS) - 1)]
    return [
        RobustnessPoint(point.name, point.family, point.strength, figure)
        for point, figure in zip(PERTURBATIONS, [*found, too_small(1, 2, "fake identities")], strict=True)
    ]


def draw(name, path):
    labels, p, report = predictions()
    match name:
        case "roc":
            return plot_roc(path, labels, p, report)
        case "calibration":
            return plot_calibration(path, labels, p, report)
        case "confusion":
            return plot_confusion(path, Confusion(tp=41, fp=3, tn=52, fn=9))
        case "robustness":
            return plot_robustness(path, Figure(0.97, 0.95, 0.99, 60), curve(), FAMILIES)
        case "losses":
            losses = [Epoch(i, 0.7 / (i + 1), 0.6 / (i + 1) + 0.02 * i) for i in range(8)]
            return plot_losses(path, losses)


PLOTS = ["roc", "calibration", "confusion", "robustness", "losses"]


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_a_picture_with_something_drawn_on_it(name, tmp_path):
    picture = cv2.imread(str(draw(name, tmp_path / f"{name}.png")))
    assert min(picture.shape[:2]) >= 400
    assert 0.5 < np.mean(picture == 255) < 0.99 if name != "confusion" else (picture < 250).any()
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]  # nothing half-written is left beside it


@pytest.mark.parametrize("name", PLOTS)
def test_axes_have_words_and_the_number_of_rows(name, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("fakelake.tasks.evaluation_plots.FigureCanvasAgg", drawn.append)
    draw(name, tmp_path / "plot.png")
    (canvas,) = drawn
    assert all(axes.get_xlabel() for axes in canvas.axes)
    assert canvas.axes[0].get_ylabel()
    texts = [text.get_text() for text in canvas.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert any("n=" in text for text in texts)


def test_the_roc_and_the_calibration_curve_go_through_the_points_they_should(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("fakelake.tasks.evaluation_plots.FigureCanvasAgg", drawn.append)
    labels, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    report = figures(labels, p, list("abcd"), resamples=10)
    plot_roc(tmp_path / "roc.png", labels, p, report)
    plot_calibration(tmp_path / "calibration.png", labels, p, report)
    roc = drawn[0].axes[0].lines[1].get_xydata()
    assert roc.tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    reliability = drawn[1].axes[0].lines[1].get_xydata()
    assert reliability.tolist() == [[0.1, 0], [0.4, 1], [0.6, 0], [0.9, 1]]


def test_the_matrix_has_each_count_where_its_name_says(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("fakelake.tasks.evaluation_plots.FigureCanvasAgg", drawn.append)
    draw("confusion", tmp_path / "plot.png")
    axes = drawn[0].axes[0]
    at = {text.get_position(): text.get_text().splitlines()[:2] for text in axes.texts}
    assert at == {
        (0, 0): ["41", "true positive"], (1, 0): ["9", "false negative"],
        (0, 1): ["3", "false positive"], (1, 1): ["52", "true negative"],
    }  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()] == ["fake", "authentic"]
    assert [label.get_text().split("\n")[0] for label in axes.get_yticklabels()] == ["fake", "authentic"]


def test_a_robustness_curve_runs_from_untouched_to_harshest_in_each_family(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("fakelake.tasks.evaluation_plots.FigureCanvasAgg", drawn.append)
    draw("robustness", tmp_path / "plot.png")
    ticks = [[label.get_text() for label in axes.get_xticklabels()] for axes in drawn[0].axes]
    assert ticks == [["none", "23", "32", "40"], ["none", "0.5", "0.25"], ["none", "1", "2"], ["none", "60"]]
    assert "n too small (n=1 fake identities, needs 2)" in [text.get_text() for text in drawn[0].axes[3].texts]


def test_plotting_opens_no_window_system_and_keeps_no_figures():
    code = (
        "import sys; import fakelake.tasks.evaluation_plots; "
        "assert 'matplotlib.pyplot' not in sys.modules, 'pyplot keeps every figure'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
