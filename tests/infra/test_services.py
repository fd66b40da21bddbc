"""Servers that belong together: each starts after the one before answers, what dies is started again, all end."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from fakelake.infra.services import RESTARTS, Service, ServiceFailed, Services

# Says when it began in a file of its own, ignores nothing, and runs until it is told to end.
SLEEP = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(time.time())); time.sleep(600)"


@pytest.fixture
def services(tmp_path):
    said = []
    made = Services(tmp_path / "logs", said.append)
    made.said = said
    yield made
    made.stop()


def sleeper(folder: Path, name: str, program: str = SLEEP, **more) -> Service:
    mark = folder / name
    return Service(name=name, command=(sys.executable, "-c", program, str(mark)), healthy=mark.exists, **more)


def pid(services, name):
    return services._running[name][1].pid


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_start_returns_when_the_service_answers(services, tmp_path):
    services.start(sleeper(tmp_path, "one"))
    assert (tmp_path / "one").exists() and alive(pid(services, "one"))


def test_one_that_ends_at_once_fails_with_the_end_of_its_log(services, tmp_path):
    with pytest.raises(ServiceFailed, match=r"(?s)one ended with code 3.*one\.log, ends:.*no database"):
        services.start(sleeper(tmp_path, "one", "import sys; print('no database', flush=True); sys.exit(3)"))


def test_one_that_may_be_started_again_is_until_it_answers(services, tmp_path):
    third_time = (
        "import pathlib, sys, time; path = pathlib.Path(sys.argv[1] + '.tries'); "
        "tries = path.read_text() + 'x' if path.exists() else 'x'; path.write_text(tries); "
        "len(tries) < 3 and sys.exit(1); pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    )
    services.start(sleeper(tmp_path, "one", third_time, tries=3))
    assert (tmp_path / "one.tries").read_text() == "xxx"
    with pytest.raises(ServiceFailed, match="ended with code 1"):
        services.start(sleeper(tmp_path, "two", "import sys; sys.exit(1)", tries=3))


def test_one_that_never_answers_fails_after_its_patience(services, tmp_path):
    with pytest.raises(ServiceFailed, match="one does not answer"):
        services.start(sleeper(tmp_path, "one", "import time; time.sleep(600)", patience_s=0.5))


def test_what_died_is_started_again_and_said(services, tmp_path):
    services.start(sleeper(tmp_path, "one"))
    first = pid(services, "one")
    os.kill(first, signal.SIGKILL)
    until(lambda: services._running["one"][1].poll() is not None)
    services.mend()
    assert alive(pid(services, "one")) and pid(services, "one") != first
    assert services.said == [f"one ended with code -9: starting it again (log: {services.log('one')})"]


def test_what_dies_again_and_again_is_given_up(services, tmp_path):
    dying = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"
    services.start(sleeper(tmp_path, "one", dying))
    with pytest.raises(ServiceFailed, match=f"one died {RESTARTS + 1} times within an hour"):
        for _ in range(RESTARTS + 1):
            until(lambda: services._running["one"][1].poll() is not None)
            services.mend()


def test_deaths_of_long_ago_are_not_held_against_a_service(services, tmp_path, monkeypatch):
    monkeypatch.setattr("fakelake.infra.services.WITHIN_S", 0.0)
    services.start(sleeper(tmp_path, "one", "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"))
    for _ in range(RESTARTS + 2):
        until(lambda: services._running["one"][1].poll() is not None)
        services.mend()


def test_stop_ends_the_last_started_first_and_what_they_started_too(services, tmp_path):
    begets = (
        "import pathlib, subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid)); time.sleep(600)"
    )
    services.start(sleeper(tmp_path, "one"))
    services.start(sleeper(tmp_path, "two", begets))
    until(lambda: (tmp_path / "two").read_text())
    pids = [pid(services, "one"), pid(services, "two"), int((tmp_path / "two").read_text())]
    services.stop()
    until(lambda: not any(map(alive, pids)))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word to a child whose parent died is Linux'")
def test_a_killed_parent_leaves_no_server_behind(tmp_path):
    program = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from fakelake.infra.services import Service, Services
mark = Path({str(tmp_path / "mark")!r})
child = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
services = Services(Path({str(tmp_path / "logs")!r}), print)
services.start(Service(name="one", command=(sys.executable, "-c", child, str(mark)), healthy=mark.exists))
print("up", flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "up\n"
    until(lambda: (tmp_path / "mark").read_text())
    child = int((tmp_path / "mark").read_text())
    parent.kill()
    parent.wait()
    until(partial(lambda number: not alive(number) or _zombie(number), child))


def _zombie(number):
    return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
