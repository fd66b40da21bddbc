"""Every page is there for those who may see it, and for nobody else; what people wrote is shown as text."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

PAGES = ["/", "/queue/", "/decisions/", "/insight/", "/quarantine/", "/account/"]
FOR_MODERATORS = ["/sql/"]
FOR_ADMINISTRATORS = ["/people/", "/audit/"]


def post_routes(desk):
    """(address, the least role) of what changes something."""
    video = desk.ids["two.mp4"]
    return {
        f"/videos/{video}/decide/": "moderator", "/queue/decide/": "moderator", "/upload/": "moderator",
        "/upload/link/": "administrator", "/upload/path/": "administrator", f"/videos/{video}/forget/": "administrator",
        "/people/": "administrator", "/sql/": "moderator", "/quarantine/retry/": "moderator",
        f"/videos/{video}/make/case/": "moderator",
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES + FOR_MODERATORS + FOR_ADMINISTRATORS)
def test_nobody_sees_a_page_without_logging_in(desk, page):
    answer = desk.client().get(page)
    assert answer.status_code == 302 and answer["Location"].startswith("/login/")


def test_no_video_no_face_and_no_box_is_shown_without_logging_in(desk):
    video = f"/videos/{desk.ids['two.mp4']}/"
    for address in ("", "boxes/", "file/", "frames/0.jpg", "faces/0/0.jpg", "made/case/"):
        assert desk.client().get(video + address).status_code == 302, address


@pytest.mark.parametrize("role", ["viewer", "moderator", "administrator"])
def test_each_role_sees_its_pages_and_no_others(desk, role):
    client = desk.client(role)
    for page in PAGES:
        assert client.get(page).status_code == 200, page
    for page in FOR_MODERATORS:
        assert client.get(page).status_code == (403 if role == "viewer" else 200), page
    for page in FOR_ADMINISTRATORS:
        assert client.get(page).status_code == (200 if role == "administrator" else 403), page


def test_each_change_is_refused_below_its_role(desk):
    below = {"moderator": ["viewer"], "administrator": ["viewer", "moderator"]}
    for address, least in post_routes(desk).items():
        for role in below[least]:
            assert desk.client(role).post(address).status_code == 403, (address, role)


def test_each_change_needs_the_token_of_its_form(desk):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(desk.people["administrator"], backend="django.contrib.auth.backends.ModelBackend")
    for address in post_routes(desk):
        answer = client.post(address, {"label": "fake"})
        assert answer.status_code == 403 and b"gone stale" in answer.content, address


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("two.mp4", ["Fake", "Score over time", "Face 0", "Face 1", "sha256"]),
        ("calm.mp4", ["Authentic"]),
        ("blank.mp4", ["Not applicable", "No face", "no face in 9 frames", "not mean that the video is authentic"]),
        ("new.mp4", ["Not scored yet", "the next run scores it"]),
    ],
)
def test_the_page_of_a_video_says_what_is_known(desk, name, says):
    text = desk.client("viewer").get(f"/videos/{desk.ids[name]}/").content.decode()
    assert name in text
    for said in says:
        assert said in text


@pytest.mark.parametrize(("read", "frames", "looked"), [(15, 60, 500.0), (60, 60, None), (15, None, None)])
def test_the_strip_shows_where_the_recipe_stopped(desk, read, frames, looked):
    from dataclasses import replace

    from fakelake.review.service.reader import reader
    from fakelake.review.service.strip import strip_of
    from fakelake.review.service.video import record_of

    record = record_of(reader(), desk.ids["two.mp4"])  # its windows end at 2.9 s
    media = {**record.media, "frames_read": read, "frames": frames, "duration_s": 5.8}
    assert strip_of(replace(record, media=media)).looked_x == looked


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        ("no face in 95 frames", "No face"),
        ("too small: the largest face is 21 px, the recipe wants 40", "Faces too small"),
        ("too short: no face in at least 5 frames on end, of 9 looked at; broken after 9 frames: torn", "Too short"),
        ("too short: no face is seen in more than 3 frames on end, 5 are needed", "Too short"),
        ("no window could be scored", "Not judged"),
    ],
)
def test_what_cannot_be_judged_says_what_is_missing_and_what_to_do(reason, title):
    from fakelake.review.service.video import unjudged

    assert unjudged(reason)[0] == title
    assert all(unjudged(reason))


def test_a_video_that_failed_has_its_own_page_with_what_to_do(desk):
    text = desk.client("viewer").get(f"/videos/{'a' * 64}/").content.decode()
    assert "torn.mp4 ends in the middle." in text and "Copy it again." in text


def test_an_unknown_video_is_a_plain_page(desk):
    answer = desk.client("viewer").get(f"/videos/{'0' * 64}/")
    assert answer.status_code == 404 and b"What to do" in answer.content


@pytest.mark.parametrize(
    "address", ["/videos/../../etc/passwd/file/", "/videos/%2e%2e%2fetc%2fpasswd/file/", "/static/../settings.py",
                "/static/desk/../../settings.py", "/videos/" + "A" * 64 + "/file/"]
)  # fmt: skip
def test_no_address_reaches_a_file(desk, address):
    assert desk.client("administrator").get(address).status_code == 404


def test_every_answer_forbids_scripts_of_others_frames_and_sniffing(desk):
    answer = desk.client("viewer").get("/queue/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff"


def test_no_browser_keeps_a_page_for_whoever_sits_there_next(desk):
    client, video = desk.client("viewer"), desk.ids["two.mp4"]
    for page in (*PAGES, f"/videos/{video}/"):
        assert client.get(page)["Cache-Control"] == "private, no-store", page
    assert client.get(f"/videos/{video}/boxes/")["Cache-Control"] == "private, no-cache"


def test_a_header_of_the_caller_moves_no_page_out_of_the_log_ins_reach(desk):
    """Some servers take SCRIPT_NAME from a header."""
    answer = desk.client().get("/people/", SCRIPT_NAME="/api")
    assert answer.status_code == 302 and "/login/?next=" in answer["Location"]


def test_cookies_are_for_this_site_and_not_for_scripts(desk):
    client = desk.client()
    client.get("/login/")
    client.post("/login/", {"username": "viewer", "password": "a long enough sentence"})
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_no_page_holds_a_script_or_a_style_inline(desk):
    client = desk.client("administrator")
    for page in [*PAGES, *FOR_MODERATORS, *FOR_ADMINISTRATORS, f"/videos/{desk.ids['two.mp4']}/"]:
        text = client.get(page).content.decode()
        assert "<style" not in text and " style=" not in text and " onclick=" not in text, page
        assert text.count("<script") == text.count("<script src="), page


def test_markup_in_a_note_is_shown_as_text(desk):
    video = desk.ids["two.mp4"]
    client = desk.client("moderator")
    client.post(f"/videos/{video}/decide/", {"label": "fake", "note": "<script>alert(1)</script>"})
    for page in ("/decisions/", f"/videos/{video}/"):
        assert "<script>alert" not in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("provenance", "band", "by_marks"),
    [("generated by fakelake", "fake", True), ("generated by fakelake", "authentic", False), (None, "fake", False)],
)
def test_a_band_that_marks_decided_is_not_shown_as_the_scores(desk, provenance, band, by_marks):
    from types import SimpleNamespace

    from fakelake.tasks.facts import Facts, Reading

    verdict = SimpleNamespace(scored=True, provenance=provenance, band=band, p_fake=0.01)
    facts = Facts(verdict=verdict, reading=Reading(model_version="1"), windows=(), recipe=None)
    assert facts.by_marks is by_marks


def test_a_form_that_comes_after_the_session_ended_is_answered_with_what_was_typed_and_the_way_back(desk):
    page = f"/videos/{desk.ids['two.mp4']}/"
    answer = desk.client().post(
        f"{page}decide/", "label=fake&note=the+%3Cleft%3E+eye", content_type="application/x-www-form-urlencoded",
        headers={"Referer": f"http://testserver{page}?band=fake"},
    )  # fmt: skip
    said = answer.content.decode()
    assert answer.status_code == 401 and "Nothing was changed." in said and "the &lt;left&gt; eye" in said
    assert f"/login/?next={quote(f'{page}?band=fake', safe='')}" in said


@pytest.mark.parametrize("referer", ["https://elsewhere.example/videos/", "", "//elsewhere.example/"])
def test_the_way_back_leads_to_no_other_site(desk, referer):
    said = desk.client().post("/queue/decide/", headers={"Referer": referer}).content.decode()
    assert "elsewhere" not in said


def test_a_script_is_told_in_its_own_words_that_the_session_ended(desk):
    answer = desk.client().get("/upload/states/", headers={"Accept": "application/json"})
    assert answer.status_code == 401 and answer.json()["error"] == "You are logged out"


def test_the_address_of_a_form_says_that_it_is_no_page(desk):
    answer = desk.client("moderator").get(f"/videos/{desk.ids['two.mp4']}/decide/")
    assert answer.status_code == 405 and answer["Allow"] == "POST" and b"This is no page to open" in answer.content


def test_a_heat_map_that_is_there_is_shown_to_viewers_too_and_a_decision_leaves_it_there(desk):
    from fakelake.review.service.media import results
    from fakelake.review.service.reader import reader

    video_id = desk.ids["two.mp4"]
    path, client = results.path_of(video_id, "explain"), desk.client("viewer")
    assert b"Nobody has asked for it yet" in client.get(f"/videos/{video_id}/").content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<!doctype html><p>why</p>")
    said = {"video_id": video_id, "label": "real", "origin": "moderator", "labelled_by": "mia"}
    desk.lake.append("labels", [{**said, "labelled_at": datetime(2026, 11, 1, tzinfo=UTC)}])
    reader().refresh(wait_s=30)
    assert results.path_of(video_id, "explain") == path
    assert b"data-there" in client.get(f"/videos/{video_id}/").content
    path.unlink()


def test_a_face_that_leaves_before_the_recipe_stops_does_not_hide_where_it_stopped():
    from fakelake.review.service.player import looked_until_s

    media = {"frames_read": 150, "frames": 600, "duration_s": 20.0}
    assert looked_until_s(media, seen_s=4.6) == 5.0
    assert looked_until_s(media, seen_s=5.2) == 5.2, "a window may end a little later than the share of the frames"
    assert looked_until_s({**media, "frames_read": 590}) is None


def test_of_a_long_face_some_pictures_are_shown_from_its_first_to_its_last(desk):
    from fakelake.review.service.reader import reader
    from fakelake.review.service.video import CROPS_SHOWN, record_of

    tracks = record_of(reader(), desk.ids["two.mp4"]).tracks
    assert [track["track_id"] for track in tracks] == [0, 1]
    for track in tracks:
        frames = [picture["frame"] for picture in track["shown"]]
        assert len(frames) == CROPS_SHOWN and frames == sorted(frames)
        assert (track["shown"][0]["at"], track["shown"][-1]["at"]) == (track["from_s"], track["to_s"])
        assert track["frames"] == desk.made.count


def test_of_a_long_video_the_strip_shows_the_highest_of_some_windows_in_a_row(desk):
    from dataclasses import replace

    from fakelake.review.service.reader import reader
    from fakelake.review.service.strip import MOST_STEPS, strip_of
    from fakelake.review.service.video import record_of
    from fakelake.tasks.facts import Window

    record = record_of(reader(), desk.ids["two.mp4"])
    windows = tuple(
        Window(track_id=0, number=n, start_s=float(n), end_s=n + 0.9, frames=25, logit=9.0 if n == 4321 else -5.0)
        for n in range(7200)
    )
    strip = strip_of(replace(record, facts=replace(record.facts, windows=windows)))
    [line] = strip.lines
    assert len(line.steps) == MOST_STEPS
    [high] = [step for step in line.steps if step.p_fake > 0.5]
    assert high.start_s <= 4321 < high.end_s and line.steps[-1].end_s == 7199.9
