"""Hyper-parameter search for a detector: short trainings as nested MLflow runs, judged on validation only."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from functools import partial

from prefect import flow

from fakelake.catalog.lake import Lake
from fakelake.flows.train_detector import MODEL, best_device, log_epoch
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import store_of, work_directory


@dataclass(frozen=True, slots=True)
class SearchSummary:
    """best: the settings of the lowest validation log loss; tried: of each trial its settings and that loss.

    given: settings that all trials shared
    """

    recipe: str
    given: dict[str, object]
    split_id: str
    best: dict[str, float]
    log_loss: float
    tried: list[dict[str, float]]
    mlflow_run: str

    def lines(self) -> list[str]:
        shared = [f"--set {name}={'none' if value is None else value}" for name, value in self.given.items()
                  if name != "epochs"]  # fmt: skip
        settings = " ".join([*shared, *(f"--set {name}={value:.3g}" for name, value in self.best.items())])
        return [
            *(f"log loss {t['log_loss']:.3f}: " + ", ".join(f"{k} {v:.3g}" for k, v in t.items() if k != "log_loss")
              for t in sorted(self.tried, key=lambda t: t["log_loss"])),
            f"best: fakelake train detector --recipe {self.recipe} --split {self.split_id} {settings}",
        ]  # fmt: skip


@flow(name="search_detector", validate_parameters=False)
def search_detector(
    lake: str | None = None,
    recipe: str = "best",
    changes: dict | None = None,
    trials: int = 8,
    split: str | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> SearchSummary:
    """Try `trials` settings of the learning rate, weight decay, dropout and share of blends (TPE, Akiba et al. 2019).

    changes: of the recipe, for all trials; `epochs` should be few. The test part is not looked at.
    The same call again goes on with a search that was killed.
    """
    import optuna

    from fakelake.tasks.train_detector import TrainingDiverged, first_weights, train_on
    from fakelake.tasks.training_plan import make_recipe, plan_training

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    store, made = store_of(opened, settings), make_recipe(recipe, changes)
    plan = plan_training(opened, made, split=split)
    weights, device = first_weights(plan.recipe), device or best_device()
    directory = work_directory(opened, settings) / f"search-{plan.key}"
    directory.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{directory / 'search.db'}", study_name=plan.key, load_if_exists=True,
    )  # fmt: skip
    # A seed that is the same at every call would draw the same settings again.
    study.sampler = optuna.samplers.TPESampler(seed=made.seed + len(study.trials))
    for cut_off in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(cut_off.params)
    shared = {"trials": trials, "recipe": made.to_json()}
    with store.run(MODEL, f"search {made.name}", shared, remember=directory / "mlflow_run") as parent:

        def objective(trial: optuna.Trial) -> float:
            tried = suggest(trial, blends=plan.blended not in (0.0, 1.0))
            mine = replace(plan, recipe=made.changed(tried), blended=tried.get("blended", plan.blended))
            scratch = directory / "-".join(f"{value:.4g}" for value in tried.values())
            with store.run(MODEL, f"trial {trial.number}", tried, parent=parent.run_id) as run:
                try:
                    _, progress = train_on(
                        mine, scratch, weights, device=device, workers=settings.loader_workers,
                        on_epoch=partial(log_epoch, run, quiet),
                    )  # fmt: skip
                except TrainingDiverged as error:  # an answer too: not these settings
                    shutil.rmtree(scratch, ignore_errors=True)
                    raise optuna.TrialPruned(str(error)) from None
            shutil.rmtree(scratch, ignore_errors=True)
            return progress.best_loss

        finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        done = len(study.get_trials(states=finished))
        study.optimize(objective, n_trials=max(0, trials - done))
        if not study.get_trials(states=finished[:1]):
            raise TrainingDiverged(f"All {trials} trials diverged: give the search a recipe that trains at all.")
        parent.figures({"val/log_loss": study.best_value})
        parent.text(json.dumps(study.best_params, indent=2), "best.json")
    complete = [trial for trial in study.trials if trial.value is not None]
    tried = [{**trial.params, "log_loss": trial.value} for trial in complete]
    summary = SearchSummary(
        recipe=made.name, given=dict(changes or {}), split_id=plan.split_id, best=dict(study.best_params),
        log_loss=study.best_value, tried=tried, mlflow_run=parent.run_id,
    )  # fmt: skip
    shutil.rmtree(directory, ignore_errors=True)
    return summary


def suggest(trial, *, blends: bool) -> dict[str, float]:
    """Settings to try. blends: whether the lake leaves a choice of how many fakes are self-blended."""
    tried = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
    }
    if blends:
        tried["blended"] = trial.suggest_float("blended", 0.1, 0.9)
    return tried
