import json

import pytest

from fakelake.tasks.labels import LabelListError, import_labels

METADATA = {
    "aagfhgtpmv.mp4": {"label": "FAKE", "split": "train", "original": "vudstovrck.mp4"},
    "vudstovrck.mp4": {"label": "REAL", "split": "train", "original": None},
}


def test_a_fake_and_its_original_are_of_one_group(tmp_path):
    (tmp_path / "metadata.json").write_text(json.dumps(METADATA))
    labels = import_labels(tmp_path / "metadata.json")
    assert [(entry.path, entry.label, entry.target_identity) for entry in labels.entries] == [
        ("aagfhgtpmv.mp4", "fake", "dfdc:vudstovrck"),
        ("vudstovrck.mp4", "real", "dfdc:vudstovrck"),
    ]


def test_several_parts_are_read_from_their_common_directory(tmp_path):
    for part, name in (("dfdc_train_part_0", "aaaaaaaaaa.mp4"), ("dfdc_train_part_1", "bbbbbbbbbb.mp4")):
        (tmp_path / part).mkdir()
        (tmp_path / part / "metadata.json").write_text(json.dumps({name: {"label": "REAL"}}))
    labels = import_labels(tmp_path)
    assert labels.kind == "dfdc"
    assert [entry.path for entry in labels.entries] == [
        "dfdc_train_part_0/aaaaaaaaaa.mp4",
        "dfdc_train_part_1/bbbbbbbbbb.mp4",
    ]


@pytest.mark.parametrize("label", [1, "1", "", None, "fake?"])
def test_a_label_that_is_no_word_of_the_data_set_is_refused(tmp_path, label):
    (tmp_path / "metadata.json").write_text(json.dumps({"aagfhgtpmv.mp4": {"label": label}}))
    with pytest.raises(LabelListError, match="aagfhgtpmv"):
        import_labels(tmp_path / "metadata.json")


def test_a_file_cut_short_is_refused_with_its_name(tmp_path):
    (tmp_path / "metadata.json").write_text('{"aagfhgtpmv.mp4": {"lab')
    with pytest.raises(LabelListError, match=r"metadata\.json"):
        import_labels(tmp_path)
