"""`score --parts`: what looks fake is measured once, the rest is left alone, and what fails costs no verdict."""

from types import SimpleNamespace

import pytest
import torch

from fakelake.catalog.lake import Lake
from fakelake.flows.score import ScoreSummary
from fakelake.flows.score_parts import NotTheChampion, ScoredParts, parts_generator, score_parts
from fakelake.infra.model_store import ModelMissing
from fakelake.infra.settings import Settings
from fakelake.models.generator.bundle import write_bundle as write_generator
from fakelake.models.generator.network import Generator
from fakelake.tasks.facts import sigmoid
from tests.infra.stores import files, new_store
from tests.media import write_clip
from tests.models.generator.small import SMALL
from tests.tasks.detectors import bundle_of as detector_files
from tests.tasks.detectors import opinionated
from tests.tasks.explained import add, at, faces, promote, score
from tests.tasks.made_parts import bundle_of
from tests.tasks.reading import QUICK


class InProcess:
    """Stands in for Ray: does the work where it stands, what fails is handed back."""

    hungry = True

    def __init__(self, **_):
        self.waiting = []

    def __len__(self):
        return len(self.waiting)

    def submit(self, key, work, job, *, deadline_s):
        self.waiting.append((key, work, job))

    def wait(self):
        key, work, job = self.waiting.pop(0)
        try:
            return [SimpleNamespace(key=key, value=work(job), error=None, log="")]
        except Exception as error:
            return [SimpleNamespace(key=key, value=None, error=error, log="")]

    def close(self):
        pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four videos of 12 frames, two of which the champion's threshold makes suspicious; both models' files."""
    folder = tmp_path_factory.mktemp("parts")
    lake, detector = Lake.create(folder / "lake"), opinionated()
    ids = []
    for n in range(4):
        clip = write_clip(folder / f"{n}.mp4", faces(48, [(40 * n, 20)])[12 * n :][:12], fps=12, options=QUICK)
        ids.append(add(lake, clip, {0: at(40 * n, 20)}))
        score(lake, ids[-1], detector)
    with lake.connect() as connection:
        means = connection.execute("SELECT video_id, avg(logit) FROM scores GROUP BY ALL ORDER BY 2").fetchall()
    promote(lake, suspicious_at=sigmoid((means[1][1] + means[2][1]) / 2), fake_at=None)
    detector_files(folder / "detector", detector, margin=0.0)
    torch.manual_seed(0)
    write_generator(folder / "generator", Generator(SMALL), bundle_of(["mouth", "eyes", "unused"]), "a card")
    suspicious = [video_id for video_id, _ in means[2:]]
    return SimpleNamespace(lake=lake, folder=folder, suspicious=suspicious)


@pytest.fixture
def measure(made, monkeypatch):
    monkeypatch.setattr("fakelake.infra.ray_join.connect", lambda *_: None)
    monkeypatch.setattr("fakelake.infra.ray_pool.RayPool", InProcess)
    monkeypatch.setenv("FAKELAKE_SCORE_COMMIT_S", "0")
    monkeypatch.setenv("FAKELAKE_SCORE_VIDEOS", "1")

    def run(version="4", dataset=None):
        summary = ScoreSummary(run_id="run-parts", lake="", model="detector", model_version="1")
        generator = (made.folder / "generator", version)
        return score_parts(made.lake, Settings(), summary, made.folder / "detector", generator, dataset, True)

    return run


def measured(lake, version):
    """What is on record of a generator: which video, part and window, and in how many rows."""
    rows = [row for row in lake.read("part_scores").to_pylist() if row["generator_version"] == version]
    return {(row["video_id"], row["part"], row["window"]) for row in rows}, len(rows)


def test_videos_that_look_fake_are_measured_once(made, measure):
    assert measure() == ScoredParts(generator_version="4", measured=2, before=0)
    there, rows = measured(made.lake, "4")
    assert {video_id for video_id, _, _ in there} == set(made.suspicious) and len(there) == rows
    assert {(part, window) for _, part, window in there} == {(p, w) for p in ("mouth", "eyes", "rest") for w in (0, 1)}
    again = measure()
    assert (again.measured, again.before) == (0, 2)
    assert "measured on 0 videos that are fake or suspicious, 2 were before" in again.line
    assert measured(made.lake, "4")[1] == rows


def test_a_run_that_was_killed_is_finished_by_the_same_call(made, measure, monkeypatch):
    from fakelake.flows import score_parts as flow

    commit, kept = flow.commit_part_scores, []

    def dying(lake, rows):
        if kept:
            raise KeyboardInterrupt
        kept.append(commit(lake, rows))
        return kept[-1]

    with monkeypatch.context() as patch:
        patch.setattr(flow, "commit_part_scores", dying)
        with pytest.raises(KeyboardInterrupt):
            measure("5")
    assert measured(made.lake, "5")[1] == 6
    done = measure("5")
    assert (done.measured, done.before) == (1, 1) and measured(made.lake, "5")[1] == 12


def test_only_videos_of_the_data_set_are_measured(made, measure):
    assert measure("6", dataset="another") == ScoredParts(generator_version="6")
    assert measure("6", dataset="made").measured == 2


def test_a_video_that_cannot_be_measured_is_named_and_the_others_are_measured(made, measure, monkeypatch):
    from fakelake.tasks import part_task

    bad, facts_of = made.suspicious[0], part_task.facts_of

    def broken(lake, video_id, version):
        if video_id == bad:
            raise ValueError("row 3 is no picture")
        return facts_of(lake, video_id, version)

    monkeypatch.setattr(part_task, "facts_of", broken)
    monkeypatch.setenv("FAKELAKE_SCORE_VIDEOS", "16")
    done = measure("7")
    assert done.measured == 1 and len(done.problems) == 1
    assert "no parts: row 3 is no picture" in done.problems[0]
    assert made.lake.read("quarantine").num_rows == 0  # its verdict stands


def test_parts_are_of_the_champion_and_need_a_generator(made, tmp_path):
    store = new_store(tmp_path / "store")
    with pytest.raises(NotTheChampion, match="--parts is for videos whose verdict"):
        parts_generator(made.lake, store, "2")
    with pytest.raises(ModelMissing, match="fakelake train generator"):
        parts_generator(made.lake, store, "1")
    with store.run("generator", "made", {}) as run:
        store.promote("generator", store.register("generator", run, files(tmp_path / "model"), {}))
    assert parts_generator(made.lake, store, "1") == "1"
