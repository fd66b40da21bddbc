"""The API: a token acts as its person, says the same as the pages, and nothing to others."""

import io
import json
import re
import time
import zipfile
from datetime import timedelta

import pytest


@pytest.fixture
def call(desk):
    """call(role, method, path, body) -> (status, answer)"""
    from fakelake.review.desk.models import Token

    tokens = {}

    def do(role, method, path, body=None):
        if role and role not in tokens:
            tokens[role] = Token.make(desk.people[role], "test")
        more = {"headers": {"Authorization": f"Bearer {tokens[role]}"}} if role else {}
        if body is not None:
            more |= {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(desk.client(), method)(f"/api{path}", **more)
        return answer.status_code, answer.json()

    return do


def test_without_a_token_or_with_a_made_up_one_nothing_is_said_but_how_to_get_one(desk, call):
    status, answer = call(None, "get", "/videos")
    assert status == 401 and set(answer) == {"detail", "todo"} and "account page" in answer["todo"]
    assert desk.client().get("/api/videos", headers={"Authorization": "Bearer flk_wrong"}).status_code == 401


def test_a_session_alone_opens_no_api_so_that_no_other_site_can_use_it(desk):
    assert desk.client("administrator").get("/api/videos").status_code == 401


def test_the_token_of_a_closed_account_is_worth_nothing(desk, call):
    call("viewer", "get", "/videos")
    desk.people["viewer"].is_active = False
    desk.people["viewer"].save()
    assert call("viewer", "get", "/videos")[0] == 401


@pytest.mark.parametrize(("days_ago", "status"), [(29, 200), (31, 401)])
def test_a_token_is_good_for_as_long_as_was_chosen(desk, days_ago, status):
    from django.db.models import F

    from fakelake.review.desk.models import Audit, Token

    page = desk.client("viewer").post("/account/", {"do": "token", "name": "nightly", "days": "30"}).content.decode()
    text = re.search(r"flk_[\w-]+", page)[0]
    assert Audit.objects.get(what="made token").detail == "nightly, for 30 days"
    Token.objects.update(ends_at=F("ends_at") - timedelta(days=days_ago))
    answer = desk.client().get("/api/videos", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == status
    shown = desk.client("viewer").get("/account/").content
    assert (b"<strong>ended</strong>" in shown) == (status == 401)


@pytest.mark.parametrize("days", ["0", "100000", "never", ""])
def test_a_token_for_another_time_than_those_offered_is_not_made(desk, days):
    from fakelake.review.desk.models import Token

    answer = desk.client("viewer").post("/account/", {"do": "token", "name": "nightly", "days": days})
    assert answer.status_code == 400 and not Token.objects.exists()


def test_videos_are_listed_with_the_pages_filters(desk, call):
    status, answer = call("viewer", "get", "/videos?band=fake&band=suspicious")
    assert status == 200 and [video["name"] for video in answer["videos"]] == ["two.mp4", "odd.mp4"]
    assert call("viewer", "get", "/videos")[1]["total"] == 6


@pytest.mark.parametrize("wrong", ["band=fakes", "state=maybe", "order=random", "since=yesterday", "until=86400"])
def test_a_filter_that_there_is_not_is_refused_and_not_ignored(call, wrong):
    assert call("viewer", "get", f"/videos?{wrong}")[0] == 422


def test_an_empty_filter_is_none_as_the_pages_own_form_sends_it(call):
    status, answer = call("viewer", "get", "/videos?find=&since=&until=&state=&order=&band=&dataset=")
    assert (status, answer["total"]) == (200, 6)


def test_the_case_file_of_a_video_is_made_and_taken(desk, call):
    from fakelake.review.desk.models import Audit, Token

    path = f"/videos/{desk.ids['two.mp4']}/case"
    assert call("viewer", "post", path)[0] == 403
    assert call("moderator", "get", path) == (404, {"state": "none", "progress": None, "said": ""})
    assert call("moderator", "post", path)[0] == 202
    headers = {"Authorization": f"Bearer {Token.make(desk.people['moderator'], 'files')}"}
    end = time.monotonic() + 240
    while (answer := desk.client().get(f"/api{path}", headers=headers)).status_code == 202:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert answer["Content-Type"] == "application/zip" and 'filename="two-' in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as case:
        assert {"report.html", "case.json", "SHA256SUMS"} <= set(case.namelist())
    assert set(Audit.objects.values_list("who", "what")) == {("moderator", "asked"), ("moderator", "exported")}


def test_authentic_is_a_decision_too_and_the_tables_word_for_it_is_real(desk, call):
    path = f"/videos/{desk.ids['odd.mp4']}/decision"
    assert call("moderator", "post", path, {"label": "authentic"})[1]["label"] == "real"


def test_a_verdict_comes_with_its_reason_and_meaning(desk, call):
    status, answer = call("viewer", "get", f"/videos/{desk.ids['two.mp4']}")
    assert status == 200 and answer["band"] == "fake" and answer["p_fake"] > 0.9
    assert answer["worst_second"] == 1.5 and answer["meaning"]
    assert call("viewer", "get", f"/videos/{'0' * 64}")[0] == 404


def test_the_timeline_has_a_box_for_each_face_of_each_frame(desk, call):
    status, answer = call("viewer", "get", f"/videos/{desk.ids['two.mp4']}/timeline")
    assert status == 200 and [track["id"] for track in answer["tracks"]] == [0, 1]
    track = answer["tracks"][0]
    assert len(track["t"]) == desk.made.count and track["box"][:4] == [20, 100, 60, 140]
    assert [window[3] for window in track["windows"]] == ["authentic", "fake"]


def test_a_decision_is_made_followed_and_taken_back(desk, call):
    path = f"/videos/{desk.ids['two.mp4']}/decision"
    status, made = call("moderator", "post", path, {"label": "fake", "note": "by program"})
    assert (status, made["state"]) == (201, "waiting")
    assert call("viewer", "get", f"/decisions/{made['id']}")[1]["state"] == "waiting"
    assert call("other", "delete", f"/decisions/{made['id']}")[0] == 403
    assert call("moderator", "delete", f"/decisions/{made['id']}")[1]["state"] == "undone"
    assert call("moderator", "delete", f"/decisions/{made['id']}")[0] == 409


def test_a_viewers_token_decides_nothing(desk, call):
    assert call("viewer", "post", f"/videos/{desk.ids['two.mp4']}/decision", {"label": "fake"})[0] == 403


@pytest.mark.parametrize("body", [{}, {"label": "maybe"}, {"label": "fake", "note": "x" * 2001}])
def test_a_body_that_is_no_decision_is_refused(desk, call, body):
    assert call("moderator", "post", f"/videos/{desk.ids['two.mp4']}/decision", body)[0] == 422


def test_a_file_is_given_to_the_lake_and_followed(desk, call):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from fakelake.review.desk.models import Token

    token = {"Authorization": f"Bearer {Token.make(desk.people['moderator'], 'sender')}"}
    data = desk.made.files["calm.mp4"].read_bytes()
    known = desk.client().post("/api/uploads", {"files": SimpleUploadedFile("a.mp4", data)}, headers=token)
    assert known.status_code == 200 and known.json()["accepted"][0]["video_id"] == desk.ids["calm.mp4"]
    new = SimpleUploadedFile("b.mp4", data + b"\0" * 9)  # the same pictures, other bytes
    taken = desk.client().post("/api/uploads", {"files": new}, headers=token)
    assert taken.status_code == 201, taken.content
    state = desk.client().get(f"/api/uploads/{taken.json()['accepted'][0]['upload']}", headers=token)
    assert state.json()["state"] == "queued" and state.json()["name"] == "b.mp4"
    assert call("other", "get", f"/uploads/{state.json()['id']}")[0] == 404


def test_what_is_no_video_is_refused_with_what_to_do(desk):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from fakelake.review.desk.models import Token

    token = {"Authorization": f"Bearer {Token.make(desk.people['moderator'], 'sender')}"}
    sent = {"files": SimpleUploadedFile("a.mp4", b"just words")}
    answer = desk.client().post("/api/uploads", sent, headers=token)
    assert answer.status_code == 400 and answer.json()["refused"][0]["todo"]
    viewer = {"Authorization": f"Bearer {Token.make(desk.people['viewer'], 'sender')}"}
    assert desk.client().post("/api/uploads", sent, headers=viewer).status_code == 403


def test_its_description_names_every_call(desk):
    described = desk.client().get("/api/openapi.json").json()
    assert set(described["paths"]) >= {
        "/api/videos", "/api/videos/{video_id}", "/api/videos/{video_id}/timeline", "/api/videos/{video_id}/decision",
        "/api/decisions/{decision_id}", "/api/uploads", "/api/uploads/{upload_id}",
    }  # fmt: skip
