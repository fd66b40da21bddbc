import json

import pytest

from fakelake.tasks.labels import LabelListError, import_labels
from fakelake.tasks.labels.faceforensics import METHODS, entry_of


def test_one_file_name_is_another_clip_in_each_methods_folder():
    entries = [entry_of(f"manipulated_sequences/{method}/c23/videos/000_003.mp4") for method in METHODS]
    assert [entry.key for entry in entries] == [(method, "000_003") for method in METHODS]
    assert {(entry.label, entry.target_identity, entry.source_identity) for entry in entries} == {
        ("fake", "ffpp:000", "ffpp:003")
    }


@pytest.mark.parametrize("compression", ["c0", "raw", "c23", "c40"])
def test_the_compressions_of_a_clip_share_its_key(compression):
    assert entry_of(f"original_sequences/youtube/{compression}/videos/003.mp4").key == ("original", "003")


def test_an_original_is_real_and_carries_the_number_that_its_fakes_name():
    entry = entry_of("original_sequences/youtube/c23/videos/003.mp4")
    assert (entry.label, entry.target_identity) == ("real", "ffpp:003")


def test_a_bare_file_name_says_nothing():
    assert entry_of("000_003.mp4") is None
    assert entry_of("videos/000.mp4") is None


def test_a_video_of_masks_is_no_fake():
    assert entry_of("manipulated_sequences/Deepfakes/masks/videos/000_003.mp4") is None


def test_the_actors_videos_name_people():
    fake = entry_of("manipulated_sequences/DeepFakeDetection/c23/videos/01_02__meeting_serious__YVGY8LOK.mp4")
    real = entry_of("original_sequences/actors/c23/videos/02__exit_phone_room.mp4")
    assert (fake.label, fake.target_identity, fake.source_identity) == ("fake", "dfd:01", "dfd:02")
    assert (real.label, real.target_identity) == ("real", "dfd:02")


def test_a_pair_of_a_split_stands_for_two_originals_and_swaps_in_both_directions(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps([["071", "054"]]))
    labels = import_labels(tmp_path / "train.json")
    assert labels.kind == "faceforensics"
    assert [entry.key for entry in labels.entries if entry.label == "real"] == [
        ("original", "071"),
        ("original", "054"),
    ]
    deepfakes = [entry.key[1] for entry in labels.entries if entry.method == "Deepfakes"]
    assert deepfakes == ["071_054", "054_071"]
    assert {entry.note for entry in labels.entries} == {"official split train"}


def test_the_folder_of_splits_is_read_whole(tmp_path):
    for part, pair in (("train", ["001", "870"]), ("val", ["720", "672"]), ("test", ["953", "974"])):
        (tmp_path / f"{part}.json").write_text(json.dumps([pair]))
    labels = import_labels(tmp_path)
    assert {entry.target_identity for entry in labels.entries} == {
        f"ffpp:{clip}" for clip in ("001", "870", "720", "672", "953", "974")
    }


@pytest.mark.parametrize("content", ["[[1, 2]]", '[["a", "b"]]', '["071", "054"]', "[[]]", "not json"])
def test_a_file_that_is_no_list_of_pairs_is_refused(tmp_path, content):
    file = tmp_path / "train.json"
    file.write_text(content)
    with pytest.raises(LabelListError, match=r"train\.json"):
        import_labels(file, "faceforensics")
