import pytest

from fakelake.catalog.commit import IngestedVideo
from fakelake.catalog.schemas import SCHEMAS
from fakelake.flows.shard import Shard, as_media_error, quarantine_row, source_row
from fakelake.infra.ray_pool import DeadlineExceeded, OutOfMemory, WorkerDied
from fakelake.tasks.errors import MediaError
from fakelake.tasks.source_file import SourceFile

ERROR = MediaError("decode", "broken", "It breaks.", "Copy it again.")


def row(frames_kept=0):
    return quarantine_row(
        "file:///a.mp4", "id", ERROR, 1, log="", frames_kept=frames_kept, dataset="news", recipe_id="r", run_id="run"
    )  # fmt: skip


def test_a_shard_counts_inputs_so_one_kept_in_part_counts_once():
    video = IngestedVideo({"video_id": "id"}, [])
    assert len(Shard(videos=[video], quarantine=[row(frames_kept=9), row()])) == 2


def test_rows_fit_their_tables():
    source = SourceFile(uri="file:///%FF.mp4", dataset="news", bytes=1, mtime_ns=2)
    assert set(source_row(source, "id", "run")) == set(SCHEMAS["sources"].names)
    assert set(row()) == set(SCHEMAS["quarantine"].names)
    assert row()["dataset"] == "news"


def test_a_files_own_error_is_kept():
    assert as_media_error(ERROR, "probe") is ERROR


@pytest.mark.parametrize(
    "error, code, lasting",
    [
        (DeadlineExceeded("it ran longer than 9 s and was stopped"), "deadline", True),
        (WorkerDied("WorkerCrashedError: ..."), "worker_died", True),
        (OutOfMemory("..."), "out_of_memory", False),
        (ConnectionError("the lake's storage is away"), "unexpected", False),
        (KeyError("bug"), "unexpected", False),
    ],
)
def test_only_what_the_file_itself_will_cause_again_is_lasting(error, code, lasting):
    made = as_media_error(error, "decode")
    assert (made.stage, made.error, made.lasting) == ("decode", code, lasting)
    assert made.message and made.remedy
