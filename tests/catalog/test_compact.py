from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakelake.catalog import delta
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import bins, compact, compact_if_needed
from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from fakelake.catalog.merge import FileDamaged
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.schemas import TABLES
from tests.catalog.rows import ask, count, finish, source, start, trouble, video_id, write_video

ATTEMPT_TABLES = ("frames", "crops", "portraits")
QUESTIONS = (
    "SELECT * EXCLUDE landmarks, landmarks::VARCHAR FROM frames ORDER BY video_id, track_id, frame",
    "SELECT video_id, frame, image FROM crops ORDER BY ALL",
    "SELECT video_id, status FROM videos ORDER BY ALL",
    "SELECT dataset, videos, ready, quarantined FROM coverage ORDER BY ALL",
    "SELECT uri, error FROM open_quarantine ORDER BY ALL",
)


def ingest(lake, *numbers, rows=3):
    for i in numbers:
        commit_videos(lake, [write_video(lake, i, rows=rows)], [source(i)], [trouble(i + 1000)])


def files(lake, table):
    return delta.parts_of(lake.table(table), table)


def test_many_small_files_become_one_file_a_table(lake):
    ingest(lake, 3, 1, 2)
    report = compact(lake)
    for table in (*ATTEMPT_TABLES, "videos", "sources", "quarantine"):
        assert len(files(lake, table)) == 1
    assert {(done.table, done.files_before, done.rows) for done in report} >= {("frames", 3, 9), ("videos", 3, 3)}


def test_every_query_gives_the_same_rows_before_and_after_compaction(lake):
    ingest(lake, 3, 1, 2)
    before, content = [ask(lake.location.path("catalog.duckdb"), sql) for sql in QUESTIONS], content_hash(lake)
    compact(lake)
    assert [ask(lake.location.path("catalog.duckdb"), sql) for sql in QUESTIONS] == before
    assert content_hash(lake) == content
    assert before[0] and before[1] and before[4]


def test_the_published_views_read_the_new_files(lake):
    ingest(lake, 1, 2)
    compact(lake)
    sql = lake.location.path("catalog.sql").read_text()
    assert files(lake, "frames")[0].path in sql and "compact-" in files(lake, "frames")[0].path


def test_rows_are_sorted_and_row_groups_have_the_size_that_the_table_wants(lake):
    ingest(lake, 5, 9, 2, 7, rows=400)
    compact(lake)
    for table in ATTEMPT_TABLES:
        file = pq.ParquetFile(lake.location.path(table, files(lake, table)[0].path))
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        assert sizes == ([1600] if table == "frames" else [512, 512, 512, 64])
        keys = list(zip(*(file.read(columns=["video_id", "frame"])[c].to_pylist() for c in (0, 1)), strict=True))
        assert keys == [(video_id(i), frame) for i in (2, 5, 7, 9) for frame in range(400)]


def test_tracks_that_interleave_between_files_are_merged_in_order(lake):
    for first in (0, 1):
        lake.append(
            "labels", [{"video_id": video_id(i), "label": "real", "origin": "dataset"} for i in range(first, 20, 2)]
        )
    compact(lake, ["labels"])
    table = pq.read_table(lake.location.path("labels", files(lake, "labels")[0].path))
    assert table["video_id"].to_pylist() == [video_id(i) for i in range(20)]


def test_a_large_file_that_was_written_unsorted_comes_out_sorted(lake):
    size = TABLES["labels"].row_group_rows
    ids = pa.array([f"{(i * 7919) % 300_000:064x}" for i in range(size + 5000)])
    rows = pa.table(
        {"video_id": ids, "label": pa.array(["real"] * len(ids)), "origin": pa.array(["dataset"] * len(ids))}
    )
    lake.append("labels", rows)
    lake.append("labels", [{"video_id": video_id(1), "label": "fake", "origin": "dataset"}])
    compact(lake, ["labels"])
    table = pq.read_table(lake.location.path("labels", files(lake, "labels")[0].path))
    assert table["video_id"].to_pylist() == sorted([*ids.to_pylist(), video_id(1)])


def test_orphans_of_attempts_that_never_were_committed_are_left_out(lake):
    ingest(lake, 1, 2)
    orphan = write_video(lake, 3)
    for part in orphan.parts:  # as a process leaves it that dies before its videos row
        delta.commit(lake.location, part.table, [part])
    compact(lake)
    paths = {part.path for part in files(lake, "frames")}
    assert len(paths) == 2 and orphan.parts[-1].path in paths
    assert count(lake, "frames") == 6


def test_rows_from_before_a_column_was_added_get_null(lake):
    ingest(lake, 1)
    old = TABLES["labels"].schema.remove(TABLES["labels"].schema.get_field_index("note"))
    path = lake.location.path("labels", "old-0.parquet")
    pq.write_table(
        pa.table(
            {"video_id": ["a"], "label": ["real"], "origin": ["dataset"]},
            schema=pa.schema([old.field(n) for n in ("video_id", "label", "origin")]),
        ),
        path,
    )
    delta.commit(lake.location, "labels", [Part("labels", "old-0.parquet", 1, path.stat().st_size)])
    lake.append("labels", [{"video_id": "b", "label": "fake", "origin": "dataset", "note": "seen"}])
    compact(lake, ["labels"])
    assert lake.read("labels", ["video_id", "note"]).to_pylist() == [
        {"video_id": "a", "note": None},
        {"video_id": "b", "note": "seen"},
    ]


def test_a_second_compaction_has_nothing_to_do(lake):
    ingest(lake, 1, 2)
    compact(lake)
    versions = lake.snapshot()
    assert compact(lake) == []
    assert lake.snapshot() == versions


def test_nothing_is_compacted_by_itself_while_files_are_few(lake):
    ingest(lake, 1, 2, 3)
    assert compact_if_needed(lake, small_files=16) == []
    assert {done.table for done in compact_if_needed(lake, small_files=3)} >= {"frames", "crops", "videos"}


def test_tables_with_a_file_a_commit_are_compacted_four_times_as_early(lake):
    ingest(lake, 1, 2, 3)
    assert {done.table for done in compact_if_needed(lake, small_files=12)} == {"videos", "sources", "quarantine"}


def test_a_large_result_of_an_earlier_compaction_waits_until_there_is_as_much_again(lake):
    commit_videos(lake, [write_video(lake, i, rows=400) for i in range(4)])
    compact(lake)
    large = files(lake, "crops")[0].path
    ingest(lake, 20, 21, rows=5)
    compact_if_needed(lake, small_files=2)
    assert large in {part.path for part in files(lake, "crops")}
    assert len(files(lake, "crops")) == 2


def test_files_are_grouped_up_to_the_target_size():
    parts = [Part("crops", f"{i}-0.parquet", 1, size) for i, size in enumerate([60, 50, 30, 30, 50, 99])]
    assert [[part.bytes for part in group] for group in bins(parts, 100)] == [[60, 50], [30, 30, 50]]


def test_files_near_the_target_size_are_left_alone(lake):
    ingest(lake, 1, 2)
    assert compact(lake, ["frames"], target_bytes=1024) == []


def test_an_old_snapshot_reads_the_same_after_compaction(lake):
    ingest(lake, 1, 2)
    before = lake.snapshot()
    compact(lake)
    ingest(lake, 3)
    assert count(lake.at(before), "frames") == 6
    assert count(lake, "frames") == 9


def test_a_compaction_that_was_overtaken_leaves_nothing_behind(lake, monkeypatch):
    ingest(lake, 1, 2)
    from fakelake.catalog import compact as module

    merge = module.merge

    def overtaken(lake, parts):
        merged = merge(lake, parts)
        monkeypatch.setattr(module, "merge", merge)
        compact(lake, [parts[0].table])
        return merged

    monkeypatch.setattr(module, "merge", overtaken)
    assert compact(lake, ["frames"]) == []
    assert [file.name for file in lake.location.path("frames").glob("compact-*")] == [files(lake, "frames")[0].path]
    assert count(lake, "frames") == 6


def test_a_damaged_file_is_named_and_nothing_is_exchanged(lake):
    ingest(lake, 1, 2)
    broken = files(lake, "frames")[0]
    lake.location.path("frames", broken.path).write_bytes(b"PAR1 no longer")
    with pytest.raises(FileDamaged, match=broken.path):
        compact(lake)
    assert broken in files(lake, "frames")


@pytest.mark.parametrize("point", ["compact_written", "compact_committed"])
def test_a_compaction_killed_at_any_point_leaves_a_whole_lake(lake, tmp_path, point):
    ingest(lake, 1, 2, 3)
    content = content_hash(lake)
    process = start(
        "import sys; from fakelake.catalog.lake import Lake; from fakelake.catalog.compact import compact\n"
        "compact(Lake.open(sys.argv[1]))",
        lake.location.root,
        FAKELAKE_FAILPOINT=point,
        FAKELAKE_FAILPOINT_DIR=str(tmp_path),
    )
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert content_hash(lake) == content
    assert len(ask(lake.location.path("catalog.duckdb"), "FROM frames")) == 9
    compact(lake)
    assert content_hash(lake) == content
    assert len(ask(lake.location.path("catalog.duckdb"), "FROM frames")) == 9


def test_ingests_in_other_processes_lose_and_double_nothing_while_compactions_run(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    ingest(lake, 900, 901)
    writer = """
        import sys
        from fakelake.catalog.commit import commit_videos
        from fakelake.catalog.lake import Lake
        from tests.catalog.rows import source, write_video
        lake = Lake.open(sys.argv[1])
        for i in range(int(sys.argv[2]), int(sys.argv[2]) + 8):
            commit_videos(lake, [write_video(lake, i)], [source(i)])
    """
    compactor = """
        import sys
        from fakelake.catalog.compact import compact
        from fakelake.catalog.lake import Lake
        for _ in range(4):
            compact(Lake.open(sys.argv[1]))
    """
    processes = [start(writer, lake.location.root, first) for first in (0, 4)]  # half of the work overlaps
    processes += [start(compactor, lake.location.root) for _ in range(2)]
    for process in processes:
        finish(process)
    there = ask(lake.location.path("catalog.duckdb"), "SELECT video_id, count(*) FROM frames GROUP BY ALL ORDER BY 1")
    assert there == [(video_id(i), 3) for i in (*range(12), 900, 901)]
    assert len(ask(lake.location.path("catalog.duckdb"), "FROM videos")) == 14


def test_pictures_of_one_video_in_several_row_groups_stay_whole(lake):
    ingest(lake, 1, rows=1300)
    ingest(lake, 2, rows=700)
    compact(lake, ["crops"])
    with lake.connect() as connection:
        assert connection.execute("SELECT count(DISTINCT (video_id, frame)), count(*) FROM crops").fetchone() == (
            2000,
            2000,
        )


def test_the_writer_of_a_merged_file_gives_it_its_name_only_when_it_is_whole(lake):
    ingest(lake, 1)
    with pytest.raises(RuntimeError), PartWriter(lake.location, "frames", "compact-x"):
        raise RuntimeError
    assert not list(lake.location.path("frames").glob("*compact-*"))
