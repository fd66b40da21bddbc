import json
from datetime import UTC, datetime, timedelta

import pytest

from fakelake.tasks.labels import import_labels
from fakelake.tasks.labels.kinds import labels_from_names
from fakelake.tasks.labels.load import load_labels, sources_of
from tests.tasks.labels.lake_of_names import lake_of, video_id

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CELEB = ["Celeb-real/id3_0001.mp4", "Celeb-synthesis/id3_id5_0001.mp4", "YouTube-real/00012.mp4"]


def current(lake):
    with lake.connect() as connection:
        return dict(connection.execute("SELECT video_id, label FROM current_labels").fetchall())


def csv_of(tmp_path, text, name="list.csv"):
    (tmp_path / name).write_text(text)
    return import_labels(tmp_path / name)


def test_an_import_says_what_became_of_every_entry(tmp_path):
    names = [*CELEB, "unknown/x.mp4"]
    lake = lake_of(tmp_path / "lake", names, dataset="celeb")
    labels = labels_from_names("celebdf", [*CELEB, "Celeb-real/id9_0000.mp4", "readme.mp4"])
    report = load_labels(lake, labels, by="me", at=NOW, dataset="celeb")
    assert (report.entries, report.videos, report.real, report.fake, report.added) == (4, 3, 2, 1, 3)
    assert report.missing == ("Celeb-real/id9_0000.mp4",)
    assert report.not_understood == ("readme.mp4",)
    assert report.unlabelled == 1
    for words in ("1 not in the lake", "id9_0000", "1 not understood", "readme", "1 videos of the data set"):
        assert words in report.text()


def test_a_list_imported_twice_adds_nothing(tmp_path):
    lake = lake_of(tmp_path / "lake", CELEB)
    labels = labels_from_names("celebdf", CELEB)
    load_labels(lake, labels, by="me", at=NOW)
    again = load_labels(lake, labels, by="you", at=NOW + timedelta(days=1))
    assert (again.added, again.known, again.consents) == (0, 3, 0)
    assert lake.read("labels").num_rows == lake.read("consents").num_rows == 3


def test_a_dry_run_adds_nothing_and_reports_the_same(tmp_path):
    lake = lake_of(tmp_path / "lake", CELEB)
    labels = labels_from_names("celebdf", CELEB)
    dry = load_labels(lake, labels, by="me", at=NOW, dry_run=True)
    assert (dry.added, dry.consents, lake.read("labels").num_rows, lake.read("consents").num_rows) == (3, 3, 0, 0)
    assert load_labels(lake, labels, by="me", at=NOW).added == dry.added


def test_a_corrected_list_replaces_what_it_said(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4", "b.mp4"])
    load_labels(lake, csv_of(tmp_path, "path,label\na.mp4,real\nb.mp4,real\n"), by="me", at=NOW)
    report = load_labels(lake, csv_of(tmp_path, "path,label\na.mp4,fake\nb.mp4,real\n"), by="me", at=NOW + timedelta(1))
    assert (report.added, report.known) == (1, 1)
    assert current(lake) == {video_id("a.mp4"): "fake", video_id("b.mp4"): "real"}


def test_an_old_list_imported_again_does_not_talk_down_a_newer_one(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4"])
    old, new = (csv_of(tmp_path, f"path,label\na.mp4,{label}\n", f"{label}.csv") for label in ("real", "fake"))
    for day, labels in enumerate((old, new, old)):
        load_labels(lake, labels, by="me", at=NOW + timedelta(day))
    assert current(lake) == {video_id("a.mp4"): "fake"}


def test_a_list_that_knows_less_adds_nothing_to_one_that_knows_who_is_in_it(tmp_path):
    lake = lake_of(tmp_path / "lake", CELEB)
    load_labels(lake, labels_from_names("celebdf", CELEB), by="me", at=NOW)
    bare = csv_of(tmp_path, "path,label\nid3_id5_0001.mp4,fake\nid3_0001.mp4,fake\n")
    report = load_labels(lake, bare, by="me", at=NOW + timedelta(1), permission="research-only")
    assert (report.added, report.known, report.consents) == (1, 1, 0)
    assert current(lake)[video_id(CELEB[0])] == "fake"


def test_a_moderators_word_stands_above_a_later_list(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4"])
    row = {"video_id": video_id("a.mp4"), "label": "fake", "origin": "moderator", "labelled_by": "ann"}
    lake.append("labels", [{**row, "labelled_at": NOW}])
    load_labels(lake, csv_of(tmp_path, "path,label\na.mp4,real\n"), by="me", at=NOW + timedelta(1))
    assert current(lake) == {video_id("a.mp4"): "fake"}


def test_the_same_bytes_under_both_labels_get_none(tmp_path):
    lake = lake_of(tmp_path / "lake", ["real/a.mp4", "b.mp4"])
    source = {"uri": "file:///data/fake/a.mp4", "name": "a.mp4", "video_id": video_id("real/a.mp4")}
    lake.append("sources", [{**source, "seen_at": NOW}])
    labels = csv_of(tmp_path, "path,label\nreal/a.mp4,real\nfake/a.mp4,fake\nb.mp4,fake\n")
    report = load_labels(lake, labels, by="me", at=NOW, permission="own")
    assert (report.videos, report.added, report.consents, len(report.conflicts)) == (1, 1, 1, 1)
    assert current(lake) == {video_id("b.mp4"): "fake"}


def test_a_bare_name_in_two_methods_folders_labels_neither(tmp_path):
    names = [f"manipulated_sequences/{method}/c23/videos/000_003.mp4" for method in ("Deepfakes", "FaceSwap")]
    lake = lake_of(tmp_path / "lake", names)
    report = load_labels(lake, csv_of(tmp_path, "path,label\n000_003.mp4,fake\n"), by="me", at=NOW)
    assert (report.added, len(report.ambiguous)) == (0, 1)
    assert "FaceSwap" in report.text() and "--dataset" in report.text()


def test_naming_the_data_set_settles_which_namesake_is_meant(tmp_path):
    lake = lake_of(tmp_path / "lake", ["one/a.mp4"], dataset="one")
    lake_of(tmp_path / "lake", ["two/a.mp4"], dataset="two")
    labels = csv_of(tmp_path, "path,label\na.mp4,fake\n")
    assert load_labels(lake, labels, by="me", at=NOW).added == 0
    assert load_labels(lake, labels, by="me", at=NOW, dataset="two").added == 1
    assert current(lake) == {video_id("two/a.mp4"): "fake"}


def test_the_data_sets_terms_are_put_on_record_unless_told_otherwise(tmp_path):
    lake = lake_of(tmp_path / "lake", CELEB)
    load_labels(lake, labels_from_names("celebdf", CELEB[:1]), by="me", at=NOW)
    load_labels(lake, labels_from_names("celebdf", CELEB[1:2]), by="me", at=NOW, permission="agreed-in-writing")
    given = {row["video_id"]: row["permission"] for row in lake.read("consents").to_pylist()}
    assert given == {video_id(CELEB[0]): "research-only", video_id(CELEB[1]): "agreed-in-writing"}


def test_a_persons_withdrawal_is_not_overridden_by_a_list(tmp_path):
    lake = lake_of(tmp_path / "lake", CELEB)
    withdrawn = {"video_id": video_id(CELEB[0]), "permission": "none", "source": "letter", "by": "ann", "at": NOW}
    lake.append("consents", [withdrawn])
    report = load_labels(lake, labels_from_names("celebdf", CELEB), by="me", at=NOW + timedelta(1))
    assert report.consents == 2
    assert [
        row["permission"] for row in lake.read("consents").to_pylist() if row["video_id"] == video_id(CELEB[0])
    ] == ["none"]


def test_a_place_whose_video_was_never_committed_is_not_in_the_lake(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4"])
    lake.append("sources", [{"uri": "file:///data/b.mp4", "name": "b.mp4", "video_id": video_id("b.mp4")}])
    assert [source.path for source in sources_of(lake)] == ["/data/a.mp4"]


def _celebdf(root):
    (root / "list.txt").write_text("1 Celeb-real/id3_0001.mp4\n0 Celeb-synthesis/id3_id5_0001.mp4\n")
    return "list.txt", "Celeb-real/id3_0001.mp4", "Celeb-synthesis/id3_id5_0001.mp4"


def _faceforensics(root):
    (root / "train.json").write_text('[["071", "054"]]')
    return (
        "train.json",
        "original_sequences/youtube/c23/videos/071.mp4",
        "manipulated_sequences/FaceSwap/c23/videos/054_071.mp4",
    )


def _dfdc(root):
    said = {"aaaaaaaaaa.mp4": {"label": "REAL"}, "bbbbbbbbbb.mp4": {"label": "FAKE", "original": "aaaaaaaaaa.mp4"}}
    (root / "metadata.json").write_text(json.dumps(said))
    return "metadata.json", "part/aaaaaaaaaa.mp4", "part/bbbbbbbbbb.mp4"


def _folder(root):
    for name in ("set/real/a.mp4", "set/fake/b.mp4"):
        (root / name).parent.mkdir(parents=True)
        (root / name).touch()
    return "set", "real/a.mp4", "fake/b.mp4"


def _csv(root):
    (root / "list.csv").write_text("path,label_is_fake\na.mp4,0\nb.mp4,1\n")
    return "list.csv", "a.mp4", "b.mp4"


@pytest.mark.parametrize("make", [_celebdf, _faceforensics, _dfdc, _folder, _csv])
def test_polarity_is_right_from_each_list_to_the_lake(tmp_path, make):
    file, real, fake = make(tmp_path)
    lake = lake_of(tmp_path / "lake", [real, fake])
    load_labels(lake, import_labels(tmp_path / file), by="me", at=NOW)
    assert current(lake) == {video_id(real): "real", video_id(fake): "fake"}
