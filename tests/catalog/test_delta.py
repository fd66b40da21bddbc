import os

import pytest
from deltalake import DeltaTable

from fakelake.catalog import delta
from fakelake.catalog.delta import TableMoved
from tests.catalog.rows import finish, start

LABEL = {"video_id": "v", "label": "fake", "origin": "dataset"}


@pytest.fixture
def location(lake):
    return lake.location


def part(lake, **other):
    return lake.write_rows("labels", [{**LABEL, **other}])


def paths(location):
    return [p.path for p in delta.parts_of(delta.open_table(location, "labels"), "labels")]


def test_a_lake_s_tables_have_no_partitions_and_no_deletion_vectors(lake):
    for name in ("videos", "frames", "crops"):
        table = lake.table(name)
        assert table.metadata().partition_columns == []
        assert table.metadata().configuration["delta.enableDeletionVectors"] == "false"
        assert table.protocol().min_reader_version == 1  # any Delta reader can open it


def test_pictures_get_no_delta_statistics(lake):
    columns = lake.table("crops").metadata().configuration["delta.dataSkippingStatsColumns"].split(",")
    assert "video_id" in columns and "image" not in columns


def test_the_log_knows_the_rows_and_bytes_of_each_file(lake, location):
    one = part(lake)
    delta.commit(location, "labels", [one])
    assert delta.parts_of(lake.table("labels"), "labels") == [one]


def test_committing_a_file_twice_is_committing_it_once(lake, location):
    one = part(lake)
    assert delta.commit(location, "labels", [one]) == delta.commit(location, "labels", [one]) == 1
    assert paths(location) == [one.path]


def test_files_are_exchanged_in_one_version(lake, location):
    one, two, three = part(lake), part(lake), part(lake)
    delta.commit(location, "labels", [one, two])
    version = delta.commit(location, "labels", [three], [one, two], data_change=False)
    assert version == 2
    assert paths(location) == [three.path]
    assert {p.path for p in delta.parts_of(lake.table("labels"), "labels")} == {three.path}
    assert len(DeltaTable(location.uri("labels"), version=1).file_uris()) == 2


def test_a_file_that_is_gone_cannot_be_exchanged(lake, location):
    one, two = part(lake), part(lake)
    delta.commit(location, "labels", [one])
    delta.commit(location, "labels", [], [one])
    with pytest.raises(TableMoved, match=one.path):
        delta.commit(location, "labels", [two], [one])
    assert paths(location) == []


def test_a_commit_can_insist_on_the_version_it_was_decided_on(lake, location):
    delta.commit(location, "labels", [part(lake)])
    with pytest.raises(TableMoved, match="at version 1, not at 0"):
        delta.commit(location, "labels", [part(lake)], at_version=0)


@pytest.mark.parametrize("insist", [True, False])
def test_a_commit_that_another_one_overtakes_looks_again_before_it_retries(lake, location, monkeypatch, insist):
    mine, theirs = part(lake), part(lake)
    honest, overtaken = delta.parts_of, []

    def overtake(table, name):
        present = honest(table, name)
        if not overtaken:
            overtaken.append(1)
            delta.commit(location, "labels", [theirs])
        return present

    monkeypatch.setattr(delta, "parts_of", overtake)
    if insist:
        with pytest.raises(TableMoved, match="at version 1, not at 0"):
            delta.commit(location, "labels", [mine], at_version=0)
    else:
        assert delta.commit(location, "labels", [mine]) == 2
    assert paths(location) == sorted([theirs.path] if insist else [mine.path, theirs.path])


def test_the_log_keeps_what_training_may_name(lake):
    assert lake.table("frames").metadata().configuration["delta.enableExpiredLogCleanup"] == "false"


APPEND = """
    import sys
    from fakelake.catalog import delta
    from fakelake.catalog.lake import Lake
    lake = Lake.open(sys.argv[1])
    for n in range(8):
        row = {"video_id": sys.argv[2], "label": "fake", "origin": "dataset", "note": str(n)}
        delta.commit(lake.location, "labels", [lake.write_rows("labels", [row])])
"""


@pytest.mark.parametrize("where", ["local", "s3"])
def test_no_append_is_lost_when_writers_ignore_the_lock(where, lake, request):
    root = lake.location.root
    if where == "s3":
        root = request.getfixturevalue("s3_root")
        lake = type(lake).create(root)
    writers = [
        start(APPEND, root, n, **{k: v for k, v in os.environ.items() if k.startswith("AWS_")}) for n in range(3)
    ]
    for writer in writers:
        finish(writer)
    labels = lake.read("labels", ["video_id", "note"]).to_pylist()
    assert len(labels) == len({(row["video_id"], row["note"]) for row in labels}) == 24
