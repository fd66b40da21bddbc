"""Bad uploads: each is told what was wrong with which file and what to do, and leaves nothing behind."""

import io
import os
import sys
import zipfile

import pytest

from tests.media import cut_off, write_clip, write_sound
from tests.review.uploading import clean_inbox, clip, named, send, stored  # noqa: F401


def refusal(client, name, content):
    """(status, error) of one file, sent by the script; the page of the plain form has the same words."""
    answer = send(client, named(name, content))
    told = answer.json()["refused"][0]
    page = client.post("/upload/", {"files": [named(name, content)]})
    assert page.status_code == answer.status_code and "What to do:" in page.content.decode()
    assert told["todo"] and name in told["said"]
    assert stored() == (set(), set())
    return answer.status_code, told["error"]


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.sh", "echo")
    return file.getvalue()


def test_what_is_no_video(desk, tmp_path):
    client = desk.client("moderator")
    assert refusal(client, "notes.mp4", b"These are notes, whatever their name says.\n") == (415, "not_a_video")
    assert refusal(client, "zip.mp4", zipped()) == (415, "not_a_video")
    assert refusal(client, "noise.mp4", os.urandom(5000)) == (415, "not_a_video")
    assert refusal(client, "photo.mp4", b"\x89PNG\r\n\x1a\n" + bytes(100)) == (415, "still_picture")
    assert refusal(client, "song.mp4", write_sound(tmp_path / "song.mp3").read_bytes()) == (415, "audio_only")


def test_an_empty_file(desk):
    assert refusal(desk.client("moderator"), "empty.mp4", b"") == (415, "empty")


def test_a_broken_copy(desk, tmp_path):
    whole = write_clip(tmp_path / "whole.mp4", frames=30)
    half = cut_off(whole, tmp_path / "half.mp4", 0.5).read_bytes()
    assert refusal(desk.client("moderator"), "half.mp4", half) == (415, "truncated")


def test_a_file_that_is_two_things_at_once(desk, tmp_path):
    client, video = desk.client("moderator"), clip(tmp_path)
    assert refusal(client, "archive.mp4", video + zipped()) == (415, "polyglot")
    box = b"<html><script>alert(1)</script></html>"
    page = video[:32] + (len(box) + 8).to_bytes(4, "big") + b"free" + box + video[32:]
    assert refusal(client, "page.mp4", page) == (415, "polyglot")
    stream = clip(tmp_path, name="clip.ts", container="mpegts")
    assert refusal(client, "program.mp4", b"#!/bin/sh\nexit\n".ljust(188, b"\0") + stream)[1] == "polyglot"


def test_a_file_whose_look_hangs_does_not_hang_the_desk(desk, tmp_path, monkeypatch):
    from fakelake.review.service.uploads import look_at

    monkeypatch.setattr(look_at, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(600)"))
    monkeypatch.setattr(look_at, "BASE_S", 0.5)
    assert refusal(desk.client("moderator"), "slow.mp4", clip(tmp_path)) == (415, "too_slow")


def test_a_file_whose_look_dies(desk, tmp_path, monkeypatch):
    from fakelake.review.service.uploads import look_at

    monkeypatch.setattr(look_at, "PROGRAM", (sys.executable, "-c", "import os; os.abort()"))
    assert refusal(desk.client("moderator"), "deadly.mp4", clip(tmp_path)) == (415, "unreadable")


def test_a_file_over_the_limit_is_read_no_further(desk, tmp_path):
    class Endless(io.RawIOBase):
        """A form of 20 MiB, of which it is counted what is read."""

        def __init__(self):
            self.head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="long.mp4"\r\n\r\n'
            self.given = 0

        def read(self, size=-1):
            block = self.head or bytes(min(size, 1 << 16))
            self.head, self.given = b"", self.given + len(block)
            return block

    body = Endless()
    answer = desk.client("moderator").generic(
        "POST", "/upload/", HTTP_ACCEPT="application/json", CONTENT_TYPE="multipart/form-data; boundary=x",
        CONTENT_LENGTH=20 << 20, **{"wsgi.input": body},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["refused"][0]["error"]) == (413, "too_large")
    assert body.given < 5 << 20  # the limit of the tests' desk is 1 MiB
    assert stored() == (set(), set())


def test_a_file_over_the_limit_after_good_ones(desk, tmp_path):
    files = [named("good.mp4", clip(tmp_path)), named("long.mp4", bytes((1 << 20) + 1)), named("after.mp4", b"x")]
    answer = desk.client("moderator").post("/upload/", {"files": files})
    page = answer.content.decode()
    assert answer.status_code == 413
    assert "good.mp4 is taken" in page and "long.mp4 is larger than 1.0 MB" in page
    assert len(stored()[0]) == 1 and not stored()[1]


def test_an_upload_that_breaks_off(desk, tmp_path):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="torn.mp4"\r\n\r\n'
    answer = desk.client("moderator").generic(
        "POST", "/upload/", head + clip(tmp_path)[:900], "multipart/form-data; boundary=x",
        HTTP_ACCEPT="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["refused"][0]["error"]) == (400, "broken_off")
    assert stored() == (set(), set())


@pytest.mark.parametrize("body", [b"", b"--x--\r\n", b"no form at all"])
def test_a_form_without_a_file(desk, body):
    client, form = desk.client("moderator"), "multipart/form-data; boundary=x"
    answer = client.generic("POST", "/upload/", body, form, CONTENT_TYPE=form)
    assert answer.status_code == 400 and "What to do:" in answer.content.decode()


def test_too_many_files_in_one_go(desk):
    answer = send(desk.client("moderator"), *[named(f"{n}.mp4", b"x") for n in range(51)])
    assert answer.status_code == 400 and answer.json()["error"] == "Too many files at once"
    assert stored() == (set(), set())


def test_a_full_disk_is_told_before_and_while_a_file_comes(desk, tmp_path, monkeypatch):
    from fakelake.review.service.uploads import receive, room

    usage = room.shutil.disk_usage
    with monkeypatch.context() as full:
        full.setattr(room.shutil, "disk_usage", lambda path: usage(path)._replace(free=1000))
        answer = send(desk.client("moderator"), named("clip.mp4", clip(tmp_path)))
        assert answer.status_code == 507 and "disk that uploads come in on is full" in answer.json()["detail"]
    with monkeypatch.context() as full:

        def to_full_device(path):
            path.symlink_to("/dev/full")
            return path.open("wb")

        real = receive.Incoming.__init__

        def begin(self, name, limit):
            real(self, name, limit)
            self._file.close()
            self.path.unlink()
            self._file = to_full_device(self.path)

        full.setattr(receive.Incoming, "__init__", begin)
        answer = send(desk.client("moderator"), named("clip.mp4", clip(tmp_path)))
        assert (answer.status_code, answer.json()["refused"][0]["error"]) == (507, "disk_full")
    assert stored() == (set(), set())


def test_room_that_others_on_their_way_were_promised_is_not_promised_again(desk, tmp_path, monkeypatch):
    from types import SimpleNamespace

    from fakelake.review.service.uploads import room

    usage = room.shutil.disk_usage
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage(path)._replace(free=room.SPARE + 100_000))
    with room.room_for(SimpleNamespace(META={"CONTENT_LENGTH": "99000"})):
        answer = send(desk.client("moderator"), named("clip.mp4", clip(tmp_path)))
        assert answer.status_code == 507 and "full" in answer.json()["detail"]
    assert send(desk.client("moderator"), named("clip.mp4", clip(tmp_path))).status_code == 201


def test_an_inbox_that_the_desk_cannot_reach_is_told_plainly(desk, tmp_path, monkeypatch):
    from django.conf import settings

    monkeypatch.setattr(settings.FAKELAKE, "inbox", "gs://videos/inbox")
    client = desk.client("moderator")
    answer = send(client, named("clip.mp4", clip(tmp_path)))
    assert answer.status_code == 409 and "gs://videos/inbox" in answer.json()["detail"]
    page = client.get("/").content.decode()
    assert "neither a folder nor s3://" in page and 'type="file"' not in page


def test_a_lake_that_is_slow_keeps_no_file_from_being_taken(desk, made, tmp_path, monkeypatch):
    """What is stored is answered as taken; only its page's address is left out."""
    from fakelake.review.service.reader import LakeBusyNow, LakeReader

    real = LakeReader.rows

    def slow(self, sql, *more):
        if "FROM desk" in sql:
            raise LakeBusyNow("The answer took more than 10 seconds.")
        return real(self, sql, *more)

    monkeypatch.setattr(LakeReader, "rows", slow)
    client = desk.client("moderator")
    answer = send(client, named("clip.mp4", clip(tmp_path)))
    assert answer.status_code == 201 and answer.json()["accepted"][0]["url"] == ""
    again = client.post("/upload/", {"files": [named("clip.mp4", clip(tmp_path))]})
    assert again.status_code == 200 and "is here already" in again.content.decode()
    page = client.get("/")
    assert page.status_code == 200 and page.content.decode().count("did not answer in time") == 1


def test_one_file_that_the_slow_lake_keeps_out_keeps_out_no_other(desk, tmp_path, monkeypatch):
    from fakelake.review.service.reader import LakeBusyNow
    from fakelake.review.service.uploads import intake

    real = intake._known

    def slow(file):
        if file.name == "second.mp4":
            raise LakeBusyNow("The answer took more than 10 seconds.")
        return real(file)

    monkeypatch.setattr(intake, "_known", slow)
    files = [named(f"{name}.mp4", clip(tmp_path, n)) for n, name in enumerate(("first", "second", "third"))]
    answer = send(desk.client("moderator"), *files)
    assert answer.status_code == 503
    assert [one["name"] for one in answer.json()["accepted"]] == ["first.mp4", "third.mp4"]
    assert [(one["name"], one["error"]) for one in answer.json()["refused"]] == [("second.mp4", "lake_busy")]
    assert len(stored()[0]) == 2
