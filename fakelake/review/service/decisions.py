"""What people decide: kept here at once, and taken to the lake's `labels` exactly once by a writer of its own.

Between a word and its label lies the time to undo, and, where the rule of two people holds, a second person.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import close_old_connections, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from fakelake.catalog.lake import Lake, one_of
from fakelake.infra.events import LABELS as LABELS_EVENT
from fakelake.infra.events import tell
from fakelake.review.desk.models import LABELS, Audit, Decision
from fakelake.review.service.problem import NoVideo, Problem
from fakelake.review.service.reader import LakeReader

log = logging.getLogger("fakelake.review")

WORDS = dict(LABELS)
LONGEST_NOTE = 2000
LOOK_EVERY_S = 1.0
WAITING = ("waiting", "disputed")
_flushing, _claiming = threading.Lock(), threading.Lock()
_claimed: set[UUID] = set()  # decisions that a flush is writing just now


class NoDecision(Problem):
    """What was said cannot be taken."""

    def __init__(self, said: str) -> None:
        super().__init__("This is no decision", said, "Go back and choose.", 422)


def decide(
    reader: LakeReader, user: AbstractUser, video_ids: Sequence[str], label: str, note: str = ""
) -> list[Decision]:
    """One person's word on some videos, all of them or none, in one moment; an earlier one that waits is replaced.

    Raises NoDecision for a label that there is not or too long a note, NoVideo.
    """
    if label not in WORDS:
        raise NoDecision(f"{label!r} is no decision: say fake, real or unsure.")
    if len(note) > LONGEST_NOTE:
        raise NoDecision(f"A note has at most {LONGEST_NOTE} characters; this one has {len(note)}.")
    known = {
        row["video_id"]: row
        for row in reader.rows(
            "SELECT video_id, band, p_fake FROM desk WHERE list_contains($ids, video_id)", {"ids": list(video_ids)}
        )
    }
    if strangers := set(video_ids) - set(known):
        raise NoVideo(min(strangers))
    made, now = [], timezone.now()
    with transaction.atomic():
        _withdraw(Decision.objects.filter(video_id__in=known, by=user))
        for row in known.values():
            made.append(
                Decision.objects.create(
                    video_id=row["video_id"],
                    label=label,
                    note=note.strip(),
                    by=user,
                    at=now,
                    band=row["band"] or "",
                    p_fake=row["p_fake"],
                )
            )
            Audit.tell(user, "decided", row["video_id"], f"{WORDS[label]}{': ' if note else ''}{note.strip()}")
    return made


def undo(user: AbstractUser, decision: Decision, together: bool = False) -> int:
    """Take a waiting decision back; how many that were. 0: it is, or is just becoming, a label.

    together: with all that its person said in the same moment, of many videos at once.
    """
    meant = Decision.objects.filter(by=decision.by_id, at=decision.at) if together else Decision.objects
    with _claiming, transaction.atomic():
        free = meant.filter(state__in=WAITING).exclude(pk__in=_claimed)
        taken = list(free if together else free.filter(pk=decision.pk))
        _withdraw(Decision.objects.filter(pk__in=[d.pk for d in taken]))
        for each in taken:
            Audit.tell(user, "undid", each.video_id, WORDS[each.label])
    return len(taken)


def _withdraw(decisions: QuerySet[Decision]) -> None:
    """Those that wait count no more; whether the others on their videos still differ is judged anew."""
    videos = list(decisions.filter(state="disputed").values_list("video_id", flat=True))
    decisions.filter(state__in=WAITING).update(state="undone")
    Decision.objects.filter(video_id__in=videos, state="disputed").update(state="waiting")


def hidden_from(user: AbstractUser | None, reader: LakeReader) -> set[str]:
    """Videos whose decision the lake's lists do not show yet. With the rule of two: what waits for this person's."""
    written_since = datetime.fromtimestamp(reader.loaded_at, tz=timezone.get_current_timezone())
    found = set(
        Decision.objects.filter(state="written", written_at__gte=written_since).values_list("video_id", flat=True)
    )
    waiting = Decision.objects.filter(state__in=WAITING)
    if settings.FAKELAKE.desk_two_people:
        waiting = waiting.filter(by=user)
    return found | set(waiting.values_list("video_id", flat=True))


def flush(reader: LakeReader, now: datetime | None = None) -> int:
    """Take to the lake what is ripe; returns how many labels were added. Raises LakeBusy: all of it stays ripe.

    A label's key is (video, person, time of the word): after a crash between lake and desk it is found there, and not
    written twice.
    """
    until = (now or timezone.now()) - timedelta(seconds=settings.FAKELAKE.desk_undo_s)
    with _flushing:
        with _claiming:
            ripe = _ripe(until)
            lost = _lost(ripe, until)
            _claimed.update(d.pk for d in ripe)
        try:
            new = _write(reader.lake, ripe, lost) if ripe else []
        finally:
            with _claiming:
                _claimed.clear()
    if new:
        reader.refresh()
        tell(reader.lake.location.root, LABELS_EVENT, added=len(new))
    return len(new)


def _lost(ripe: Sequence[Decision], until: datetime) -> list[UUID]:
    """Other words on the same videos: they would be the second person's for whoever says the same in a year.

    Without the rule of two, what can still be taken back has lost nothing: it becomes a label of its own.
    """
    others = Decision.objects.filter(video_id__in=[d.video_id for d in ripe], state__in=WAITING)
    others = others.exclude(pk__in=[d.pk for d in ripe])
    return list(
        (others if settings.FAKELAKE.desk_two_people else others.filter(at__lte=until)).values_list("pk", flat=True)
    )


def _write(lake: Lake, ripe: Sequence[Decision], lost: Sequence[UUID]) -> list[Decision]:
    """Those of the ripe that the lake did not have. A word that comes meanwhile is none of the lost."""
    videos = [d.video_id for d in ripe]
    there = lake.read("labels", ["video_id", "labelled_by", "labelled_at"], one_of("video_id", videos))
    keys = {(row["video_id"], row["labelled_by"], row["labelled_at"]) for row in there.to_pylist()}
    new = [d for d in ripe if (d.video_id, d.by.get_username(), d.at) not in keys]
    if new:
        lake.append("labels", [_label(decision) for decision in new])
    with transaction.atomic():
        Decision.objects.filter(pk__in=[d.pk for d in ripe]).update(state="written", written_at=timezone.now())
        Decision.objects.filter(pk__in=lost, state__in=WAITING).update(state="outvoted")
    return new


def _ripe(until: datetime) -> list[Decision]:
    """The oldest first. With the rule of two people, of each video those on which two agree."""
    base = Decision.objects.filter(state__in=WAITING, at__lte=until)
    if not settings.FAKELAKE.desk_two_people:
        return list(base.select_related("by").order_by("at"))
    several = base.values("video_id").annotate(people=Count("by", distinct=True)).filter(people__gt=1)
    with transaction.atomic():
        waiting = base.filter(video_id__in=several.values("video_id")).select_related("by").order_by("at")
        agreed, disputed = _two_people(waiting)
        Decision.objects.filter(pk__in=[d.pk for d in disputed], state="waiting").update(state="disputed")
        return agreed


def _two_people(waiting: Iterable[Decision]) -> tuple[list[Decision], list[Decision]]:
    """(decisions on which at least two people agree, decisions of people who differ so far)."""
    of_video: dict[str, dict[int, Decision]] = defaultdict(dict)
    for decision in waiting:
        of_video[decision.video_id][decision.by_id] = decision  # a person's latest word
    agreed, disputed = [], []
    for people in of_video.values():
        said: dict[str, list[Decision]] = defaultdict(list)
        for decision in people.values():
            said[decision.label].append(decision)
        sizes = sorted(map(len, said.values()))
        if sizes[-1] > 1 and sizes[-1:] != sizes[-2:-1]:
            agreed += max(said.values(), key=len)
        elif len(people) > 1:
            disputed += people.values()
    return agreed, disputed


def _label(decision: Decision) -> dict[str, object]:
    return {
        "video_id": decision.video_id, "label": decision.label, "origin": "moderator",
        "labelled_by": decision.by.get_username(), "labelled_at": decision.at, "note": decision.note or None,
    }  # fmt: skip


class Writer:
    """The thread that flushes. Where the lake is busy or away, it tries again; nothing is lost meanwhile."""

    def __init__(self, reader: LakeReader) -> None:
        self._reader, self._stop = reader, threading.Event()
        self._thread = threading.Thread(target=self._run, name="decision-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; what is unripe is written after the next start."""
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                flush(self._reader)
            except Exception:
                log.exception("decisions wait, as the lake cannot be written")
                self._stop.wait(10)
            finally:
                close_old_connections()
