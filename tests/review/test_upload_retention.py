"""Files that go: when they are old, and what a killed process left."""

import os
import time

import pytest

from tests.review.uploading import clean_inbox, clip, folder, named, send, stored  # noqa: F401


def test_what_a_killed_process_left_is_removed_after_a_day(desk):
    from fakelake.review.service.uploads import receive
    from fakelake.review.service.uploads.room import staging

    for name, age in (("old", 25), ("new", 23)):
        path = staging() / name
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age * 3600,) * 2)
    assert receive.sweep() == 1
    assert stored()[1] == {"new"}


@pytest.fixture
def much_later(monkeypatch):
    """A time at which every upload of the test is older than files are kept."""
    from datetime import timedelta

    from django.conf import settings
    from django.utils import timezone

    monkeypatch.setattr(settings.FAKELAKE, "desk_keep_days", 30.0)
    return timezone.now() + timedelta(days=31)


def test_old_files_go_and_their_record_stays(desk, made, much_later, monkeypatch):
    from django.conf import settings

    from fakelake.review.desk.models import Audit, Upload
    from fakelake.review.service.uploads import retention

    kept_in_inbox(desk, made.ids["two.mp4"])
    assert retention.delete_old() == 0, "it is young"
    with monkeypatch.context() as patch:
        patch.setattr(settings.FAKELAKE, "desk_keep_days", None)
        assert retention.delete_old(much_later) == 0, "kept for ever unless told otherwise"
    assert retention.delete_old(much_later) == 1
    assert stored() == (set(), set()) and Upload.objects.get().deleted_at
    assert Audit.objects.filter(what="deleted", who="retention").count() == 1


def test_old_files_that_no_run_has_taken_in_stay(desk, made, much_later, tmp_path):
    """Prefect was away: the file in the inbox is all there is of them."""
    from fakelake.review.service.uploads import retention

    send(desk.client("moderator"), named("clip.mp4", clip(tmp_path)))
    kept_in_inbox(desk, "a" * 64)  # it failed: what to do is said, and its file may go
    assert retention.delete_old(much_later) == 1
    assert [name.rpartition("/")[2] for name in stored()[0]] == ["clip.mp4"]


def kept_in_inbox(desk, video_id):
    """An upload that the lake has a word on, with a file."""
    from fakelake.review.desk.models import Upload

    name = f"{video_id[:16]}/x.mp4"
    (folder() / name).parent.mkdir(parents=True)
    (folder() / name).write_bytes(b"x")
    return Upload.objects.create(name="x.mp4", stored=name, video_id=video_id, bytes=1, by=desk.people["moderator"])
