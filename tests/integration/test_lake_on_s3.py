"""Videos on S3 into a lake on S3, against a real S3 endpoint on loopback."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import pytest

from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from tests.integration.clips import short_clips
from tests.integration.commands import ingest, ingest_apart, run

pytestmark = pytest.mark.usefixtures("pipeline")


def test_a_prefix_of_videos_is_ingested_into_a_lake_on_s3_and_answers_sql(bucket: str, tmp_path: Path) -> None:
    clips = short_clips(tmp_path / "in", 2)
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
    for clip in clips:
        s3.upload_file(str(clip), bucket.removeprefix("s3://"), f"inbox/{clip.name}")
    lake = f"{bucket}/lake"
    summary = ingest_here(f"{bucket}/inbox", lake, tmp_path)
    assert summary["ready"] == 2
    rows = run(
        "sql", "SELECT name, status FROM videos JOIN sources USING (video_id)", "--lake", lake, "--format", "csv"
    )
    assert sorted(rows.stdout.splitlines()[1:]) == [f"{clip.name},ready" for clip in clips]
    assert ingest_here(f"{bucket}/inbox", lake, tmp_path)["already_done"] == 2
    local = tmp_path / "local"
    ingest(*clips, "--lake", local)
    of_s3, of_disk = (
        Lake.open(where).read("frames", ["video_id", "frame", "x1", "det_score"]) for where in (lake, local)
    )
    order = [("video_id", "ascending"), ("frame", "ascending")]
    assert of_s3.sort_by(order).equals(of_disk.sort_by(order))
    assert content_hash(Lake.open(lake)) != content_hash(Lake.open(local)), "the addresses differ, the faces do not"


def ingest_here(prefix: str, lake: str, tmp_path: Path) -> dict:
    """Workers get the endpoint and its keys from the driver's environment: that takes a driver of its own."""
    code, summary = ingest_apart(prefix, "--lake", lake, env={}, out=tmp_path / "summary.json")
    assert code == 0
    return summary
