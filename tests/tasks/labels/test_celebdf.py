from pathlib import Path

import pytest

from fakelake.tasks.labels import LabelListError, import_labels
from fakelake.tasks.labels.celebdf import entry_of
from tests.tasks.celeb_names import celeb_names


def listed(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "List_of_testing_videos.txt"
    file.write_text(text)
    return file


def test_the_testing_list_counts_one_as_real(tmp_path):
    labels = import_labels(
        listed(tmp_path, "1 YouTube-real/00170.mp4\n1 Celeb-real/id1_0007.mp4\n0 Celeb-synthesis/id1_id0_0007.mp4\n")
    )
    assert labels.kind == "celebdf"
    assert [entry.label for entry in labels.entries] == ["real", "real", "fake"]


def test_a_testing_list_with_the_numbers_turned_round_is_refused_with_its_line(tmp_path):
    file = listed(tmp_path, "0 Celeb-synthesis/id1_id0_0007.mp4\n1 Celeb-synthesis/id1_id3_0007.mp4\n")
    with pytest.raises(LabelListError, match=r"line 2.*1 is\s+real"):
        import_labels(file)


def test_a_fake_names_whose_video_it_is_and_whose_face_it_shows():
    entry = entry_of("Celeb-synthesis/id3_id5_0001.mp4")
    assert (entry.label, entry.method) == ("fake", "Celeb-synthesis")
    assert (entry.target_identity, entry.source_identity) == ("celebdf:id3", "celebdf:id5")


def test_a_celebrity_has_an_identity_and_a_youtube_video_has_none():
    assert entry_of("Celeb-real/videos/id61_0009.mp4").target_identity == "celebdf:id61"
    assert entry_of("YouTube-real/00012.mp4").target_identity is None


def test_what_does_not_look_like_the_data_set_is_kept_and_not_guessed(tmp_path):
    labels = import_labels(listed(tmp_path, "1 Celeb-real/id1_0007.mp4\n1 Celeb-real/someone.mp4\nreadme\n"))
    assert [entry.path for entry in labels.entries] == ["Celeb-real/id1_0007.mp4"]
    assert labels.not_understood == ("Celeb-real/someone.mp4", "readme")


def test_the_directory_is_read_by_its_folders(tmp_path):
    for name in ("Celeb-real/id0_0000.mp4", "Celeb-synthesis/id0_id1_0000.mp4", "YouTube-real/00000.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "List_of_testing_videos.txt").write_text("1 Celeb-real/id0_0000.mp4\n")
    labels = import_labels(tmp_path)
    assert (labels.kind, labels.permission) == ("celebdf", "research-only")
    assert sorted((entry.path, entry.label) for entry in labels.entries) == [
        ("Celeb-real/id0_0000.mp4", "real"),
        ("Celeb-synthesis/id0_id1_0000.mp4", "fake"),
        ("YouTube-real/00000.mp4", "real"),
    ]


def test_the_whole_name_list_is_understood():
    entries = [entry_of(name) for name in celeb_names()]
    assert sum(entry.label == "real" for entry in entries) == 890
    assert sum(entry.label == "fake" for entry in entries) == 5639
    assert len({entry.key for entry in entries}) == 6529
