import os
import pickle

import pytest

from fakelake.catalog.location import LakeLocation, LakePathError, s3_options

STRANGE = "it's 50% [a] *? #x é"


def test_a_relative_path_becomes_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert LakeLocation.from_str("lake/").root == str(tmp_path / "lake")


def test_a_file_address_is_decoded(tmp_path):
    assert LakeLocation.from_str((tmp_path / "my lake").as_uri()).root == str(tmp_path / "my lake")


@pytest.mark.parametrize(
    "address", ["https://example.com/lake", "s3://", "/tmp/a%20b", "s3://bucket/a%2fb", os.fsdecode(b"/tmp/\xff")]
)
def test_what_cannot_be_a_lake_is_said_so(address):
    with pytest.raises(LakePathError):
        LakeLocation.from_str(address)


def test_a_plain_http_endpoint_is_allowed_only_when_it_is_named():
    assert s3_options({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/"})["AWS_ALLOW_HTTP"] == "true"
    assert "AWS_ALLOW_HTTP" not in s3_options({"AWS_ENDPOINT_URL": "https://s3.example.com"})


def test_a_location_travels_to_a_worker_and_shows_no_secret(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    location = LakeLocation.from_str("s3://bucket/lake")
    assert pickle.loads(pickle.dumps(location)) == location
    assert "hush" not in repr(location)


@pytest.fixture(params=["local", "s3"])
def place(request, tmp_path):
    return LakeLocation.from_str(tmp_path / STRANGE if request.param == "local" else request.getfixturevalue("s3_root"))


def test_a_file_is_written_measured_listed_and_removed(place):
    assert place.read_bytes("a/b.txt") is None
    assert place.size("a/b.txt") is None
    place.write_bytes("a/b.txt", b"one")
    place.write_bytes("a/b.txt", b"three")
    assert place.read_bytes("a/b.txt") == b"three"
    assert [(file.path, file.bytes) for file in place.files()] == [("a/b.txt", 5)]
    assert [file.path for file in place.files("a")] == ["a/b.txt"]
    place.delete("a/b.txt")
    assert list(place.files()) == []


def test_the_store_sees_the_same_files(place):
    place.write_bytes("a/b.txt", b"one")
    assert bytes(place.store().get("a/b.txt").bytes()) == b"one"


def test_files_come_and_go_whole(place, tmp_path):
    (tmp_path / "here").write_bytes(b"picture")
    place.upload(tmp_path / "here", "parts/there")
    place.download("parts/there", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"picture"
    assert [file.path for file in place.files()] == ["parts/there"]
