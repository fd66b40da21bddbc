"""Several ingests into one lake at once, and readers beside them."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pytest

from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from tests.integration.clips import short_clips
from tests.integration.commands import ingest, query, start_ingest

pytestmark = pytest.mark.usefixtures("pipeline")


def test_four_overlapping_ingests_lose_and_double_nothing_while_readers_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = short_clips(tmp_path / "in", 8)
    alone, together = tmp_path / "alone", tmp_path / "together"
    monkeypatch.setenv("FAKELAKE_SHARD_VIDEOS", "2")
    ingest(*clips, "--lake", alone)
    # Each clip is in two or more of the four lists.
    lists = [clips[:6], clips[2:], clips[::2], [*clips[6:], *clips[:4]]]
    drivers = [start_ingest(*part, "--lake", together) for part in lists]
    files, scripts = [0], [0]
    while any(driver.is_alive() for driver in drivers):
        if (together / "catalog.duckdb").exists():  # the later of the two at the first publication
            files.append(_videos_by_file(together))
            scripts.append(_videos_by_script(together))  # published first
            assert scripts[-1] >= files[-1] >= files[-2], "a reader never sees less than before"
            assert scripts[-1] >= scripts[-2]
        time.sleep(0.05)
    assert [driver.exitcode for driver in drivers] == [0, 0, 0, 0]
    assert len({*files, *scripts}) > 2, "the readers saw the lake grow"
    assert query(together, "SELECT count(*), count(DISTINCT video_id) FROM videos") == [(8, 8)]
    assert content_hash(Lake.open(together)) == content_hash(Lake.open(alone))


def _videos_by_file(lake: Path) -> int:
    with duckdb.connect(str(lake / "catalog.duckdb"), read_only=True) as connection:
        return _whole(connection)


def _videos_by_script(lake: Path) -> int:
    with duckdb.connect() as connection:
        connection.execute((lake / "catalog.sql").read_text())
        return _whole(connection)


def _whole(connection: duckdb.DuckDBPyConnection) -> int:
    """Videos in the lake; every one of them has its rows."""
    whole = "SELECT count(*), count(*) FILTER (frames_with_face = rows) FROM videos JOIN "
    rows = "(SELECT video_id, count(*) AS rows FROM frames GROUP BY video_id) USING (video_id)"
    videos, complete = connection.execute(whole + rows).fetchone()
    assert videos == complete == connection.execute("SELECT count(*) FROM videos").fetchone()[0]
    return videos
