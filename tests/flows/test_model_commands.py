"""`train`, `promote` and `score` as they are typed: settings of their own kinds, words, JSON and exit codes."""

import json

import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import champion
from fakelake.flows.model_commands import parse_settings
from fakelake.flows.score import ScoreSummary
from fakelake.flows.score_parts import ScoredParts
from fakelake.flows.train_detector import TrainSummary
from fakelake.tasks.training_plan import make_recipe
from tests.infra.stores import files, new_store


@pytest.fixture
def run(tmp_path, monkeypatch, typed):
    monkeypatch.setenv("FAKELAKE_LAKE", str(tmp_path / "lake"))
    return typed


@pytest.fixture
def called(monkeypatch):
    """What the flows were called with; they answer with a made summary."""
    calls = []
    trained = TrainSummary(
        run_id="r", lake="l", recipe="light", model_version="3", split_id="s", epochs=4, best_epoch=2,
        figures={"video/auc": 0.875}, remarks=["A REMARK"], promoted=False, decision="version 3 stays challenger",
        card="# Card", labels={"real": 5, "fake": 4},
    )  # fmt: skip
    scored = ScoreSummary(
        run_id="r", lake="l", model="detector", model_version="3", to_score=9, scored=8, bands={"suspicious": 2},
        quarantined=1, problems=["file:///a.mp4: a crop is no picture"],
    )  # fmt: skip

    def flow(summary):
        def call(*arguments, **options):
            calls.append((arguments, options))
            print("noise of a library")
            return summary

        return call

    monkeypatch.setattr("fakelake.flows.train_detector.train_detector", flow(trained))
    monkeypatch.setattr("fakelake.flows.score.score", flow(scored))
    return calls


def test_settings_are_of_their_own_kinds():
    typed = ["epochs=3", "learning_rate=3e-4", "trunk=mobilenet_v2", "ema=none", "blended=None", "seed=0"]
    assert parse_settings(typed) == {
        "epochs": 3, "learning_rate": 3e-4, "trunk": "mobilenet_v2", "ema": None, "blended": None, "seed": 0,
    }  # fmt: skip
    assert make_recipe("light", parse_settings(typed)).epochs == 3


@pytest.mark.parametrize("word", ["none", "light", "full"])
def test_an_augmentation_is_a_word_even_where_it_is_none(word):
    assert make_recipe("light", parse_settings([f"augment={word}"])).augment == word


@pytest.mark.parametrize("change", ["epochs", "=3"])
def test_a_setting_without_name_or_value_is_bad_usage(run, change):
    done = run("train", "detector", "--set", change)
    assert (done.exit_code, "setting=value" in done.stderr) == (2, True)


def test_train_says_remarks_figures_and_the_decision(run, called):
    done = run("train", "detector", "--recipe", "light", "--set", "epochs=3", "--split", "ab", "--no-promote")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "NOTE: A REMARK",
        "detector version 3: recipe light, epoch 2 of 4",
        "test, one seed: video AUC 0.875",
        "version 3 stays challenger",
    ]
    assert "noise" in done.stderr, "stdout is for the answer"
    ((arguments, options),) = called
    assert arguments[1:4] == ("light", {"epochs": 3}, "ab")
    assert options == {"device": None, "promote": False, "quiet": False}


def test_train_answers_machines_in_one_document(run, called):
    assert json.loads(run("train", "detector", "--json").output)["model_version"] == "3"
    assert called[0][1]["quiet"] is True


def test_score_says_what_it_did_and_ends_with_3_where_something_went_into_quarantine(run, called):
    done = run("score", "--model", "detector@3", "--dataset", "news")
    assert done.exit_code == 3
    assert "8 of 9 videos scored" in done.output and "2 suspicious" in done.output
    assert "a crop is no picture" in done.output
    assert called[0][0][1:] == ("detector@3", "news") and called[0][1]["parts"] is False


def test_score_measures_parts_where_it_is_asked_to_and_says_of_how_many(run, called):
    assert run("score", "--parts").exit_code == 3
    assert called[0][1]["parts"] is True
    parts = ScoredParts(generator_version="4", measured=7, before=2)
    summary = ScoreSummary(run_id="r", lake="l", model="detector", model_version="3", parts=parts)
    assert summary.lines()[1] == (
        "parts by generator version 4: measured on 7 videos that are fake or suspicious, 2 were before"
    )
    assert json.loads(run("score", "--json").output)["quarantined"] == 1


def test_a_lake_that_is_not_there_is_one_message(run, tmp_path):
    done = run("promote", "1", "--why", "x", "--lake", tmp_path / "nowhere")
    assert (done.exit_code, "no lake at" in done.stderr) == (1, True)


def test_a_person_promotes_a_version_with_a_reason_on_record(run, tmp_path, monkeypatch):
    lake = Lake.create(tmp_path / "lake")
    store = new_store(tmp_path / "lake" / "_mlflow")
    with store.run("detector", "made", {}) as training:
        store.register("detector", training, files(tmp_path / "model"), {})
    assert run("promote", "1").exit_code == 2, "without a reason nothing is promoted"
    monkeypatch.setenv("FAKELAKE_USER", "ann")
    done = run("promote", "challenger", "--why", "looked at by hand")
    assert (done.exit_code, done.output) == (0, "version 1 is champion: looked at by hand\n")
    (row,) = lake.read("promotions").to_pylist()
    assert (row["by"], row["reason"], champion(lake)) == ("ann", "looked at by hand", "1")


def test_a_version_that_is_not_there_is_one_message_with_what_there_is(run, tmp_path):
    Lake.create(tmp_path / "lake")
    new_store(tmp_path / "lake" / "_mlflow")
    done = run("promote", "7", "--why", "a slip")
    assert done.exit_code == 1
    assert done.stderr.startswith("fakelake: There is no detector@7")


def test_a_generator_is_promoted_by_hand_and_speaks_for_no_verdict(run, tmp_path):
    lake = Lake.create(tmp_path / "lake")
    store = new_store(tmp_path / "lake" / "_mlflow")
    for n in (1, 2):
        with store.run("generator", f"run {n}", {}) as kept:
            store.register("generator", kept, files(tmp_path / f"files{n}"), {})
    store.promote("generator", "1")
    done = run("promote", "challenger", "--model", "generator", "--why", "sharper", "--by", "ann")
    assert "version 2 is champion: sharper" in done.output and store.champion("generator") == "2"
    (row,) = lake.read("promotions").to_pylist()
    assert (row["model"], row["model_version"], row["replaced"], row["by"]) == ("generator", "2", "1", "ann")
    assert champion(lake) is None
    assert run("promote", "1", "--model", "face", "--why", "x").exit_code == 2
