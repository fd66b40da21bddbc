from urllib.parse import quote

from fakelake.tasks.labels.base import LabelEntry, LabelList
from fakelake.tasks.labels.kinds import key_rule, labels_from_names
from fakelake.tasks.labels.match import Source, match, path_of_uri


def source(path, video_id, dataset=None, scheme="file://"):
    return Source(uri=scheme + quote(path.encode("utf-8", "surrogateescape")), video_id=video_id, dataset=dataset)


def listed(*paths, folder=None, kind="csv"):
    entries = tuple(LabelEntry(path=path, label="fake") for path in paths)
    return LabelList(kind=kind, name="list", entries=entries, folder=folder)


def videos(found):
    return [video for _, video in found.matched]


def test_a_file_beside_its_list_is_found_by_its_place():
    found = match(listed("a.mp4", folder="/one"), [source("/one/a.mp4", "v1"), source("/two/a.mp4", "v2")])
    assert videos(found) == ["v1"]


def test_a_list_that_lies_beside_its_files_labels_no_namesake_elsewhere():
    here = [source("/one/a.mp4", "v1"), source("/two/b.mp4", "v2")]
    found = match(listed("a.mp4", "b.mp4", folder="/one"), here)
    assert videos(found) == ["v1"]
    assert [entry.path for entry in found.missing] == ["b.mp4"]


def test_a_path_matches_whole_components_only():
    found = match(listed("b/c.mp4"), [source("/a/bb/c.mp4", "v1"), source("/a/b/c.mp4", "v2")])
    assert videos(found) == ["v2"]


def test_a_bare_name_that_fits_two_videos_is_ambiguous_and_labels_none():
    found = match(
        listed("000_003.mp4"), [source("/Deepfakes/000_003.mp4", "v1"), source("/FaceSwap/000_003.mp4", "v2")]
    )
    assert not found.matched
    assert {place.video_id for place in found.ambiguous[0][1]} == {"v1", "v2"}


def test_the_same_bytes_in_two_places_are_one_video():
    found = match(listed("a.mp4"), [source("/one/a.mp4", "v1"), source("/two/a.mp4", "v1")])
    assert videos(found) == ["v1"]


def test_a_method_and_a_clip_find_all_compressions_of_it_and_no_other_method():
    here = [
        source(f"/ff/manipulated_sequences/{method}/{compression}/videos/000_003.mp4", f"{method} {compression}")
        for method in ("Deepfakes", "FaceSwap")
        for compression in ("c23", "c40")
    ]
    labels = labels_from_names("faceforensics", ["Deepfakes/000_003.mp4"])
    assert videos(match(labels, here, key_rule("faceforensics"))) == ["Deepfakes c23", "Deepfakes c40"]


def test_two_copies_of_a_data_set_with_other_bytes_are_ambiguous():
    here = [source(f"/{version}/Celeb-real/id1_0007.mp4", version) for version in ("v1", "v2")]
    labels = labels_from_names("celebdf", ["Celeb-real/id1_0007.mp4"])
    assert len(match(labels, here, key_rule("celebdf")).ambiguous) == 1


def test_a_whole_address_or_a_video_id_is_taken_at_its_word():
    here = [source("bucket/a b.mp4", "0" * 64, scheme="s3://"), source("/x/c.mp4", "1" * 64)]
    found = match(listed("s3://bucket/a%20b.mp4", "1" * 64), here)
    assert videos(found) == ["0" * 64, "1" * 64]


def test_a_name_of_any_bytes_is_found():
    name = "100% 'odd'\n\udcff.mp4"
    assert path_of_uri(source(f"/d/{name}", "v").uri) == f"/d/{name}"
    assert videos(match(listed(name, folder="/d"), [source(f"/d/{name}", "v")])) == ["v"]
