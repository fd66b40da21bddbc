"""`explain` and `export overlay` as a person types them."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import av
import pytest
import torch
import typer
from typer.testing import CliRunner

from fakelake.catalog.lake import Lake
from fakelake.flows.explain_commands import explain, overlay
from fakelake.infra.model_store import ModelMissing
from fakelake.models.detector.bundle import write_bundle
from fakelake.models.generator.bundle import write_bundle as write_generator
from fakelake.models.generator.network import Generator
from fakelake.tasks.facts import NotScored
from fakelake.tasks.known_source import SourceUnfit
from fakelake.tasks.labels.which import VideoNotFound
from tests.media import write_clip
from tests.models.generator.small import SMALL
from tests.tasks.explained import add, at, faces, network, promote, score
from tests.tasks.made_parts import bundle_of
from tests.tasks.reading import QUICK

app = typer.Typer()
app.command()(explain)
app.command()(overlay)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A scored video, one without a face, one without a score, one that failed; and the model's files."""
    folder = tmp_path_factory.mktemp("commands")
    lake, (detector, config) = Lake.create(folder / "lake"), network()
    clips = {name: write_clip(folder / name, faces(count, [(10, 20)] if count > 6 else []), options=QUICK)
             for name, count in (("one.mp4", 12), ("blank.mp4", 6), ("new.mp4", 8))}  # fmt: skip
    ids = {name: add(lake, path, {} if name == "blank.mp4" else {0: at(10, 20)}) for name, path in clips.items()}
    score(lake, ids["one.mp4"], detector)
    promote(lake)
    lake.append("quarantine", [{
        "uri": "file:///in/broken.mp4", "video_id": "b" * 64, "stage": "probe", "error": "truncated",
        "message": "It ends early.", "at": datetime.now(UTC),
    }])  # fmt: skip
    write_bundle(folder / "bundle", detector, config, "a card")
    return SimpleNamespace(lake=lake, ids=ids, clips=clips, bundle=folder / "bundle")


class Asked(list):
    generator = None


@pytest.fixture
def asked(made, monkeypatch):
    """What the commands asked the registry for; it hands out the one bundle, and `generator` once it is set."""
    asked = Asked()

    class Store:
        def version(self, model, wanted):
            asked.append(("version", model, wanted))
            if model == "generator" and not asked.generator:
                raise ModelMissing("There is no generator@champion.")
            return {"challenger": "1", "champion": "4"}.get(wanted, wanted)

        def fetch(self, model, version, directory):
            asked.append(("fetch", model, version))
            return asked.generator if model == "generator" else made.bundle

    monkeypatch.setattr("fakelake.infra.store_of.store_of", lambda lake, settings: Store())
    return asked


def run(made, *arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--lake", made.lake.location.root])


def test_explain_writes_the_page_with_the_very_version_that_scored(made, asked, tmp_path):
    done = run(made, "explain", "one.mp4", "--out", tmp_path / "page")
    assert done.exit_code == 0, done.output
    assert "one.mp4: " in done.output and f"look at {tmp_path / 'page' / 'index.html'}" in done.output
    assert "Careful" not in (tmp_path / "page" / "index.html").read_text()
    assert ("fetch", "detector", "1") in asked


def test_explain_for_machines_names_page_pictures_and_verdict(made, asked, tmp_path):
    done = run(made, "explain", made.ids["one.mp4"][:8], "--out", tmp_path, "--json", "--model", "detector@challenger")
    answer = json.loads(done.stdout)
    assert answer["video_id"] == made.ids["one.mp4"] and answer["model_version"] == "1"
    assert 0 < answer["p_fake"] < 1 and str(tmp_path / "heat.png") in answer["pictures"]
    assert asked[0] == ("version", "detector", "challenger")


def test_explain_without_a_generator_leaves_the_parts_out_and_says_how_to_get_one(made, asked, tmp_path):
    done = run(made, "explain", "one.mp4", "--out", tmp_path, "--json")
    assert json.loads(done.stdout)["parts"] == []
    assert "fakelake train generator" in (tmp_path / "index.html").read_text()
    assert made.lake.read("part_scores").num_rows == 0


def test_explain_measures_the_parts_once_and_puts_them_on_record_with_their_run(made, asked, tmp_path):
    asked.generator = tmp_path / "generator"
    torch.manual_seed(0)
    write_generator(asked.generator, Generator(SMALL), bundle_of(["mouth", "eyes", "unused"]), "a card")
    first, again = (run(made, "explain", "one.mp4", "--out", tmp_path / "page", "--json") for _ in range(2))
    told = json.loads(first.stdout)["parts"]
    assert {part["part"] for part in told} == {"mouth", "eyes", "rest"} and told == json.loads(again.stdout)["parts"]
    rows = made.lake.read("part_scores").to_pylist()
    assert len(rows) == 3 * 2  # parts, windows
    assert {(row["model_version"], row["generator_version"]) for row in rows} == {("1", "4")}
    runs = [row for row in made.lake.read("runs").to_pylist() if row["flow"] == "explain"]
    assert [row["run_id"] for row in runs] == [rows[0]["run_id"]]
    assert "Which part" in (tmp_path / "page" / "index.html").read_text()


@pytest.mark.parametrize("video, reason", [("blank.mp4", "no face in 9 frames"), ("broken.mp4", "It ends early.")])
def test_explain_needs_no_model_for_what_could_not_be_scored(made, asked, tmp_path, video, reason):
    done = run(made, "explain", video, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert reason in (tmp_path / "index.html").read_text() and asked == []


def test_explain_of_an_unscored_or_unknown_video_says_what_to_do(made, asked, tmp_path):
    assert isinstance(run(made, "explain", "new.mp4", "--out", tmp_path).exception, NotScored)
    assert isinstance(run(made, "explain", "nowhere.mp4", "--out", tmp_path).exception, VideoNotFound)
    badly = run(made, "explain", "one.mp4", "--model", "champion")
    assert badly.exit_code == 2 and "detector@champion" in badly.output


def test_overlay_writes_a_video_and_says_what_is_on_it(made, tmp_path):
    out = tmp_path / "deep" / "shown.mp4"
    done = run(made, "overlay", "one.mp4", "--out", out)
    assert done.exit_code == 0, done.output
    assert f"{out}: 12 frames, 12 faces drawn, no sound" in done.output
    with av.open(str(out)) as file:
        assert len(list(file.decode(video=0))) == 12


def test_overlay_without_out_stands_in_this_folder_under_the_video_s_name(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = json.loads(run(made, "overlay", "one.mp4", "--json").stdout)
    assert answer == {"file": "one-overlay.mp4", "frames": 12, "faces": 12, "seconds": 0.44, "sound": "none",
                      "broken": None}  # fmt: skip
    assert (tmp_path / "one-overlay.mp4").exists()


def test_overlay_names_what_is_missing(made, tmp_path):
    assert run(made, "overlay", "one.mp4", "--out", tmp_path / "a.avi").exit_code == 2
    clip = made.clips["one.mp4"]
    data, _ = clip.read_bytes(), clip.unlink()
    try:
        gone = run(made, "overlay", "one.mp4", "--out", tmp_path / "a.mp4")
    finally:
        clip.write_bytes(data)
    assert isinstance(gone.exception, SourceUnfit) and "one.mp4 is no longer there" in str(gone.exception)
