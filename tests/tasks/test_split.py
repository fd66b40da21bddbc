import random

import pytest

from fakelake.tasks.labels.celebdf import entry_of
from fakelake.tasks.split import (
    LabelledVideo,
    LeakageError,
    SplitError,
    SplitSettings,
    assert_disjoint,
    connected_components,
    make_split,
)
from fakelake.tasks.split_report import count_parts, describe, remarks
from tests.tasks.celeb_names import A, B, C, celeb_names


def video(name, label, *identities):
    return LabelledVideo(video_id=name, label=label, identities=frozenset(identities))


def swaps(pairs, fakes=4):
    """Two people a pair, a real video of each, fakes in both directions."""
    videos = []
    for n in range(pairs):
        a, b = f"ffpp:{2 * n:03d}", f"ffpp:{2 * n + 1:03d}"
        videos += [video(f"{a} real", "real", a), video(f"{b} real", "real", b)]
        videos += [video(f"{who} fake {k}", "fake", a, b) for who in (a, b) for k in range(fakes)]
    return videos


@pytest.fixture(scope="module")
def celeb():
    entries = [entry_of(name) for name in celeb_names()]
    return [video(e.path, e.label, *filter(None, (e.target_identity, e.source_identity))) for e in entries]


def test_celeb_df_falls_into_three_closed_components_one_apart_and_the_youtube_videos(celeb):
    components = connected_components(celeb)
    assert len(components) == 304
    assert [(set(c.identities), c.real, c.fake) for c in components[:4]] == [
        ({f"celebdf:id{n}" for n in A}, 389, 4188),
        ({f"celebdf:id{n}" for n in C}, 100, 728),
        ({f"celebdf:id{n}" for n in B}, 91, 723),
        ({"celebdf:id36"}, 10, 0),
    ]
    assert all((c.identities, c.real, c.fake) == ((), 1, 0) for c in components[4:])


def test_celeb_df_gets_fakes_into_every_part_and_reals_at_the_wanted_shares(celeb):
    split = make_split(celeb)
    train, val, test = count_parts(celeb, split.part, split.group)
    assert (train.fake, val.fake, test.fake) == (4188, 723, 728)
    assert (train.real, val.real, test.real) == (530, 93, 267)


def test_the_report_names_the_component_that_is_too_big(celeb):
    told = describe(make_split(celeb), celeb)
    assert (
        "test holds 12.9% of the fake videos, wanted 30.0%: component celebdf:id0 alone has 74.3%, all in train" in told
    )
    assert "304 components, 300 of one video" in told


def test_a_split_like_celeb_dfs_own_list_is_refused_for_its_shared_identities(celeb):
    rng = random.Random(0)
    official = {v.video_id: "test" if rng.random() < 0.08 else "train" for v in celeb}
    with pytest.raises(LeakageError, match=r"share 5\d of 59 identities \(5\d in test and train"):
        assert_disjoint(celeb, official)


def test_both_directions_of_a_swap_stay_in_one_part():
    videos = swaps(100)
    split = make_split(videos)
    assert_disjoint(videos, split.part)
    assert len(split.components) == 100
    assert {count.part: count.videos for count in count_parts(videos, split.part, split.group)} == {
        "train": 600,
        "val": 100,
        "test": 300,
    }


def test_near_duplicates_stay_in_one_part():
    videos = [video(f"{n:03d}", "real" if n % 2 else "fake") for n in range(200)]
    pairs = [(f"{n:03d}", f"{n + 1:03d}") for n in range(0, 200, 2)]
    free, tied = make_split(videos), make_split(videos, near_duplicates=pairs)
    with pytest.raises(LeakageError, match="near-duplicates"):
        assert_disjoint(videos, free.part, pairs)
    assert_disjoint(videos, tied.part, pairs)
    assert "100 pairs of near-duplicates joined 100 groups to others." in remarks(tied, videos, pairs)


def test_the_order_of_the_videos_changes_nothing():
    videos = swaps(20)
    shuffled = random.Random(1).sample(videos, len(videos))
    assert make_split(videos).rows() == make_split(shuffled).rows()


def test_the_split_id_tells_inputs_and_settings_apart():
    videos = swaps(20)
    ids = {
        make_split(videos).split_id,
        make_split(videos[1:]).split_id,
        make_split(videos, SplitSettings(test=0.2)).split_id,
        make_split(videos, SplitSettings(seed=1)).split_id,
        make_split(videos, near_duplicates=[(videos[0].video_id, videos[-1].video_id)]).split_id,
    }
    assert len(ids) == 5


def test_another_seed_chooses_other_groups_of_the_same_size():
    videos = swaps(50)
    one, other = (make_split(videos, SplitSettings(seed=seed)) for seed in (0, 1))
    assert one.part != other.part
    assert count_parts(videos, one.part, one.group) == count_parts(videos, other.part, other.group)


def test_no_validation_part_is_made_when_none_is_wanted():
    split = make_split(swaps(20), SplitSettings(val=0))
    assert set(split.part.values()) == {"train", "test"}


def test_groups_that_are_clips_and_videos_without_identity_are_called_what_they_are():
    videos = [*swaps(10), video("x", "real"), video("y", "real", "celebdf:id3")]
    said = "\n".join(remarks(make_split(videos), videos))
    assert "ffpp: the groups of 100 videos are clips, not people" in said
    assert "1 videos name no identity" in said
    assert "celebdf" not in said


def test_nothing_to_split_and_a_video_given_twice_are_errors():
    with pytest.raises(SplitError, match="Import labels"):
        make_split([])
    with pytest.raises(SplitError, match="twice"):
        make_split([video("a", "real"), video("a", "fake")])


@pytest.mark.parametrize("shares", [{"test": 0}, {"test": 1}, {"val": 1}, {"val": -0.1}])
def test_shares_outside_of_0_and_1_are_refused(shares):
    with pytest.raises(SplitError, match="between 0 and 1"):
        SplitSettings(**shares)
