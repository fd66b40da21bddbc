"""Deciding by form: one video, many at once, undoing, and what comes next."""

import re

import pytest


@pytest.fixture
def decisions(desk):
    from fakelake.review.desk.models import Decision

    return Decision.objects


def test_after_a_decision_comes_the_next_video_of_the_list(desk, decisions):
    client = desk.client("moderator")
    answer = client.post(f"/videos/{desk.ids['two.mp4']}/decide/", {"label": "fake", "query": ""})
    assert answer["Location"].startswith(f"/videos/{desk.ids['odd.mp4']}/")
    page = client.get(answer["Location"]).content.decode()
    assert "Decided: fake. two.mp4" in page and f"/decisions/{decisions.get().pk}/undo/" in page


def test_after_the_last_one_comes_the_empty_list(desk):
    client = desk.client("moderator")
    client.post(f"/videos/{desk.ids['two.mp4']}/decide/", {"label": "fake"})
    answer = client.post(f"/videos/{desk.ids['odd.mp4']}/decide/", {"label": "real"}, follow=True)
    assert b"The queue is empty" in answer.content


def test_undo_leads_back_to_the_video(desk, decisions):
    client = desk.client("moderator")
    client.post(f"/videos/{desk.ids['two.mp4']}/decide/", {"label": "fake"})
    answer = client.post(f"/decisions/{decisions.get().pk}/undo/")
    assert answer["Location"].startswith(f"/videos/{desk.ids['two.mp4']}/")
    assert decisions.get().state == "undone"


def test_the_note_of_a_word_that_was_taken_back_is_there_to_decide_again(desk, decisions):
    client, page = desk.client("moderator"), f"/videos/{desk.ids['two.mp4']}/"
    client.post(f"{page}decide/", {"label": "fake", "note": "the <left> eye"})
    assert b"left&gt; eye" not in client.get(page).content.partition(b"<textarea")[2].partition(b"</textarea>")[0]
    client.post(f"/decisions/{decisions.get().pk}/undo/")
    said = client.get(page).content.partition(b"<textarea")[2].partition(b"</textarea>")[0]
    assert said.endswith(b">the &lt;left&gt; eye")
    assert b"eye" not in desk.client("other").get(page).content.partition(b"<textarea")[2].partition(b"</textarea>")[0]


def test_nobody_takes_back_another_persons_word_but_an_administrator(desk, decisions):
    desk.client("moderator").post(f"/videos/{desk.ids['two.mp4']}/decide/", {"label": "fake"})
    address = f"/decisions/{decisions.get().pk}/undo/"
    assert desk.client("other").post(address).status_code == 403
    assert desk.client("administrator").post(address).status_code == 302


def test_what_is_a_label_is_not_undone_and_the_page_says_what_to_do(desk, decisions):
    client = desk.client("moderator")
    client.post(f"/videos/{desk.ids['two.mp4']}/decide/", {"label": "fake"})
    decisions.update(state="written")
    answer = client.post(f"/decisions/{decisions.get().pk}/undo/")
    assert answer.status_code == 409 and b"Decide again" in answer.content


def test_many_are_decided_after_a_look_at_their_names(desk, decisions):
    client, videos = desk.client("moderator"), [desk.ids["two.mp4"], desk.ids["odd.mp4"]]
    asked = client.post("/queue/decide/", {"video": videos, "label": "real"})
    assert b"two.mp4" in asked.content and b"odd.mp4" in asked.content and not decisions.exists()
    client.post("/queue/decide/", {"video": videos, "label": "real", "sure": "yes", "note": "same source"})
    assert [(d.label, d.note) for d in decisions.all()] == [("real", "same source")] * 2


def test_many_are_taken_back_by_one_press(desk, decisions):
    client, videos = desk.client("moderator"), [desk.ids["two.mp4"], desk.ids["odd.mp4"]]
    page = client.post(
        "/queue/decide/", {"video": videos, "label": "real", "sure": "yes"}, follow=True
    ).content.decode()
    address = re.search(r'class="undo inline" action="([^"]+)"', page)[1]
    answer = client.post(address, {"all": "yes"}, follow=True)
    assert b"Taken back on 2 videos." in answer.content and b"What waits for you" in answer.content
    assert {decision.state for decision in decisions.all()} == {"undone"}


@pytest.mark.parametrize("form", [{}, {"video": ["x"] * 3}, {"video": "0" * 64, "label": "fake", "sure": "yes"}])
def test_a_bulk_decision_on_nothing_or_on_strangers_changes_nothing(desk, decisions, form):
    assert desk.client("moderator").post("/queue/decide/", form).status_code in (400, 404)
    assert not decisions.exists()


def test_views_are_saved_under_a_name_of_ones_own(desk):
    client = desk.client("viewer")
    client.post("/queue/views/", {"name": "calm ones", "query": "band=authentic&state="})
    assert b"calm ones" in client.get("/queue/").content
    assert b"calm ones" not in desk.client("other").get("/queue/").content


def test_forgetting_wants_a_reason_and_the_videos_id(desk):
    client, video = desk.client("administrator"), desk.ids["two.mp4"]
    assert client.post(f"/videos/{video}/forget/", {"sure": video[:12]}).status_code == 400
    assert client.post(f"/videos/{video}/forget/", {"why": "asked", "sure": "yes"}).status_code == 400
    assert desk.client("viewer").get(f"/videos/{video}/").status_code == 200


def test_what_was_uploaded_goes_with_the_video_that_is_forgotten_and_the_form_says_so(desk):
    from pathlib import Path

    from django.conf import settings

    from fakelake.review.desk.models import Audit, Upload

    video = desk.ids["blank.mp4"]
    inbox = Path(settings.FAKELAKE.inbox)
    (inbox / "0123456789abcdef").mkdir(parents=True, exist_ok=True)
    (inbox / "0123456789abcdef" / "blank.mp4").write_bytes(b"its bytes")
    by = desk.people["moderator"]
    Upload.objects.create(name="blank.mp4", stored="0123456789abcdef/blank.mp4", video_id=video, bytes=9, by=by)
    client = desk.client("administrator")
    assert b"with them what was uploaded: blank.mp4 (moderator," in client.get(f"/videos/{video}/").content
    client.post(f"/videos/{video}/forget/", {"why": "asked", "sure": video[:12]})
    assert not (inbox / "0123456789abcdef").exists() and Upload.objects.get().deleted_at is not None
    assert client.get(f"/videos/{video}/").status_code == 404
    said = list(Audit.objects.exclude(what="logged in").order_by("id").values_list("what", flat=True))
    assert said == ["forgot", "deleted"]
