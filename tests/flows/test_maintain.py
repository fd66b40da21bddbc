"""The nightly upkeep: small files become large ones, and what is wrong with a lake is said."""

import pytest

from fakelake.catalog.lake import Lake
from fakelake.flows.maintain import maintain
from tests.tasks.lake_of_faces import lake_of_faces, people


@pytest.fixture
def lake(pipeline, tmp_path):
    """Each video by a commit of its own."""
    for made in people(4, frames=5):
        lake = lake_of_faces(tmp_path / "lake", [made], run=False)
    return lake


def test_it_merges_small_files_and_finds_a_whole_lake_whole(lake):
    before = len(lake.parts("videos"))
    summary = maintain(lake.location.root)
    assert before == 8 and len(Lake.open(lake.location.root).parts("videos")) == 1
    assert summary.merged >= 3 and summary.findings == [] and summary.exit_code == 0
    assert summary.lines()[-1] == "the lake is whole"
    assert summary.removed == 0, "what was merged a moment ago may still be read by somebody"


def test_a_second_time_there_is_nothing_to_merge(lake):
    maintain(lake.location.root)
    assert maintain(lake.location.root).merged == 0


@pytest.mark.parametrize("merged_before", [True, False])
def test_what_is_wrong_is_told_with_its_remedy_and_ends_no_upkeep(lake, merged_before):
    if merged_before:
        maintain(lake.location.root)
    lake.location.path("crops", Lake.open(lake.location.root).parts("crops")[0].path).unlink()
    summary = maintain(lake.location.root)
    assert summary.exit_code == 1
    assert any(finding.startswith("file missing: crops/") for finding in summary.findings)
