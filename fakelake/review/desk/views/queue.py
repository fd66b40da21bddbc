"""The queue and every other list of videos."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from fakelake.review.desk.access import needs
from fakelake.review.desk.models import SavedView
from fakelake.review.service.decisions import hidden_from
from fakelake.review.service.listing import BANDS, ORDERS, STATES, Filters, choices, list_videos, next_after
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import reader

SAVED_AT_MOST = 50


@require_GET
@needs("viewer")
def queue(request: HttpRequest) -> HttpResponse:
    """A page of the list that the address describes."""
    filters = Filters.from_query(request.GET)
    lake = reader()
    number = request.GET.get("page", "1")
    page = list_videos(lake, filters, int(number) if number.isdecimal() else 1, hidden_from(request.user, lake))
    context = {
        "filters": filters,
        "query": filters.query(),
        "page": page,
        "earlier": filters.query(page=page.number - 1) if page.number > 1 else None,
        "later": filters.query(page=page.number + 1) if page.number < page.pages else None,
        "bands": BANDS,
        "states": STATES,
        "orders": ORDERS,
        "choices": choices(lake),
        "saved": SavedView.objects.filter(by=request.user),
        "is_queue": filters == Filters(),
    }
    return render(request, "desk/queue.html", context)


@require_GET
@needs("viewer")
def next_video(request: HttpRequest) -> HttpResponse:
    """Go to the video after `after` in a list, or say that the list is done."""
    filters, lake, after = Filters.from_query(request.GET), reader(), request.GET.get("after", "")[:64]
    found = next_after(lake, filters, after or None, hidden_from(request.user, lake))
    if found is None:
        return redirect(f"{reverse('queue')}?{filters.query()}")
    return redirect(f"{reverse('video', args=[found])}?{filters.query()}")


@require_POST
@needs("viewer")
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep filters under a name; the same name again replaces."""
    name, query = request.POST.get("name", "").strip()[:80], list_of(request).query()
    if not name:
        raise Problem("The view needs a name", todo="Go back and give one.")
    if SavedView.objects.filter(by=request.user).exclude(name=name).count() >= SAVED_AT_MOST:
        raise Problem(f"You have {SAVED_AT_MOST} saved views", todo="Delete one first.")
    SavedView.objects.update_or_create(by=request.user, name=name, defaults={"query": query[:1000]})
    return redirect(f"{reverse('queue')}?{query}")


@require_POST
@needs("viewer")
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Of one's own."""
    get_object_or_404(SavedView, pk=view_id, by=request.user).delete()
    return redirect("queue")


def list_of(request: HttpRequest) -> Filters:
    """The list that a person came from, out of a form."""
    return Filters.from_query(QueryDict(request.POST.get("query", "")[:2000]))
