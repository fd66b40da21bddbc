"""A Ray cluster of several nodes, the flow on one without cores: a node that dies costs time, no row and no verdict."""

import json
import time

import pytest

from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from tests.integration.clips import short_clips
from tests.integration.commands import ingest, start_ingest
from tests.integration.labelled_lake import SETTINGS, TRAIN, start, wait_until
from tests.tasks.lake_of_faces import lake_of_faces, people

pytestmark = pytest.mark.timeout(3600)
CLIPS = 8


@pytest.fixture
def cluster(monkeypatch):
    """A head without cores; its nodes are for the test to add and to kill."""
    from ray._private import services
    from ray.cluster_utils import Cluster

    ask = services.get_node

    def patiently(*node):
        """Ray gives a node 30 s to come up, which a busy machine may exceed."""
        end = time.monotonic() + 300
        while True:
            try:
                return ask(*node)
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    monkeypatch.setattr(services, "get_node", patiently)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    short_clips(folder, CLIPS)
    return folder


def wait_for(true, seconds=300):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_node_that_dies_in_mid_ingest_is_no_fault_of_the_video_on_it(cluster, archive, pipeline, tmp_path):
    ingest(archive, "--lake", tmp_path / "whole")
    first = cluster.add_node(num_cpus=1)
    marks, out = tmp_path / "marks", tmp_path / "summary.json"
    marks.mkdir()
    env = {
        "FAKELAKE_RAY_ADDRESS": cluster.address, "FAKELAKE_ATTEMPTS": "1", "FAKELAKE_SHARD_VIDEOS": "2",
        "FAKELAKE_FAILPOINT": "decode", "FAKELAKE_FAILPOINT_DIR": str(marks), "FAKELAKE_FAILPOINT_ACTION": "pause",
    }  # fmt: skip
    run = start_ingest(archive, "--lake", tmp_path / "lake", env=env, out=out)
    wait_for((marks / "decode").exists)
    cluster.add_node(num_cpus=2)
    cluster.remove_node(first, allow_graceful=False)
    run.join(1500)
    assert run.exitcode == 0, out.read_text()
    summary = json.loads(out.read_text())
    assert summary["ready"] == CLIPS and summary["quarantined"] == 0
    assert content_hash(Lake.open(tmp_path / "lake")) == content_hash(Lake.open(tmp_path / "whole"))


def test_a_training_goes_on_from_its_checkpoint_when_a_node_of_it_dies(cluster, pipeline, tmp_path):
    lake_of_faces(tmp_path / "lake", people(16, frames=8))
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    run = start(
        *TRAIN, "--set", "clips_per_video=2", "--lake", tmp_path / "lake",
        FAKELAKE_RAY_ADDRESS=cluster.address, FAKELAKE_TRAIN_WORKERS="2",
    )  # fmt: skip
    wait_until(lambda: list((tmp_path / "lake" / "_mlflow" / "training").glob("*/last.pt")), run)
    cluster.remove_node(nodes[1], allow_graceful=False)
    cluster.add_node(num_cpus=1)
    run.join(1500)
    assert run.exitcode == 0
    (row,) = [r for r in Lake.open(tmp_path / "lake").read("runs").to_pylist() if r["flow"] == "train_detector"]
    summary = json.loads(row["summary"])
    assert (summary["model_version"], summary["epochs"]) == ("1", SETTINGS["epochs"]), "each epoch once"
