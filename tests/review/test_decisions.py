"""A decision is durable at once, can be taken back for a while, and becomes a label exactly once."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from fakelake.catalog.lock import lake_lock


@pytest.fixture
def of(desk):
    """What the tests call, imported after Django is set up."""
    from types import SimpleNamespace

    from fakelake.review.service import decisions, differences

    return SimpleNamespace(differences=differences, **vars(decisions))


@pytest.fixture
def rules(desk):
    """Change the desk's settings for a test."""
    from django.conf import settings

    def change(**values):
        return override_settings(FAKELAKE=settings.FAKELAKE.model_copy(update=values))

    return change


def labels(lake, video_id):
    rows = lake.read("labels").to_pylist()
    return sorted((r["label"], r["labelled_by"], r["note"]) for r in rows if r["video_id"] == video_id)


def test_a_decision_becomes_a_label_with_who_when_and_why(of, desk, own_reader, own_lake):
    [decision] = of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake", " the jaw ")
    assert (decision.state, decision.band) == ("waiting", "fake")
    assert of.flush(own_reader) == 1
    [row] = [r for r in own_lake.read("labels").to_pylist() if r["video_id"] == desk.ids["two.mp4"]]
    assert (row["label"], row["origin"], row["labelled_by"], row["note"]) == (
        "fake",
        "moderator",
        "moderator",
        "the jaw",
    )
    assert row["labelled_at"] == decision.at
    decision.refresh_from_db()
    assert decision.state == "written"


def test_a_second_flush_writes_nothing(of, desk, own_reader, own_lake):
    of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
    assert (of.flush(own_reader), of.flush(own_reader)) == (1, 0)
    assert len(labels(own_lake, desk.ids["two.mp4"])) == 1


def test_a_crash_after_the_lake_and_before_the_desk_writes_no_second_label(of, desk, own_reader, own_lake):
    [decision] = of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
    of.flush(own_reader)
    of.Decision.objects.filter(pk=decision.pk).update(state="waiting", written_at=None)  # as a crash leaves it
    assert of.flush(own_reader) == 0
    assert len(labels(own_lake, desk.ids["two.mp4"])) == 1
    assert of.Decision.objects.get(pk=decision.pk).state == "written"


def test_within_the_time_to_undo_nothing_is_written(of, desk, own_reader, own_lake, rules):
    with rules(desk_undo_s=60):
        [decision] = of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
        assert of.flush(own_reader) == 0
        assert of.undo(desk.people["moderator"], decision)
        assert of.flush(own_reader, timezone.now() + timedelta(hours=1)) == 0
    assert labels(own_lake, desk.ids["two.mp4"]) == []
    assert [a.what for a in of.Audit.objects.all()] == ["undid", "decided"]


def test_what_is_a_label_cannot_be_undone_only_decided_anew(of, desk, own_reader, own_lake):
    [decision] = of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
    of.flush(own_reader)
    assert not of.undo(desk.people["moderator"], decision)
    of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "real")
    of.flush(own_reader)
    own_reader.refresh(wait_s=30)
    [row] = own_reader.rows("SELECT decided FROM desk WHERE video_id = ?", [desk.ids["two.mp4"]])
    assert row["decided"] == "real"
    assert len(labels(own_lake, desk.ids["two.mp4"])) == 2


def test_a_changed_mind_before_writing_leaves_one_label(of, desk, own_reader, own_lake):
    of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
    of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "unsure")
    of.flush(own_reader)
    assert labels(own_lake, desk.ids["two.mp4"]) == [("unsure", "moderator", None)]


def test_a_lake_that_is_held_by_another_loses_no_decision(of, desk, own_reader, own_lake):
    """Compaction holds the lock: the word is taken at once, and written when the lake is free."""
    from threading import Thread

    with lake_lock(own_lake.location):
        [decision] = of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
        writer = Thread(target=of.flush, args=[own_reader])
        writer.start()
        writer.join(1)
        assert writer.is_alive() and of.Decision.objects.get(pk=decision.pk).state == "waiting"
        [other] = of.decide(own_reader, desk.people["other"], [desk.ids["odd.mp4"]], "fake")
        assert of.undo(desk.people["other"], other), "what is not being written can be taken back meanwhile"
    writer.join(60)
    assert len(labels(own_lake, desk.ids["two.mp4"])) == 1


def test_a_decided_video_leaves_the_lists_before_the_lake_shows_it(of, desk, own_reader):
    of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "fake")
    assert desk.ids["two.mp4"] in of.hidden_from(desk.people["other"], own_reader)
    of.flush(own_reader)
    own_reader.refresh(wait_s=30)
    assert of.hidden_from(desk.people["other"], own_reader) == set()


@pytest.mark.parametrize(("label", "note"), [("maybe", ""), ("fake", "x" * 2001)])
def test_what_is_no_decision_is_refused(of, desk, own_reader, label, note):
    with pytest.raises(of.NoDecision):
        of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], label, note)
    assert not of.Decision.objects.exists()


def test_of_many_videos_one_stranger_spoils_all(of, desk, own_reader):
    with pytest.raises(of.NoVideo):
        of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"], "f" * 64], "fake")
    assert not of.Decision.objects.exists()


def test_with_the_rule_of_two_one_word_waits_for_a_second(of, desk, own_reader, own_lake, rules):
    video = desk.ids["two.mp4"]
    with rules(desk_two_people=True):
        of.decide(own_reader, desk.people["moderator"], [video], "fake")
        assert of.flush(own_reader) == 0
        assert video in of.hidden_from(desk.people["moderator"], own_reader)
        assert video not in of.hidden_from(desk.people["other"], own_reader)
        of.decide(own_reader, desk.people["moderator"], [video], "fake")  # nobody is two people
        assert of.flush(own_reader) == 0
        of.decide(own_reader, desk.people["other"], [video], "fake")
        assert of.flush(own_reader) == 2
    assert [who for _, who, _ in labels(own_lake, video)] == ["moderator", "other"]


def test_with_the_rule_of_two_a_third_settles_what_two_dispute(of, desk, own_reader, own_lake, rules):
    video = desk.ids["two.mp4"]
    with rules(desk_two_people=True):
        of.decide(own_reader, desk.people["moderator"], [video], "fake")
        of.decide(own_reader, desk.people["other"], [video], "real")
        assert of.flush(own_reader) == 0
        assert set(of.Decision.objects.values_list("state", flat=True)) == {"disputed"}
        of.decide(own_reader, desk.people["administrator"], [video], "real")
        of.flush(own_reader)
        assert of.Decision.objects.get(label="fake").state == "outvoted"
        # What lost, or was changed, is nobody's second word later.
        of.decide(own_reader, desk.people["viewer"], [video], "fake")
        assert of.flush(own_reader) == 0
    assert [(label, who) for label, who, _ in labels(own_lake, video)] == [("real", "administrator"), ("real", "other")]


def test_with_the_rule_of_two_a_changed_mind_leaves_no_word_behind(of, desk, own_reader, own_lake, rules):
    video = desk.ids["two.mp4"]
    with rules(desk_two_people=True):
        of.decide(own_reader, desk.people["moderator"], [video], "fake")
        of.decide(own_reader, desk.people["other"], [video], "real")
        of.flush(own_reader)
        of.decide(own_reader, desk.people["moderator"], [video], "real")
        assert of.flush(own_reader) == 2
        of.decide(own_reader, desk.people["administrator"], [video], "fake")
        assert of.flush(own_reader) == 0
    assert {label for label, _, _ in labels(own_lake, video)} == {"real"}


def test_with_the_rule_of_two_a_word_that_comes_while_two_agree_is_nobodys_second_later(
    of, desk, own_reader, own_lake, rules
):
    video, now = desk.ids["two.mp4"], timezone.now()
    with rules(desk_two_people=True, desk_undo_s=30):
        for who, label, ago in (("moderator", "fake", 60), ("other", "fake", 50), ("administrator", "real", 5)):
            [word] = of.decide(own_reader, desk.people[who], [video], label)
            of.Decision.objects.filter(pk=word.pk).update(at=now - timedelta(seconds=ago))
        assert of.flush(own_reader, now) == 2
        assert of.Decision.objects.get(label="real").state == "outvoted"
        of.decide(own_reader, desk.people["viewer"], [video], "real")
        assert of.flush(own_reader, now + timedelta(days=365)) == 0
    assert {label for label, _, _ in labels(own_lake, video)} == {"fake"}


@pytest.mark.parametrize("how", ["taken back", "changed"])
def test_where_nobody_differs_any_more_no_word_is_called_disputed(of, desk, own_reader, rules, how):
    video = desk.ids["two.mp4"]
    with rules(desk_two_people=True):
        of.decide(own_reader, desk.people["moderator"], [video], "fake")
        [second] = of.decide(own_reader, desk.people["other"], [video], "real")
        of.flush(own_reader)
        if how == "taken back":
            second.refresh_from_db()
            assert of.undo(desk.people["other"], second) == 1
        else:
            of.decide(own_reader, desk.people["other"], [video], "fake")
        assert "disputed" not in of.Decision.objects.values_list("state", flat=True)
        assert of.flush(own_reader) == (0 if how == "taken back" else 2)


def test_what_was_said_of_many_at_once_is_taken_back_at_once_as_far_as_it_is_no_label(of, desk, own_reader, rules):
    videos = [desk.ids["two.mp4"], desk.ids["odd.mp4"], desk.ids["calm.mp4"]]
    with rules(desk_undo_s=60):
        first, *others = of.decide(own_reader, desk.people["moderator"], videos, "fake")
        of.decide(own_reader, desk.people["other"], videos[:1], "fake")
        of.Decision.objects.filter(pk=others[-1].pk).update(state="written")
        assert of.undo(desk.people["moderator"], first, together=True) == 2
    left = of.Decision.objects.exclude(state="undone").values_list("by__username", "state")
    assert sorted(left) == [("moderator", "written"), ("other", "waiting")]


def test_with_the_rule_of_two_a_mind_that_is_changed_while_the_lake_writes_is_not_lost(
    of, desk, own_reader, rules, monkeypatch
):
    video, append = desk.ids["two.mp4"], type(own_reader.lake).append

    def busy(lake, *rows):
        of.decide(own_reader, desk.people["moderator"], [video], "real")
        return append(lake, *rows)

    with rules(desk_two_people=True):
        of.decide(own_reader, desk.people["moderator"], [video], "fake")
        of.decide(own_reader, desk.people["other"], [video], "fake")
        monkeypatch.setattr(type(own_reader.lake), "append", busy)
        of.flush(own_reader)
    assert of.Decision.objects.get(label="real").state == "waiting"


def test_two_against_two_is_settled_by_nobody(of, desk, own_reader, own_lake, rules):
    video = desk.ids["two.mp4"]
    with rules(desk_two_people=True):
        for who, label in (("moderator", "fake"), ("other", "real"), ("administrator", "fake"), ("viewer", "real")):
            of.decide(own_reader, desk.people[who], [video], label)
        assert of.flush(own_reader) == 0
    assert labels(own_lake, video) == []


def test_where_people_and_model_differ_is_listed(of, desk, own_reader):
    of.decide(own_reader, desk.people["moderator"], [desk.ids["two.mp4"]], "real")
    of.flush(own_reader)
    own_reader.refresh(wait_s=30)
    assert [row["name"] for row in of.differences.with_model(own_reader)] == ["two.mp4"]
    assert of.differences.between_people(own_reader) == []
    of.decide(own_reader, desk.people["other"], [desk.ids["two.mp4"]], "fake")
    of.flush(own_reader)
    own_reader.refresh(wait_s=30)
    assert of.differences.with_model(own_reader) == []
    [row] = of.differences.between_people(own_reader)
    assert row["said"] == "fake (other), authentic (moderator)"
