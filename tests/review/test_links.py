"""Links, for administrators: only what is public, with the checks of any file; and what the next desk does of them."""

import ipaddress
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest

from tests.review.uploading import clean_inbox, clip, serving, stored  # noqa: F401


@pytest.fixture
def site(tmp_path):
    """A web site: /clip.mp4 and what may go wrong on the way to one."""
    video = clip(tmp_path)

    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Host"]))
            if self.path.startswith("/to?"):
                return self.say(302, location=self.path[4:])
            if self.path.startswith("/round"):
                return self.say(302, location="/round")
            if self.path == "/broken.mp4":
                return self.say(200, video[:500], length=len(video))
            if self.path == "/endless.mp4":
                return self.say(200, bytes(3 << 20), length=None)
            if self.path == "/promise.mp4":
                return self.say(200, b"", length=5 << 30)
            if self.path in ("/clip.mp4", "/named%20so.mp4"):
                return self.say(200, video)
            if self.path == "/page.html":
                return self.say(200, b"<html>a page about a video</html>")
            return self.say(404, b"no")

        def say(self, status, body=b"", location=None, length=0):
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            if length is not None:
                self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            with suppress(OSError):  # they had enough
                self.wfile.write(body)

        def log_message(self, *args):
            pass

    with serving(Handler) as url:
        yield type("Site", (), {"url": url, "asked": asked, "video": video})


def fetched(desk, link, allowed=lambda address: True):
    """A link, fetched as an administrator's: the outcome."""
    from fakelake.review.service.uploads import links

    begun = links.fetch(link, desk.people["administrator"], allowed)
    assert begun.ended.wait(60)
    return begun


def test_a_link_becomes_an_upload(desk, site):
    from fakelake.review.desk.models import Upload

    begun = fetched(desk, f"{site.url}/named%20so.mp4")
    assert begun.refused is None
    upload = Upload.objects.get()
    assert (upload.id, upload.name, upload.came_by) == (begun.row.id, "named so.mp4", "link")
    names, staged = stored()
    assert len(names) == 1 and not staged
    assert site.asked[-1][1] == site.url.removeprefix("http://")  # asked by its name, as a browser would


def test_a_name_is_resolved_and_redirects_are_followed(desk, site):
    port = site.url.rpartition(":")[2]
    assert fetched(desk, f"http://localhost:{port}/to?/to?{site.url}/clip.mp4").accepted


@pytest.mark.parametrize(
    ("page", "error"),
    [("broken.mp4", ("broken_off", "unreachable")), ("endless.mp4", ("too_large",)), ("promise.mp4", ("too_large",)),
     ("page.html", ("not_a_video",)), ("missing.mp4", ("unreachable",)), ("round", ("too_many_redirects",))],
)  # fmt: skip
def test_a_link_that_leads_to_no_video_says_why_and_leaves_nothing(desk, site, page, error):
    begun = fetched(desk, f"{site.url}/{page}")
    assert begun.refused.error in error and begun.refused.todo
    assert stored() == (set(), set())
    shown = next(one for one in listed(desk) if one["id"] == str(begun.row.id))
    assert shown["state"] == "failed" and shown["words"] == begun.refused.said


def test_the_same_bytes_by_link_lead_to_what_is_there(desk, site):
    first, again = fetched(desk, f"{site.url}/clip.mp4"), fetched(desk, f"{site.url}/clip.mp4")
    assert not first.accepted.known and again.accepted.known
    assert len(stored()[0]) == 1


def begun_again(allowed=lambda address: True):
    """What the next desk does with the links of one that was killed."""
    from fakelake.review.service.uploads import links

    begun = links.go_on(allowed)
    assert all(each.ended.wait(60) for each in begun)
    return begun


def listed(desk, name="administrator"):
    return desk.client(name).get("/upload/states/").json()["uploads"]


def test_links_that_a_desk_did_not_finish_are_fetched_by_the_next(desk, site):
    from fakelake.review.desk.models import Link, Upload

    by = desk.people["administrator"]
    rows = [Link.objects.create(link=f"{site.url}/{name}", name=name, by=by) for name in ("clip.mp4", "missing.mp4")]
    assert [one["state"] for one in listed(desk)] == ["fetching"] * 2
    assert {each.row.id for each in begun_again()} == {row.id for row in rows}
    assert Upload.objects.get().id == rows[0].id
    assert {one["name"]: one["state"] for one in listed(desk)} == {"clip.mp4": "queued", "missing.mp4": "failed"}
    assert begun_again() == [], "what has ended is not fetched again"


def test_a_link_that_had_become_an_upload_when_the_desk_was_killed_is_not_fetched_again(desk, site):
    from fakelake.review.desk.models import Link

    begun = fetched(desk, f"{site.url}/clip.mp4")
    Link.objects.update(ended_at=None)
    assert begun_again() == [] and [one["id"] for one in listed(desk)] == [str(begun.row.id)]


def test_what_came_of_a_link_is_still_said_by_the_next_desk(desk, site, made):
    from fakelake.review.service.uploads import links

    failed = fetched(desk, f"{site.url}/missing.mp4")
    fetched(desk, f"{site.url}/clip.mp4")
    known = fetched(desk, f"{site.url}/named%20so.mp4")
    assert not links._fetches, "nothing of it is in memory"
    shown = {one["id"]: one for one in listed(desk)}
    assert len(shown) == 3
    assert shown[str(failed.row.id)]["words"] == failed.refused.said and shown[str(failed.row.id)]["todo"]
    assert shown[str(known.row.id)]["words"] == "The same bytes were here already."


def test_what_a_link_carries_in_its_query_is_in_no_list(desk, site):
    fetched(desk, f"{site.url}/missing.mp4?signature=s3cret")
    client = desk.client("administrator")
    assert "missing.mp4" in client.get("/").content.decode()
    for page in ("/", "/upload/states/"):
        assert "s3cret" not in client.get(page).content.decode()
    assert listed(desk, "moderator") == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "10.1.2.3",
     "192.168.0.1", "172.16.5.5", "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1", "[fe80::1]", "[fd00::1]",
     "[ff02::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
)  # fmt: skip
def test_nothing_of_this_machine_or_network_is_asked(desk, site, host):
    from fakelake.review.service.uploads import web

    port, before = site.url.rpartition(":")[2], len(site.asked)
    begun = fetched(desk, f"http://{host}:{port}/clip.mp4", web.is_public)
    assert begun.refused.error in ("not_public", "unreachable")
    assert len(site.asked) == before


def test_public_addresses_are_public():
    from fakelake.review.service.uploads.web import is_public

    for text in ("93.184.216.34", "8.8.8.8", "2606:2800:220:1::1"):
        assert is_public(ipaddress.ip_address(text))


def test_a_redirect_into_this_network_is_not_followed(desk, site):
    """The first address is let through, as if it were public; where it leads is not."""
    before = len(site.asked)
    inner = f"http://127.0.0.2:{site.url.rpartition(':')[2]}/clip.mp4"
    begun = fetched(desk, f"{site.url}/to?{inner}", lambda address: str(address) == "127.0.0.1")
    assert begun.refused.error == "not_public"
    assert len(site.asked) == before + 1


def test_the_connection_goes_to_the_address_that_was_checked(desk, site, monkeypatch):
    """A name that resolves to a public address first and to a private one a moment later gains nothing."""
    from fakelake.review.service.uploads import web

    real, answers = web.socket.getaddrinfo, []

    def once(host, *more, **others):
        if host == "rebinding.example":
            answers.append(host)
            host = "127.0.0.1" if len(answers) == 1 else "127.0.0.9"
        return real(host, *more, **others)

    monkeypatch.setattr(web.socket, "getaddrinfo", once)
    port = site.url.rpartition(":")[2]
    begun = fetched(desk, f"http://rebinding.example:{port}/clip.mp4", lambda address: str(address) == "127.0.0.1")
    assert begun.accepted and answers == ["rebinding.example"]
    assert site.asked[-1][1] == f"rebinding.example:{port}"


@pytest.mark.parametrize(
    "link", ["", "ftp://example.org/x.mp4", "file:///etc/passwd", "http://u:p@example.org/x", "x", "http://"]
)
def test_what_is_no_link_of_the_web_is_refused_at_once(desk, link):
    answer = desk.client("administrator").post("/upload/link/", {"link": link})
    assert answer.status_code == 400 and "What to do:" in answer.content.decode()


def test_links_and_paths_are_for_administrators(desk):
    for name in ("viewer", "moderator"):
        assert desk.client(name).post("/upload/link/", {"link": "https://example.org"}).status_code == 403
        assert desk.client(name).post("/upload/path/", {"path": "/etc"}).status_code == 403
