"""The training flow: plan, train, examine, register, and promote what is better."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tempfile
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from fakelake import __version__
from fakelake.catalog.lake import Lake
from fakelake.flows.promote import CALIBRATION, Decision, decide
from fakelake.flows.run_row import run_row
from fakelake.infra.model_store import ModelStore, StoredRun
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import store_of, training_alone, work_directory

MODEL = "detector"
KEPT = ("model_version", "split_id", "epochs", "figures", "remarks", "labels", "decision")  # of a summary, in `runs`


@dataclass(slots=True, kw_only=True)
class TrainSummary:
    """What a training did."""

    run_id: str
    lake: str
    recipe: str
    model_version: str
    split_id: str
    epochs: int
    best_epoch: int
    figures: dict[str, float]
    remarks: list[str]
    promoted: bool
    decision: str
    labels: dict[str, int]  # by class, as `watch` counts them: what it later calls new, this training did not know
    card: str = field(repr=False)

    def lines(self) -> list[str]:
        auc, low, high = (self.figures.get(f"video/auc{end}") for end in ("", "_low", "_high"))
        interval = f" ({low:.3f} to {high:.3f} over people)" if low is not None and high is not None else ""
        return [
            *(f"NOTE: {remark}" for remark in self.remarks),
            f"detector version {self.model_version}: recipe {self.recipe}, epoch {self.best_epoch} of {self.epochs}",
            f"test, one seed: video AUC {auc:.3f}{interval}"
            if auc is not None
            else "test: video AUC not known, n too small",
            self.decision,
        ]


@flow(name="train_detector", validate_parameters=False)
def train_detector(
    lake: str | None = None,
    recipe: str = "best",
    changes: dict | None = None,
    split: str | None = None,
    dataset: str | None = None,
    device: str | None = None,
    promote: bool = True,
    quiet: bool = False,
    labels: dict | None = None,
) -> TrainSummary:
    """Train a detector on the lake's labelled videos, register it as challenger, promote it if it is better.

    recipe:  paper | best | light | demo; `changes` changes single settings of it
    split:   id of a split, or its beginning; default: made of today's labels (of `dataset`, if given)
    device:  cpu or cuda; default: a GPU where there is one
    promote: let the gate decide at the end; else the version stays challenger
    labels:  how many there were by class when the split was made; default: as many as today

    The same call again goes on with a training that was killed.
    """
    from fakelake.tasks.new_labels import labels_by_class
    from fakelake.tasks.train_detector import draw, examine, first_weights, train_on
    from fakelake.tasks.training_plan import make_recipe, plan_training

    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    store = store_of(opened, settings)
    made = make_recipe(recipe, changes)
    started, snapshot = datetime.now(UTC), opened.snapshot()
    labels = labels_by_class(opened) if labels is None else labels
    plan = plan_training(opened, made, split=split, dataset=dataset, demo=recipe == "demo")
    weights = first_weights(plan.recipe)
    device = device or best_device()
    directory = work_directory(opened, settings) / f"{made.name}-{plan.key}"
    run_id = uuid.uuid4().hex
    parameters = {
        **json.loads(made.to_json()), "split_id": plan.split_id, "recipe_id": plan.recipe_id, "blended": plan.blended,
        "weights_sha256": weights.sha256 if weights else "scratch", "snapshot": json.dumps(snapshot), "device": device,
        "program": __version__, **{f"videos_{k}": v for k, v in plan.counts().items()},
    }  # fmt: skip
    with training_alone(directory):
        labels = counted_at_start(directory, labels)
        with store.run(MODEL, made.name, parameters, remember=directory / "mlflow_run") as run:
            if settings.train_workers > 1:
                share_out(plan, directory, weights, settings, device, store.address, run.run_id)
            detector, progress = train_on(
                plan, directory, weights, device=device, workers=settings.loader_workers,
                on_epoch=partial(log_epoch, run, quiet),
            )  # fmt: skip
            found = examine(detector, plan, opened, run_id, robustness=made.name != "demo")
            if found.report:
                run.figures(found.report.values())
            for picture in draw(found, progress.history, directory / "plots"):
                run.file(picture, "plots")
            run.text(environment(), "environment.txt")
            registered = directory / "registered"  # a training that is killed after this point registers no second one
            if registered.exists():
                version, card = registered.read_text().split("\n", 1)
            else:
                version, card = register(store, run, plan, detector, weights, progress, found, snapshot)
                registered.write_text(f"{version}\n{card}")
        if found.calibration:
            opened.append("calibrations", [replace(found.calibration, model_version=version).row()])
        decision = decide(opened, store, version, found, plan, run_id) if promote else Decision.left(version)
        summary = TrainSummary(
            run_id=run_id, lake=opened.location.root, recipe=made.name, model_version=version, split_id=plan.split_id,
            epochs=len(progress.history), best_epoch=progress.best_epoch + 1,
            figures=found.report.values() if found.report else {}, remarks=[*plan.remarks, *found.remarks],
            promoted=decision.promoted, decision=decision.text, labels=labels, card=card,
        )  # fmt: skip
        record(opened, summary, plan.recipe_id, made.to_json(), snapshot, started)
        shutil.rmtree(directory, ignore_errors=True)  # only now: until here, the same call would have gone on from it
    return summary


def counted_at_start(directory: Path, labels: dict[str, int]) -> dict[str, int]:
    """The labels as counted when this training began: what came since one was killed is not in its training set."""
    counted = directory / "labels.json"
    if not counted.exists():
        counted.with_suffix(".tmp").write_text(json.dumps(labels))
        counted.with_suffix(".tmp").replace(counted)
    return json.loads(counted.read_text())


def share_out(plan, directory: Path, weights, settings: Settings, device: str, address: str, mlflow_run: str) -> None:
    """Train on Ray's workers; what they leave in `directory` is a finished training, which is then taken up here."""
    from fakelake.infra.ray_join import connect
    from fakelake.infra.ray_train import train_on_workers
    from fakelake.tasks.train_detector import TrainingShare, train_share

    connect(settings.ray_address, settings.cpus)
    told = partial(log_from_worker, address, mlflow_run)
    job = TrainingShare(plan, directory, weights, settings.loader_workers, told)
    train_on_workers(
        train_share, job, settings.train_workers, gpu=device == "cuda", cpus_per_worker=settings.cpus_per_video,
        directory=directory,
    )  # fmt: skip


def log_from_worker(address: str, mlflow_run: str, epoch) -> None:
    """As `log_epoch`, from the process that leads a shared training."""
    log_epoch(ModelStore(address).opened(mlflow_run), False, epoch)


def best_device() -> str:
    """cuda where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def log_epoch(run: StoredRun, quiet: bool, epoch) -> None:
    """An epoch's figures to MLflow, and a line to people."""
    run.figures(
        {"train/loss": epoch.loss, "train/accuracy": epoch.accuracy, "train/seconds": epoch.seconds,
         "train/wait_share": epoch.wait_share, "train/clips_per_s": epoch.clips_per_s,
         **{f"val/{name}": value for name, value in epoch.val.items()}},
        step=epoch.epoch,
    )  # fmt: skip
    if not quiet:
        print(
            f"epoch {epoch.epoch + 1}: loss {epoch.loss:.3f}, validation log loss {epoch.val['log_loss']:.3f}, "
            f"AUC {epoch.val['auc']:.3f}, {epoch.clips_per_s:.1f} clips/s, waited {epoch.wait_share:.1%}",
            file=sys.stderr,
        )


def register(store: ModelStore, run, plan, detector, weights, progress, found, snapshot) -> tuple[str, str]:
    """The bundle into the registry, as challenger. Returns its version and its card."""
    from fakelake.tasks.model_card import model_card
    from fakelake.tasks.model_files import write_model

    card = model_card(plan, detector, weights, progress, found, snapshot)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "model"
        worst = write_model(bundle, detector, plan, card)
        run.figures({"export/largest_difference": worst})
        tags = {"recipe": plan.recipe.name, "recipe_id": plan.recipe_id, "split_id": plan.split_id}
        if found.calibration:  # for lakes that share this MLflow and promote the version by hand
            tags[CALIBRATION] = json.dumps(found.calibration.row(), default=str)
        version = store.register(MODEL, run, bundle, tags)
    create_markdown_artifact(card, key="detector-card", description=f"detector version {version}")
    return version, card


def environment() -> str:
    """Versions of everything installed."""
    from importlib.metadata import distributions

    names = {d.metadata["Name"]: d.version for d in distributions()}
    return "\n".join([f"python=={platform.python_version()}", *(f"{n}=={v}" for n, v in sorted(names.items()) if n)])


def record(lake: Lake, summary: TrainSummary, recipe_id: str, recipe: str, snapshot: dict, started: datetime) -> None:
    """The `runs` row."""
    content = {name: getattr(summary, name) for name in KEPT}
    row = run_row(
        summary.run_id, "train_detector", content, snapshot, started, recipe_id=recipe_id, recipe=recipe
    )  # fmt: skip
    lake.append("runs", [row])
