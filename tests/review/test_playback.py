"""Videos in a real browser: which play as they are, at what times, and the copies that are made of the others."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fakelake.review.service.media import pictures
from fakelake.review.service.media.look import Look, identity
from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
from tests.media import odd_clips, packaged_clip, remux, write_clip
from tests.review.filmed import PLAY, chromium, film, numbered, played  # noqa: F401
from tests.tasks.explained import add

SAME_S = 0.002

CLOCKS = {
    "plain.mp4": {"sound": True},
    "late.mp4": {"late_s": 0.5, "sound": True},
    "late_without_b.mp4": {"late_s": 0.5, "sound": True, "b_frames": 0},
    "late_alone.mp4": {"late_s": 0.5},
    "late.mov": {"late_s": 0.25, "sound": True},
    "plain.webm": {"codec": "libvpx-vp9", "b_frames": 0},
    "late.webm": {"late_s": 0.5, "codec": "libvpx-vp9", "b_frames": 0},
    "late.mkv": {"late_s": 0.5, "sound": True},
}


def lake_times(path):
    """Seconds of each picture from the first one, as the lake's `frames.pts_s` has them."""
    return [frame.pts_s for frame in decode(path, probe(path))]


def as_numbered(shown):
    """{number: time} of what was on the screen; a browser under load may pass over a few pictures, never move one."""
    assert not shown["error"]
    found = {number: time for time, number in shown["seen"]}
    assert len(found) >= 10
    return found


@pytest.mark.parametrize("name", CLOCKS)
def test_the_lake_s_times_and_the_browser_s_differ_by_the_offset(name, tmp_path, chromium):  # noqa: F811
    path = film(tmp_path / name, **CLOCKS[name])
    offset, times = pictures.browser_offset(path, probe(path)), lake_times(path)
    for number, at in as_numbered(played(chromium, tmp_path, name, least=12)).items():
        assert at == pytest.approx(times[number] + offset, abs=SAME_S)


def test_a_fragmented_file_without_an_edit_list_keeps_its_offset(tmp_path, chromium):  # noqa: F811
    whole = film(tmp_path / "whole.mp4")
    path = remux(whole, tmp_path / "parts.mp4", options={"movflags": "frag_keyframe+empty_moov"})
    offset, times = pictures.browser_offset(path, probe(path)), lake_times(path)
    assert offset > 0
    for number, at in as_numbered(played(chromium, tmp_path, path.name, least=12)).items():
        assert at == pytest.approx(times[number] + offset, abs=SAME_S)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("a.mp4", {}, None),
        ("a.mov", {"sound": True}, None),
        ("a.webm", {"codec": "libvpx-vp9", "b_frames": 0}, None),
        ("turned.mp4", {"rotation": 90}, None),
        ("a.mkv", {}, "matroska"),
        ("a.avi", {"codec": "mpeg4", "b_frames": 0}, "avi"),
        ("a.mpg", {"codec": "mpeg2video"}, "mpeg"),
        ("old.mp4", {"codec": "mpeg4", "b_frames": 0}, "mpeg4"),
        ("new.mp4", {"codec": "libx265"}, "hevc"),
        ("ten.mp4", {"pix_fmt": "yuv420p10le"}, "yuv420p10le"),
        ("full.mp4", {"pix_fmt": "yuv444p"}, "yuv444p"),
    ],
)
def test_only_what_every_browser_plays_is_served_as_it_is(name, options, why, tmp_path):
    path = write_clip(tmp_path / name, frames=5, fps=10 if name != "a.mpg" else 25, **options)
    mime, said = pictures.suits(path, probe(path))
    assert (mime is None) == (why is not None)
    assert why is None or why in said


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("old.avi", {"codec": "mpeg4", "b_frames": 0, "sound": True}),
        ("ten.mp4", {"pix_fmt": "yuv420p10le", "late_s": 0.5, "sound": True}),
        ("late.mkv", {"late_s": 0.5, "sound": True}),
        ("new.mp4", {"codec": "libx265"}),
    ],
)
def test_a_copy_plays_and_its_pictures_stand_at_the_lake_s_own_times(name, options, tmp_path, chromium):  # noqa: F811
    path = film(tmp_path / name, **options)
    copy_of(path, tmp_path / "copy.mp4")
    times = lake_times(path)
    shown = played(chromium, tmp_path, "copy.mp4", least=12)
    for number, at in as_numbered(shown).items():
        assert at == pytest.approx(times[number], abs=SAME_S)
    assert bool(shown["sound"]) == bool(options.get("sound"))


def test_a_copy_of_a_huge_picture_is_one_that_a_screen_can_show(tmp_path):
    path = write_clip(tmp_path / "huge.avi", frames=3, fps=10, size=(4098, 1026), codec="mpeg4", b_frames=0)
    copy_of(path, tmp_path / "copy.mp4")
    info = probe(tmp_path / "copy.mp4")
    assert (info.width, info.height, info.frames) == (1920, 482, 3)


def test_a_real_clip_of_a_phone_gets_a_copy_that_is_upright_and_whole(tmp_path, chromium):  # noqa: F811
    clip = packaged_clip("face_noface.mov")
    info = probe(clip)
    assert pictures.suits(clip, info) == (None, "browsers do not play hevc")
    copy_of(clip, tmp_path / "copy.mp4")
    shown = played(chromium, tmp_path, "copy.mp4")
    assert (shown["error"], shown["width"], shown["height"]) == ("", info.width, info.height)
    assert probe(tmp_path / "copy.mp4").frames == info.frames


def test_odd_real_files_play_or_get_a_copy_or_say_why_not(tmp_path, chromium):  # noqa: F811
    wanted = {
        "decord_video_90.mov": True, "torchcodec_h264_10bits.mp4": False, "torchcodec_bt2020_10bit.mp4": False,
        "moviepy_transparent.webm": True, "torchcodec_av1_video.mkv": False, "torchcodec_animated.gif": False,
    }  # fmt: skip
    for name, as_it_is in wanted.items():
        clip = odd_clips() / name
        mime, _ = pictures.suits(clip, probe(clip))
        assert (mime is not None) == as_it_is, name
        target = tmp_path / (name if as_it_is else f"{name}.mp4")
        target.write_bytes(clip.read_bytes()) if as_it_is else copy_of(clip, target)
        shown = played(chromium, tmp_path, target.name)
        assert not shown["error"], (name, shown["error"])
        info = probe(clip)
        assert (shown["width"] // 2, shown["height"] // 2) == ((info.width + 1) // 2, (info.height + 1) // 2), name


def copy_of(path, out):
    """As a job makes it."""
    order = {"video_id": "", "path": str(path), "identity": identity(path.stat())}
    pictures.copy(None, order, out, lambda progress: None)


def test_pictures_of_the_strip_are_the_ones_that_they_say_they_are(tmp_path):
    path = film(tmp_path / "a.mp4", count=40, late_s=0.5)
    order = {"path": str(path), "identity": identity(path.stat()), "count": 5, "seconds": [1.25]}
    pictures.strip(None, order, tmp_path / "strip.json", lambda progress: None)
    frames = json.loads((tmp_path / "strip.json").read_text())["frames"]
    assert [each["number"] for each in frames] == [0, 10, 12, 20, 29, 39]
    for each in frames:
        picture = cv2.imread(str(tmp_path / "frames" / f"{each['number']}.jpg"))
        bars = [picture[120, 40 * bit + 20, 0] > 128 for bit in range(8)]
        assert sum(1 << bit for bit, lit in enumerate(bars) if lit) == each["number"]
        assert each["at"] == pytest.approx(each["number"] / 10, abs=SAME_S)


@pytest.mark.parametrize(("at", "number"), [(0.0, 0), (0.95, 9), (1.0, 10), (2.99, 10), (3.0, 11), (6.9, 14), (60, 19)])
def test_the_strip_has_the_picture_that_was_on_the_screen_where_pictures_last_differently(tmp_path, at, number):
    """Eleven a tenth of a second apart, two seconds later the next, and from there on one a second."""
    times = [*range(0, 1000, 100), 1000, *range(3000, 12000, 1000)]
    path = write_clip(tmp_path / "a.mp4", numbered(20), times=times)
    order = {"path": str(path), "identity": identity(path.stat()), "count": 1, "seconds": [at]}
    pictures.strip(None, order, tmp_path / "strip.json", lambda progress: None)
    frames = json.loads((tmp_path / "strip.json").read_text())["frames"]
    assert {each["number"] for each in frames} == {0, number}
    assert frames[-1]["at"] == pytest.approx(times[number] / 1000, abs=SAME_S)


def test_a_look_tells_a_file_from_one_that_was_touched(tmp_path):
    path = film(tmp_path / "a.mp4", count=5)
    before = identity(path.stat())
    os.utime(path)
    assert identity(path.stat()) != before
    look = Look(
        path=str(path), identity=before, mime="video/mp4", why=None, offset_s=0.5, width=1, height=2, frames=3,
        duration_s=4.0,
    )  # fmt: skip
    look.write(tmp_path / "look.json")
    assert Look.read(tmp_path / "look.json") == look
    (tmp_path / "look.json").write_text('{"of": "another version"}')
    assert Look.read(tmp_path / "look.json") is None


def test_through_the_desk_a_browser_plays_a_copy_and_seeks_in_it(desk, made, chromium, tmp_path):  # noqa: F811
    """The whole way: an mpeg4 avi of the lake, its state, its copy, ranges, the log-in."""
    from fakelake.review.desk.wsgi import application
    from fakelake.review.service.reader import reader

    path = film(tmp_path / "old.avi", count=60, codec="mpeg4", b_frames=0)
    video_id = add(made.lake, path, {})
    reader().refresh(60)
    client = desk.client("viewer")
    with in_threads(application) as address:
        page = chromium.new_page()
        page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])
        page.goto(f"{address}/login/")
        told = page.evaluate(
            """async url => {
              for (let tries = 0; tries < 200; tries++) {
                const told = await (await fetch(url, {headers: {Accept: 'application/json'}})).json();
                if (told.state === 'ready' || told.error) return told;
                await new Promise(done => setTimeout(done, 100));
              }
            }""",
            f"/videos/{video_id}/file/",
        )
        assert (told["state"], told["copy"], told["offset_s"]) == ("ready", True, 0.0)
        assert (told["width"], told["height"], told["frames"]) == (320, 240, 60)
        for number, at in as_numbered(page.evaluate(PLAY, [told["url"], 12])).items():
            assert at == pytest.approx(number / 10, abs=SAME_S)
        page.close()


def test_a_browser_asks_on_when_it_gets_the_file_in_small_parts(desk, made, chromium, tmp_path, monkeypatch):  # noqa: F811
    """So that a player that is paused holds none of the desk's threads for the rest of a film."""
    from fakelake.review.desk.views import media
    from fakelake.review.desk.wsgi import application
    from fakelake.review.service.media import playback
    from fakelake.review.service.reader import reader

    monkeypatch.setattr(media, "MOST_AT_ONCE", 50_000)
    path = film(tmp_path / "large.mp4", count=60, options={"qp": "0", "preset": "ultrafast"}, pictures=noisy(60))
    assert path.stat().st_size > 2_000_000
    video_id = add(made.lake, path, {})
    reader().refresh(60)
    while playback.playback(video_id).state != "ready":
        time.sleep(0.1)
    with in_threads(application) as address:
        page, client = chromium.new_page(), desk.client("viewer")
        page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])
        page.goto(f"{address}/login/")
        parts = []
        page.on("response", lambda answer: "/file/" in answer.url and parts.append(answer.status))
        at = page.evaluate(SEEK, [f"/videos/{video_id}/file/", 5.05])
        page.close()
    assert at == pytest.approx(5.0, abs=0.051)
    assert len(parts) > 1
    assert set(parts) == {206}


SEEK = """async ([src, at]) => {
  const video = document.createElement('video');
  video.muted = true; video.preload = 'auto'; document.body.append(video);
  let last = -1;
  const shown = (_, frame) => { last = frame.mediaTime; video.requestVideoFrameCallback(shown); };
  video.requestVideoFrameCallback(shown);
  const late = new Promise((_, fail) => setTimeout(() => fail('it does not go on'), 120000));
  const event = name => Promise.race([late, new Promise(done => { video['on' + name] = done; })]);
  const ready = event('canplay');
  video.src = src;
  await ready;
  const sought = event('seeked');
  video.currentTime = at;
  await sought;
  for (let tries = 0; tries < 100 && Math.abs(last - at) > 0.1; tries++) await new Promise(r => setTimeout(r, 50));
  return last;
}"""


def noisy(count):
    """Pictures that cannot be packed."""
    random = np.random.default_rng(3)
    for _ in range(count):
        yield random.integers(0, 255, (240, 320, 3), np.uint8)


def in_threads(application):
    """A server of the desk, at an address of its own."""
    from contextlib import contextmanager
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    class Threads(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Quiet(WSGIRequestHandler):
        def log_message(self, *of):
            pass

    @contextmanager
    def serving():
        with make_server("127.0.0.1", 0, application, Threads, Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    return serving()


def test_asked_from_many_sides_at_once_a_file_is_looked_at_once(desk, made, monkeypatch):
    from fakelake.review.service.media import cache, playback
    from fakelake.review.service.media import jobs as queue

    ran = []
    run = queue.Jobs._run
    monkeypatch.setattr(queue.Jobs, "_run", lambda self, job: ran.append(job.name) or run(self, job))
    video_id = made.ids["odd.mp4"]
    cache.drop(video_id)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: playback.playback(video_id), range(16)))
    queue.jobs().find(video_id, "look.json").ended.wait(60)
    assert playback.playback(video_id).state == "ready"
    assert ran == ["look.json"]
