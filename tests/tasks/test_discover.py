"""What an ingest takes on, named in every way that a person names files."""

import io
import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import obstore
import pytest

from fakelake.catalog.location import LakeLocation
from fakelake.tasks.discover import ManifestRow, discover
from fakelake.tasks.source_file import local_file, path_of, uri_of
from tests.another_user import another_user, needs_root
from tests.media import unreadable_names


@pytest.fixture
def archive(tmp_path):
    """A folder of files that need not be videos: nothing here opens them."""
    for name in ("b.mp4", "a.mkv", "no suffix", "deep/er/c.MOV", "notes.txt", "list.CSV", ".hidden.mp4", ".git/d.mp4"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "archive"


def names(found, below):
    return [str(path_of(s.uri).relative_to(below)) for s in found.sources]


def stdin(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


# ---- folders ----


def test_a_folder_gives_all_files_below_it_sorted(archive):
    assert names(discover([str(archive)]), archive) == ["a.mkv", "b.mp4", "deep/er/c.MOV", "no suffix"]


def test_hidden_and_sidecar_files_in_folders_are_passed_over_and_listed(archive):
    passed_over = discover([str(archive)]).passed_over
    assert sorted(Path(p).name for p in passed_over) == [".git", ".hidden.mp4", "list.CSV", "notes.txt"]


def test_a_file_named_outright_is_always_tried(archive):
    found = discover([str(archive / "notes.txt"), str(archive / ".hidden.mp4")])
    assert names(found, archive) == [".hidden.mp4", "notes.txt"]
    assert found.passed_over == []


def test_a_source_knows_its_size_its_time_and_its_data_set(archive):
    (source,) = discover([str(archive / "b.mp4")], dataset="news").sources
    info = (archive / "b.mp4").stat()
    assert (source.dataset, source.bytes, source.mtime_ns) == ("news", info.st_size, info.st_mtime_ns)


def test_the_lake_inside_a_folder_is_passed_by(archive):
    (archive / "lake" / "crops").mkdir(parents=True)
    (archive / "lake" / "catalog.duckdb").write_bytes(b"x")
    assert "lake/catalog.duckdb" in names(discover([str(archive)]), archive)
    assert "lake/catalog.duckdb" not in names(discover([str(archive)], lake=str(archive / "lake")), archive)


@pytest.mark.parametrize("links", [["loop"], ["deep/loop", "deep/er/other"]])
def test_a_directory_loop_ends_and_each_file_comes_once(archive, links):
    for link in links:
        (archive / link).symlink_to(archive, target_is_directory=True)
    assert names(discover([str(archive)]), archive) == ["a.mkv", "b.mp4", "deep/er/c.MOV", "no suffix"]


def test_a_linked_folder_outside_is_entered(archive, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "z.mp4").write_bytes(b"z")
    (archive / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert "more/z.mp4" in names(discover([str(archive)]), archive)


@pytest.mark.parametrize("name", unreadable_names(), ids=repr)
def test_any_name_is_found_and_can_be_opened_again(tmp_path, name):
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118, PTH123 - pathlib takes no bytes
        file.write(b"x")
    (source,) = discover([str(tmp_path)]).sources
    assert path_of(source.uri).read_bytes() == b"x"
    assert os.fsencode(path_of(source.uri).name) == name


# ---- what cannot be tried ----


def test_what_is_not_there_is_refused_in_words_and_the_rest_goes_on(archive):
    found = discover([str(archive / "gone.mp4"), str(archive / "b.mp4")], dataset="news")
    (refused,) = found.refused
    assert (refused.error.error, refused.error.lasting, refused.dataset) == ("missing", False, "news")
    assert "gone.mp4" in refused.error.message
    assert names(found, archive) == ["b.mp4"]


def test_a_link_to_nowhere_with_an_odd_name_is_refused_in_words_that_can_be_stored(tmp_path):
    os.symlink("nowhere", os.path.join(os.fsencode(tmp_path), b"\xff\n.mp4"))  # noqa: PTH118, PTH211
    (refused,) = discover([str(tmp_path)]).refused
    assert "\\xff\\n.mp4" in refused.error.message
    refused.error.message.encode()


def test_hidden_odd_names_are_listed_in_a_form_that_can_be_printed(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b".\xff.mp4"), "wb"):  # noqa: PTH118, PTH123
        pass
    (passed_over,) = discover([str(tmp_path)]).passed_over
    passed_over.encode()


def test_a_socket_and_a_pipe_are_refused_without_being_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's address must be short
    os.mkfifo("pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.mp4")
        found = discover([str(tmp_path)])
    assert [(path_of(r.uri).name, r.error.error) for r in found.refused] == [
        ("pipe.mp4", "not_a_file"), ("socket.mp4", "not_a_file")
    ]  # fmt: skip


@needs_root
def test_a_folder_without_permission_is_refused_and_its_neighbours_are_found(archive, tmp_path):
    (archive / "deep").chmod(0)
    with another_user(archive):
        found = discover([str(archive)])
    assert [(path_of(r.uri).name, r.error.error) for r in found.refused] == [("deep", "no_permission")]
    assert names(found, archive) == ["a.mkv", "b.mp4", "no suffix"]


# ---- patterns ----


@pytest.mark.parametrize(
    "pattern, wanted",
    [
        ("*.mp4", ["b.mp4"]),
        ("[ab].*", ["a.mkv", "b.mp4"]),
        ("**/*.MOV", ["deep/er/c.MOV"]),
        ("de*", ["deep/er/c.MOV"]),
        ("deep/../*.mkv", ["a.mkv"]),
    ],
)
@pytest.mark.parametrize("absolute", [True, False])
def test_a_pattern_finds_what_a_shell_would(archive, monkeypatch, pattern, wanted, absolute):
    monkeypatch.chdir(archive)
    text = str(archive / pattern) if absolute else pattern
    assert names(discover([text]), archive) == wanted


def test_a_pattern_that_fits_nothing_is_refused_in_words(archive):
    (refused,) = discover([str(archive / "*.webm")]).refused
    assert "No file matches this pattern" in refused.error.message


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(archive):
    (archive / "[ab].mp4").write_bytes(b"x")
    assert names(discover([str(archive / "[ab].mp4")]), archive) == ["[ab].mp4"]


def test_a_pattern_over_folders_that_loop_ends(archive):
    for n in range(4):  # followed, these would be some 4 ** 40 folders
        (archive / f"loop{n}").symlink_to(archive, target_is_directory=True)
    assert names(discover([str(archive / "**" / "*.mp4")]), archive) == ["b.mp4"]


# ---- lists ----


def test_a_list_on_stdin_has_a_path_a_line(archive, monkeypatch):
    monkeypatch.chdir(archive)
    stdin(monkeypatch, b"b.mp4\n\na.mkv\n")
    assert names(discover(["-"]), archive) == ["a.mkv", "b.mp4"]


def test_a_list_separated_by_nul_carries_any_name(tmp_path, monkeypatch):
    path = tmp_path / "new\nline.mp4"
    path.write_bytes(b"x")
    stdin(monkeypatch, os.fsencode(path) + b"\0" + os.fsencode(tmp_path / "other.mp4") + b"\0")
    found = discover(["-"])
    assert [path_of(s.uri) for s in found.sources] == [path]
    assert [path_of(r.uri).name for r in found.refused] == ["other.mp4"]


def manifest(folder, text):
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return str(path)


def test_a_manifest_names_files_beside_it_and_says_what_they_are(archive):
    found = discover([manifest(archive, "path,label,identity,permission,dataset,frames\nb.mp4,real,ann,release,news,9\n"
                                        "deep/er/c.MOV,,,,,\n")], dataset="rest")  # fmt: skip
    assert [(s.name, s.dataset) for s in found.sources] == [("b.mp4", "news"), ("c.MOV", "rest")]
    assert found.manifest[uri_of(archive / "b.mp4")] == ManifestRow("real", "ann", "release", "news")
    assert found.manifest[uri_of(archive / "deep/er/c.MOV")] == ManifestRow()


def test_a_manifest_by_a_spreadsheet_with_a_byte_order_mark_and_quotes_is_read(archive):
    (archive / 'with, "comma".mp4').write_bytes(b"x")
    text = '\ufeffpath,label\r\n"with, ""comma"".mp4",REAL\r\n'
    assert names(discover([manifest(archive, text)]), archive) == ['with, "comma".mp4']


@pytest.mark.parametrize("folder_first", [True, False])
def test_a_file_found_by_its_folder_and_by_a_manifest_keeps_what_the_manifest_says(archive, folder_first):
    paths = [str(archive), manifest(archive, "path,label,dataset\nb.mp4,fake,news\n")]
    found = discover(paths if folder_first else paths[::-1])
    assert names(found, archive) == ["a.mkv", "b.mp4", "deep/er/c.MOV", "no suffix"]
    (source,) = (s for s in found.sources if s.name == "b.mp4")
    assert (source.dataset, found.manifest[source.uri].label) == ("news", "fake")


def test_a_line_of_a_manifest_may_carry_a_name_that_is_not_utf_8(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.mp4"), "wb"):  # noqa: PTH118, PTH123
        pass
    found = discover([manifest(tmp_path, "path,identity\n\udcff.mp4,\udcff\n")])
    assert len(found.sources) == 1
    assert found.manifest[found.sources[0].uri].identity == "\\xff"


@pytest.mark.parametrize(
    "text, words",
    [
        ("file,label\nb.mp4,real\n", "needs a column 'path'; it has file, label"),
        ("", "needs a column 'path'; it has none"),
        ("path,label\nb.mp4,real\nc.mp4,genuine\n", "line 3: a label is real or fake, not 'genuine'"),
        ("path,label\n,real\n", "line 2: the column 'path' is empty"),
        ("path,label\nb.mp4,1\n", "fakelake labels import"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_refused_before_anything_is_read(archive, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        discover([manifest(archive, text)])
    assert "manifest.csv" in str(caught.value)


def test_one_file_named_three_times_is_one_source(archive, monkeypatch):
    monkeypatch.chdir(archive)
    assert names(discover(["b.mp4", str(archive / "b.mp4"), "deep/../b.mp4"]), archive) == ["b.mp4"]


# ---- objects ----


@pytest.fixture
def s3_archive(bucket):
    store = LakeLocation.from_str(bucket).store()
    for key in ("clips/a b%25.mp4", "clips/deep/c.mov", "clips/notes.txt", "clips2/d.mp4", "lake/crops/1-0.bin"):
        obstore.put(store, key, key.encode())
    return bucket


def test_a_prefix_gives_the_objects_below_it(s3_archive):
    found = discover([f"{s3_archive}/clips"], dataset="news")
    assert [s.name for s in found.sources] == ["a b%25.mp4", "c.mov"]
    assert {s.dataset for s in found.sources} == {"news"}
    assert found.passed_over == [f"{s3_archive}/clips/notes.txt"]


def test_an_object_can_be_named_itself_and_fetched(s3_archive):
    found = discover([f"{s3_archive}/clips/a b%25.mp4", f"{s3_archive}/clips"])
    assert [s.name for s in found.sources] == ["a b%25.mp4", "c.mov"]
    with local_file(found.sources[0]) as path:
        assert path.read_bytes() == b"clips/a b%25.mp4"
    assert not path.exists()


def test_a_lake_in_the_same_bucket_is_passed_by(s3_archive):
    everything = discover([s3_archive], lake=f"{s3_archive}/lake")
    assert [s.name for s in everything.sources] == ["a b%25.mp4", "c.mov", "d.mp4"]


def test_a_prefix_without_objects_is_refused_in_words(s3_archive):
    (refused,) = discover([f"{s3_archive}/nothing"]).refused
    assert refused.error.error == "missing" and f"{s3_archive}/nothing" in refused.error.message


def test_files_of_a_folder_that_were_touched_a_moment_ago_may_still_grow_and_wait(tmp_path):
    for name in ("old.mp4", "new.mp4", "copied.mp4"):
        (tmp_path / name).write_bytes(b"x")
    later = time.time() + 3600  # as if an hour had passed since all were written ...
    with mock.patch("fakelake.tasks.discover.time.time", return_value=later):
        assert discover([str(tmp_path)], settle_s=600).growing == []
    found = discover([str(tmp_path)], settle_s=600)
    assert [Path(name).name for name in found.growing] == ["copied.mp4", "new.mp4", "old.mp4"] and not found.sources
    assert len(discover([str(tmp_path)]).sources) == 3, "only where it is asked for"


def test_a_copy_with_the_time_of_its_original_is_as_young_as_it_is(tmp_path):
    (tmp_path / "copied.mp4").write_bytes(b"x")
    os.utime(tmp_path / "copied.mp4", (0, 0))
    assert discover([str(tmp_path)], settle_s=600).growing


def test_a_file_that_is_named_outright_does_not_wait(tmp_path):
    (tmp_path / "one.mp4").write_bytes(b"x")
    assert len(discover([str(tmp_path / "one.mp4")], settle_s=600).sources) == 1
