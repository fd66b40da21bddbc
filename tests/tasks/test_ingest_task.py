"""The calls that workers get: a short video is written at once, a long one is staged and joined."""

import pickle

import pyarrow.parquet as pq
import pytest

from fakelake.catalog.schemas import SCHEMAS
from fakelake.tasks.errors import MediaError
from fakelake.tasks.ingest_task import examine_task, read_task, write_task
from tests.media import paste_faces, write_sound
from tests.tasks.reading import segment_jobs, source_of


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "two.mp4"
    paste_faces(path, [(160, 180, 140), (480, 180, 140)], frames=24)
    return path


def rows(lake, written, table):
    (part,) = (p for p in written.video.parts if p.table == table)
    return pq.read_table(lake / table / part.path).to_pylist()


def files(lake):
    return sorted(str(p.relative_to(lake)) for p in lake.rglob("*") if p.is_file())


def test_a_video_of_one_segment_is_written_at_once(clip, tmp_path):
    (job,) = segment_jobs(clip, tmp_path / "lake", float("inf"))
    written = read_task(job)
    assert (written.video.row["dataset"], written.video.row["tracks"], written.faces) == ("news", 2, 48)
    assert files(tmp_path / "lake") == [
        f"{table}/attempt-0.{len(SCHEMAS[table])}.parquet" for table in ("crops", "frames", "portraits")
    ]  # fmt: skip


def test_a_long_video_is_staged_then_joined_into_the_rows_of_the_whole_and_the_staging_is_cleared(clip, tmp_path):
    whole = read_task(*segment_jobs(clip, tmp_path / "whole", float("inf")))
    parts = segment_jobs(clip, tmp_path / "parts", 0.4)
    read = [read_task(job) for job in reversed(parts)][::-1]
    assert len(parts) == 2
    assert all(name.startswith("_staging/attempt/") for name in files(tmp_path / "parts"))
    joined = write_task(parts[0], pickle.loads(pickle.dumps(read)))
    assert joined.video.row == whole.video.row
    for table in ("frames", "crops"):
        assert rows(tmp_path / "parts", joined, table) == rows(tmp_path / "whole", whole, table)
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_file_that_is_no_video_comes_back_with_its_hash_and_the_reason(tmp_path):
    examined = pickle.loads(pickle.dumps(examine_task(source_of(write_sound(tmp_path / "a.mp3")))))
    assert len(examined.video_id) == 64
    assert isinstance(examined.info, MediaError) and examined.info.error == "audio_only"
