"""The generator's training flow: plan, train, examine, name the parts, register, promote what draws better."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from fakelake import __version__
from fakelake.catalog.lake import Lake
from fakelake.flows.promote import Decision, record_decision
from fakelake.flows.run_row import run_row
from fakelake.flows.train_detector import best_device, environment
from fakelake.infra.model_store import CHAMPION, ModelStore, StoredRun
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import store_of, training_alone, work_directory

MODEL = "generator"
BETTER_BY = "l1"  # on the same held-out people


@dataclass(slots=True, kw_only=True)
class GeneratorSummary:
    """What a training did. parts: index and name of each part."""

    run_id: str
    lake: str
    recipe: str
    model_version: str
    split_id: str
    epochs: int
    figures: dict[str, float]
    parts: list[tuple[int, str, float]]
    remarks: list[str]
    promoted: bool
    decision: str
    card: str = field(repr=False)

    def lines(self) -> list[str]:
        named = ", ".join(f"{index} {name} ({sure:.0%})" for index, name, sure in self.parts)
        f = self.figures
        return [
            *(f"NOTE: {remark}" for remark in self.remarks),
            f"generator version {self.model_version}: recipe {self.recipe}, {self.epochs} epochs",
            f"held-out people: L1 {f['l1']:.4f} (the source as it is: {f['l1_still']:.4f}), SSIM {f['ssim']:.3f}",
            f"parts: {named}",
            self.decision,
        ]


@flow(name="train_generator", validate_parameters=False)
def train_generator(
    lake: str | None = None,
    recipe: str = "light",
    changes: dict | None = None,
    split: str | None = None,
    dataset: str | None = None,
    device: str | None = None,
    promote: bool = True,
    quiet: bool = False,
) -> GeneratorSummary:
    """Train a generator on the portraits of authentic people of the split's train part, and register it.

    recipe:  paper | light | demo; `changes` changes single settings of it
    split:   id of a split, or its beginning; default: made of today's labels (of `dataset`, if given)
    device:  cpu or cuda; default: a GPU where there is one
    promote: make it champion if there is none, or if it draws the same held-out people better

    The same call again goes on with a training that was killed.
    """
    from fakelake.tasks.generator_plan import make_recipe, plan_generator
    from fakelake.tasks.train_generator import examine, train_on

    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    store = store_of(opened, settings)
    made = make_recipe(recipe, changes)
    started, snapshot = datetime.now(UTC), opened.snapshot()
    plan = plan_generator(opened, made, split=split, dataset=dataset, demo=recipe == "demo")
    device = device or best_device()
    directory = work_directory(opened, settings) / f"generator-{made.name}-{plan.key}"
    run_id = uuid.uuid4().hex
    parameters = {
        **json.loads(made.to_json()), "split_id": plan.split_id, "recipe_id": plan.recipe_id, "device": device,
        "snapshot": json.dumps(snapshot), "program": __version__,
        **{f"portraits {name}": count for name, count in plan.counts().items()},
    }  # fmt: skip
    with training_alone(directory):
        with store.run(MODEL, made.name, parameters, remember=directory / "mlflow_run") as run:
            told = partial(log_epoch, plan, directory, store.address, run.run_id, quiet)
            if settings.train_workers > 1:
                share_out(plan, directory, settings, device, told)
            generator, progress = train_on(
                plan, directory, device=device, workers=settings.loader_workers, on_epoch=told
            )
            found = examine(generator, plan)
            run.figures({f"held_out/{name}": value for name, value in found.figures.items()})
            run.text(environment(), "environment.txt")
            registered = directory / "registered"  # a training that is killed after this point registers no second one
            if registered.exists():
                version, card = registered.read_text().split("\n", 1)
            else:
                version, card = register(store, run, plan, generator, progress, found, snapshot)
                registered.write_text(f"{version}\n{card}")
        decision = (
            decide(opened, store, version, found.figures, plan.split_id, run_id)
            if promote
            else Decision(False, f"version {version} stays challenger")
        )
        summary = GeneratorSummary(
            run_id=run_id, lake=opened.location.root, recipe=made.name, model_version=version, split_id=plan.split_id,
            epochs=len(progress.history), figures=found.figures,
            parts=[(part.index, part.name, part.confidence) for part in found.parts], remarks=list(plan.remarks),
            promoted=decision.promoted, decision=decision.text, card=card,
        )  # fmt: skip
        record(opened, summary, plan.recipe_id, made.to_json(), snapshot, started)
        shutil.rmtree(directory, ignore_errors=True)  # only now: until here, the same call would have gone on from it
    return summary


def share_out(plan, directory: Path, settings: Settings, device: str, told) -> None:
    """Train on Ray's workers; what they leave in `directory` is a finished training, which is then taken up here."""
    from fakelake.infra.ray_join import connect
    from fakelake.infra.ray_train import train_on_workers
    from fakelake.tasks.train_generator import GeneratorShare, train_share

    connect(settings.ray_address, settings.cpus)
    train_on_workers(
        train_share, GeneratorShare(plan, directory, settings.loader_workers, told), settings.train_workers,
        gpu=device == "cuda", cpus_per_worker=settings.cpus_per_video, directory=directory,
    )  # fmt: skip


def log_epoch(plan, directory: Path, address: str, mlflow_run: str, quiet: bool, epoch, generator) -> None:
    """An epoch's figures and its grid of pictures to MLflow, and a line to people."""
    from fakelake.tasks.generator_pictures import write_grid

    run: StoredRun = ModelStore(address).opened(mlflow_run)
    figures = {"seconds": epoch.seconds, "pairs_per_s": epoch.pairs_per_s, "wait_share": epoch.wait_share}
    run.figures(
        {**{f"train/{name}": value for name, value in {**epoch.losses, **figures}.items()},
         **{f"val/{name}": value for name, value in epoch.val.items()}},
        step=epoch.epoch,
    )  # fmt: skip
    run.file(write_grid(directory / f"epoch_{epoch.epoch + 1:03d}.jpg", generator, plan), "grids")
    if not quiet:
        stage = " (warm-up)" if epoch.warmup else ""
        print(
            f"epoch {epoch.epoch + 1}{stage}: reconstruction {epoch.losses['reconstruction']:.2f}, equivariance "
            f"{epoch.losses['shift'] + epoch.losses['affine']:.2f}; held out: L1 {epoch.val['l1']:.4f}, SSIM "
            f"{epoch.val['ssim']:.3f}; {epoch.pairs_per_s:.1f} pairs/s",
            file=sys.stderr,
        )


def register(
    store: ModelStore, run: StoredRun, plan, generator, progress, found, snapshot: dict
) -> tuple[str, str]:  # fmt: skip
    """The bundle into the registry, as challenger. Returns its version and its card."""
    from fakelake.tasks.generator_files import generator_card, write_generator
    from fakelake.tasks.generator_pictures import write_parts

    card = generator_card(plan, generator, progress, found, snapshot)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "model"
        write_generator(bundle, generator, plan, found, card)
        write_parts(bundle / "parts.jpg", generator, found)
        figure = {BETTER_BY: f"{found.figures[BETTER_BY]:.6f}"}
        tags = {"recipe": plan.recipe.name, "recipe_id": plan.recipe_id, "split_id": plan.split_id, **figure}
        version = store.register(MODEL, run, bundle, tags)
    create_markdown_artifact(card, key="generator-card", description=f"generator version {version}")
    return version, card


def champion_parts(lake: str) -> list[str]:
    """Names that the champion's parts answer to. Raises ModelMissing."""
    from fakelake.tasks.generator_files import part_names

    settings, opened = Settings(), Lake.open(lake)
    with tempfile.TemporaryDirectory() as scratch:
        return part_names(store_of(opened, settings).fetch(MODEL, CHAMPION, Path(scratch)))


def decide(lake: Lake, store: ModelStore, version: str, figures: dict, split_id: str, run_id: str) -> Decision:
    """The first is champion; after that whatever draws the same held-out people with a smaller L1."""
    before, mine = store.champion(MODEL), figures[BETTER_BY]
    if before == version:  # by a call that was killed right after
        return Decision(True, f"version {version} is champion")
    row: dict[str, object] = {
        "by": "the gate", "run_id": run_id, "split_id": split_id, "metric": BETTER_BY, "challenger": mine
    }  # fmt: skip
    if before is None:
        return record_decision(lake, store, version, None, True, "there was no champion yet", row, MODEL)
    tags = store.tags(MODEL, before)
    if tags.get("split_id") != split_id or BETTER_BY not in tags:
        reason = (
            f"version {before} was judged on other people. By your own word: "
            f"fakelake promote {version} --model generator --why '...'"
        )
        return record_decision(lake, store, version, before, False, reason, row, MODEL)
    theirs = float(tags[BETTER_BY])
    reason = f"L1 {mine:.4f} on the same held-out people, where version {before} has {theirs:.4f}"
    return record_decision(lake, store, version, before, mine < theirs, reason, {**row, "champion": theirs}, MODEL)


def record(
    lake: Lake, summary: GeneratorSummary, recipe_id: str, recipe: str, snapshot: dict, started: datetime
) -> None:
    """The `runs` row."""
    names = ("model_version", "split_id", "epochs", "figures", "parts", "remarks", "decision")
    content = {name: getattr(summary, name) for name in names}
    row = run_row(
        summary.run_id, "train_generator", content, snapshot, started, recipe_id=recipe_id, recipe=recipe
    )  # fmt: skip
    lake.append("runs", [row])
