"""What a person says of videos while ingesting them goes on record once, and blanks nothing."""

from pathlib import Path

import pytest

from fakelake.catalog.lake import Lake
from fakelake.tasks.discover import Discovery, ManifestRow
from fakelake.tasks.named_labels import record_named_labels
from fakelake.tasks.source_file import SourceFile, uri_of
from tests.tasks.labels.lake_of_names import lake_of, video_id


@pytest.fixture
def lake(tmp_path):
    return lake_of(tmp_path / "lake", ["a.mp4", "b.mp4"])


def found(*names, **manifest):
    """As discovery found them below /data."""
    uris = {name: uri_of(Path("/data") / name) for name in names}
    rows = {uris[f"{name}.mp4"]: row for name, row in manifest.items()}
    sources = [SourceFile(uri=uri, dataset=None, bytes=1, mtime_ns=1) for uri in uris.values()]
    return Discovery(sources=sources, manifest=rows)


def labels(lake):
    rows = lake.read("labels").to_pylist()
    return sorted((r["video_id"], r["label"], r["target_identity"], r["origin"], r["labelled_by"]) for r in rows)


def test_a_label_for_all_is_recorded_for_each(lake):
    assert record_named_labels(lake, found("a.mp4", "b.mp4"), "real", None, "ingest") == 2
    assert labels(lake) == sorted((video_id(name), "real", None, "dataset", "ingest") for name in ("a.mp4", "b.mp4"))


def test_a_manifest_speaks_for_its_own_rows_before_the_label_for_all(lake):
    rows = found("a.mp4", "b.mp4", a=ManifestRow(label="FAKE", identity="ann"))
    record_named_labels(lake, rows, "real", None, "ingest")
    assert {(v, label, who) for v, label, who, *_ in labels(lake)} == {
        (video_id("a.mp4"), "fake", "ann"), (video_id("b.mp4"), "real", None)
    }  # fmt: skip


def test_said_again_it_adds_nothing(lake):
    for expected in (2, 0):
        rows = found("a.mp4", a=ManifestRow(label="real", permission="swap"))
        assert record_named_labels(lake, rows, None, None, "ingest") == expected


def test_said_again_without_the_identity_it_does_not_blank_it(lake):
    record_named_labels(lake, found("a.mp4", a=ManifestRow(label="real", identity="ann")), None, None, "ingest")
    assert record_named_labels(lake, found("a.mp4"), "real", None, "ingest") == 0
    with lake.connect() as connection:
        assert connection.execute("SELECT target_identity FROM current_labels").fetchall() == [("ann",)]


def test_a_changed_mind_is_another_row_and_the_latest_counts(lake):
    record_named_labels(lake, found("a.mp4"), "real", None, "ingest")
    record_named_labels(lake, found("a.mp4"), "fake", None, "ingest")
    with lake.connect() as connection:
        assert connection.execute("SELECT label FROM current_labels").fetchall() == [("fake",)]
    assert len(labels(lake)) == 2


def test_a_permission_says_on_whose_word_it_rests(lake):
    record_named_labels(lake, found("a.mp4"), None, "release form 12", "ann")
    (row,) = lake.read("consents").to_pylist()
    assert (row["video_id"], row["permission"], row["by"]) == (video_id("a.mp4"), "release form 12", "ann")


def test_what_is_not_in_the_lake_is_not_labelled(lake):
    assert record_named_labels(lake, found("gone.mp4"), "real", None, "ingest") == 0


def test_where_nothing_is_said_nothing_is_written(lake):
    before = lake.snapshot()
    assert record_named_labels(lake, found("a.mp4"), None, None, "ingest") == 0
    assert Lake.open(lake.location).snapshot() == before


def test_any_other_word_is_refused(lake):
    with pytest.raises(ValueError, match="'genuine'"):
        record_named_labels(lake, found("a.mp4", a=ManifestRow(label="genuine")), None, None, "ingest")
