"""The card of a trained detector: what it is, what it saw, what it reached, what it must not be used for."""

from __future__ import annotations

from fakelake.models.detector.network import Detector, parameters_in_millions
from fakelake.models.detector.train import Progress
from fakelake.models.weights import ResolvedWeights
from fakelake.tasks.evaluation_text import markdown
from fakelake.tasks.train_detector import Examination
from fakelake.tasks.training_plan import TrainingPlan

LIMITS = """It looks at faces: wholly synthetic scenes without one are outside its knowledge. It knows the methods that
it was trained on; on others, and on footage of other kinds, it is worse than its figures, as every published detector
is. Its score is a reason to look, not a proof. Labels: 1 = fake; p_fake is meant for a prevalence of one half."""


def model_card(
    plan: TrainingPlan, detector: Detector, weights: ResolvedWeights | None, progress: Progress,
    examination: Examination, snapshot: dict[str, int],
) -> str:  # fmt: skip
    """Markdown."""
    network, recipe = plan.recipe.network, plan.recipe
    remarks = [*plan.remarks, *examination.remarks]
    lines = [
        f"# Detector, recipe `{recipe.name}`",
        "",
        *(f"> **{remark}**\n" for remark in remarks),
        f"- Network: {network.trunk}, {network.temporal} over time, {parameters_in_millions(detector):.1f} million "
        f"parameters, clips of {network.frames} crops at {network.px} px",
        f"- Starts from: {f'{weights.name} (sha256 {weights.sha256[:12]})' if weights else 'random weights (scratch)'}",
        f"- Trained on: split `{plan.split_id}`, crops of recipe `{plan.recipe_id}` (margin {plan.margin:g}), "
        f"self-blended share of fakes {plan.blended:g}",
        *(f"  - {name}: {count}" for name, count in plan.counts().items()),
        f"- Epochs: {len(progress.history)}, kept {progress.best_epoch + 1} by validation log loss "
        f"{progress.best_loss:.3f}",
        f"- Settings: `{recipe.to_json()}`",
        f"- Lake: table versions `{snapshot}`",
        "",
        markdown(examination.report) if examination.report else "No figures: it could not be calibrated.",
        "",
        *_robustness(examination),
        f"Metadata alone: {examination.metadata.as_text()}" if examination.metadata else
        "Metadata alone: not asked, the lake has no labelled fake.",
        "",
        "## Limits",
        "",
        LIMITS,
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _robustness(examination: Examination) -> list[str]:
    if not examination.robustness:
        return []
    rows = [f"| {point.name} | {point.figure.as_text()} |" for point in examination.robustness]
    return ["## Robustness (video AUC, one window a track)", "", "| harm | AUC |", "|---|---|", *rows, ""]
