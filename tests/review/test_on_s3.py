"""The desk of a lake on S3, with an inbox and an archive there: served as it is, against a real S3 endpoint."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import httpx
import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.location import LakeLocation
from fakelake.infra.ports import free_port
from tests.media import write_clip
from tests.tasks.explained import add, at, faces, promote, say
from tests.tasks.reading import QUICK

HOST = "127.0.0.2"
NAME, KEY = "two faces.mp4", "archive/two faces.mp4"


@pytest.fixture(scope="module")
def on_s3(s3_endpoint, tmp_path_factory):
    """A served desk and a client of its first administrator; `video_id` lies in the bucket alone."""
    root = tmp_path_factory.mktemp("desk on s3")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_endpoint.items():
            patch.setenv(name, value)
        urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint['AWS_ENDPOINT_URL']}/desk", method="PUT")).close()
        bucket = LakeLocation.from_str("s3://desk")
        lake = Lake.create("s3://desk/lake")
        file = write_clip(root / NAME, faces(30, [(20, 100)]), fps=10, options=QUICK)
        video_id = add(lake, file, {0: at(20, 100)})
        say(lake, video_id, {0: [(0.0, 2.9, 4.0)]})
        promote(lake)
        move_to(bucket, lake, file)
        port = free_port()
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FAKELAKE_", "PREFECT_"))} | {
            "FAKELAKE_LAKE": "s3://desk/lake", "FAKELAKE_INBOX": "s3://desk/in box", "FAKELAKE_DESK_PORT": str(port),
            "FAKELAKE_DESK_UNDO_S": "0", "FAKELAKE_DESK_BIND": HOST, "FAKELAKE_DESK_HOSTS": HOST,
        }  # fmt: skip
        with (root / "desk.log").open("wb") as log:
            serve = [sys.executable, "-m", "fakelake.review.serve"]
            server = subprocess.Popen(serve, cwd=root, env=env, stdout=log, stderr=log)
        try:
            client = logged_in(f"http://{HOST}:{port}", root, server)
            yield SimpleNamespace(client=client, lake=lake, bucket=bucket, video_id=video_id, root=root)
            client.close()  # or the server waits for its connection
        finally:
            server.terminate()
            server.wait(60)


def move_to(bucket, lake, file):
    """The file lies in the bucket from now on, and where it was there is nothing."""
    bucket.upload(file, KEY)
    file.unlink()
    [row] = lake.read("sources").to_pylist()
    lake.append("sources", [{**row, "uri": "s3://desk/archive/two%20faces.mp4"}])


def logged_in(url, root, server):
    client = httpx.Client(base_url=url, timeout=60, follow_redirects=True)
    until(lambda: answers(client, server))
    password = (root / "_up" / "desk" / "first_password").read_text().strip()
    form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token(client.get("/login/"))}
    assert "What waits for you" in client.post("/login/", data=form).text
    return client


def answers(client, server):
    assert server.poll() is None
    try:
        return client.get("/login/").status_code == 200
    except httpx.TransportError:
        return False


def token(page):
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]


def until(question, seconds=600):
    """What `question` says as soon as it is not false."""
    end = time.monotonic() + seconds
    while not (said := question()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.3)
    return said


def test_a_video_of_a_bucket_is_played(on_s3):
    page = on_s3.client.get(f"/videos/{on_s3.video_id}/").text
    assert NAME in page and "98.2 %" in page
    address = f"/videos/{on_s3.video_id}/file/"
    until(lambda: on_s3.client.get(address, headers={"Accept": "application/json"}).json().get("state") == "ready")
    film = on_s3.client.get(address, headers={"Range": "bytes=0-99"})
    assert (film.status_code, film.headers["Content-Type"], len(film.content)) == (206, "video/mp4", 100)
    assert film.content[4:8] == b"ftyp"


def test_an_upload_ends_in_the_bucket_and_nothing_is_left_on_the_desk_s_disk(on_s3, tmp_path):
    clip = write_clip(tmp_path / "new.mp4", faces(12, []), fps=10, options=QUICK)
    csrf = {"X-CSRFToken": token(on_s3.client.get("/")), "Accept": "application/json"}
    [said] = send(on_s3, clip, csrf)["accepted"]
    assert not said["known"]
    [key] = [file.path for file in on_s3.bucket.files("in box")]
    assert key.endswith("/new.mp4") and on_s3.bucket.read_bytes(key) == clip.read_bytes()
    assert list((on_s3.root / "_up" / "desk" / "incoming").iterdir()) == []
    until(lambda: "It is safe in the inbox" in on_s3.client.get("/").text)
    assert send(on_s3, clip, csrf)["accepted"][0]["known"], "the same bytes are taken once"
    page = on_s3.client.get("/")
    [deletion] = re.findall(r'action="(/upload/[0-9a-f-]+/delete/)"', page.text)
    on_s3.client.post(deletion, data={"csrfmiddlewaretoken": token(page)})
    assert list(on_s3.bucket.files("in box")) == []


def send(on_s3, clip, headers):
    answer = on_s3.client.post("/upload/", files={"files": (clip.name, clip.read_bytes())}, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def test_a_decision_becomes_a_label_of_the_lake(on_s3):
    address = f"/videos/{on_s3.video_id}/"
    form = {"label": "fake", "note": "seen", "csrfmiddlewaretoken": token(on_s3.client.get(address))}
    on_s3.client.post(f"{address}decide/", data=form)
    [label] = until(lambda: on_s3.lake.read("labels").to_pylist())
    assert (label["video_id"], label["label"], label["labelled_by"]) == (on_s3.video_id, "fake", "admin")


def test_a_question_reads_the_tables_and_nothing_else_of_the_bucket(on_s3):
    csrf = token(on_s3.client.get("/sql/"))

    def ask(sql):
        return on_s3.client.post("/sql/", data={"q": sql, "csrfmiddlewaretoken": csrf}).text

    assert NAME in ask("SELECT name FROM verdicts")
    assert "Cannot access file" in ask(f"SELECT content FROM read_text('s3://desk/{KEY}')")


def test_the_log_holds_no_key(on_s3, s3_endpoint):
    assert s3_endpoint["AWS_SECRET_ACCESS_KEY"] not in (on_s3.root / "desk.log").read_text()
    assert json.dumps(s3_endpoint["AWS_SECRET_ACCESS_KEY"]) not in on_s3.client.get("/audit/").text
