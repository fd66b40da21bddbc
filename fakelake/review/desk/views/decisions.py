"""Deciding: on one video, on many at once, undoing, and where people and model differ."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_ratelimit.decorators import ratelimit

from fakelake.review.desk.access import may, needs
from fakelake.review.desk.errors import wants_json
from fakelake.review.desk.models import Decision
from fakelake.review.desk.views.queue import list_of
from fakelake.review.service import differences
from fakelake.review.service.decisions import WAITING, WORDS, hidden_from
from fakelake.review.service.decisions import decide as say
from fakelake.review.service.decisions import undo as take_back
from fakelake.review.service.listing import next_after
from fakelake.review.service.media.cache import known
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import reader

MANY = 500  # videos of one bulk decision


@require_POST
@needs("moderator")
@ratelimit(key="user", rate="240/m")
def decide(request: HttpRequest, video_id: str) -> HttpResponse:
    """Record a word and go to the next video of the list that the person came from."""
    [decision] = _said(request, [video_id])
    name = known(video_id)["name"] or video_id[:12]
    messages.success(request, f"Decided: {WORDS[decision.label]}. {name}", extra_tags=f"undo {decision.pk}")
    shown, lake = list_of(request), reader()
    found = next_after(lake, shown, video_id, hidden_from(request.user, lake))
    target = f"{reverse('video', args=[found]) if found else reverse('queue')}?{shown.query()}"
    return JsonResponse({"id": str(decision.pk), "next": target}) if wants_json(request) else redirect(target)


@require_POST
@needs("moderator")
@ratelimit(key="user", rate="60/m")
def decide_many(request: HttpRequest) -> HttpResponse:
    """A word on several videos; the first time the page asks whether it is meant, naming each."""
    ids = list(dict.fromkeys(request.POST.getlist("video")))
    label = request.POST.get("label", "")
    if not ids:
        raise Problem("No video is chosen", todo="Go back and tick the ones that you mean.")
    if len(ids) > MANY:
        raise Problem(f"{len(ids)} videos are too many at once", todo=f"Decide on at most {MANY}.")
    if label not in WORDS:
        raise Problem("No decision is chosen", todo="Go back and choose fake, authentic or unsure.")
    if request.POST.get("sure") != "yes":
        rows = reader().rows(
            "SELECT video_id, name, band, p_fake FROM desk WHERE list_contains($ids, video_id) ORDER BY place",
            {"ids": ids},
        )
        context = {"rows": rows, "label": label, "word": WORDS[label], "note": request.POST.get("note", ""),
                   "query": list_of(request).query()}  # fmt: skip
        return render(request, "desk/decide_many.html", context)
    made = _said(request, ids)
    said = f"Decided on {len(made)} {'video' if len(made) == 1 else 'videos'}: {WORDS[label]}."
    messages.success(request, said, extra_tags=f"undo {made[0].pk}")
    return redirect(f"{reverse('queue')}?{list_of(request).query()}")


@require_GET
@needs("viewer")
def overview(request: HttpRequest) -> HttpResponse:
    """What waits, where people differ from each other and from the model, and the latest decisions."""
    lake = reader()
    waiting = Decision.objects.filter(state__in=WAITING).select_related("by")[:MANY]
    latest = Decision.objects.filter(state="written").select_related("by")[:50]
    ids = [d.video_id for d in (*waiting, *latest)]
    context = {
        "waiting": waiting,
        "latest": latest,
        "names": differences.names_of(lake, ids),
        "with_model": differences.with_model(lake),
        "between_people": differences.between_people(lake),
    }
    return render(request, "desk/decisions.html", context)


@require_POST
@needs("moderator")
def undo(request: HttpRequest, decision_id: object) -> HttpResponse:
    """Take back one's own word (an administrator: anybody's) that is no label yet; `all`: what was said with it too."""
    decision = get_object_or_404(Decision, pk=decision_id)
    if decision.by_id != request.user.pk and not may(request.user, "administrator"):
        raise Problem("This is another person's decision", todo="Ask them, or an administrator.", status=403)
    taken = take_back(request.user, decision, together=bool(request.POST.get("all")))
    if not taken:
        raise Problem(
            "This decision is a label already", "The time to undo it is over.",
            "Decide again on the video: the latest word counts, and both stay on record.", status=409,
        )  # fmt: skip
    messages.success(request, "Taken back." if taken == 1 else f"Taken back on {taken} videos.")
    where = reverse("video", args=[decision.video_id]) if taken == 1 else reverse("queue")
    target = f"{where}?{list_of(request).query()}"
    return JsonResponse({"next": target}) if wants_json(request) else redirect(target)


def _said(request: HttpRequest, ids: list[str]) -> list[Decision]:
    return say(reader(), request.user, ids, request.POST.get("label", ""), request.POST.get("note", ""))
