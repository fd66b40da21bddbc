import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import SplitNotFound, find_split, read_split, split_ids, store_split


def rows(split_id, parts):
    return [{"split_id": split_id, "video_id": v, "part": part, "group_id": f"g{v}"} for v, part in parts.items()]


def test_a_split_is_stored_once(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    assert store_split(lake, rows("abc", {"1": "train", "2": "test"}))
    assert not store_split(lake, rows("abc", {"1": "train", "2": "test"}))
    assert read_split(lake, "abc") == ({"1": "train", "2": "test"}, {"1": "g1", "2": "g2"})


def test_a_split_is_found_by_the_beginning_of_its_id(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    for split_id in ("abc", "abd", "xyz"):
        store_split(lake, rows(split_id, {"1": "train"}))
    assert split_ids(lake) == ["abc", "abd", "xyz"]
    assert find_split(lake, "x") == "xyz"
    with pytest.raises(SplitNotFound, match=r"2 splits.*abc, abd"):
        find_split(lake, "ab")
    with pytest.raises(SplitNotFound, match=r"0 splits.*abc, abd, xyz"):
        find_split(lake, "q")
