"""What a lake remembers of a swap tells whether the file that lies there is the one that is asked for."""

import json

import pytest

from fakelake.catalog.lake import Lake
from fakelake.tasks.swap.records import on_record
from fakelake.tasks.swap.source import bytes_id

ASKED = {"model": "generator@1", "parts": ["mouth"], "channels": [1, 4], "margin": 0.5, "hard": False, "track": None}


@pytest.fixture
def made(tmp_path):
    """A lake, and a file that is on its record."""
    lake, out = Lake.create(tmp_path / "lake"), tmp_path / "out.mp4"
    out.write_bytes(b"a video")
    summary, asked = {"video_id": bytes_id(out), "out": str(out)}, {**ASKED, "asset_id": "a" * 16, "by": "x"}
    row = {"run_id": "r", "flow": "swap", "summary": json.dumps(summary), "recipe": json.dumps(asked)}
    lake.append("runs", [row, {"run_id": "s", "flow": "ingest"}])
    return lake, out


def test_a_file_that_the_same_call_made_is_known(made):
    assert on_record(*made, ASKED)["video_id"] == bytes_id(made[1])


@pytest.mark.parametrize("change", [{"parts": ["eyes"]}, {"hard": True}, {"model": "generator@2"}, {"new": 1}])
def test_another_call_would_make_another_file(made, change):
    assert on_record(*made, {**ASKED, **change}) is None


def test_other_bytes_another_place_and_no_file_are_none_of_it(made):
    lake, out = made
    copy = out.rename(out.with_name("copy.mp4"))
    assert on_record(lake, copy, ASKED) is None and on_record(lake, out, ASKED) is None
    out.write_bytes(b"another video")
    assert on_record(lake, out, ASKED) is None
