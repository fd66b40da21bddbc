import json

import pytest

from fakelake.catalog.lake import Lake
from tests.tasks.celeb_names import celeb_names
from tests.tasks.labels.lake_of_names import lake_of, video_id

NAMES = ["Celeb-real/id3_0001.mp4", "Celeb-synthesis/id3_id5_0001.mp4", "YouTube-real/00012.mp4"]


@pytest.fixture
def run(tmp_path, monkeypatch, typed):
    lake_of(tmp_path / "lake", NAMES)
    monkeypatch.setenv("FAKELAKE_LAKE", str(tmp_path / "lake"))
    return typed


def test_the_names_in_the_lake_are_labels_where_the_data_set_is_named(run):
    done = run("labels", "import", "--kind", "celebdf")
    assert done.exit_code == 0, done.output
    assert "3 entries matched 3 videos of the lake, 2 real and 1 fake" in done.output
    assert json.loads(run("labels", "import", "--kind", "celebdf", "--json").output)["added"] == 0


def test_an_error_in_a_list_is_one_message_and_code_1(run, tmp_path):
    (tmp_path / "list.csv").write_text("path,label\nid3_0001.mp4,1\n")
    done = run("labels", "import", tmp_path / "list.csv")
    assert done.exit_code == 1
    assert done.stderr.startswith("fakelake: ") and "--one-means" in done.stderr
    assert run("labels", "import", tmp_path / "list.csv", "--one-means", "real").exit_code == 0


def test_a_list_that_fits_no_video_is_code_1_and_says_so(run, tmp_path):
    (tmp_path / "list.csv").write_text("path,label\ngone.mp4,real\n")
    done = run("labels", "import", tmp_path / "list.csv")
    assert done.exit_code == 1
    assert "1 not in the lake" in done.output


@pytest.mark.parametrize(
    "arguments", [["import"], ["add", "00012.mp4", "genuine"], ["import", "x.csv", "--one-means", "true"]]
)
def test_bad_usage_is_code_2(run, arguments):
    assert run("labels", *arguments).exit_code == 2


def test_a_moderator_decides_with_a_note_and_the_history_keeps_it(run):
    run("labels", "import", "--kind", "celebdf")
    assert run("labels", "add", "00012.mp4", "fake", "--note", "hands melt", "--by", "ann").exit_code == 0
    history = json.loads(run("labels", "ls", "00012.mp4", "--json").output)
    assert [(row["label"], row["labelled_by"], row["note"]) for row in history] == [
        ("real", "celebdf names in the lake", None),
        ("fake", "ann", "hands melt"),
    ]
    counts = json.loads(run("labels", "ls", "--json").output)
    assert sum(row["videos"] for row in counts if row["label"] == "fake") == 2


def test_a_video_named_ambiguously_is_not_labelled(run, tmp_path):
    lake_of(tmp_path / "lake", ["elsewhere/00012.mp4"])
    done = run("labels", "add", "00012.mp4", "fake")
    assert done.exit_code == 1
    assert "fits 2 videos" in done.stderr
    assert Lake.open(tmp_path / "lake").read("labels").num_rows == 0


def test_a_permission_goes_on_record_with_what_it_rests_on(run, tmp_path):
    done = run("consent", "00012.mp4", "--permission", "swap", "--source", "signed form 12", "--by", "ann")
    assert done.exit_code == 0, done.output
    (row,) = Lake.open(tmp_path / "lake").read("consents").to_pylist()
    assert (row["video_id"], row["permission"], row["source"], row["by"]) == (
        video_id(NAMES[2]),
        "swap",
        "signed form 12",
        "ann",
    )


def test_a_split_is_made_once_listed_and_shown(run, tmp_path):
    names = celeb_names()[:700]
    lake_of(tmp_path / "lake", names)
    run("labels", "import", "--kind", "celebdf")
    made = run("splits", "make")
    assert made.exit_code == 0, made.output
    split_id = made.output.split()[1]
    assert "Not stored" in run("splits", "make").output
    assert [row["split_id"] for row in json.loads(run("splits", "ls", "--json").output)] == [split_id]
    shown = json.loads(run("splits", "show", split_id[:6], "--json").output)
    assert sum(part["videos"] for part in shown["parts"]) == len({*names, *NAMES})


def test_a_stored_split_is_refused_once_two_of_its_parts_turn_out_to_share_a_person(run, tmp_path):
    lake_of(tmp_path / "lake", [f"YouTube-real/{n:05d}.mp4" for n in range(100, 120)])
    run("labels", "import", "--kind", "celebdf")
    split_id = run("splits", "make").output.split()[1]
    assert run("splits", "show", split_id).exit_code == 0
    rows = "".join(f"YouTube-real/{n:05d}.mp4,real,same\n" for n in range(100, 120))
    (tmp_path / "who.csv").write_text(f"path,label,identity\n{rows}")
    run("labels", "import", tmp_path / "who.csv")
    shown = run("splits", "show", split_id)
    assert shown.exit_code == 1
    assert "share 1 of" in shown.stderr


def test_a_split_of_no_labels_says_to_import_some(run):
    made = run("splits", "make")
    assert (made.exit_code, "Import labels first" in made.stderr) == (1, True)


def test_a_lake_that_is_not_there_is_one_message(run, tmp_path):
    done = run("labels", "ls", "--lake", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert "no lake at" in done.stderr
