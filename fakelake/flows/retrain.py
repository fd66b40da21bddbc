"""The retraining flow: new labels in, a challenger, the gate and, for a new champion, the archive scored again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import champion
from fakelake.flows.score import score
from fakelake.flows.train_detector import MODEL, TrainSummary, train_detector
from fakelake.infra.held_alone import held_alone
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import store_of, work_directory

PLAN = "plan.json"


@dataclass(slots=True, kw_only=True)
class RetrainSummary:
    """outcome: done before | refused | promoted."""

    lake: str
    outcome: str
    said: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return self.said


@flow(name="retrain", timeout_seconds=7 * 24 * 3600, validate_parameters=False)
def retrain(
    lake: str | None = None, watermark: str | None = None, recipe: str | None = None, quiet: bool = False
) -> RetrainSummary:  # fmt: skip
    """Train on today's labels with the champion's test part frozen; a challenger that is better becomes champion.

    lake:      directory or s3:// prefix; default FAKELAKE_LAKE or ./lake
    watermark: the training that was the last when this was started; if another came since, there is nothing to do
    recipe:    paper | best | light | demo; default FAKELAKE_RETRAIN_RECIPE, changed by FAKELAKE_RETRAIN_CHANGES

    A new champion scores what the old one had scored, newest first, for FAKELAKE_RESCORE_HOURS; later scorings go on.
    A run that was killed is gone on with by the next one of the same watermark. Raises HeldByAnother.
    """
    from fakelake.tasks.new_labels import new_labels

    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    directory = work_directory(opened, settings) / "retrain"
    with held_alone(directory, f"A retraining of this lake runs already (its state is in {directory}). Wait for it."):
        found = new_labels(opened)
        if watermark not in (None, found.watermark):
            said = f"Training {found.watermark[:8]} came since this was started: nothing to do."
            return RetrainSummary(lake=opened.location.root, outcome="done before", said=[said])
        split, said = planned_split(opened, settings, directory, found.watermark)
        training = train_detector(
            opened.location.root, recipe or settings.retrain_recipe, dict(settings.retrain_changes), split, quiet=quiet
        )  # fmt: skip
        (directory / PLAN).unlink(missing_ok=True)
    summary = RetrainSummary(
        lake=opened.location.root, outcome="promoted" if training.promoted else "refused", said=said
    )
    summary.said += training.lines()
    if training.promoted:
        summary.said += score(opened.location.root, quiet=quiet, hours=settings.rescore_hours).lines()
    tell(summary, training)
    return summary


def planned_split(lake: Lake, settings: Settings, directory: Path, watermark: str) -> tuple[str | None, list[str]]:
    """The split to train on, and what is to be said of it; the same again for a retraining that was killed."""
    plan = directory / PLAN
    if plan.exists() and (left := json.loads(plan.read_text()))["watermark"] == watermark:
        return left["split"], left["said"]
    split, said = extended_split(lake, settings)
    plan.with_suffix(".tmp").write_text(json.dumps({"watermark": watermark, "split": split, "said": said}))
    plan.with_suffix(".tmp").replace(plan)
    return split, said


def extended_split(lake: Lake, settings: Settings) -> tuple[str | None, list[str]]:
    """The champion's split with the people that are labelled since; None, for a new one, where it is not at hand."""
    from fakelake.catalog.splits import read_split, store_split
    from fakelake.tasks.extend_split import extend_split
    from fakelake.tasks.near_duplicates import BITS
    from fakelake.tasks.split_lake import labelled_videos

    version = champion(lake)
    parent = store_of(lake, settings).tags(MODEL, version).get("split_id") if version else None
    before = read_split(lake, parent)[0] if parent else {}
    if not before:
        return None, ["There is no champion with a split in this lake, so a new split is made."]
    found = labelled_videos(lake, near_bits=BITS)
    extended = extend_split(found.videos, before, parent, near_duplicates=found.pairs)
    store_split(lake, extended.rows())
    said = [f"split {extended.split.split_id}: that of champion {version} with {len(extended.new)} videos more"]
    if extended.left_out:
        said.append(f"{len(extended.left_out)} videos tie people of two parts together and were left out")
    return extended.split.split_id, said


def tell(summary: RetrainSummary, training: TrainSummary) -> None:
    """For the Prefect page."""
    said = "\n".join(f"- {line}" for line in summary.said)
    create_markdown_artifact(
        f"# Retraining: {summary.outcome}\n\n{said}\n\n{training.card}", key="retraining", description=training.decision
    )
