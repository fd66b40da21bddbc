import pytest

from fakelake.tasks.labels import import_labels
from fakelake.tasks.labels.voxceleb import entry_of


@pytest.mark.parametrize(
    "path",
    [
        "id10270/5r0dWxy17C8/00001.mp4",
        "dev/mp4/id10270/5r0dWxy17C8/00001.mp4",
        "vox/train/id10270#5r0dWxy17C8#000150#000300.mp4",
    ],
)
def test_the_speaker_is_in_the_path_and_the_video_is_real(path):
    entry = entry_of(path)
    assert (entry.label, entry.target_identity, entry.source_identity) == ("real", "voxceleb:id10270", None)


def test_a_celeb_df_name_is_no_speaker():
    assert entry_of("Celeb-real/id10_0001.mp4") is None


def test_the_published_utterance_list_is_understood(tmp_path):
    file = tmp_path / "iden_split.txt"
    file.write_text("1 id10001/1zcIwhmdeo4/00001.wav\n3 id10309/0b1inHMAr6o/00001.wav\n")
    labels = import_labels(file)
    assert labels.kind == "voxceleb"
    assert [entry.target_identity for entry in labels.entries] == ["voxceleb:id10001", "voxceleb:id10309"]


def test_the_directory_is_recognised_by_its_speakers(tmp_path):
    clip = tmp_path / "dev" / "mp4" / "id00012" / "21Uxsk56VDQ" / "00001.mp4"
    clip.parent.mkdir(parents=True)
    clip.touch()
    labels = import_labels(tmp_path)
    assert (labels.kind, labels.entries[0].target_identity) == ("voxceleb", "voxceleb:id00012")
