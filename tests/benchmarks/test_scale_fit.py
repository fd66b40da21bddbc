"""The fit of `benchmarks/scale.py` on made numbers."""

import pytest

from benchmarks.scale_fit import DAY_S, PREFECT_S, RUN, SHARD, WORKERS, Costs, capacity, table

FREE = 1e-9
CHEAP = Costs(1_000, {2: FREE, 1024: FREE}, commit=0.0, publication=0.0, look=0.0, merge=0.0, run=0.0)


def costs(**changes):
    """A driver that takes 1 ms a video, beside what is changed."""
    usual = {
        "videos": 1_000, "driver": {2: 0.001 - PREFECT_S / SHARD}, "commit": 0.0, "publication": 0.0, "look": 0.0,
        "merge": 0.0, "run": 0.0,
    }  # fmt: skip
    return Costs(**(usual | changes))


def test_few_cores_are_kept_busy_and_all_of_them_count():
    found = capacity(2, 10.0, CHEAP)
    assert found.videos_a_day == pytest.approx(2 * DAY_S / 10, rel=1e-3)
    assert found.limit == WORKERS


def test_many_cores_wait_for_the_driver():
    found = capacity(1024, 0.5, costs())
    assert found.videos_a_day == pytest.approx(DAY_S / 0.001)
    assert found.limit == "driver"


def test_the_driver_takes_over_where_both_are_equally_fast():
    found = capacity(2, 0.5, costs())
    assert found.driver_full_at == pytest.approx(501)
    assert [capacity(n, 0.5, costs()).limit for n in (500, 502)] == [WORKERS, "driver"]
    assert capacity(501, 0.5, costs()).videos_a_day == pytest.approx(DAY_S / 0.001)


def test_what_comes_once_a_shard_or_once_a_run_is_spread_over_its_videos():
    found = costs(commit=0.64, publication=1.28, look=0.064, merge=0.004, run=RUN * 0.003).parts(2)
    wanted = {"driver": 0.001, "commit": 0.01, "publication": 0.02, "compaction": 0.005, "run": 0.003}
    assert found == pytest.approx(wanted)


def test_the_drivers_parts_add_up_and_the_largest_two_are_named():
    found = capacity(1024, 1.0, costs(commit=0.64, publication=1.28))
    assert found.videos_a_day == pytest.approx(DAY_S / 0.031)
    assert (found.limit, found.next) == ("publication", "commit")
    assert capacity(2, 1.0, costs(commit=0.64, publication=1.28)).next == "publication"


def test_the_drivers_work_a_video_is_taken_between_the_measured_pools():
    found = costs(driver={2: 0.001, 1024: 0.003})
    assert [found.parts(n)["driver"] - PREFECT_S / SHARD for n in (2, 513, 1024, 4096)] == pytest.approx(
        [0.001, 0.002, 0.003, 0.003]
    )


def test_the_table_has_a_row_a_number_of_cores_and_a_column_a_size():
    lines = table([costs(), costs(videos=1_000_000, publication=64.0)], (2, 1024), 8.0).splitlines()
    assert lines[0] == "| cores | 1,000 in the lake | 1,000,000 in the lake | limit at the largest | next |"
    assert lines[2] == "| 2 | 22,000 | 19,000 | workers | publication, from 9 cores on |"
    assert lines[3] == "| 1024 | 11,000,000 | 86,000 | publication | driver |"
