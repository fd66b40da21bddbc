"""Who may come in: passwords, roles, closed accounts, tokens; each change is on record."""

import pytest

PASSWORD = "quite another sentence"


def change(desk, who="viewer", **form):
    return desk.client("administrator").post("/people/", {"person": desk.people[who].pk, **form})


def record():
    from fakelake.review.desk.models import Audit

    return list(Audit.objects.order_by("id").values_list("who", "what", "detail"))


def test_who_came_in_and_who_was_kept_out_is_on_record(desk):
    client = desk.client()
    client.post("/login/", {"username": "viewer", "password": "a long enough sentence"})
    client.post("/logout/")
    for _ in range(8):
        client.post("/login/", {"username": "other", "password": "wrong"})
    assert record() == [("viewer", "logged in", "from 127.0.0.1"), ("other", "locked out", "from 127.0.0.1")]


def test_wrong_passwords_lock_the_name_for_that_machine_only(desk):
    client = desk.client()
    for _ in range(8):
        client.post("/login/", {"username": "viewer", "password": "wrong"})
    answer = client.post("/login/", {"username": "viewer", "password": "a long enough sentence"})
    assert answer.status_code == 429 and b"quarter of an hour" in answer.content
    elsewhere = desk.client(REMOTE_ADDR="10.1.2.3")
    answer = elsewhere.post("/login/", {"username": "viewer", "password": "a long enough sentence"})
    assert answer.status_code == 302


def test_a_weak_password_is_refused_in_words(desk):
    answer = desk.client("administrator").post(
        "/people/", {"do": "add", "name": "new", "password": "short", "role": "viewer"}
    )
    assert answer.status_code == 400 and b"too short" in answer.content


def test_an_administrator_cannot_lock_the_door_behind_themselves(desk):
    me = desk.people["administrator"]
    answer = desk.client("administrator").post("/people/", {"do": "role", "person": me.pk, "role": "viewer"})
    assert answer.status_code == 400 and b"This is you" in answer.content


def test_someone_whose_account_is_closed_is_out(desk):
    client = desk.client("viewer")
    desk.client("administrator").post("/people/", {"do": "active", "person": desk.people["viewer"].pk, "active": "no"})
    assert client.get("/queue/").status_code == 302


@pytest.mark.parametrize(("role", "password"), [("root", PASSWORD), ("viewer", "short")])
def test_a_person_who_was_not_added_is_not_there(desk, role, password):
    from django.contrib.auth.models import User

    answer = change(desk, do="add", name="ghost", password=password, role=role)
    assert answer.status_code == 400 and not User.objects.filter(username="ghost").exists()
    assert "added person" not in [what for _, what, _ in record()]


def test_a_new_password_ends_sessions_and_tokens_of_before(desk):
    from fakelake.review.desk.models import Token

    session, token = desk.client("viewer"), Token.make(desk.people["viewer"], "nightly")
    assert change(desk, do="password", password=PASSWORD).status_code == 302
    assert session.get("/queue/").status_code == 302
    assert desk.client().get("/api/videos", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    fresh = desk.client()
    fresh.post("/login/", {"username": "viewer", "password": PASSWORD})
    assert fresh.get("/queue/").status_code == 200
    assert ("administrator", "set password", "viewer") in record()


def test_whoever_changes_their_own_password_stays_logged_in_and_makes_new_tokens(desk):
    from fakelake.review.desk.models import Token

    client = desk.client("viewer")
    Token.make(desk.people["viewer"], "nightly")
    form = {"do": "password", "old_password": "a long enough sentence", "new_password1": PASSWORD}
    answer = client.post("/account/", {**form, "new_password2": PASSWORD}, follow=True)
    assert b"The password is changed" in answer.content and not Token.objects.exists()


def test_nobody_tries_many_passwords_on_the_account_page(desk, within_a_minute):
    client, form = desk.client("viewer"), {"do": "password", "old_password": "a guess"}
    codes = [client.post("/account/", form).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]


def test_an_administrator_sees_and_revokes_the_tokens_of_others(desk):
    from fakelake.review.desk.models import Token

    Token.make(desk.people["viewer"], "nightly")
    assert b"Revoke" in desk.client("administrator").get("/people/").content
    change(desk, do="revoke")
    assert not Token.objects.exists()
    assert ("administrator", "revoked token", "viewer: nightly") in record()
