import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import paper
from fakelake.flows.ingest import make_recipe
from fakelake.flows.quarantine_commands import _address, _matching_any, _open_rows, _recipes, app
from fakelake.flows.run import parse_changes
from fakelake.flows.shard import quarantine_row
from fakelake.tasks.errors import MediaError

ERROR = MediaError("probe", "empty", "[red]a.mp4 holds nothing.", "Copy it again.")


@pytest.fixture
def lake(tmp_path, monkeypatch):
    made = Lake.create(tmp_path / "lake")
    monkeypatch.setenv("FAKELAKE_LAKE", str(tmp_path / "lake"))
    rows = [
        quarantine_row(uri, video_id, ERROR, 1, log=log, frames_kept=0, dataset="news", recipe_id="r", run_id="run")
        for uri, video_id, log in (
            ("file:///in/%5Bred%5Da.mp4", "abc", ""),
            ("file:///in/b%FF.mp4", None, "last words"),
        )
    ]
    commit_videos(made, [], [], rows)
    return made


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_ls_is_a_line_a_file_with_its_name_as_it_is(lake):
    out = run("ls").output
    assert "[red]a.mp4" in out and "b\ufffd.mp4" in out
    assert out.count("Copy it again.") == 2


def test_ls_for_machines_has_every_column(lake):
    rows = json.loads(run("ls", "--json").output)
    assert [(r["uri"], r["error"], r["dataset"], r["worker_log"]) for r in rows] == [
        ("file:///in/%5Bred%5Da.mp4", "empty", "news", None),
        ("file:///in/b%FF.mp4", "empty", "news", "last words"),
    ]


@pytest.mark.parametrize("name", ["[red]a", "%5Bred", "abc"])
def test_a_file_is_shown_by_part_of_its_name_its_address_or_its_id(lake, name):
    out = run("show", name).output
    assert "[red]a.mp4 holds nothing." in out and "b%FF" not in out


def test_the_workers_last_words_are_shown(lake):
    assert "last words" in run("show", "b").output


def test_a_name_that_fits_nothing_is_an_error_with_what_to_do(lake):
    done = run("show", "zzz")
    assert isinstance(done.exception, ValueError) and "fakelake quarantine ls" in str(done.exception)


@pytest.mark.parametrize("command", ["ls", "retry"])
def test_an_empty_quarantine_is_said_to_be_empty(tmp_path, monkeypatch, command):
    Lake.create(tmp_path / "lake")
    monkeypatch.setenv("FAKELAKE_LAKE", str(tmp_path / "lake"))
    done = run(command)
    assert (done.exit_code, done.output) == (0, "Nothing is in quarantine.\n")


def test_a_retry_takes_the_settings_of_the_run_that_failed(lake):
    used = make_recipe("paper", {"stride": 3, "max_frames": None, "min_face_px": 32.0})
    now = datetime.now(UTC)
    for made in (used, make_recipe("archive", {})):
        row = {"run_id": made.name, "flow": "ingest", "recipe_id": made.recipe_id, "recipe": made.to_json()}
        lake.append("runs", [row | {"started_at": now}])
    name, changes = _recipes(None)[used.recipe_id]
    assert make_recipe(name, parse_changes(list(changes))) == used
    assert _recipes(None)[make_recipe("archive", {}).recipe_id] == ("archive", ())


def test_a_recipe_is_known_again_though_the_weights_were_others_then(lake):
    old = paper().with_weights("0" * 64)
    lake.append("runs", [{"run_id": "x", "flow": "ingest", "recipe_id": old.recipe_id, "recipe": old.to_json()}])
    assert _recipes(None)[old.recipe_id] == ("paper", ())


def test_a_file_is_named_again_as_a_person_would():
    assert _address("file:///in/a%20b.mp4") == "/in/a b.mp4"
    assert _address("s3://bucket/in/a%20b.mp4") == "s3://bucket/in/a b.mp4"


def test_several_names_are_each_looked_for_and_each_file_comes_once(lake):
    rows = _open_rows(None)
    whole = "file:///in/%5Bred%5Da.mp4"
    assert [row["uri"] for row in _matching_any(rows, [whole, "[red]a"])] == [whole]
    assert len(_matching_any(rows, [whole, "b"])) == 2


def test_of_several_whole_addresses_one_that_has_left_is_passed_over(lake):
    rows = _open_rows(None)
    assert [row["uri"] for row in _matching_any(rows, ["file:///in/gone.mp4", "file:///in/b%FF.mp4"])] == [
        "file:///in/b%FF.mp4"
    ]
    with pytest.raises(ValueError, match="quarantine ls"):
        _matching_any(rows, ["file:///in/gone.mp4"])
