"""The list of uploads: its pages, what a page that is watched asks for, and an upload's file from its video's page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.review.uploading import clean_inbox  # noqa: F401


@pytest.fixture
def many(desk):
    """65 uploads of one person, one of anof another and a link, an hour apart: `n0` is the latest."""
    from fakelake.review.desk.models import Link, Upload

    now, own = timezone.now(), {"by": desk.people["moderator"], "bytes": 1}
    for n in range(65):
        Upload.objects.create(name=f"n{n}", stored=f"{n:016x}/x.mp4", video_id=f"{n:064x}", at=at(now, n), **own)
    Upload.objects.create(
        name="of another", stored=f"{99:016x}/x.mp4", video_id=f"{99:064x}", bytes=1, by=desk.people["other"],
        at=at(now, 40.5),
    )  # fmt: skip
    return Link.objects.create(
        link="https://example.org/x", name="a link", by=desk.people["administrator"], at=at(now, 33.5), ended_at=now,
        error="unreachable", said="There is no example.org.", todo="Check the link.",
    )  # fmt: skip


def at(now, hours):
    return now - timedelta(hours=hours)


def names(page):
    return re.findall(r'class="upload-name">([^<]+)<', page)


def test_the_list_has_pages_as_far_as_there_are_uploads(desk, many):
    client = desk.client("moderator")
    pages = [client.get("/", {"page": n} if n > 1 else {}).content.decode() for n in (1, 2, 3)]
    assert [names(page) for page in pages] == [
        [f"n{n}" for n in range(start, end)] for start, end in ((0, 30), (30, 60), (60, 65))
    ]
    assert [('rel="prev"' in page, 'rel="next"' in page) for page in pages] == [
        (False, True), (True, True), (True, False),
    ]  # fmt: skip
    for text in ("99", "x", "-1", "9" * 40):
        assert names(client.get("/", {"page": text}).content.decode())


def test_an_administrators_pages_have_everybodys_uploads_and_links_in_the_order_of_their_time(desk, many):
    second = names(desk.client("administrator").get("/?page=2").content.decode())
    assert second[:5] == ["n30", "n31", "n32", "n33", "a link"]
    assert second.index("of another") == second.index("n40") + 1


def test_a_page_that_is_watched_is_told_of_what_is_on_it_alone(desk, many):
    from fakelake.review.desk.models import Upload

    client = desk.client("moderator")
    shown = [str(key) for key in Upload.objects.filter(name__in=("n31", "n32")).values_list("pk", flat=True)]
    others = [str(Upload.objects.get(name="of another").pk), str(many.pk), "no id"]
    told = client.get("/upload/states/", {"page": 2, "id": [*shown, *others]}).json()["uploads"]
    assert [one["name"] for one in told] == ["n31", "n32"]
    assert [one["name"] for one in client.get("/upload/states/").json()["uploads"]][:2] == ["n0", "n1"]


def test_an_old_upload_can_be_deleted_and_its_page_stays_open(desk, many):
    from fakelake.review.desk.models import Upload

    client = desk.client("administrator")
    page = client.get("/?page=3").content.decode()
    [form] = re.findall(r'action="(/upload/[^"]+/delete/)">(.*?)</form>', page)[-1:]
    assert 'name="page" value="3"' in form[1]
    answer = client.post(form[0], {"page": "3"})
    assert answer.url == "/?page=3"
    assert Upload.objects.get(deleted_at__isnull=False).name == "n64"


def test_the_files_that_the_desk_still_has_of_a_video_are_found(desk, many):
    from fakelake.review.desk.models import Upload
    from fakelake.review.service.uploads.listing import uploads_of

    video, own = f"{7:064x}", {"by": desk.people["other"], "bytes": 1}
    assert [upload.name for upload in uploads_of(video)] == ["n7"]
    Upload.objects.create(name="by path", stored="/archive/x.mp4", video_id=video, came_by="path", **own)
    Upload.objects.create(name="gone", stored="x.mp4", video_id=video, deleted_at=timezone.now(), **own)
    assert [upload.name for upload in uploads_of(video)] == ["n7"]
    assert uploads_of("e" * 64) == []
