from datetime import UTC, datetime, timedelta

from fakelake.tasks.split_lake import labelled_videos
from tests.tasks.labels.lake_of_names import lake_of, video_id

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def say(lake, name, label, *, origin="dataset", day=0, target=None, source=None):
    row = {"video_id": video_id(name), "label": label, "target_identity": target, "source_identity": source}
    lake.append("labels", [{**row, "origin": origin, "labelled_by": "x", "labelled_at": NOW + timedelta(day)}])


def test_a_moderators_label_counts_and_cuts_no_tie(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4"])
    say(lake, "a.mp4", "real", target="celebdf:id3", source="celebdf:id5")
    say(lake, "a.mp4", "fake", origin="moderator", day=-1)
    (video,) = labelled_videos(lake).videos
    assert (video.label, video.identities) == ("fake", {"celebdf:id3", "celebdf:id5"})


def test_videos_without_a_usable_label_are_counted_not_lost(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4", "b.mp4", "c.mp4"])
    say(lake, "a.mp4", "real")
    say(lake, "b.mp4", "unsure", origin="moderator")
    found = labelled_videos(lake)
    assert [video.video_id for video in found.videos] == [video_id("a.mp4")]
    assert dict(found.left_out) == {"unsure": 1, "no label": 1}


def test_a_label_of_a_video_that_is_not_in_the_lake_makes_no_video(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4"])
    say(lake, "gone.mp4", "real")
    assert labelled_videos(lake).videos == ()


def test_a_label_of_a_video_that_is_not_in_the_lake_ties_nobody(tmp_path):
    """A swap that was killed before its file was there, or was forgotten: neither gives another split."""
    lake = lake_of(tmp_path / "lake", ["ann.mp4"])
    say(lake, "ann.mp4", "real")
    before = labelled_videos(lake)
    say(lake, "gone.mp4", "fake", origin="generator", target=f"video:{video_id('ann.mp4')}")
    assert labelled_videos(lake) == before


def test_near_duplicates_are_looked_for_among_labelled_videos(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4", "b.mp4", "c.mp4"], phash="0123456789abcdef")
    say(lake, "a.mp4", "real")
    say(lake, "b.mp4", "fake")
    assert labelled_videos(lake).pairs == ()
    assert labelled_videos(lake, near_bits=4).pairs == (tuple(sorted((video_id("a.mp4"), video_id("b.mp4")))),)


def test_one_data_set_can_be_chosen(tmp_path):
    lake = lake_of(tmp_path / "lake", ["a.mp4"], dataset="one")
    lake_of(tmp_path / "lake", ["b.mp4"], dataset="two")
    for name in ("a.mp4", "b.mp4"):
        say(lake, name, "real")
    assert [video.video_id for video in labelled_videos(lake, "two").videos] == [video_id("b.mp4")]


def test_a_video_made_from_others_whose_people_nobody_named_is_tied_to_them(tmp_path):
    lake = lake_of(tmp_path / "lake", ["ann.mp4", "bob.mp4", "swap.mp4"])
    for name in ("ann.mp4", "bob.mp4"):
        say(lake, name, "real")
    people = {name: f"video:{video_id(f'{name}.mp4')}" for name in ("ann", "bob")}
    say(lake, "swap.mp4", "fake", origin="generator", target=people["ann"], source=people["bob"])
    found = {video.video_id: video.identities for video in labelled_videos(lake).videos}
    assert found[video_id("swap.mp4")] == set(people.values())
    assert [found[video_id(f"{name}.mp4")] for name in ("ann", "bob")] == [{people["ann"]}, {people["bob"]}]
