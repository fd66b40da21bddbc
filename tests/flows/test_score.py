"""What a scoring owes to others: a webhook that misses nothing, and a champion that is the lake's own."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from fakelake.catalog.scores import commit_scores, latest_calibration
from fakelake.flows import score as flow
from fakelake.flows.promote import CALIBRATION, promote_by_hand
from fakelake.flows.score import ScoreSummary, own_champion, record, tell
from fakelake.flows.score_driver import ScoreDriver
from fakelake.infra.model_store import ModelMissing
from fakelake.infra.settings import Settings
from fakelake.infra.webhook import WebhookFailed
from tests.infra.stores import files, new_store
from tests.tasks.evaluated import calibration
from tests.tasks.lake_of_faces import RECIPE, lake_of_faces, people

NOW = datetime.now(UTC)


@pytest.fixture
def lake(tmp_path):
    return lake_of_faces(tmp_path / "lake", people(3, fakes=False, frames=5))


@pytest.fixture
def store(tmp_path):
    return new_store(tmp_path / "store")


def filed(store, bundle, **tags):
    with store.run("detector", "made", {}) as run:
        return store.register("detector", run, files(bundle), tags)


# ---- champions ----


def test_without_any_model_one_is_told_to_train_one(lake, store):
    with pytest.raises(ModelMissing, match="fakelake train detector"):
        own_champion(lake, store)


def test_the_champion_of_another_lake_is_not_taken_for_ones_own(lake, store, tmp_path):
    store.promote("detector", filed(store, tmp_path / "model"))
    with pytest.raises(ModelMissing, match="fakelake promote 1 --why"):
        own_champion(lake, store)
    promote_by_hand(lake, store, "1", "ann", "it is good there")
    assert own_champion(lake, store) == "1"


def test_a_version_of_another_lake_brings_its_calibration_along(lake, store, tmp_path):
    made = calibration()
    filed(store, tmp_path / "model", **{CALIBRATION: json.dumps(made.row(), default=str)})
    promote_by_hand(lake, store, "1", "ann", "it is good there")
    ours = latest_calibration(lake, "1")
    assert (ours.temperature, ours.fake_at, ours.calibration_id) == (
        made.temperature,
        made.fake_at,
        made.calibration_id,
    )
    promote_by_hand(lake, store, "1", "ann", "again")
    assert lake.read("calibrations").num_rows == 1


# ---- the webhook ----


@pytest.fixture
def sent(monkeypatch):
    """Names of the videos in each message; put an exception into `fails` for a receiver that is down."""
    messages, fails = [], []

    def send(url, secret, verdicts):
        if fails:
            raise fails[0]
        messages.append([verdict["name"] for verdict in verdicts])

    monkeypatch.setattr(flow, "send", send)
    monkeypatch.setattr(flow, "WEBHOOK_VERDICTS", 1)
    monkeypatch.setenv("FAKELAKE_WEBHOOK_URL", "http://127.0.0.1:1/hook")
    monkeypatch.setenv("FAKELAKE_WEBHOOK_SECRET", "key")
    return messages, fails


def run(lake, n, minutes, *, told=True):
    """One scoring that says of the n-th video that it is suspicious; `told=False`: killed before it could tell."""
    video = sorted(lake.read("videos", ["video_id"]).column(0).to_pylist())[n]
    if not lake.read("promotions").num_rows:
        lake.append("promotions", [{"model": "detector", "model_version": "1", "outcome": "promoted", "at": NOW}])
    run_id, at = f"run {n}", NOW + timedelta(minutes=minutes)
    row = {
        "video_id": video, "track_id": 0, "window": 0, "start_s": 0.0, "end_s": 1.0, "frames": 5, "logit": 3.0,
        "model": "detector", "model_version": "1", "recipe_id": RECIPE.recipe_id, "run_id": run_id, "scored_at": at,
    }  # fmt: skip
    commit_scores(lake, [row])
    summary = ScoreSummary(run_id=run_id, lake="", model="detector", model_version="1")
    if told:
        tell(lake, Settings(), summary)
        record(lake, summary, {}, at)
    return summary


def test_new_verdicts_are_told_once(lake, sent):
    messages, _ = sent
    run(lake, 0, -20)
    run(lake, 1, +20)
    assert [len(message) for message in messages] == [1, 1] and messages[0] != messages[1]


def test_what_a_killed_run_did_not_tell_the_next_one_tells(lake, sent):
    messages, _ = sent
    run(lake, 0, -20, told=False)
    run(lake, 1, -10)
    assert len({name for message in messages for name in message}) == 2


def test_after_a_receiver_was_down_everything_is_told(lake, sent):
    messages, fails = sent
    fails.append(WebhookFailed("it is down"))
    run(lake, 0, -20, told=False)
    summary = run(lake, 1, -10)
    assert summary.problems == ["it is down"] * 2, "each message is tried"
    fails.clear()
    run(lake, 2, -5)
    assert len({name for message in messages for name in message}) == 3


@pytest.mark.parametrize(
    ("url", "secret", "says"), [("host/hook", "key", "webhook_url"), ("https://host/hook", "", "forge")]
)
def test_a_webhook_that_cannot_work_is_refused_before_anything_is_scored(monkeypatch, url, secret, says):
    monkeypatch.setenv("FAKELAKE_WEBHOOK_URL", url)
    monkeypatch.setenv("FAKELAKE_WEBHOOK_SECRET", secret)
    with pytest.raises(ValueError, match=says):
        Settings()


# ---- a budget of time ----


def test_within_a_budget_no_more_videos_are_begun_and_the_rest_is_counted():
    todo = {"recipe": tuple(f"{n:064x}" for n in range(40))}
    driver = ScoreDriver(Settings(score_videos=16), todo, list, list, budget_s=3600)
    assert [len(videos) for _, videos in driver._tasks()] == [16, 16, 8] and driver.left == 0
    late = ScoreDriver(Settings(score_videos=16), todo, list, list, budget_s=0)
    assert list(late._tasks()) == [] and late.left == 40
