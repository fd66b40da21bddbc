"""The list of uploads in a real browser: how often it asks, and what it replaces."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import fakelake.review.desk
from tests.review.filmed import chromium  # noqa: F401
from tests.review.uploading import clean_inbox  # noqa: F401

DESK = "http://desk.example"
STATIC = Path(fakelake.review.desk.__file__).parent / "static"


@pytest.fixture
def open_page(desk, chromium):  # noqa: F811
    """Opens a page of the desk for a moderator, whose clock stands; what it asks of the list goes into `asked`."""
    client, opened = desk.client("moderator"), []

    def opens(address):
        page = chromium.new_page()
        opened.append(page)
        page.asked = []

        def answer(route):
            url = urlsplit(route.request.url)
            file = STATIC / url.path.removeprefix("/static/")
            if url.path.startswith("/static/"):
                return route.fulfill(path=file) if file.is_file() else route.abort()
            if url.path == "/upload/states/":
                page.asked.append(parse_qs(url.query))
            got = client.get(f"{url.path}?{url.query}")
            return route.fulfill(status=got.status_code, body=got.content, content_type=got["Content-Type"])

        page.route("**/*", answer)
        page.clock.install()
        page.clock.pause_at(time.time() + 3600)  # seconds; before the page begins to count
        page.goto(DESK + address)
        return page

    yield opens
    for page in opened:
        page.close()


def pass_by(page, seconds):
    """Second by second, with time for answers to arrive."""
    for _ in range(seconds):
        page.clock.run_for(1000)
        page.evaluate("() => fetch('/login/').then(() => 0)")  # behind what the page has asked


def given(desk, video_id, name="x.mp4", **more):
    from fakelake.review.desk.models import Upload

    return Upload.objects.create(
        name=name, stored=f"{video_id[:16]}/{name}", video_id=video_id, bytes=1, by=desk.people["moderator"], **more
    )


def test_a_list_on_which_nothing_moves_is_asked_for_twice_a_minute(desk, made, open_page):
    given(desk, made.ids["two.mp4"])
    page = open_page("/")
    pass_by(page, 25)
    assert page.asked == []
    pass_by(page, 36)
    assert len(page.asked) == 2


def test_what_moves_is_asked_for_often_until_it_is_done(desk, made, open_page):
    upload = given(desk, f"{1:064x}")
    page = open_page("/")
    pass_by(page, 7)
    assert 2 <= len(page.asked) <= 4
    assert page.locator(".upload .band").inner_text().lower() == "queued"
    upload.video_id = made.ids["two.mp4"]
    upload.save()
    pass_by(page, 3)
    assert "fake" in page.locator(".upload .band").inner_text().lower()
    before = len(page.asked)
    pass_by(page, 20)
    assert len(page.asked) == before


def test_nothing_slides_into_an_older_page_while_it_is_watched(desk, made, open_page):
    for n in range(35):
        given(desk, f"{n:064x}", f"{n}.mp4")
    page = open_page("/?page=2")
    before = page.locator(".upload-name").all_inner_texts()
    given(desk, f"{99:064x}", "new.mp4")
    pass_by(page, 5)
    assert page.asked and all(len(asked["id"]) == 5 for asked in page.asked)
    assert page.locator(".upload-name").all_inner_texts() == before
