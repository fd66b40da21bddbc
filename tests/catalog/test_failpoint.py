import signal

import pytest

from fakelake.catalog.failpoint import FailpointReached, failpoint
from tests.catalog.rows import start

REACH = (
    "from fakelake.catalog.failpoint import failpoint; failpoint('decode'); failpoint('after_crops'); print('alive')"
)


def test_without_the_environment_nothing_happens(monkeypatch):
    monkeypatch.delenv("FAKELAKE_FAILPOINT", raising=False)
    assert failpoint("decode") is None


@pytest.mark.parametrize(("action", "died_of"), [("kill", signal.SIGKILL), ("segfault", signal.SIGSEGV)])
def test_a_process_dies_at_the_named_point(action, died_of):
    process = start(REACH, FAKELAKE_FAILPOINT="after_crops", FAKELAKE_FAILPOINT_ACTION=action)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (-died_of, "")


def test_a_paused_process_waits_to_be_killed(tmp_path):
    process = start(
        REACH, FAKELAKE_FAILPOINT="decode", FAKELAKE_FAILPOINT_ACTION="pause", FAKELAKE_FAILPOINT_DIR=str(tmp_path)
    )
    while not (tmp_path / "decode").exists():
        assert process.poll() is None
    process.kill()
    assert process.communicate(timeout=60)[0] == ""


def test_with_a_directory_it_happens_to_the_first_who_comes(monkeypatch, tmp_path):
    monkeypatch.setenv("FAKELAKE_FAILPOINT", "decode")
    monkeypatch.setenv("FAKELAKE_FAILPOINT_ACTION", "raise")
    monkeypatch.setenv("FAKELAKE_FAILPOINT_DIR", str(tmp_path))
    with pytest.raises(FailpointReached):
        failpoint("decode")
    failpoint("decode")


def test_a_mistyped_action_is_an_error(monkeypatch):
    monkeypatch.setenv("FAKELAKE_FAILPOINT", "decode")
    monkeypatch.setenv("FAKELAKE_FAILPOINT_ACTION", "klil")
    with pytest.raises(ValueError, match="use kill"):
        failpoint("decode")
