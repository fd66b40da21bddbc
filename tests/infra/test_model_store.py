"""The registry: versions count up, aliases move, what is missing is named, failures keep their log."""

import subprocess
import time

import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.location import LakeLocation
from fakelake.infra.held_alone import HeldByAnother
from fakelake.infra.model_store import CHALLENGER, CHAMPION, ModelMissing, ModelStore
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import place_for_models, store_of, training_alone, work_directory
from tests.catalog.rows import finish, start
from tests.infra.stores import files, new_store

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def store(tmp_path):
    return new_store(tmp_path / "store")


def filed(store, bundle, text="weights", model="detector", **tags):
    """Register a version; its number."""
    with store.run(model, "made", {}) as run:
        return store.register(model, run, files(bundle, text), tags)


def test_versions_count_up_and_the_latest_is_the_challenger(store, tmp_path):
    assert store.versions("detector") == []
    assert [filed(store, tmp_path / str(n)) for n in range(11)] == [str(n + 1) for n in range(11)]
    assert store.versions("detector") == [str(n + 1) for n in range(11)], "by number, not by letters"
    assert store.version("detector", CHALLENGER) == "11"


def test_another_model_counts_for_itself(store, tmp_path):
    filed(store, tmp_path / "a")
    assert filed(store, tmp_path / "b", model="generator") == "1"


def test_the_champion_is_who_was_promoted_last(store, tmp_path):
    for n in range(2):
        filed(store, tmp_path / str(n))
    with pytest.raises(ModelMissing):
        store.version("detector", CHAMPION)
    for version in ("2", "1"):
        store.promote("detector", version)
        assert store.version("detector", CHAMPION) == version
    assert store.version("detector", CHALLENGER) == "2"


def test_what_is_missing_is_named_with_what_there_is_and_how_to_make_one(store, tmp_path):
    with pytest.raises(ModelMissing, match=r"no detector@champion .*no model yet.*fakelake train detector"):
        store.version("detector", CHAMPION)
    for n in range(2):
        filed(store, tmp_path / str(n))
    for wanted in ("3", "champion", "chalenger"):
        with pytest.raises(ModelMissing, match=f"no detector@{wanted} .*There are versions 1, 2"):
            store.version("detector", wanted)
    with pytest.raises(ModelMissing, match="no detector@3"):
        store.fetch("detector", "3", tmp_path / "loaded")


def test_a_models_files_come_back_as_they_went_in(store, tmp_path):
    for n in range(2):
        filed(store, tmp_path / str(n), text=f"weights {n}")
    for n in range(2):
        fetched = store.fetch("detector", str(n + 1), tmp_path / f"loaded {n}")
        assert [(p.name, p.read_text()) for p in fetched.iterdir()] == [("config.json", f"weights {n}")]


def test_a_version_keeps_what_was_noted_with_it(store, tmp_path):
    filed(store, tmp_path / "a", split_id="s1", recipe="light")
    assert store.tags("detector", "1") == {"split_id": "s1", "recipe": "light"}


def logged(store, run_id):
    run = store._client.get_run(run_id)
    names = [entry.path for entry in store._client.list_artifacts(run_id)]
    return run.info.status, run.data.params, run.data.metrics, names


def test_a_run_that_ends_well_is_finished_with_its_parameters_figures_and_files(store, tmp_path):
    with store.run("detector", "light", {"epochs": 3, "long": "x" * 900}) as run:
        run.figures({"val/auc": 0.5, "loss": 1}, step=0)
        run.figures({"val/auc": 0.75}, step=1)
        run.text("python", "environment.txt")
        run.file(files(tmp_path / "f") / "config.json", "plots")
    status, parameters, figures, names = logged(store, run.run_id)
    assert (status, parameters["epochs"], len(parameters["long"])) == ("FINISHED", "3", 500)
    assert figures == {"val/auc": 0.75, "loss": 1.0}
    assert names == ["environment.txt", "plots"]
    history = store._client.get_metric_history(run.run_id, "val/auc")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.75)]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_fails_is_failed_and_keeps_what_was_logged(store, error):
    with pytest.raises(error), store.run("detector", "light", {"epochs": 3}) as run:
        run.figures({"loss": 1.0})
        run.text("so far", "notes.txt")
        raise error
    assert logged(store, run.run_id) == ("FAILED", {"epochs": "3"}, {"loss": 1.0}, ["notes.txt"])


def test_runs_of_a_search_stand_below_their_parent(store):
    with store.run("detector", "search", {}) as parent, store.run("detector", "one", {}, parent=parent.run_id) as child:
        pass
    assert store._client.get_run(child.run_id).data.tags["mlflow.parentRunId"] == parent.run_id


REGISTERS = """
    import sys
    from pathlib import Path
    from tests.infra.test_model_store import ModelStore, register_three
    print(*register_three(ModelStore(sys.argv[1] + "/store"), Path(sys.argv[1]), "other"))
"""


def register_three(store, directory, name):
    """As soon as both processes are ready."""
    bundle = files(directory / name, name)
    (directory / f"{name} is ready").touch()
    while len(list(directory.glob("* is ready"))) < 2:
        time.sleep(0.01)
    made = []
    for n in range(3):
        with store.run("detector", name, {"n": n}) as run:
            made.append(store.register("detector", run, bundle, {"by": name}))
    return made


def test_two_processes_registering_at_once_each_get_versions_of_their_own(store, tmp_path):
    other = start(REGISTERS, tmp_path)
    made = {"this": register_three(store, tmp_path, "this"), "other": finish(other).split()}
    assert sorted([*made["this"], *made["other"]], key=int) == [str(n + 1) for n in range(6)]
    assert store.versions("detector") == [str(n + 1) for n in range(6)]
    for name, versions in made.items():
        assert {store.tags("detector", version)["by"] for version in versions} == {name}
        fetched = store.fetch("detector", versions[0], tmp_path / "loaded" / name)
        assert (fetched / "config.json").read_text() == name


def test_a_lake_has_its_store_in_itself_unless_another_is_set(tmp_path, monkeypatch):
    lake = Lake.create(tmp_path / "lake")
    new_store(tmp_path / "lake" / "_mlflow")
    new_store(tmp_path / "elsewhere")
    assert store_of(lake, Settings()).address.endswith("/lake/_mlflow/mlflow.db")
    assert work_directory(lake, Settings()) == tmp_path / "lake" / "_mlflow" / "training"
    monkeypatch.setenv("FAKELAKE_MLFLOW", str(tmp_path / "elsewhere"))
    assert store_of(lake, Settings()).address.endswith("/elsewhere/mlflow.db")
    assert ModelStore(f"sqlite:///{tmp_path}/elsewhere/mlflow.db").address.startswith("sqlite:////")


def test_for_a_lake_on_s3_it_is_a_directory_that_workers_elsewhere_find(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lake = Lake(LakeLocation.from_str("s3://bucket/lake"))
    assert work_directory(lake, Settings()) == tmp_path / "mlflow" / "training"


def test_the_run_of_a_killed_process_is_gone_on_with(store, tmp_path):
    remember = tmp_path / "training" / "mlflow_run"
    killed = store.run("detector", "made", {"epochs": 3}, remember=remember).__enter__()
    killed.figures({"loss": 0.7}, step=0)
    with store.run("detector", "made", {"epochs": 3}, remember=remember) as again:
        again.figures({"loss": 0.5}, step=1)
    assert again.run_id == killed.run_id
    run = store._client.get_run(killed.run_id)
    assert run.info.status == "FINISHED"
    assert [m.value for m in store._client.get_metric_history(killed.run_id, "loss")] == [0.7, 0.5]


def test_a_remembered_run_of_another_store_is_not_looked_for(store, tmp_path):
    remember = tmp_path / "mlflow_run"
    remember.write_text("0" * 32)
    with store.run("detector", "made", {}, remember=remember) as run:
        assert remember.read_text() == run.run_id


def test_models_that_killed_processes_had_in_use_are_removed(tmp_path):
    lake, settings = Lake.create(tmp_path / "lake"), Settings()
    finished = subprocess.Popen(["true"])
    finished.wait()
    with place_for_models(lake, settings) as mine:
        left = mine.with_name(f"{finished.pid}-left")
        left.mkdir()
        with place_for_models(lake, settings) as other:
            assert other.is_dir() and mine.is_dir() and not left.exists()
    assert list(mine.parent.iterdir()) == []


def test_two_equal_trainings_do_not_share_a_directory(tmp_path):
    with training_alone(tmp_path / "training"), pytest.raises(HeldByAnother, match="at this very training already"):
        training_alone(tmp_path / "training").__enter__()
    with training_alone(tmp_path / "training"):
        pass
