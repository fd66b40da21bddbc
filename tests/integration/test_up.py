"""`fakelake up` on PostgreSQL: videos of the inbox get verdicts, new labels one retraining, and it stops cleanly."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient

from fakelake.catalog.lake import Lake
from fakelake.infra.ports import free_port
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import store_of
from fakelake.infra.up_state import read_state, up_directory
from tests.integration.clips import short_clips
from tests.integration.commands import query
from tests.integration.labelled_lake import SETTINGS
from tests.integration.postgres import MISSING, postgres, there
from tests.prefect_api import ask
from tests.tasks.lake_of_faces import Made, label, lake_of_faces, people

pytestmark = [pytest.mark.timeout(3600), pytest.mark.skipif(not there(), reason=MISSING)]
PEOPLE = 36
TINY = {**SETTINGS, "epochs": 3, "clips_per_video": 3}


def call(*arguments, env, check=True, **more):
    """A command as a user types it, in a process of its own."""
    command = [sys.executable, "-m", "fakelake.flows.cli", *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, **more)
    assert not check or done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def wait_for(true, what, seconds=1800):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what} did not come in {seconds} s"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """Everything started by one command; the lake has labelled people and, trained by hand, a champion."""
    root = tmp_path_factory.mktemp("up")
    lake_of_faces(root / "lake", people(PEOPLE, frames=8))
    (root / "inbox").mkdir()
    with ExitStack() as stack:
        address = stack.enter_context(postgres("prefect", "mlflow"))
        own = {
            "FAKELAKE_LAKE": str(root / "lake"), "FAKELAKE_INBOX": str(root / "inbox"),
            "FAKELAKE_INBOX_SETTLE_S": "0.1",
            "FAKELAKE_PREFECT_PORT": str(free_port()), "FAKELAKE_MLFLOW_PORT": str(free_port()),
            "FAKELAKE_DESK_PORT": str(free_port()),
            "FAKELAKE_PREFECT_DATABASE": address.replace("://", "+asyncpg://") + "prefect",
            "FAKELAKE_MLFLOW_DATABASE": address.replace("://", "+psycopg://") + "mlflow",
            "FAKELAKE_RETRAIN_RECIPE": "demo", "FAKELAKE_RETRAIN_CHANGES": json.dumps(TINY),
            "OMP_NUM_THREADS": "1",
            "FAKELAKE_RETRAIN_LABELS": "10",
        }  # fmt: skip
        env = {name: value for name, value in os.environ.items() if not name.startswith(("FAKELAKE_", "PREFECT_API"))}
        env |= own | {k: v for k, v in os.environ.items() if k == "FAKELAKE_WEIGHTS"}
        log = (root / "up.log").open("wb")
        process = subprocess.Popen([sys.executable, "-m", "fakelake.flows.cli", "up"], env=env, stdout=log, stderr=log)
        stack.callback(stop, process)
        said = wait_for(lambda: "It is up" in (root / "up.log").read_text() or process.poll() is not None, "up")
        assert process.poll() is None and said, (root / "up.log").read_text()
        state = read_state(str(root / "lake"))
        made = SimpleNamespace(
            root=root, lake=root / "lake", inbox=root / "inbox", env=env, process=process, state=state,
            api=state.env["PREFECT_API_URL"], log=root / "up.log",
        )  # fmt: skip
        for each in ask(made.api, "/deployments/filter", {}):  # a tick of its own would come between
            ask(made.api, f"/deployments/{each['id']}/pause_deployment", {})
        yield made


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(400)


def start(up, deployment, **parameters):
    """What its schedule or the page's Run button does. Returns the flow run's id."""
    found = ask(up.api, f"/deployments/name/{deployment}")
    return ask(up.api, f"/deployments/{found['id']}/create_flow_run", {"parameters": parameters})["id"]


def ended(up, run):
    def state():
        found = ask(up.api, f"/flow_runs/{run}")["state"]
        return found if found["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    return wait_for(state, f"the end of flow run {run}")


def runs_of(up, flow):
    return ask(up.api, "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC"})


def trained(up):
    rows = Lake.open(up.lake).read("runs").to_pylist()
    return [row for row in rows if row["flow"] == "train_detector"]


def test_every_deployment_is_on_the_server_with_its_schedule(up):
    found = {each["name"]: each for each in ask(up.api, "/deployments/filter", {})}
    assert len(found) == 8
    assert [schedule["schedule"]["cron"] for schedule in found["ingest-and-score"]["schedules"]] == ["*/5 * * * *"]


def test_enough_labels_start_one_training_however_many_watch(up):
    # There was no training yet: all labels are new.
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: call("watch", "--json", env=up.env), range(2)))
    said = [json.loads(answer.stdout) for answer in answers]
    assert sorted(each["outcome"] for each in said) in (["started", "started"], ["started", "under way"])
    assert len({each["flow_run"] for each in said}) == 1, "one key, one run"
    state = ended(up, said[0]["flow_run"])
    assert state["type"] == "COMPLETED", state
    assert len(trained(up)) == 1 and len(runs_of(up, "retrain")) == 1
    assert query(up.lake, "SELECT model_version, outcome, reason FROM promotions") == [
        ("1", "promoted", "there was no champion yet")
    ]
    assert query(up.lake, "SELECT count(DISTINCT video_id) FROM scores WHERE model_version = '1'") == [(2 * PEOPLE,)]
    again = json.loads(call("watch", "--json", env=up.env).stdout)
    assert again["outcome"] == "nothing" and again["new"] == {"real": 0, "fake": 0}


def test_the_training_is_in_mlflow_on_postgresql_and_its_model_is_the_champion(up):
    store = store_of(Lake.open(up.lake), Settings(mlflow=up.state.env["FAKELAKE_MLFLOW"]))
    assert store.champion("detector") == "1"
    with urllib.request.urlopen(up.state.pages["MLflow"], timeout=30) as page:
        assert b"<title>MLflow" in page.read()


def test_a_video_in_the_inbox_becomes_a_verdict_and_shows_on_the_page(up):
    clip = short_clips(up.root, 1)[0]
    shutil.move(clip, up.inbox / "from the inbox.mp4")
    time.sleep(0.3)
    run = start(up, "ingest_and_score/ingest-and-score", overrides={"crop_margin": 0.25})
    assert ended(up, run)["type"] == "COMPLETED"
    ((band, version),) = query(up.lake, "SELECT band, model_version FROM verdicts WHERE name = 'from the inbox.mp4'")
    assert band in ("authentic", "suspicious", "fake") and version == "1"
    artifacts = {each["key"] for each in ask(up.api, "/artifacts/latest/filter", {})}
    assert {"ingest-summary", "ingest-shards", "highest-scores", "champion"} <= artifacts
    client = MlflowClient(up.state.pages["MLflow"])
    scoring = client.get_experiment_by_name("scoring").experiment_id
    latest = client.search_runs([scoring], order_by=["attributes.start_time DESC"])[0]
    assert (latest.info.status, latest.data.metrics["scored"]) == ("FINISHED", 1)
    [(of_row,)] = query(up.lake, "SELECT arg_max(run_id, finished_at) FROM runs WHERE flow = 'score'")
    assert latest.data.params["run_id"] == of_row, "MLflow's run names the lake's"


def test_a_tick_with_nothing_to_do_ends_at_once_and_leaves_no_trace_in_the_lake(up):
    before = query(up.lake, "SELECT count(*) FROM runs")
    run = start(up, "ingest_and_score/ingest-and-score", overrides={"crop_margin": 0.25})
    assert ended(up, run)["type"] == "COMPLETED"
    assert query(up.lake, "SELECT count(*) FROM runs") == before


def test_commands_find_the_servers_and_start_none_of_their_own(up):
    call("score", env=up.env)
    assert any(run["deployment_id"] is None for run in runs_of(up, "score")), "a run by hand is on the same page"


def test_a_worse_challenger_is_refused_and_the_champion_stays(up):
    # Fakes by label that look like all the real ones: what learns from them is worse, not better.
    wrong = [Made(name=f"wrong_{n}.mp4", person=f"wrong:{n}", frames=(range(8),)) for n in range(14)]
    lake = lake_of_faces(up.lake, wrong, labels=False, run=False)
    label(lake, wrong, fake=True)
    said = json.loads(call("watch", "--json", env=up.env).stdout)
    assert said["outcome"] == "started" and said["new"] == {"real": 0, "fake": 14}
    # A second run of the same deployment while the first goes on does not overlap it.
    wait_for(lambda: ask(up.api, f"/flow_runs/{said['flow_run']}")["state"]["type"] == "RUNNING", "the retraining")
    assert ended(up, start(up, "retrain/retrain"))["type"] == "CANCELLED"
    assert ended(up, said["flow_run"])["type"] == "COMPLETED"
    rows = query(up.lake, 'SELECT model_version, outcome, reason FROM promotions ORDER BY "at"')
    assert [row[:2] for row in rows] == [("1", "promoted"), ("2", "refused")]
    assert "the frozen ones" in rows[1][2] and "the newest" in rows[1][2]


def test_the_frozen_test_part_is_whole_in_the_split_that_grew(up):
    rows = sorted(Lake.open(up.lake).read("promotions").to_pylist(), key=lambda row: row["at"])
    parts = "SELECT video_id FROM splits WHERE split_id = '{}' AND part = 'test'"
    before, after = (set(query(up.lake, parts.format(row["split_id"]))) for row in rows)
    assert before < after


def test_a_new_label_makes_watch_look_at_once(up):
    before = len(runs_of(up, "watch"))
    call("labels", "add", "real_00.mp4", "real", "--note", "I was there", env=up.env)
    run = wait_for(lambda: runs_of(up, "watch")[before:], "a run of watch")[0]
    assert ended(up, run["id"])["type"] == "COMPLETED"


def test_a_server_that_dies_is_started_again(up):
    before = up.log.read_text()
    (worker,) = [pid for pid in processes_of(up) if b"worker\0start" in command_of(pid)]
    os.kill(worker, signal.SIGKILL)
    wait_for(
        lambda: "worker ended with code -9: starting it again" in up.log.read_text()[len(before) :], "a new worker"
    )
    assert ended(up, start(up, "watch/watch"))["type"] == "COMPLETED"


def test_a_second_up_for_the_same_lake_is_refused(up):
    done = call("up", env=up.env, check=False)
    assert done.returncode == 1 and "runs for this lake already" in done.stderr


def test_it_stops_cleanly_and_commands_go_on_without_it(up):
    stop(up.process)
    assert up.process.returncode == 0 and up.log.read_text().rstrip().endswith("Stopped.")
    assert read_state(str(up.lake)) is None and (up_directory(str(up.lake)) / "logs" / "prefect.log").exists()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{up.api}/health", timeout=2)
    wait_for(lambda: not processes_of(up), "the end of all processes", 120)


def command_of(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""  # it has ended meanwhile


def processes_of(up):
    """That were given the lake's address in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if str(up.lake).encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found
