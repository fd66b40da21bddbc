"""What the desk sends to a browser: the video in parts, single pictures, faces; and what it refuses."""

from __future__ import annotations

import os
import shutil
import threading
import time

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.flows.shard import source_row
from fakelake.review.service.media.ranges import Unsatisfiable, asked_range
from tests.review.filmed import film
from tests.tasks.explained import add
from tests.tasks.reading import source_of

NOBODY = "f" * 64


def wait_for(client, url, **more):
    """The answer, once it is no longer being made: by processes that leave the processor to all others."""
    end = time.monotonic() + 800
    while time.monotonic() < end:
        answer = client.get(url, **more)
        if answer.status_code != 202:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{url} is not ready: {answer.content}")


def bytes_of(answer):
    return b"".join(answer.streaming_content)


@pytest.fixture
def film_of(desk, made, tmp_path):
    """Puts a file into the lake, waits until the desk knows it, and returns its id."""
    from fakelake.review.service.reader import reader

    def put(path):
        video_id = add(made.lake, path, {})
        reader().refresh(60)
        return video_id

    return put


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)), ("bytes=10-19", (10, 20)), ("bytes=90-", (90, 100)), ("bytes=-7", (93, 100)),
        ("bytes=50-5000", (50, 100)), ("bytes=-5000", (0, 100)), ("Bytes=1-2", (1, 3)),
        ("bytes=20-10", None), ("bytes=0-1,5-6", None), ("bytes=-", None), ("lines=0-1", None), ("bytes=a-b", None),
        ("", None), ("bytes=٣-٤", None), (f"bytes={'9' * 5000}-", None),
    ],
)  # fmt: skip
def test_a_range_is_read_as_the_standard_says(header, part):
    assert asked_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_answered(header):
    with pytest.raises(Unsatisfiable):
        asked_range(header, 100)


def test_no_range_gets_more_than_so_much_at_once():
    assert asked_range("bytes=10-", 100, most=20) == (10, 30)
    assert asked_range("bytes=10-99", 100, most=20) == (10, 30)
    assert asked_range("bytes=10-15", 100, most=20) == (10, 16)


def test_slow_lines_do_not_hold_every_thread(desk, made, monkeypatch):
    from fakelake.review.service.media import ranges

    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/file/"
    wait_for(client, url)
    monkeypatch.setattr(ranges, "LONG", 100)
    monkeypatch.setattr(ranges, "LONG_AT_ONCE", threading.BoundedSemaphore(2))
    slow = [client.get(url) for _ in range(2)]
    refused = client.get(url)
    assert refused.status_code == 503 and "Many downloads are under way" in refused.content.decode()
    assert client.get(url, headers={"Range": "bytes=0-49"}).status_code == 206, "short parts go on"
    slow[0].close()
    slow[0].close()
    again = client.get(url)
    assert bytes_of(again) == made.files["two.mp4"].read_bytes()


def test_a_video_comes_whole_in_parts_and_from_its_end_byte_for_byte(desk, made):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/file/"
    data = made.files["two.mp4"].read_bytes()
    whole = wait_for(client, url, headers={"Accept-Encoding": "gzip"})
    assert whole.status_code == 200
    assert bytes_of(whole) == data
    assert whole["Content-Type"] == "video/mp4"
    assert whole["Accept-Ranges"] == "bytes"
    assert whole["Cache-Control"] == "private"
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert "Content-Encoding" not in whole
    assert int(whole["Content-Length"]) == len(data)
    for header, start, end in [("bytes=5-5", 5, 6), ("bytes=100-299", 100, 300), ("bytes=-50", len(data) - 50, None)]:
        part = client.get(url, headers={"Range": header})
        assert part.status_code == 206
        assert bytes_of(part) == data[start:end]
        assert part["Content-Range"] == f"bytes {start}-{(end or len(data)) - 1}/{len(data)}"


def test_a_part_behind_the_end_is_refused_with_the_size(desk, made):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/file/"
    wait_for(client, url)
    size = made.files["two.mp4"].stat().st_size
    answer = client.get(url, headers={"Range": f"bytes={size}-"})
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{size}"


def test_head_tells_what_get_would_send(desk, made):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/file/"
    wait_for(client, url)
    answer = client.head(url, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer["Content-Length"], answer.content) == (206, "10", b"")


def test_a_part_of_what_has_changed_since_becomes_the_whole(desk, made):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/file/"
    etag = wait_for(client, url)["ETag"]
    assert made.ids["two.mp4"] in etag
    same = client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"of another file"'})
    assert (same.status_code, other.status_code) == (206, 200)
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_a_script_is_told_what_there_is_to_play(desk, made):
    client, video_id = desk.client("viewer"), made.ids["two.mp4"]
    told = wait_for(client, f"/videos/{video_id}/file/", headers={"Accept": "application/json"}).json()
    assert told["state"] == "ready"
    assert told["url"] == f"/videos/{video_id}/file/"
    assert (told["type"], told["copy"], told["offset_s"]) == ("video/mp4", False, 0.0)
    assert (told["width"], told["height"], told["frames"]) == (240, 160, made.count)


def test_changed_bytes_are_refused_even_with_the_old_size_and_time(desk, film_of, tmp_path):
    path = film(tmp_path / "changing.mp4", count=12)
    client, url = desk.client("viewer"), f"/videos/{film_of(path)}/file/"
    assert bytes_of(wait_for(client, url)) == path.read_bytes()
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    answer = wait_for(client, url)
    assert answer.status_code == 409
    assert b"has changed" in answer.content
    assert str(tmp_path).encode() not in answer.content


def test_the_same_bytes_put_back_are_the_same_video(desk, film_of, tmp_path):
    path = film(tmp_path / "leaving.mp4", count=13)
    client, url = desk.client("viewer"), f"/videos/{film_of(path)}/file/"
    assert wait_for(client, url).status_code == 200
    shutil.move(path, tmp_path / "away.mp4")
    gone = client.get(url)
    assert gone.status_code == 404
    assert b"is gone" in gone.content
    shutil.copy(tmp_path / "away.mp4", path)
    assert wait_for(client, url).status_code == 200


def test_a_video_of_which_only_the_lake_s_rows_are_left_says_so(desk, made, film_of, tmp_path):
    path = film(tmp_path / "never.mp4", count=14)
    video_id = film_of(path)
    path.unlink()
    answer = desk.client("viewer").get(f"/videos/{video_id}/file/", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["error"] == "The file of this video is gone"
    assert "ingest it" in answer.json()["todo"]


def test_a_failed_video_says_what_was_wrong_with_it(desk):
    answer = desk.client("viewer").get(f"/videos/{'a' * 64}/file/")
    assert answer.status_code == 404
    assert b"torn.mp4 ends in the middle." in answer.content


def test_bytes_that_are_no_video_are_told_not_sent(desk, made, tmp_path):
    """The lake may name any file as a source: only its own bytes are looked at, and only a video is sent."""
    from fakelake.review.service.reader import reader

    path = tmp_path / "passwords.mp4"
    path.write_bytes(b"root:x:0:0\n" * 50)
    source = source_of(path, "made")
    import hashlib

    video_id = hashlib.sha256(path.read_bytes()).hexdigest()
    from fakelake.catalog.commit import IngestedVideo

    row = {"video_id": video_id, "recipe_id": "r", "attempt_id": "t", "status": "no_face", "reason": "no face"}
    commit_videos(made.lake, [IngestedVideo(row, [])], [source_row(source, video_id, "run")])
    reader().refresh(60)
    answer = wait_for(desk.client("viewer"), f"/videos/{video_id}/file/")
    assert answer.status_code == 422
    assert b"is not a video" in answer.content
    assert b"root:x" not in answer.content


def test_nobody_has_very_many_files_read_for_the_first_time_within_a_minute(desk, film_of, tmp_path, within_a_minute):
    from django.core.cache import cache

    client = desk.client("viewer")
    known = film_of(film(tmp_path / "known.mp4", count=7))
    wait_for(client, f"/videos/{known}/file/", headers={"Accept": "application/json"})
    for key in [key for key in cache._cache if "rl:" in key]:
        cache.set(key.split(":", 2)[2], 1000)  # so many first looks within this minute
    assert client.get(f"/videos/{film_of(film(tmp_path / 'next.mp4', count=8))}/file/").status_code == 429
    assert client.get(f"/videos/{known}/file/").status_code == 200


def test_nobody_without_a_session_gets_a_byte(desk, made):
    video_id = made.ids["two.mp4"]
    for url in ("file/", "frames/0.jpg", "faces/0/0.jpg", "made/case/", "made/explain/"):
        answer = desk.client().get(f"/videos/{video_id}/{url}")
        assert answer.status_code == 302, url
        assert answer["Location"].startswith("/login/")


def test_an_id_that_the_lake_does_not_know_is_not_found(desk):
    client = desk.client("administrator")
    for url in ("file/", "frames/0.jpg", "faces/0/0.jpg", "made/case/"):
        assert client.get(f"/videos/{NOBODY}/{url}").status_code == 404, url
    assert client.post(f"/videos/{NOBODY}/make/strip/").status_code == 404
    assert client.get("/videos/..%2F..%2Fetc%2Fpasswd/file/").status_code == 404


def test_a_picture_of_the_video_is_small_and_kept(desk, made):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/frames/7.jpg"
    answer = wait_for(client, url)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, max-age=3600"
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (160, 240, 3)


def test_a_picture_beyond_the_end_is_not_found_and_not_tried_again(desk, made):
    client, url = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}/frames/999999.jpg"
    assert wait_for(client, url).status_code == 404
    assert client.get(url).status_code == 404


def test_the_strip_is_made_once_and_names_its_pictures(desk, made):
    client, base = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}"
    json = {"Accept": "application/json"}
    assert client.post(f"{base}/make/strip/", headers=json).json()["state"] in ("waiting", "running", "done")
    told = wait_for(client, f"{base}/made/strip/", headers=json).json()
    assert told["state"] == "done"
    numbers = [each["number"] for each in told["frames"]]
    assert (numbers[0], numbers[-1]) == (0, made.count - 1)
    assert 15 in numbers  # the worst second
    for each in told["frames"]:
        assert client.get(each["url"]).status_code == 200
        assert each["at"] == pytest.approx(each["number"] / 10, abs=0.001)


def test_a_face_is_the_lake_s_own_picture(desk, made):
    client, video_id = desk.client("viewer"), made.ids["two.mp4"]
    answer = client.get(f"/videos/{video_id}/faces/1/4.jpg")
    with made.lake.connect() as lake:
        (image,) = lake.execute(
            "SELECT image FROM crops WHERE video_id = ? AND track_id = 1 AND frame = 4", [video_id]
        ).fetchone()
    assert answer.content == image
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, max-age=3600"
    assert client.get(f"/videos/{video_id}/faces/7/4.jpg").status_code == 404


def test_a_list_shows_the_deciding_face_from_where_it_is_worst(desk, made):
    client, base = desk.client("viewer"), f"/videos/{made.ids['two.mp4']}"
    answer = client.get(f"{base}/face.jpg")  # track 0, from 1.5 s on, at 10 frames a second
    assert answer.content == client.get(f"{base}/faces/0/15.jpg").content
    assert f'src="{base}/face.jpg"' in client.get("/queue/").content.decode()
    assert client.get(f"/videos/{made.ids['blank.mp4']}/face.jpg").status_code == 404
    assert desk.client().get(f"{base}/face.jpg").status_code == 302


def test_of_a_face_the_nearest_picture_is_found_and_of_no_face_none(desk, made):
    from fakelake.review.service.media.faces import faces
    from fakelake.review.service.reader import reader

    video_id = made.ids["two.mp4"]
    [row] = reader().rows("SELECT recipe_id FROM desk WHERE video_id = ?", [video_id])
    key = video_id, row["recipe_id"]
    assert faces().near(*key, 0, 10**6) == faces().picture(*key, 0, made.count - 1) is not None
    assert faces().near(*key, 9, 0) is None


def test_a_face_of_a_video_that_has_just_come_in_is_there(desk, made, tmp_path):
    from fakelake.review.service.media import faces as looking
    from fakelake.review.service.reader import reader
    from tests.tasks.explained import at

    client = desk.client("viewer")
    assert client.get(f"/videos/{made.ids['two.mp4']}/faces/0/0.jpg").status_code == 200
    time.sleep(looking.LOOK_EVERY_S)
    video_id = add(made.lake, film(tmp_path / "fresh.mp4", count=11), {0: at(60, 60)})
    reader().refresh(60)
    assert client.get(f"/videos/{video_id}/faces/0/5.jpg").status_code == 200
    assert client.get(f"/videos/{video_id}/faces/0/11.jpg").status_code == 404
