"""Labels of every importer, a detector trained on them, its verdicts: as a user runs it, killed and run again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fakelake.catalog.lake import Lake
from tests.infra.stores import new_store
from tests.integration.commands import Done, kill, query, run
from tests.integration.labelled_lake import (
    NAMES,
    TRAIN,
    killed_at,
    lists,
    same,
    scores,
    start,
    train,
    versions,
    videos,
    wait_until,
    warm_up,
)  # fmt: skip
from tests.tasks.lake_of_faces import RECIPE, Made, lake_of_faces, people

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture(scope="module")
def labelled(pipeline: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of six data sets with the labels that the six importers give them."""
    warm_up()
    folder = tmp_path_factory.mktemp("labelled")
    lake = folder / "lake"
    lake_of_faces(lake, videos(), labels=False)
    new_store(lake / "_mlflow")
    for kind, told in lists(folder).items():
        report = run("labels", "import", *told, "--lake", lake, "--json").json
        assert (report["kind"], report["real"], report["fake"]) == (kind, *map(len, NAMES[kind]))
    return lake


@pytest.fixture(scope="module")
def trained(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = shutil.copytree(labelled, tmp_path_factory.mktemp("trained") / "lake")
    summary = train(lake)
    assert summary["promoted"] and summary["model_version"] == "1", summary
    assert not list((lake / "_mlflow" / "training").iterdir()), "a training that is done leaves no checkpoint"
    return lake


@pytest.fixture(scope="module")
def scored(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = shutil.copytree(trained, tmp_path_factory.mktemp("scored") / "lake")
    score(lake)
    return lake


def score(lake: Path, *arguments: object, code: int = 0) -> dict:
    return run("score", "--lake", lake, *arguments, "--json", code=code).json


def test_what_any_importer_calls_fake_ends_above_a_half_and_what_it_calls_real_below(scored: Path) -> None:
    said = dict(query(scored, "SELECT video_id, p_fake FROM verdicts"))
    wrong = {made.name: said[made.id] for made in videos() if (said[made.id] > 0.5) != made.fake}
    assert len(said) == len(videos()) and not wrong
    logits = query(
        scored, "SELECT min(logit) > 0 FROM timeline JOIN current_labels USING (video_id) WHERE label = 'fake'"
    )
    assert logits == [(True,)], "label 1 is fake, so its logit is the positive one"


def test_scoring_twice_adds_nothing(scored: Path) -> None:
    before, version = scores(scored), versions(scored)
    again = score(scored)
    assert (again["to_score"], again["scored"], again["already_scored"]) == (0, 0, len(videos()))
    assert (scores(scored), versions(scored)) == (before, version)


def test_a_dry_run_says_what_would_be_scored_and_scores_nothing(trained: Path) -> None:
    planned = score(trained, "--dry-run")
    assert (planned["outcome"], planned["to_score"]) == ("planned", len(videos()))
    assert scores(trained) == []


def test_a_scoring_killed_between_two_commits_is_finished_by_the_same_call(
    trained: Path, scored: Path, tmp_path: Path
) -> None:
    lake = shutil.copytree(trained, tmp_path / "lake")
    each = {"FAKELAKE_SCORE_COMMIT_S": "0", "FAKELAKE_SCORE_VIDEOS": "1"}
    killed_at("rows_committed", tmp_path, "score", "--lake", lake, **each)
    left = len(videos()) - len({row[0] for row in scores(lake)})
    assert left == len(videos()) - 1
    finished = score(lake)
    assert (finished["scored"], finished["already_scored"]) == (left, len(videos()) - left)
    assert same(scores(lake), scores(scored))


def test_a_training_killed_between_two_epochs_is_finished_by_the_same_call_with_equal_results(
    labelled: Path, scored: Path, tmp_path: Path
) -> None:
    lake = shutil.copytree(labelled, tmp_path / "lake")
    process = start(*TRAIN, "--lake", lake)
    wait_until(lambda: list(lake.glob("_mlflow/training/*/last.pt")), process)
    kill(process)
    assert Lake.open(lake).read("promotions").num_rows == 0
    finished = train(lake)
    assert (finished["epochs"], finished["promoted"]) == (4, True)
    score(lake)
    assert same(scores(lake), scores(scored))


def test_a_corrupt_crop_costs_its_own_video_only_and_what_is_too_short_says_so(trained: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(trained, tmp_path / "lake")
    broken = Made(name="broken.mp4", broken=1)
    short, none = Made(name="short.mp4", frames=(range(4),)), Made(name="none.mp4", frames=())
    lake_of_faces(lake, [broken, short, none], labels=False)
    summary = score(lake, code=3)
    assert (summary["scored"], summary["quarantined"]) == (len(videos()) + 1, 1)
    assert "broken.mp4" in summary["problems"][0] and "fakelake catalog check" in summary["problems"][0]
    rows = query(lake, "SELECT video_id, stage, error, message, lasting FROM quarantine")
    assert [row[:3] for row in rows] == [(broken.id, "score", "ValueError")] and "is no picture" in rows[0][3]
    assert query(lake, f"SELECT count(*) FROM scores WHERE video_id = '{broken.id}'") == [(0,)]
    unfit = dict(query(lake, "SELECT name, reason FROM verdicts WHERE band = 'not_applicable'"))
    assert unfit["none.mp4"] == "no face in 12 frames"
    assert unfit["short.mp4"].startswith("too short: no face is seen in more than 4 frames")
    assert query(lake, "SELECT outcome FROM runs WHERE flow = 'score'") == [("quarantined",)]
    assert query(lake, "SELECT name FROM verdicts WHERE band = 'failed'") == [("broken.mp4",)]
    (retried,) = run("quarantine", "retry", "broken", "--lake", lake, "--json", code=3).json
    assert retried["to_score"] == 1, "it is tried again: the crop may have been mended"


def refused(*arguments: object, code: int) -> str:
    done: Done = run(*arguments, code=code)
    assert "Traceback" not in done.stderr.rpartition("fakelake:")[2] and "unexpectedly" not in done.stderr
    return done.stderr


def test_a_lake_without_a_model_says_to_train_one(labelled: Path) -> None:
    assert "fakelake train detector" in refused("score", "--lake", labelled, code=1)


def test_a_model_that_is_written_wrongly_or_not_there_says_what_there_is(trained: Path) -> None:
    for written in ("detector", "detecter@champion", "champion", "detector@"):
        assert "detector@champion" in refused("score", "--lake", trained, "--model", written, code=2)
    assert "There are versions 1;" in refused("score", "--lake", trained, "--model", "detector@7", code=1)


def test_a_model_of_other_crops_says_how_to_get_fitting_ones(trained: Path, tmp_path: Path) -> None:
    lake_of_faces(tmp_path / "lake", people(1), replace(RECIPE, crop_margin=0.0), labels=False)
    shutil.copytree(trained / "_mlflow", tmp_path / "lake" / "_mlflow")
    assert "fakelake promote 1" in refused("score", "--lake", tmp_path / "lake", code=1), (
        "it is another lake's champion"
    )
    run("promote", "1", "--why", "it is good there", "--lake", tmp_path / "lake")
    assert "--set crop_margin=0.25" in refused("score", "--lake", tmp_path / "lake", code=1)


def test_the_lakes_own_record_says_who_is_champion(trained: Path, tmp_path: Path) -> None:
    """The registry's alias moves first: a crash between the two must not leave scores that no verdict is read from."""
    lake = shutil.copytree(trained, tmp_path / "lake")
    store = new_store(lake / "_mlflow")
    with store.run("detector", "second", {}) as second:
        store.register("detector", second, store.fetch("detector", "1", tmp_path / "files"), {})
    store.promote("detector", "2")
    assert score(lake, "--dry-run")["model_version"] == "1"


def test_training_without_labels_says_to_import_some(tmp_path: Path) -> None:
    lake_of_faces(tmp_path / "lake", people(2), labels=False)
    new_store(tmp_path / "lake" / "_mlflow")
    assert "Import labels first" in refused(*TRAIN, "--lake", tmp_path / "lake", code=1)
