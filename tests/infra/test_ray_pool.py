"""Calls on a real Ray: what crashes, hangs or fails costs itself and nothing else.

The functions are nested, so that Ray sends their code along: workers need not find this file.
"""

import os
import time

import pytest
import ray

from fakelake.infra.ray_pool import ClusterUnfit, DeadlineExceeded, RayPool, WorkerDied
from fakelake.tasks.errors import MediaError


@pytest.fixture
def pool(ray_address, tmp_path):
    pool = RayPool(cpus_per_task=1, log_dir=tmp_path / "logs")
    yield pool
    pool.close()


def outcomes(pool, timeout_s=60.0):
    """Everything that is under way, by key."""
    done, end = {}, time.monotonic() + timeout_s
    while len(pool):
        assert time.monotonic() < end, f"still waiting for {len(pool)} calls; done: {done}"
        done |= {d.key: d for d in pool.wait()}
    return done


def test_many_calls_all_come_back_with_their_values(pool):
    for n in range(40):
        pool.submit(n, lambda n: n * n, n, deadline_s=60)
    done = outcomes(pool)
    assert {key: d.value for key, d in done.items()} == {n: n * n for n in range(40)}
    assert all(d.error is None and d.log == "" for d in done.values())


def test_a_function_sees_only_its_own_cores(pool):
    pool.submit("threads", lambda: os.environ["OMP_NUM_THREADS"], deadline_s=60)
    assert outcomes(pool)["threads"].value == "1"


def test_what_a_function_raises_comes_back_as_it_was_raised_with_its_trace(pool):
    def refuse():
        raise MediaError("probe", "empty", "a.mp4 is empty.", "Copy it again.", lasting=False)

    pool.submit("bad", refuse, deadline_s=60)
    pool.submit("good", lambda: 1, deadline_s=60)
    done = outcomes(pool)
    error = done["bad"].error
    assert type(error) is MediaError
    assert (error.stage, error.error, error.message, error.lasting) == ("probe", "empty", "a.mp4 is empty.", False)
    assert "in refuse" in done["bad"].log and "\x1b" not in done["bad"].log
    assert done["good"].value == 1


def test_an_operating_systems_error_keeps_its_number(pool):
    def fill():
        raise OSError(28, "No space left on device")

    pool.submit("full", fill, deadline_s=60)
    error = outcomes(pool)["full"].error
    assert isinstance(error, OSError) and error.errno == 28


def test_a_segmentation_fault_costs_its_own_call_and_leaves_a_stack(pool):
    def crash():
        import ctypes

        ctypes.string_at(0)

    keys = [f"good {n}" for n in range(6)]
    for key in [*keys[:3], "bad", *keys[3:]]:
        pool.submit(key, crash if key == "bad" else (lambda: "fine"), deadline_s=60)
    done = outcomes(pool)
    assert isinstance(done["bad"].error, WorkerDied)
    assert "Segmentation fault" in done["bad"].log and "in crash" in done["bad"].log
    assert [done[key].value for key in keys] == ["fine"] * 6


def test_a_killed_worker_is_a_worker_that_died(pool):
    def killed():
        os.kill(os.getpid(), 9)

    pool.submit("bad", killed, deadline_s=60)
    assert isinstance(outcomes(pool)["bad"].error, WorkerDied)


def test_a_dying_call_is_not_repeated_behind_our_back(pool, tmp_path):
    def count_and_die(path):
        with path.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), 9)

    pool.submit("bad", count_and_die, tmp_path / "count", deadline_s=60)
    outcomes(pool)
    assert (tmp_path / "count").read_text() == "x"


def test_a_call_that_hangs_is_killed_at_its_deadline_and_says_where_it_hung(pool):
    def hang():
        time.sleep(1000)

    pool.submit("hung", hang, deadline_s=10)
    pool.submit("good", lambda: 1, deadline_s=60)
    done = outcomes(pool)
    assert isinstance(done["hung"].error, DeadlineExceeded)
    assert "in hang" in done["hung"].log
    assert done["good"].value == 1


def test_a_decoder_that_hangs_without_letting_python_run_is_killed_too(pool):
    def hang_in_c():
        import ctypes

        ctypes.PyDLL(None).sleep(1000)  # keeps the interpreter's lock

    pool.submit("hung", hang_in_c, deadline_s=10)
    done = outcomes(pool)["hung"]
    assert isinstance(done.error, DeadlineExceeded)
    assert "in hang_in_c" in done.log


def test_waiting_for_others_on_a_shared_cluster_does_not_count_for_the_deadline(pool, tmp_path):
    others = RayPool(cpus_per_task=1, log_dir=tmp_path / "others")
    for n in range(others.slots):
        others.submit(n, lambda: time.sleep(4), deadline_s=60)
    time.sleep(0.5)
    pool.submit("patient", lambda: "done", deadline_s=1.5)
    assert outcomes(pool)["patient"].value == "done"
    others.close()


def test_what_is_submitted_first_of_all_overtakes_what_waits(ray_address, tmp_path):
    # One slot: what two workers do side by side may end in any order.
    pool = RayPool(cpus_per_task=int(ray.cluster_resources()["CPU"]), log_dir=tmp_path / "logs")
    assert pool.slots == 1
    for n in range(2):
        pool.submit(f"with Ray {n}", time.sleep, 0.3, deadline_s=60)
    for n in range(3):
        pool.submit(f"waiting {n}", time.sleep, 0, deadline_s=60)
    pool.submit("urgent", time.sleep, 0, deadline_s=60, first=True)
    order = list(outcomes(pool))
    pool.close()
    assert order == ["with Ray 0", "with Ray 1", "urgent", "waiting 0", "waiting 1", "waiting 2"]


def test_the_pool_is_hungry_until_every_core_has_work_in_stock(pool):
    stocked = 0
    while pool.hungry:
        pool.submit(stocked, lambda: time.sleep(0.05), deadline_s=60)
        stocked += 1
    assert stocked == len(pool) == 2 * pool.slots + 2
    outcomes(pool)
    assert pool.hungry


def test_waiting_for_nothing_returns_at_once(pool):
    assert pool.wait(timeout_s=100) == []


def test_forgotten_calls_never_run(pool, tmp_path):
    for n in range(2 * pool.slots):
        pool.submit(("running", n), lambda: time.sleep(0.3), deadline_s=60)
    pool.submit(("unwanted", 0), lambda path: path.touch(), tmp_path / "ran", deadline_s=60)
    pool.submit(("wanted", 0), lambda: 1, deadline_s=60)
    pool.forget(lambda key: key[0] == "unwanted")
    assert ("wanted", 0) in (done := outcomes(pool)) and ("unwanted", 0) not in done
    assert not (tmp_path / "ran").exists()


def test_a_closed_pool_kills_what_runs_and_leaves_no_logs(pool, tmp_path):
    def beat(path):
        while True:
            path.write_text(str(time.time()))
            time.sleep(0.05)

    pool.submit("beat", beat, tmp_path / "beat", deadline_s=60)
    while not (tmp_path / "beat").exists():
        pool.wait(timeout_s=0.1)
    pool.close()
    assert len(pool) == 0
    end = time.monotonic() + 20
    while time.monotonic() < end:
        before = (tmp_path / "beat").read_text()
        time.sleep(0.5)
        if (tmp_path / "beat").read_text() == before:
            break
    else:
        pytest.fail("it still runs")
    assert not (tmp_path / "logs").exists()


def test_without_a_directory_for_logs_one_machine_still_keeps_last_words(ray_address):
    pool = RayPool(cpus_per_task=1)
    pool.submit("bad", lambda: os.kill(os.getpid(), 11), deadline_s=60)
    done = outcomes(pool)["bad"]
    assert isinstance(done.error, WorkerDied) and "Segmentation fault" in done.log
    pool.close()


def test_what_no_machine_can_run_is_refused_instead_of_waiting_for_ever(ray_address):
    with pytest.raises(ClusterUnfit, match="10000 cores"):
        RayPool(cpus_per_task=10_000)


def test_a_detector_on_a_gpu_is_refused_where_there_is_none(ray_address):
    import ray

    if ray.cluster_resources().get("GPU"):
        pytest.skip("there is a GPU")
    with pytest.raises(ClusterUnfit, match="FAKELAKE_DEVICE=cpu"):
        RayPool(cpus_per_task=1, gpus_per_task=0.25)
