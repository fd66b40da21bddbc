import multiprocessing
import os
import signal
import threading
import time

import pytest

from fakelake.catalog.location import LakeLocation
from fakelake.catalog.lock import LOCK_FILE, LakeBusy, LeaseLost, lake_lock
from tests.catalog.rows import start

HOLD = """
    import sys, time
    from fakelake.catalog.location import LakeLocation
    from fakelake.catalog.lock import lake_lock
    with lake_lock(LakeLocation.from_str(sys.argv[1]), term_s=float(sys.argv[2])):
        print("held", flush=True)
        time.sleep(60)
"""
TERM_S = 6.0  # a slow machine may stand still for a second or two


@pytest.fixture(params=["local", "s3"])
def place(request, tmp_path):
    return LakeLocation.from_str(tmp_path if request.param == "local" else request.getfixturevalue("s3_root"))


@pytest.fixture
def lease(s3_root):
    return LakeLocation.from_str(s3_root)


@pytest.fixture
def holder(place):
    process = start(HOLD, place.root, TERM_S)
    assert process.stdout.readline() == "held\n", process.communicate()[1]
    yield process
    process.kill()
    process.communicate()


def test_who_waits_too_long_learns_who_holds_the_lake(place, holder):
    with pytest.raises(LakeBusy, match=f"process {holder.pid} on .* since"), lake_lock(place, timeout_s=0.3):
        pass


def test_the_lock_of_a_killed_process_comes_free(place, holder):
    holder.send_signal(signal.SIGKILL)
    with lake_lock(place, timeout_s=30, term_s=TERM_S) as held:
        held.check()


def test_a_lease_is_renewed_for_as_long_as_its_holder_lives(lease):
    process = start(HOLD, lease.root, TERM_S)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(LakeBusy), lake_lock(lease, timeout_s=2 * TERM_S, term_s=TERM_S):
        pass
    process.kill()
    process.communicate()


def test_threads_take_turns(place):
    inside, most = [], []

    def work():
        with lake_lock(place):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_a_forked_child_does_not_keep_its_parent_s_lock(tmp_path):
    place = LakeLocation.from_str(tmp_path)
    with lake_lock(place):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    try:
        with lake_lock(place, timeout_s=5):
            pass
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.join()


def test_who_was_overtaken_learns_it_before_the_next_commit(lease):
    with lake_lock(lease, term_s=TERM_S) as held:
        held.check()
        lease.write_bytes(LOCK_FILE, b'{"token": "another writer"}')
        deadline = time.monotonic() + 10
        with pytest.raises(LeaseLost, match="run again"):
            while time.monotonic() < deadline:
                held.check()
                time.sleep(0.05)
    assert b"another writer" in lease.read_bytes(LOCK_FILE)  # we left theirs alone
