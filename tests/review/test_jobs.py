"""Work in processes of its own: once, in time, in turn, and with words when it fails."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fakelake.review.service.media import jobs as queue
from fakelake.review.service.media.job import QUICK, SLOW
from fakelake.review.service.media.jobs import Job, Jobs, TooBusy

HEAD = "import json, os, sys, time; order = json.loads(sys.stdin.readline()); out = open(order['out'] + '.runs', 'a')\n"
WORKS = """
out.write('x'); out.close(); time.sleep(order.get('wait', 0))
while not os.path.exists(order.get('until', '/')): time.sleep(.01)
open(order['out'], 'w').write('made')
"""
HANGS = (
    "import subprocess; child = subprocess.Popen(['sleep', '600']); out.write(str(child.pid)); out.close(); "
    "time.sleep(600)"
)
CRASHES = "os.kill(os.getpid(), 11)"
SPEAKS = "print(json.dumps({'progress': .5})); print(json.dumps({'failed': 'No face is in it.'})); sys.exit(1)"


def maker(code):
    """A command in the place of the real maker."""
    return [sys.executable, "-c", HEAD + code]


def job(folder, name="thing", limit_s=30.0, lane=SLOW, urgent=False, **more):
    return Job("a" * 64, name, {"out": str(folder / name), **more}, limit_s, lane, urgent)


def test_a_job_that_is_asked_for_twice_runs_once(tmp_path):
    jobs = Jobs(maker(WORKS))
    first = jobs.ask(job(tmp_path, wait=0.5))
    assert jobs.ask(job(tmp_path)) is first
    assert first.ended.wait(30)
    assert (first.state, first.said, first.progress) == ("done", "", 1.0)
    assert (tmp_path / "thing.runs").read_text() == "x"


def test_a_job_that_hangs_is_killed_with_its_children_and_says_so(tmp_path):
    jobs = Jobs(maker(HANGS))
    asked = jobs.ask(job(tmp_path, limit_s=10.0))
    assert asked.ended.wait(30)
    assert asked.state == "failed"
    assert "longer than 10 seconds and was stopped" in asked.said
    child = int((tmp_path / "thing.runs").read_text())
    for _ in range(50):
        with suppress(FileNotFoundError):
            if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":  # ended; nobody has asked for its code yet
                break
        with suppress(ProcessLookupError):
            os.kill(child, 0)
            time.sleep(0.1)
            continue
        break
    else:
        pytest.fail("the child of the hanging job lives on")


def test_a_crash_is_told_in_plain_words_and_the_next_job_runs(tmp_path):
    jobs = Jobs(maker(f"{CRASHES} if order.get('crash') else exec({WORKS!r})"))
    crashed, after = jobs.ask(job(tmp_path, "a", crash=True)), jobs.ask(job(tmp_path, "b"))
    assert after.ended.wait(30)
    assert crashed.state == "failed"
    assert "ended before it was done" in crashed.said
    assert after.state == "done"


def test_what_the_maker_says_of_a_failure_is_what_people_read(tmp_path):
    asked = Jobs(maker(SPEAKS)).ask(job(tmp_path))
    assert asked.ended.wait(30)
    assert (asked.state, asked.said) == ("failed", "No face is in it.")


def test_a_failed_job_can_be_asked_for_again(tmp_path):
    jobs = Jobs(maker("sys.exit(1) if not os.path.exists(order['out'] + '.mended') else exec(" + repr(WORKS) + ")"))
    first = jobs.ask(job(tmp_path))
    assert first.ended.wait(30)
    (tmp_path / "thing.mended").touch()
    again = jobs.ask(job(tmp_path))
    assert again is not first
    assert again.ended.wait(30)
    assert again.state == "done"


def test_beyond_its_limit_the_queue_says_that_it_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "MOST_WAITING", 4)  # half of it for what is not urgent
    jobs = Jobs(maker(WORKS))
    running = jobs.ask(job(tmp_path, "0", until=str(tmp_path / "asked")))
    while running.state == "waiting":
        time.sleep(0.01)
    jobs.ask(job(tmp_path, "1"))
    last = jobs.ask(job(tmp_path, "2"))
    with pytest.raises(TooBusy, match="waiting already"):
        jobs.ask(job(tmp_path, "3"))
    assert jobs.ask(job(tmp_path, "4", urgent=True)).state == "waiting"
    assert jobs.ask(job(tmp_path, "5", lane=QUICK)).state != "failed"
    (tmp_path / "asked").touch()
    assert last.ended.wait(30)


def test_who_wants_to_watch_does_not_wait_for_who_wants_a_case_file(tmp_path):
    jobs, order = Jobs(maker(WORKS), after=lambda ended: names.append(ended.name)), []
    names = order
    slow = jobs.ask(job(tmp_path, "case 1", until=str(tmp_path / "looked")))
    while slow.state == "waiting":
        time.sleep(0.01)
    rest = [jobs.ask(job(tmp_path, "case 2")), jobs.ask(job(tmp_path, "copy", urgent=True))]
    quick = jobs.ask(job(tmp_path, "look", lane=QUICK))
    assert quick.ended.wait(30)
    assert slow.state == "running"
    (tmp_path / "looked").touch()
    assert all(each.ended.wait(30) for each in (slow, *rest))
    end = time.monotonic() + 30
    while len(order) < 4 and time.monotonic() < end:  # a job has ended a moment before it is told
        time.sleep(0.01)
    assert order == ["look", "case 1", "copy", "case 2"]


def test_the_real_maker_ends_when_the_desk_does(tmp_path):
    """Its standard input is the desk's hand on it."""
    import subprocess

    fifo = tmp_path / "never written"
    os.mkfifo(fifo)
    code = (
        "import sys, time; from fakelake.review.service.media import making;"
        "making._make = lambda order, tell: time.sleep(600); making.main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, start_new_session=True)
    process.stdin.write(b"{}\n")
    process.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)
    process.stdin.close()
    assert process.wait(120) == -9


def test_the_oldest_results_make_room(django_of, tmp_path, monkeypatch):
    from fakelake.review.service.media import cache

    monkeypatch.setattr(cache, "_cache", lambda: tmp_path)
    for age, name in enumerate(("new", "used", "old")):
        path = tmp_path / ("b" * 64) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(1000))
        os.utime(path, (time.time() - 100 * age, time.time() - 100 * age))
    cache.make_room(most=2000)
    assert sorted(p.name for p in (tmp_path / ("b" * 64)).iterdir()) == ["new", "used"]
    with pytest.raises(ValueError, match="64 hex digits"):
        cache.folder("../../etc")


def test_the_cache_is_looked_through_once_in_a_while_and_the_newest_result_is_never_dropped(
    desk, tmp_path, monkeypatch
):
    from fakelake.review.service.media import cache

    monkeypatch.setattr(cache, "_cache", lambda: tmp_path)
    seen = []
    monkeypatch.setattr(cache, "make_room", seen.append)
    video_id = desk.ids["two.mp4"]
    outs = [tmp_path / f"case-{n}.zip" for n in range(3)]
    tidy = cache.Tidy(every_s=3600)
    for out in outs:
        out.write_bytes(b"PK")
        tidy(Job(video_id, out.name, {"out": str(out), "kind": "case"}, 1.0, state="done"))
    assert seen == outs[:1]
    assert [path for path in outs if path.exists()] == outs[2:], "of a kind, the last one alone is of today's verdict"


def test_what_was_made_of_a_video_that_the_lake_forgot_goes_too(desk, tmp_path, monkeypatch):
    from fakelake.review.service.media import cache

    monkeypatch.setattr(cache, "_cache", lambda: tmp_path)
    for name in (desk.ids["two.mp4"], "c" * 64):
        (tmp_path / name).mkdir()
    assert cache.drop_unknown() == 1
    assert [place.name for place in tmp_path.iterdir()] == [desk.ids["two.mp4"]]
