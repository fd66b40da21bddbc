import os
from pathlib import Path

import pytest

from fakelake.tasks.errors import MediaError
from fakelake.tasks.source_file import SourceFile, local_file, object_of, object_uri, path_of, shown, uri_of
from tests.media import unreadable_names
from tests.tasks.reading import source_of


@pytest.mark.parametrize("name", [*unreadable_names(), b"50%25 off.mp4", b"a#b?c.mp4", b"\xff\n%0a.mp4"], ids=repr)
def test_any_name_survives_its_address(tmp_path, name):
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))  # noqa: PTH118 - pathlib takes no bytes
    path.write_bytes(b"x")
    uri = uri_of(path)
    assert uri.isascii() and uri.isprintable() and " " not in uri
    assert path_of(uri) == path and path_of(uri).read_bytes() == b"x"


def test_an_address_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert uri_of(Path("a b.mp4")) == f"file://{tmp_path}/a%20b.mp4"


def test_a_file_named_by_way_of_another_folder_has_one_address(tmp_path):
    (tmp_path / "clips").mkdir()
    assert uri_of(tmp_path / "clips" / ".." / "clips" / "a.mp4") == uri_of(tmp_path / "clips" / "a.mp4")


def test_a_linked_file_has_the_address_of_the_link(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to("a.mp4")
    assert uri_of(tmp_path / "link.mp4").endswith("/link.mp4")


@pytest.mark.parametrize("key", ["videos/a b.mp4", "50%25/ü#?.mp4"])
def test_an_objects_key_survives_its_address(key):
    assert object_of(object_uri("bucket", key)) == ("bucket", key)


def test_names_are_for_people():
    def named(uri):
        return SourceFile(uri=uri, dataset=None, bytes=0, mtime_ns=0).name

    assert named("file:///clips/a%20b%25.mp4") == "a b%.mp4"
    assert named("s3://bucket/clips/a%20b.mp4") == "a b.mp4"
    assert named("file:///clips/%FF.mp4") == "\ufffd.mp4"


def test_what_is_shown_can_be_printed_and_stored():
    assert shown(os.fsdecode(b"a\xff\nb")) == "a\\xff\\nb"
    shown(Path(os.fsdecode(b"/\xff/\xfe.mp4"))).encode()


def test_a_local_file_is_read_where_it_lies(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    with local_file(source_of(path)) as found:
        assert found == path


def test_an_error_of_the_reader_is_passed_on_when_the_file_held_still(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    with pytest.raises(ZeroDivisionError), local_file(source_of(path)):
        _ = 1 / 0


@pytest.mark.parametrize(
    "change, error",
    [
        (lambda path: path.write_bytes(b"more"), "changed"),
        (lambda path: os.utime(path, (1, 1)), "changed"),
        (os.unlink, "vanished"),
    ],
)
def test_a_change_while_it_is_read_shows_at_the_end(tmp_path, change, error):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    with pytest.raises(MediaError) as caught, local_file(source_of(path)):
        change(path)
    assert (caught.value.error, caught.value.lasting) == (error, False)


def test_a_broken_folder_on_the_way_is_an_error_in_words(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    source = SourceFile(uri=uri_of(tmp_path / "file" / "a.mp4"), dataset=None, bytes=1, mtime_ns=0)
    with pytest.raises(MediaError, match=r"a\.mp4 is no longer there"), local_file(source):
        pass
