"""The case file: complete, whole by its hashes, readable without the desk, and harmless in a browser."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
import subprocess
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from fakelake.review.service.media import case_file
from tests.media import write_clip
from tests.review.filmed import chromium  # noqa: F401
from tests.review.test_media import wait_for
from tests.tasks.explained import add, faces
from tests.tasks.reading import QUICK

AT = "2026-01-02 03:04:05 UTC"
JSON = {"Accept": "application/json"}
NASTY = "<script>alert(1)<!--.mp4"


def written(lake, video_id, folder, **told):
    """The entries of a case file, as its job writes it."""
    order = {"video_id": video_id, "made_at": AT, "overlay": str(folder / "overlay.mp4"), **told}
    out = folder / "case.zip"
    case_file.write_case(lake, order, out, lambda progress: None)
    with zipfile.ZipFile(out) as made:
        return {name: made.read(name) for name in made.namelist()}


def test_it_holds_everything_and_its_hashes_are_right(made, tmp_path):
    video_id = made.ids["two.mp4"]
    trail = [{"at": AT, "who": "moderator", "what": "decided", "detail": "fake"}]
    files = written(made.lake, video_id, tmp_path, audit=trail)
    signed = {"SHA256SUMS", "SHA256SUMS.sig", "signer.pem"}
    assert set(files) == {"report.html", "case.json", "audit.json", "overlay.mp4", "original.sha256"} | signed
    sums = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS"].decode().splitlines())
    assert set(sums) == set(files) - {"SHA256SUMS", "SHA256SUMS.sig"}
    assert all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in sums.items())
    assert files["original.sha256"].decode() == f"{video_id}  two.mp4\n"
    assert hashlib.sha256(made.files["two.mp4"].read_bytes()).hexdigest() == video_id
    case = json.loads(files["case.json"])
    assert case["band"] == case["verdicts"][0]["band"]
    assert len(case["timeline"]) == 3
    assert [row["track_id"] for row in case["tracks"]] == [0, 1]
    assert case["calibrations"][0]["model_version"] == case["model_version"] == "1"
    assert case["recipes"][0]["recipe"]["name"] == "made"
    assert json.loads(files["audit.json"]) == trail
    for name in ("labels", "decisions", "sources", "score_history", "part_evidence", "quarantine", "videos"):
        assert name in case


def test_whoever_has_openssl_sees_that_nothing_was_changed_since(made, tmp_path):
    """By the very command that the report names."""
    files = written(made.lake, made.ids["calm.mp4"], tmp_path)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    report = html.unescape(files["report.html"].decode())
    command = re.search(r"openssl x509 .*?SHA256SUMS\.sig SHA256SUMS", report)[0]
    check = {"cwd": tmp_path, "shell": True, "capture_output": True, "text": True}
    done = subprocess.run(command, **check)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n"), done.stderr
    assert subprocess.run("sha256sum -c SHA256SUMS", **check).returncode == 0
    (tmp_path / "SHA256SUMS").write_bytes(files["SHA256SUMS"].replace(b"case.json", b"case.jsom"))
    assert subprocess.run(command, **check).returncode != 0


def test_a_certificate_that_cannot_sign_keeps_no_case_file_back(made, tmp_path, monkeypatch):
    for name in ("CERT", "KEY"):
        monkeypatch.setenv(f"FAKELAKE_C2PA_{name}", str(tmp_path / "no.pem"))
    files = written(made.lake, made.ids["calm.mp4"], tmp_path)
    assert "SHA256SUMS.sig" not in files and "It is not signed" in files["report.html"].decode()


def test_a_heat_map_goes_in_where_somebody_asked_for_one(desk, made, tmp_path):
    from fakelake.review.service.media import results
    from fakelake.review.service.media.cache import drop_stale
    from fakelake.review.service.media.job import Job

    video_id = made.ids["two.mp4"]
    assert "There is no heat map" in written(made.lake, video_id, tmp_path)["report.html"].decode()
    case, page = results.path_of(video_id, "case"), results.path_of(video_id, "explain")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("<!doctype html>what the model looked at")
    case.write_bytes(b"PK")
    try:
        drop_stale(Job(video_id, page.name, {"out": str(page), "kind": "explain"}, 1.0, state="done"))
        assert not case.exists() and page.exists(), "a case file from before it is stale"
        files = written(made.lake, video_id, tmp_path, explanation=str(page))
    finally:
        page.unlink()
    assert files["explanation.html"] == b"<!doctype html>what the model looked at"
    assert hashlib.sha256(files["explanation.html"]).hexdigest() in files["SHA256SUMS"].decode()
    assert "explanation.html shows what the model looked at" in files["report.html"].decode()


def test_the_same_lake_and_time_give_the_same_bytes(made, tmp_path):
    """But for the overlay: the encoder does not give the same video twice, and so one that is there is taken."""
    written(made.lake, made.ids["two.mp4"], tmp_path)
    first = (tmp_path / "case.zip").read_bytes()
    written(made.lake, made.ids["two.mp4"], tmp_path)
    assert (tmp_path / "case.zip").read_bytes() == first


def test_the_report_says_what_a_reader_must_know(made, tmp_path):
    report = written(made.lake, made.ids["two.mp4"], tmp_path)["report.html"].decode()
    for words in ("p_fake", "What the figure means", "Face 0", "Face 1", "Provenance", "Earlier scores",
                  "Limits of the method", "A score is no proof", "What people said", "<svg", AT):  # fmt: skip
        assert words in report, words


def test_a_name_with_markup_is_text_and_the_report_asks_nothing_of_a_network(made, tmp_path, chromium):  # noqa: F811
    path = write_clip(tmp_path / NASTY, faces(8, [(60, 60)]), fps=10, options=QUICK)
    video_id = add(made.lake, path, {})
    now = datetime.now(UTC)
    label = {
        "video_id": video_id, "label": "fake", "origin": "moderator", "labelled_by": "<b>x</b>", "labelled_at": now,
        "note": "</td><script src=https://example.org/x.js></script>",
    }  # fmt: skip
    made.lake.append("labels", [label])
    files = written(made.lake, video_id, tmp_path)
    report = files["report.html"].decode()
    assert "<script" not in report
    assert "&lt;script&gt;alert(1)" in report
    assert "&lt;b&gt;x&lt;/b&gt;" in report
    assert references(report) == []
    assert "url(" not in report
    assert files["original.sha256"].decode().split("  ")[1] == "_script_alert(1)__--.mp4\n"
    asked, told = [], []
    page = chromium.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: told.append(dialog.message) or dialog.dismiss())
    (tmp_path / "report.html").write_text(report)
    page.goto(f"file://{tmp_path}/report.html")
    assert page.locator("h1").inner_text() == NASTY
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
    assert told == []
    page.close()


def references(page):
    """What a page would ask a network for."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name in ("src", "href", "action", "srcset", "xlink:href"))

    Reader().feed(page)
    return [value for value in found if not value.startswith("data:")]


@pytest.mark.parametrize(
    ("name", "words"),
    [("blank.mp4", "no face of it was scored: no face in 9 frames"), ("new.mp4", "no face of it was scored")],
)
def test_without_a_scored_face_it_says_why_there_is_no_overlay(made, tmp_path, name, words):
    files = written(made.lake, made.ids[name], tmp_path)
    assert "overlay.mp4" not in files
    assert words in files["report.html"].decode()
    assert words in json.loads(files["case.json"])["overlay"]


def test_of_a_video_that_could_not_be_read_it_tells_what_was_wrong(made, tmp_path):
    files = written(made.lake, "a" * 64, tmp_path)
    report = files["report.html"].decode()
    assert "Failed" in report
    assert "torn.mp4 ends in the middle." in report
    assert "Copy it again." in report


def test_without_the_bytes_the_rest_is_there(made, tmp_path):
    path = write_clip(tmp_path / "leaving.mp4", faces(9, [(30, 30)]), fps=10, options=QUICK)
    from tests.review.conftest import FAKE
    from tests.tasks.explained import at, say

    video_id = add(made.lake, path, {0: at(30, 30)})
    say(made.lake, video_id, {0: [(0.0, 0.8, FAKE)]})
    path.unlink()
    files = written(made.lake, video_id, tmp_path)
    assert "overlay.mp4" not in files
    said = json.loads(files["case.json"])["overlay"]
    assert "not where the lake saw them" in said
    assert str(tmp_path) not in said
    assert "Face 0" in files["report.html"].decode()


def test_from_the_desk_it_is_made_once_taken_and_put_on_record(desk, made):
    from fakelake.review.desk.models import Audit

    client, base = desk.client("moderator"), f"/videos/{made.ids['odd.mp4']}"
    assert client.get(f"{base}/made/case/").status_code == 404
    assert client.post(f"{base}/make/case/").status_code == 302  # without a script: back to the page
    told = wait_for(client, f"{base}/made/case/", headers=JSON).json()
    assert (told["state"], told["url"]) == ("done", f"{base}/made/case/")
    answer = client.get(told["url"])
    assert answer["Content-Type"] == "application/zip"
    assert re.fullmatch(r'attachment; filename="odd-[0-9a-f]{8}-case\.zip"', answer["Content-Disposition"])
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as files:
        assert "report.html" in files.namelist()
    record = list(
        Audit.objects.filter(video_id=made.ids["odd.mp4"]).order_by("id").values_list("who", "what", "detail")
    )
    assert record == [("moderator", "asked", "case"), ("moderator", "exported", "case")]
    assert b"".join(client.get(told["url"], headers={"Range": "bytes=1-"}).streaming_content)
    assert Audit.objects.filter(what="exported").count() == 2, "a part taken is taken"
    assert client.post(f"{base}/make/case/", headers=JSON).json()["state"] == "done"


def test_a_new_decision_makes_a_case_file_stale(desk, made):
    from fakelake.review.desk.models import Decision
    from fakelake.review.service.media import results

    video_id = made.ids["calm.mp4"]
    before = results.path_of(video_id, "case")
    Decision.objects.create(video_id=video_id, label="fake", by=desk.people["moderator"])
    assert results.path_of(video_id, "case") != before
    assert results.path_of(video_id, "overlay") == results.path_of(video_id, "overlay")


def test_a_viewer_may_see_why_but_take_nothing_away(desk, made):
    client, base = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}"
    for what in ("overlay", "case"):
        assert client.post(f"{base}/make/{what}/").status_code == 403
        assert client.get(f"{base}/made/{what}/").status_code == 403
    assert client.post(f"{base}/make/passwords/").status_code == 404
    assert client.get(f"{base}/make/strip/").status_code == 405


def test_more_than_thirty_requests_a_minute_are_too_many(desk, made, within_a_minute):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/make/strip/"
    codes = {client.post(url, headers=JSON).status_code for _ in range(32)}
    assert 429 in codes


def test_an_explanation_may_stand_in_a_frame_of_ours_and_run_nothing(desk, made):
    from fakelake.review.service.media import results

    video_id = made.ids["two.mp4"]
    path = results.path_of(video_id, "explain")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<!doctype html><p>why</p>")
    answer = desk.client("viewer").get(f"/videos/{video_id}/made/explain/")
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    policy = {part.strip().partition(" ")[0]: part.strip() for part in answer["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == "default-src 'none'"
    assert policy["style-src"] == "style-src 'unsafe-inline'"
    assert policy["frame-ancestors"] == "frame-ancestors 'self'"
    assert policy["sandbox"] == "sandbox"
    assert "script-src" not in policy
    path.unlink()


def test_an_explanation_that_cannot_be_made_says_why(desk, made):
    """The small lake has a verdict and no registered model."""
    client, base = desk.client("moderator"), f"/videos/{made.ids['calm.mp4']}"
    assert desk.client("viewer").post(f"{base}/make/explain/", headers=JSON).status_code == 403
    client.post(f"{base}/make/explain/", headers=JSON)
    told = wait_for(client, f"{base}/made/explain/", headers=JSON).json()
    assert told["state"] == "failed"
    assert told["said"]
    assert "Traceback" not in told["said"]


@pytest.mark.parametrize("name", ["Żółć.mp4", 'a"b\r\nX: y.mp4', "../../x.mp4", "", ".mp4", "a" * 300 + ".mp4"])
def test_a_saved_file_s_name_is_plain_ascii(django_of, name):
    from fakelake.review.desk.views.case import file_name

    assert re.fullmatch(r"[A-Za-z0-9-]{1,60}-aaaaaaaa-case\.zip", file_name(name, "a" * 64, "case", "zip"))
