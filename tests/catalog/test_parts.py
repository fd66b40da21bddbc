import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakelake.catalog.parts import Part, PartWriter, RowsRefused
from fakelake.catalog.schemas import SCHEMAS


def pictures(n, **other):
    return pa.table({
        "video_id": ["v"] * n, "track_id": [0] * n, "frame": list(range(n)), "image": [b"\xff\xd8"] * n,
        "attempt_id": ["a"] * n, **other,
    })  # fmt: skip


def names(lake, table):
    return sorted(file.name for file in lake.location.path(table).iterdir() if file.is_file())


def test_a_part_has_its_name_only_when_it_is_whole(lake):
    writer = PartWriter(lake.location, "crops", "a", 7)
    writer.write(pictures(600))
    assert not any(name.endswith(".parquet") for name in names(lake, "crops"))
    part = writer.close()
    columns = len(SCHEMAS["crops"])
    assert names(lake, "crops") == [f"a-7.{columns}.parquet"] == [part.path]
    assert (part.rows, part.bytes) == (600, lake.location.size(f"crops/{part.path}"))
    assert (part.attempt_id, part.columns) == ("a", columns)


def test_a_file_from_before_names_told_columns_has_a_number_that_no_table_has():
    assert (Part("crops", "a-7.parquet", 1, 1).columns, Part("crops", "a-7.parquet", 1, 1).attempt_id) == (0, "a")


def test_an_aborted_part_leaves_nothing(lake):
    with pytest.raises(KeyError), PartWriter(lake.location, "crops", "a") as writer:
        writer.write(pictures(600))
        raise KeyError
    assert names(lake, "crops") == []


def test_small_batches_gather_into_row_groups_of_512_pictures(lake):
    with PartWriter(lake.location, "crops", "a") as writer:
        for _ in range(11):
            writer.write(pictures(100).to_batches()[0])
        part = writer.close()
    file = pq.ParquetFile(lake.location.path("crops", part.path))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [512, 512, 76]


def test_pictures_are_stored_as_they_are_and_without_statistics(lake):
    with PartWriter(lake.location, "crops", "a") as writer:
        writer.write(pictures(3))
        part = writer.close()
    group = pq.ParquetFile(lake.location.path("crops", part.path)).metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert columns["image"].compression == "UNCOMPRESSED"
    assert columns["image"].statistics is None
    assert columns["video_id"].compression == "ZSTD"
    assert columns["frame"].statistics.max == 2


def test_measurements_are_stored_so_that_scans_over_all_faces_are_cheap(lake):
    with PartWriter(lake.location, "frames", "a") as writer:
        row = {"video_id": ["v"], "track_id": [0], "frame": [0], "attempt_id": ["a"], "x1": [0.5]}
        writer.write(pa.table(row))
        part = writer.close()
    group = pq.ParquetFile(lake.location.path("frames", part.path)).metadata.row_group(0)
    codecs = {group.column(n).path_in_schema: group.column(n).compression for n in range(group.num_columns)}
    assert {codecs[name] for name in ("x1", "x2", "det_score", "sharpness")} == {"LZ4"}
    assert {codecs[name] for name in ("video_id", "pts_s", "landmarks.list.element")} == {"ZSTD"}


def test_absent_columns_become_null_and_types_are_the_table_s(lake):
    with PartWriter(lake.location, "crops", "a") as writer:
        writer.write(pictures(1))
        part = writer.close()
    table = pq.read_table(lake.location.path("crops", part.path))
    assert table.schema.equals(SCHEMAS["crops"])
    assert table["crop_px"].to_pylist() == [None]


def test_a_part_without_rows_is_a_part(lake):
    with PartWriter(lake.location, "frames", "a") as writer:
        part = writer.close()
    assert part.rows == 0
    assert pq.read_table(lake.location.path("frames", part.path)).num_rows == 0


@pytest.mark.parametrize(
    ("column", "values", "complaint"),
    [
        ("colour", ["red"], "no column colour"),
        ("crop_px", ["wide"], "crops.crop_px"),
        ("attempt_id", [None], "required"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_the_column_s_name(lake, column, values, complaint):
    rows = pictures(1)
    rows = rows.drop_columns([column]) if column in rows.column_names else rows
    writer = PartWriter(lake.location, "crops", "a")
    with pytest.raises(RowsRefused, match=complaint):
        writer.write(rows.append_column(column, pa.array(values, pa.string())))
    writer.abort()
