"""A split that grows: its test part stays what it was, and nobody is in two parts."""

from fakelake.tasks.extend_split import extend_split
from fakelake.tasks.split import LabelledVideo, SplitSettings, assert_disjoint, make_split


def video(name, *identities, label="real"):
    return LabelledVideo(video_id=name, label=label, identities=frozenset(identities))


OLD = [video(f"old{n}", f"p{n}", label=("real", "fake")[n % 2]) for n in range(20)]
PARENT = make_split(OLD)


def of_part(name):
    return [v for v in OLD if PARENT.part[v.video_id] == name]


def extended(*more, videos=OLD, pairs=()):
    return extend_split([*videos, *more], PARENT.part, PARENT.split_id, near_duplicates=pairs)


def test_old_videos_keep_their_parts_and_new_people_are_divided_by_the_shares():
    new = [video(f"new{n}", f"q{n}", label=("real", "fake")[n % 2]) for n in range(40)]
    found = extended(*new)
    assert {v: p for v, p in found.split.part.items() if v.startswith("old")} == PARENT.part
    tested = sum(found.split.part[v.video_id] == "test" for v in new)
    assert tested == round(40 * SplitSettings().test) and set(found.new) == {v.video_id for v in new}
    assert_disjoint([*OLD, *new], found.split.part)
    assert {row["extends"] for row in found.rows()} == {PARENT.split_id} and len(found.rows()) == 60


def test_new_footage_of_a_known_person_joins_that_person_s_part():
    for name in ("train", "val", "test"):
        (person,) = of_part(name)[0].identities
        assert extended(video("new", person)).split.part["new"] == name


def test_a_near_duplicate_joins_the_part_of_the_video_that_it_repeats():
    twin = of_part("test")[0].video_id
    assert extended(video("new", "q"), pairs=[("new", twin)]).split.part["new"] == "test"


def test_a_video_that_ties_train_to_test_is_left_out_and_so_is_what_was_learnt_of_the_tied_person():
    learnt, tested = of_part("train")[0], of_part("test")[0]
    found = extended(video("tie", *learnt.identities, *tested.identities, label="fake"))
    assert set(found.left_out) == {"tie", learnt.video_id} and found.new == ()
    assert found.split.part[tested.video_id] == "test" and "tie" not in found.split.part
    kept = {name: part for name, part in PARENT.part.items() if name != learnt.video_id}
    assert found.split.part == kept


def test_the_test_part_never_shrinks_whatever_is_tied():
    ties = [video(f"tie{n}", f"p{n}", f"p{n + 1}") for n in range(0, 18, 3)]
    found = extended(*ties)
    assert all(found.split.part[v.video_id] == "test" for v in of_part("test"))


def test_equal_labels_give_an_equal_split_in_any_order_and_another_label_another():
    new = [video(f"new{n}", f"q{n}") for n in range(9)]
    one, other = extended(*new).split, extended(*reversed(new), videos=OLD[::-1]).split
    assert one.split_id == other.split_id and one.rows() == other.rows()
    assert extended(*new[:8]).split.split_id != one.split_id != PARENT.split_id


def test_a_video_whose_label_was_withdrawn_is_no_longer_in_it():
    gone = OLD[0].video_id
    assert gone not in extended(videos=OLD[1:]).split.part


def test_a_parent_that_leaks_by_what_is_known_today_is_mended_in_favour_of_its_test_part():
    found = extend_split([video("a", "x"), video("b", "x")], {"a": "train", "b": "test"}, "parent")
    assert found.split.part == {"b": "test"} and found.left_out == ("a",)
