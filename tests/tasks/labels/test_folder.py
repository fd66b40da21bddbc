import pytest

from fakelake.tasks.labels import LabelListError, import_labels


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_the_two_folders_say_it_in_any_case_of_letters(tmp_path):
    put(tmp_path, "Real/a.mp4", "FAKE/b.mov", "FAKE/deeper/real/c.mp4")
    labels = import_labels(tmp_path)
    assert labels.kind == "folder"
    assert {entry.path: entry.label for entry in labels.entries} == {
        "Real/a.mp4": "real",
        "FAKE/b.mov": "fake",
        "FAKE/deeper/real/c.mp4": "fake",
    }


def test_a_video_beside_the_two_folders_is_reported(tmp_path):
    put(tmp_path, "real/a.mp4", "fake/b.mp4", "other/c.mp4", "d.mp4", "notes.txt")
    assert import_labels(tmp_path).not_understood == ("d.mp4", "other/c.mp4")


def test_no_permission_is_assumed(tmp_path):
    put(tmp_path, "real/a.mp4", "fake/b.mp4")
    assert import_labels(tmp_path).permission is None


def test_two_empty_folders_are_an_error(tmp_path):
    put(tmp_path, "real/notes.txt", "fake/notes.txt")
    with pytest.raises(LabelListError, match="no video"):
        import_labels(tmp_path)


def test_a_directory_that_leads_back_into_itself_ends(tmp_path):
    put(tmp_path, "real/a.mp4", "fake/b.mp4")
    (tmp_path / "real" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [entry.path for entry in import_labels(tmp_path).entries] == ["fake/b.mp4", "real/a.mp4"]
