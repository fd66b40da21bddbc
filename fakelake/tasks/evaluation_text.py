"""An evaluation as a page of Markdown: every number with its interval, or the words that stand in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fakelake.models.detector.metrics import Confusion, Report
from fakelake.tasks.evaluate import Count, EvaluationReport

NAMES = {
    "auc": "AUC",
    "ap": "AP",
    "ap_at_50": "AP at 50 % fakes",
    "ap_at_1": "AP at 1 % fakes",
    "eer": "EER",
    "tpr_at_fpr_1": "TPR at FPR 1 %",
    "accuracy": "accuracy at p .5",
    "accuracy_at_50": "accuracy at 50 % fakes",
    "accuracy_at_1": "accuracy at 1 % fakes",
    "precision": "precision at p .5",
    "precision_at_50": "precision at 50 % fakes",
    "precision_at_1": "precision at 1 % fakes",
    "brier": "Brier score",
    "ece": "ECE (15 bins of equal mass)",
    "log_loss": "log loss",
}
OF_A_METHOD = ("auc", "ap_at_50", "eer", "tpr_at_fpr_1", "accuracy_at_50")


def markdown(report: EvaluationReport) -> str:
    """Figures, methods, confusion matrix, bands and coverage; intervals are 95 %, over identities."""
    levels = {"videos": report.video, "frames": report.frame, "all videos": report.everything}
    sections = [
        f"# Detector, version {report.model_version}",
        f"Windows to tracks by `{report.aggregation}`, highest track; temperature {report.temperature:.3f}. "
        "In brackets: 95 % intervals, drawn over identities.",
        _table(["", *levels], _figure_rows(levels)),
        "`frames`: each frame with the p of its window. `all videos`: those without a score count as p = .5, and so as "
        "called fake at p .5.",
        *_notes(report.video, NAMES),
        "## By method",
        _method_table(report) if report.methods else "There is no fake here.",
        *(note for of in report.methods for note in _notes(of.report, OF_A_METHOD, f"{of.method}: ")),
        "## Confusion, videos at p .5 (FAKE is positive)",
        confusion_table(report.video.confusion),
        "## Verdicts",
        report.promise,
        _table(["band", "authentic", "fake"], _counted(report.bands)),
        "## Coverage",
        f"{report.coverage.scored} of {report.coverage.videos} videos have a score.",
    ]
    if report.coverage.missing:
        sections.append(_table(["without a score", "authentic", "fake"], _counted(report.coverage.missing)))
    return "\n\n".join(sections) + "\n"


def confusion_table(cells: Confusion) -> str:
    rows = [
        ["is fake", f"{cells.tp} (true positive)", f"{cells.fn} (false negative)"],
        ["is authentic", f"{cells.fp} (false positive)", f"{cells.tn} (true negative)"],
    ]
    return _table(["", "called fake", "called authentic"], rows)


def _figure_rows(levels: dict[str, Report]) -> Iterable[Sequence[str]]:
    yield ["authentic / fake", *(f"{level.authentic} / {level.fake}" for level in levels.values())]
    yield ["identities", *(str(level.identities) for level in levels.values())]
    for name, words in NAMES.items():
        yield [words, *(getattr(level.figures, name).as_text() for level in levels.values())]


def _method_table(report: EvaluationReport) -> str:
    rows = [
        [of.method, str(of.report.fake), *(getattr(of.report.figures, name).as_text() for name in OF_A_METHOD)]
        for of in report.methods
    ]
    return _table(["method", "fakes", *(NAMES[name] for name in OF_A_METHOD)], rows)


def _notes(report: Report, shown: Iterable[str], of: str = "") -> list[str]:
    """What must be known to read the figures that are shown, once each."""
    said: dict[str, list[str]] = {}
    for name, figure in report.figures.items():
        if name in shown and figure.value is not None and figure.note:
            said.setdefault(figure.note, []).append(NAMES[name])
    return ["\n".join(f"- {of}{', '.join(names)}: {note}" for note, names in said.items())] if said else []


def _counted(counts: Iterable[Count]) -> Iterable[Sequence[str]]:
    return ([count.name, str(count.authentic), str(count.fake)] for count in counts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
