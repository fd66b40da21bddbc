"""A process that waits ready becomes the next command: what it answers, and how it ends, is the command's own."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pytest

from fakelake.catalog.lake import Lake
from fakelake.infra.handover import code_stamp, handed_over, told_apart
from fakelake.infra.up_state import UpState, read_state, up_directory, write_state
from tests.integration.clips import short_clips

COMMAND = [sys.executable, "-m", "fakelake.flows.cli"]


@pytest.fixture(scope="module")
def servers(prefect_server, ray_address):
    return {"PREFECT_API_URL": prefect_server, "FAKELAKE_RAY_ADDRESS": ray_address}


@pytest.fixture
def lake(tmp_path, servers):
    """A lake for which this process plays `fakelake up`: its state names the servers and a spare, which waits."""
    root = tmp_path / "lake"
    Lake.create(root)
    up_directory(str(root)).mkdir()
    with tempfile.TemporaryDirectory() as short:
        address = Path(short, "spare")
        write_state(str(root), UpState(pid=os.getpid(), env=servers, pages={}, spare=str(address)))
        env = {**os.environ, **servers}
        log = (tmp_path / "spare.log").open("wb")
        spare = subprocess.Popen(
            [sys.executable, "-m", "fakelake.flows.spare", str(address)], env=env, stdout=log, stderr=log
        )
        try:
            until(address.exists, spare)
            yield root, spare
        finally:
            spare.kill()
            spare.wait()


def until(true, spare=None, seconds=900):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end and (spare is None or spare.poll() is None)
        time.sleep(0.05)


def unread(pipe):
    """Bytes that nobody has taken out of a pipe yet."""
    return struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)))[0]


def test_a_command_that_became_the_spare_answers_as_itself(lake, tmp_path):
    root, spare = lake
    clip = short_clips(tmp_path / "clips", 1)[0]
    (tmp_path / "clips" / "broken.mp4").write_bytes(b"no video")
    done = subprocess.run(
        [*COMMAND, "ingest", ".", "--lake", str(root)], cwd=clip.parent, capture_output=True, text=True
    )
    assert done.returncode == 3, done.stderr
    assert "2 videos: 1 ready, 0 without a usable face, 1 quarantined" in done.stdout
    assert spare.wait(300) == 0, "it ends when it was used"
    assert Lake.open(root).read("videos", ["status"]).to_pylist() == [{"status": "ready"}]
    assert handed_over(["ingest"], str(root)) is None, "the next finds none, and starts by itself"


def test_a_command_with_other_settings_or_other_code_is_refused_and_the_spare_waits_on(lake, monkeypatch):
    root, spare = lake
    with monkeypatch.context() as patch:
        patch.setenv("FAKELAKE_DEVICE", "cuda")
        assert handed_over(["ingest", "."], str(root)) is None
    with monkeypatch.context() as patch:
        patch.setattr("fakelake.infra.handover.code_stamp", lambda: "another version")
        assert handed_over(["ingest", "."], str(root)) is None
    assert spare.poll() is None
    done = subprocess.run([*COMMAND, "ingest", "nothing-here", "--lake", str(root)], capture_output=True, text=True)
    assert done.returncode == 3 and "1 videos: 0 ready" in done.stdout, done.stderr
    assert spare.wait(300) == 0


def test_a_killed_command_does_not_go_on_out_of_sight(lake, tmp_path):
    root, spare = lake
    command = subprocess.Popen(
        [*COMMAND, "ingest", "-", "--lake", str(root)],  # it reads its list from standard input, which stays open
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: not Path(_address(root)).exists(), spare)  # it was taken
    command.send_signal(signal.SIGKILL)
    command.communicate()
    assert spare.wait(300) == -signal.SIGKILL


def test_ctrl_c_stops_the_command_with_its_own_words(lake, tmp_path):
    root, spare = lake
    command = subprocess.Popen(
        [*COMMAND, "ingest", "-", "--lake", str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: not Path(_address(root)).exists(), spare)
    command.stdin.write("somewhere\n")
    command.stdin.flush()
    until(lambda: not unread(command.stdin), spare)  # it waits for the rest of the list
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=300)
    assert command.returncode == 130 and "Stopped. What was committed is safe" in said
    assert spare.wait(300) == 0


def test_only_variables_that_are_read_early_tell_two_environments_apart():
    one = {"FAKELAKE_DEVICE": "cpu", "FAKELAKE_LAKE": "a", "EDITOR": "vi"}
    assert told_apart(one, {**one, "FAKELAKE_LAKE": "b", "EDITOR": "ed"}) == []
    assert told_apart(one, {**one, "FAKELAKE_DEVICE": "cuda", "TZ": "UTC"}) == ["FAKELAKE_DEVICE", "TZ"]


def test_the_stamp_of_the_code_is_the_same_until_a_file_changes(monkeypatch, tmp_path):
    assert code_stamp() == code_stamp()
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "one.py").write_text("")
    monkeypatch.setattr("fakelake.infra.handover.__file__", str(tmp_path / "infra" / "one.py"))
    before = code_stamp()
    os.utime(tmp_path / "infra" / "one.py", (1, 2**31))
    assert code_stamp() != before


def _address(root):
    return read_state(str(root)).spare
