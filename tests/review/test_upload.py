"""Uploading: what is taken, under which name, once; and who may."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client

from tests.review.uploading import clean_inbox, clip, folder, named, send, stored  # noqa: F401


def test_a_video_goes_into_the_inbox_under_a_name_of_ours(desk, tmp_path):
    from fakelake.review.desk.models import Audit, Upload

    content = clip(tmp_path)
    answer = send(desk.client("moderator"), named("My holiday (1).MOV", content))
    assert answer.status_code == 201
    digest = hashlib.sha256(content).hexdigest()
    assert stored() == ({f"{digest[:16]}/My holiday (1).mp4"}, set())
    upload = Upload.objects.get()
    assert (upload.name, upload.video_id, upload.bytes) == ("My holiday (1).MOV", digest, len(content))
    assert (upload.by, upload.came_by) == (desk.people["moderator"], "upload")
    assert Audit.objects.get(what="uploaded").video_id == digest
    told = answer.json()["accepted"][0]
    assert (told["name"], told["known"], told["upload"]) == ("My holiday (1).MOV", False, str(upload.id))


def test_the_extension_is_that_of_the_content(desk, tmp_path):
    content = clip(tmp_path, name="clip.webm", codec="libvpx-vp9")
    assert send(desk.client("moderator"), named("clip.mp4", content)).status_code == 201
    assert next(iter(stored()[0])).endswith("/clip.webm")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("one.mp4", "one"), ("Интервью 3.mp4", "Интервью 3"), ("हिन्दी.webm", "हिन्दी"), ("cafe\u0301.mov", "caf\u00e9"),
        ("-rf.mp4", "rf"), (".hidden.mp4", "hidden"), ("a\u202e4pm.exe", "a_4pm"), ("*?\n$(x).mp4", "(x)"),
        ("...", "video"), ("ü" * 300 + ".mp4", "ü" * 60), ("<b>.mp4", "b"),
    ],
)  # fmt: skip
def test_a_video_keeps_its_name_as_far_as_file_systems_and_shells_let_it(name, kept):
    from fakelake.review.service.uploads.intake import stem

    assert stem(name) == kept


@pytest.mark.parametrize(
    "name", ["", "..", "/a", "x/a", "../a", "0" * 16 + "/..", "0" * 16 + "/", "0" * 16 + "/b/c", ".incoming/x"]
)
def test_the_inbox_knows_no_name_that_is_not_its_own(tmp_path, name):
    from fakelake.review.service.uploads.inbox import Folder

    for ours in ("0123456789abcdef/a.mp4", "0123456789abcdef-a.mp4"):
        assert Folder(tmp_path).address(ours) == f"{tmp_path}/{ours}"
    with pytest.raises(ValueError, match="is no name of a file in the inbox"):
        Folder(tmp_path).remove(name)


def test_a_plain_form_brings_several_files_and_goes_back_to_the_list(desk, tmp_path):
    client = desk.client("moderator")
    files = [named(f"{n}.mp4", clip(tmp_path, n)) for n in range(3)]
    answer = client.post("/upload/", {"files": files}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    page = answer.content.decode()
    assert all(f"{n}.mp4 is taken." in page for n in range(3))
    assert len(stored()[0]) == 3


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/clip.mp4", "..\\..\\clip.mp4", "/etc/clip.mp4", "%2e%2e%2fclip.mp4"]
)
def test_a_name_that_climbs_stays_in_the_inbox(desk, tmp_path, name):
    assert send(desk.client("moderator"), named(name, clip(tmp_path))).status_code == 201
    names, _ = stored()
    assert len(names) == 1
    assert all(one.count("/") == 1 and ".." not in one for one in names)
    assert {path.name for path in folder().parent.iterdir() if path.suffix == ".mp4"} == set()


def test_markup_in_a_name_is_shown_as_text(desk, tmp_path):
    client = desk.client("moderator")
    client.post("/upload/", {"files": [named("<img src=x onerror=alert(1)>.mp4", clip(tmp_path))]})
    pages = [client.get("/").content.decode(), client.get("/upload/states/").json()["uploads"][0]["html"]]
    refused = client.post("/upload/", {"files": [named("<b>bold</b>.mp4", b"no video at all")]})
    assert refused.status_code == 415
    for page in [*pages, refused.content.decode()]:
        assert "<img src=x" not in page and "<b>bold" not in page
    assert all("&lt;img src=x onerror=alert(1)&gt;.mp4" in page for page in pages)


def test_the_same_bytes_again_are_stored_once_and_lead_to_what_is_there(desk, tmp_path):
    from fakelake.review.desk.models import Upload

    content = clip(tmp_path)
    first = send(desk.client("moderator"), named("first.mp4", content)).json()["accepted"][0]
    again = send(desk.client("moderator"), named("other name.mp4", content))
    assert again.status_code == 200
    told = again.json()["accepted"][0]
    assert (told["known"], told["upload"], told["video_id"]) == (True, first["upload"], first["video_id"])
    assert len(stored()[0]) == Upload.objects.count() == 1


def test_a_second_person_who_gives_the_same_bytes_sees_how_far_they_are_and_keeps_them(desk, tmp_path):
    from fakelake.review.desk.models import Upload
    from fakelake.review.service.uploads import retention

    content, second = clip(tmp_path), desk.client("other")
    first = send(desk.client("moderator"), named("first.mp4", content)).json()["accepted"][0]
    told = send(second, named("mine.mp4", content)).json()["accepted"][0]
    assert told["known"] and told["upload"] != first["upload"] and len(stored()[0]) == 1
    assert [each["name"] for each in second.get("/upload/states/").json()["uploads"]] == ["mine.mp4"]
    retention.delete(Upload.objects.get(pk=first["upload"]), "retention")
    assert len(stored()[0]) == 1, "the file is the second person's too"
    retention.delete(Upload.objects.get(pk=told["upload"]), "retention")
    assert stored() == (set(), set())


def test_bytes_that_the_archive_has_lead_to_their_video(desk, made):
    answer = desk.client("moderator").post("/upload/", {"files": [named("x.mp4", made.files["two.mp4"].read_bytes())]})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f"/videos/{made.ids['two.mp4']}/" in page and "here already" in page
    assert stored() == (set(), set())


def test_a_deleted_file_can_be_given_again(desk, tmp_path):
    from fakelake.review.desk.models import Upload

    content, client = clip(tmp_path), desk.client("administrator")
    upload_id = send(client, named("clip.mp4", content)).json()["accepted"][0]["upload"]
    assert client.post(f"/upload/{upload_id}/delete/").status_code == 302
    assert stored()[0] == set()
    assert send(client, named("clip.mp4", content)).status_code == 201
    assert len(stored()[0]) == 1 and Upload.objects.count() == 2


def test_what_was_forgotten_at_a_persons_wish_is_not_taken_again(desk, tmp_path):
    from fakelake.catalog.forget import allow_again

    content = clip(tmp_path)
    video_id = hashlib.sha256(content).hexdigest()
    row = {"uri": "file:///gone.mp4", "video_id": video_id, "stage": "policy", "error": "forgotten", "attempts": 1}
    desk.lake.append("quarantine", [row])
    try:
        answer = send(desk.client("moderator"), named("back.mp4", content))
        assert (answer.status_code, answer.json()["refused"][0]["error"]) == (410, "forgotten")
        assert stored() == (set(), set())
    finally:
        allow_again(desk.lake, video_id)


# ---- who may ----


def test_others_uploads_do_not_reach_the_disk(desk, tmp_path):
    for name, status in ((None, 401), ("viewer", 403)):
        assert send(desk.client(name), named("clip.mp4", clip(tmp_path))).status_code == status
    assert not folder().exists()


def test_a_file_in_any_other_form_is_not_read(desk, tmp_path):
    for client in (desk.client(), desk.client("administrator")):
        client.post("/login/", {"username": "x", "file": named("clip.mp4", clip(tmp_path))})
        client.post("/upload/link/", {"file": named("clip.mp4", clip(tmp_path)), "link": "ftp://x"})
    assert not folder().exists()


def strict(desk, name):
    """A browser whose forms need their token, and the token and the form's address of the page that it looks at."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(desk.people[name], backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    address = page.split('enctype="multipart/form-data" action="')[1].split('"')[0]
    return client, token, address


def test_an_upload_without_its_token_does_not_reach_the_disk(desk, tmp_path):
    client, token, address = strict(desk, "moderator")
    _, _, address_of_other = strict(desk, "other")
    wrong = [
        ("/upload/", {}),
        ("/upload/", {"HTTP_X_CSRFTOKEN": "x" * 64}),
        (address_of_other, {}),  # of another session
        (address, {"HTTP_ORIGIN": "https://elsewhere.example"}),
        ("/upload/", {"HTTP_X_CSRFTOKEN": token, "HTTP_ORIGIN": "https://elsewhere.example"}),
    ]
    for place, headers in wrong:
        form = {"csrfmiddlewaretoken": token, "files": named("clip.mp4", clip(tmp_path))}
        assert client.post(place, form, **headers).status_code == 403, (place, headers)
    assert not folder().exists()


def test_the_token_comes_in_the_header_or_by_the_forms_address(desk, tmp_path):
    client, token, address = strict(desk, "moderator")
    by_script = send(client, named("a.mp4", clip(tmp_path, 1)), HTTP_X_CSRFTOKEN=token)
    by_form = client.post(address, {"csrfmiddlewaretoken": token, "files": named("b.mp4", clip(tmp_path, 2))})
    assert (by_script.status_code, by_form.status_code) == (201, 302)
    assert len(stored()[0]) == 2


def test_the_page_offers_to_each_what_each_may(desk):
    viewer, moderator, administrator = (desk.client(n).get("/").content.decode() for n in
                                        ("viewer", "moderator", "administrator"))  # fmt: skip
    assert 'type="file"' not in viewer and "needs the role moderator" in viewer
    assert 'type="file"' in moderator and "/upload/link/" not in moderator
    assert "/upload/link/" in administrator and "/upload/path/" in administrator


def test_a_persons_list_has_their_own_uploads_and_an_administrators_has_all(desk, tmp_path):
    for n, name in enumerate(("moderator", "other")):
        send(desk.client(name), named(f"of {name}.mp4", clip(tmp_path, n)))
    seen = {
        name: {u["name"] for u in desk.client(name).get("/upload/states/").json()["uploads"]}
        for name in ("moderator", "administrator", "viewer")
    }
    assert seen["moderator"] == {"of moderator.mp4"} and seen["viewer"] == set()
    assert seen["administrator"] == {"of moderator.mp4", "of other.mp4"}


def test_only_an_administrator_deletes_and_the_record_stays(desk, tmp_path):
    from fakelake.review.desk.models import Audit, Upload

    content = clip(tmp_path)
    upload_id = send(desk.client("moderator"), named("clip.mp4", content)).json()["accepted"][0]["upload"]
    assert desk.client("moderator").post(f"/upload/{upload_id}/delete/").status_code == 403
    assert len(stored()[0]) == 1
    desk.client("administrator").post(f"/upload/{upload_id}/delete/")
    assert stored()[0] == set() and Upload.objects.get().deleted_at
    told = Audit.objects.exclude(what="logged in").order_by("id")
    assert list(told.values_list("what", "who")) == [
        ("uploaded", "moderator"), ("deleted", "administrator"),
    ]  # fmt: skip


# ---- many ----


def test_fifty_at_once_are_all_there_exactly_once(desk, tmp_path):
    from fakelake.review.desk.models import Upload

    contents = [clip(tmp_path, n) for n in range(40)]
    contents += contents[:10]
    clients = [desk.client("moderator") for _ in contents]

    def one(n):
        from django.db import connection

        try:
            while (answer := send(clients[n], named(f"{n}.mp4", contents[n]))).status_code == 503:
                time.sleep(0.5)  # a slow machine has no place for all of them: "send it again"
            return answer.status_code, answer.json()["refused"]
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    digests = {hashlib.sha256(content).hexdigest() for content in contents}
    assert [refused for _, refused in answers if refused] == []
    assert sorted(code for code, _ in answers) == [200] * 10 + [201] * 40
    names, staged = stored()
    assert {name[:16] for name in names} == {digest[:16] for digest in digests}
    assert len(names) == Upload.objects.count() == 40 and not staged


def test_too_many_a_minute_are_told_to_wait(desk, within_a_minute):
    client = desk.client("moderator")
    codes = [send(client, named("x.mp4", b"")).status_code for _ in range(4)]
    assert 429 not in codes
    from django.core.cache import cache

    for key in list(cache._cache):
        if "rl:" in key:
            cache.set(key.split(":", 2)[2], 1000)
    assert send(client, named("x.mp4", b"")).status_code == 429
