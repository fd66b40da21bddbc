"""The retraining flow: new labels in, a challenger, the gate and, for a new champion, the archive scored again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import champion
from fakelake.flows.score import score
from fakelake.flows.train_detector import MODEL, TrainSummary, train_detector
from fakelake.infra.held_alone import held_alone
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import store_of, work_directory

if TYPE_CHECKING:
    from fakelake.tasks.new_labels import NewLabels

PLAN = "plan.json"


@dataclass(slots=True, kw_only=True)
class RetrainSummary:
    """outcome: done before | refused | promoted."""

    lake: str
    outcome: str
    said: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return self.said


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a retraining keeps from the start: a killed one goes on with it.

    watermark: the last training then; split: to train on, None: a new one; said: of the split, for people
    labels: by class, as counted before the split was made. Those that come later are new to the next training.
    """

    watermark: str
    split: str | None
    labels: dict[str, int]
    said: list[str]


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
        plan = planned(opened, settings, directory, found)
        training = train_detector(
            opened.location.root, recipe or settings.retrain_recipe, dict(settings.retrain_changes), plan.split,
            quiet=quiet, labels=plan.labels,
        )  # fmt: skip
        (directory / PLAN).unlink(missing_ok=True)
    summary = RetrainSummary(
        lake=opened.location.root, outcome="promoted" if training.promoted else "refused", said=plan.said
    )
    summary.said += training.lines()
    if training.promoted:
        summary.said += score(opened.location.root, quiet=quiet, hours=settings.rescore_hours).lines()
    tell(summary, training)
    return summary


def planned(lake: Lake, settings: Settings, directory: Path, found: NewLabels) -> Planned:
    """The plan that a killed retraining of the same watermark left, or a new one."""
    path = directory / PLAN
    if path.exists() and (left := json.loads(path.read_text()))["watermark"] == found.watermark:
        return Planned(**{"labels": dict(found.now), **left})  # an older program kept no labels
    split, said = extended_split(lake, settings)
    plan = Planned(watermark=found.watermark, split=split, labels=dict(found.now), said=said)
    path.with_suffix(".tmp").write_text(json.dumps(asdict(plan)))
    path.with_suffix(".tmp").replace(path)
    return plan


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
