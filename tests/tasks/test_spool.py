from pathlib import Path

import pyarrow as pa
import pytest

from fakelake.tasks.spool import ROWS_A_BATCH, SCHEMAS, Spool, SpooledTable, read_spool


def crops(count):
    return [(n % 3, n, bytes([n % 256]) * (n % 50)) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, ROWS_A_BATCH, ROWS_A_BATCH + 1, 3 * ROWS_A_BATCH])
def test_rows_come_back_in_the_order_in_which_they_were_added(tmp_path, count):
    with Spool(tmp_path / "spool") as spool:
        for row in crops(count):
            spool.add("crops", row)
    table = read_spool(tmp_path / "spool", "crops")
    assert list(zip(*table.to_pydict().values(), strict=True)) == crops(count)


def test_tables_without_rows_are_there_with_their_columns(tmp_path):
    with Spool(tmp_path):
        pass
    assert {name: read_spool(tmp_path, name).schema for name in SCHEMAS} == SCHEMAS


def test_points_that_are_not_known_come_back_as_they_went_in(tmp_path):
    points = [1.5] * 10
    with Spool(tmp_path) as spool:
        spool.add("frames", (0, 7, 0.25, 1.0, 2.0, 3.0, 4.0, points, 0.5, True, None))
    (row,) = read_spool(tmp_path, "frames").to_pylist()
    assert (row["frame"], row["landmarks"], row["sharpness"], row["detected"]) == (7, points, None, True)


def test_pictures_do_not_pile_up_in_memory(tmp_path):
    before = pa.total_allocated_bytes()
    with Spool(tmp_path) as spool:
        for n in range(40 * ROWS_A_BATCH):
            spool.add("crops", (0, n, bytes(4096)))
        assert pa.total_allocated_bytes() - before < 4 * ROWS_A_BATCH * 4096
    assert read_spool(tmp_path, "crops").num_rows == 40 * ROWS_A_BATCH


def file_mib() -> float:
    """Memory of this process that is parts of files."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssFile"))) / 1024


def test_pictures_that_were_read_can_be_let_go_and_read_again(tmp_path):
    picture = bytes(range(256)) * 16
    with Spool(tmp_path) as spool:
        for n in range(40 * ROWS_A_BATCH):
            spool.add("crops", (0, n, picture))
    spooled = SpooledTable(tmp_path, "crops")
    assert set(spooled.rows["image"].to_pylist()) == {picture}
    read = file_mib()
    spooled.let_go()
    assert read - file_mib() > 15
    assert spooled.rows["image"][-1].as_py() == picture


def test_an_error_is_passed_on_and_the_files_are_let_go(tmp_path):
    with pytest.raises(RuntimeError, match="broke"), Spool(tmp_path) as spool:
        spool.add("crops", (0, 0, b"x"))
        raise RuntimeError("broke")
    assert read_spool(tmp_path, "crops").num_rows == 0
