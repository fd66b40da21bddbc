"""Nobody is swapped who has not agreed, or whose agreement is not on record."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from fakelake.catalog.lake import Lake
from fakelake.tasks.labels.rows import TERMS
from fakelake.tasks.labels.which import VideoNotFound
from fakelake.tasks.swap.consents import (
    allows_swap,
    participant,
    permissions,
    require_permission,
    subject_of,
)  # fmt: skip
from fakelake.tasks.swap.errors import SwapNotPermitted
from tests.media import write_clip
from tests.tasks.explained import add, at, faces

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consents")
    lake = Lake.create(folder / "lake")
    path = write_clip(folder / "ann.mp4", faces(3, [(20, 100)]), options={"preset": "ultrafast"})
    picture = folder / "bob.png"
    cv2.imwrite(str(picture), np.full((20, 20, 3), 90, np.uint8))
    stranger = write_clip(folder / "stranger.mp4", frames=3, options={"preset": "ultrafast"})
    return lake, path, add(lake, path, {0: at(20, 100)}), picture, stranger


def say(lake, video_id, permission, source="form", days=0):
    row = {"video_id": video_id, "permission": permission, "source": source, "by": "x", "at": NOW + timedelta(days)}
    lake.append("consents", [row])


@pytest.mark.parametrize("words", ["swap", "Swap", "research-only, swap", "any use", "ANY_USE", "CC0", "public domain"])
def test_these_words_allow_a_swap(words):
    assert allows_swap(words)


@pytest.mark.parametrize(
    "words",
    ["none", "research-only", "package licence", "no swap", "any research use", "swap, withdrawn", "swapping", ""],
)
def test_these_do_not(words):
    assert not allows_swap(words)


def test_the_latest_word_counts_and_a_persons_stands_above_a_lists(made):
    lake = made[0]
    assert "v1" not in permissions(lake)
    say(lake, "v1", "swap", days=1)
    say(lake, "v1", "none", days=2)
    say(lake, "v1", "swap", source=f"{TERMS}folder list", days=3)
    assert permissions(lake)["v1"] == "none"
    say(lake, "v1", "swap", days=4)
    assert permissions(lake)["v1"] == "swap"


def test_a_missing_permission_is_refused_with_the_command_that_records_one(made):
    lake, path, video_id, picture, _ = made
    with ExitStack() as stack:
        video = stack.enter_context(participant(lake, "ann.mp4", still_allowed=False))
        still = stack.enter_context(participant(lake, str(picture), still_allowed=True))
        assert (video.video_id, still.still) == (video_id, True)
        with pytest.raises(SwapNotPermitted) as refused:
            require_permission(lake, [video, still])
        text = str(refused.value)
        assert f"fakelake consent {video_id[:12]} --permission swap --source" in text
        assert f"fakelake consent {picture} --permission swap --source" in text
        say(lake, video_id, "research-only")
        with pytest.raises(SwapNotPermitted, match="the permission on record is 'research-only'"):
            require_permission(lake, [video])
        say(lake, video_id, "swap", days=1)
        say(lake, subject_of(lake, str(picture)), "swap")
        require_permission(lake, [video, still])
    with participant(lake, str(path), still_allowed=False) as by_path:
        assert by_path.video_id == video_id
    say(lake, video_id, "none", days=2)


def test_what_is_not_in_the_lake_is_refused_with_the_way_in(made):
    lake, _, _, picture, stranger = made
    refusals = [
        (stranger, True, SwapNotPermitted, "fakelake ingest .*stranger.mp4 --permission swap"),
        (picture, False, SwapNotPermitted, "a target is a video"),
        ("nobody.mp4", True, VideoNotFound, "fits no video of this lake"),
    ]
    for text, still, kind, words in refusals:
        with pytest.raises(kind, match=words), participant(lake, str(text), still_allowed=still):
            pass
    with pytest.raises(VideoNotFound):
        subject_of(lake, str(stranger))
