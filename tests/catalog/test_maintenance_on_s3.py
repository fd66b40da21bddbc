"""What keeps a lake whole, on a real S3 server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakelake.catalog.check import check
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.content import content_hash
from fakelake.catalog.forget import forget
from fakelake.catalog.history import snapshot_at, views_at
from fakelake.catalog.lake import Lake
from fakelake.catalog.migrate import migrate
from fakelake.catalog.rebuild import LossRefused, rebuild
from fakelake.catalog.vacuum import vacuum
from tests.catalog.rows import count, source, video_id, write_video


@pytest.fixture
def lake(s3_root):
    lake = Lake.create(s3_root)
    commit_videos(lake, [write_video(lake, 1), write_video(lake, 2)], [source(1), source(2)])
    return lake


def test_a_lake_on_s3_is_compacted_vacuumed_checked_and_forgets(lake):
    content = content_hash(lake)
    compact(lake, ["crops", "frames"])
    assert vacuum(lake, timedelta(0), alone=True)
    assert len(list(lake.location.files("crops"))) == 1 + len(list(lake.location.files("crops/_delta_log")))
    assert content_hash(lake) == content
    then = lake.snapshot()
    forget(lake, video_id(1))
    assert count(lake, "crops") == count(lake.at(then), "crops") == 3
    assert check(lake).whole


def test_a_lake_on_s3_is_rebuilt_migrated_and_travelled(lake):
    assert migrate(lake.location).tables == ()
    assert lake.location.root in views_at(lake, snapshot_at(lake, lake_made(lake)))
    lake.location.delete(f"frames/{lake.parts('frames')[0].path}")
    with pytest.raises(LossRefused):
        rebuild(lake)
    assert rebuild(lake, accept_loss=True).dropped_videos
    assert check(lake).whole


def lake_made(lake):
    from fakelake.catalog.delta_log import read_log

    return read_log(lake.location, "frames").changes[0].at
