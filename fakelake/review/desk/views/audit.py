"""Who did what, for administrators."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from fakelake.review.desk.access import needs
from fakelake.review.desk.models import Audit


@require_GET
@needs("administrator")
def page(request: HttpRequest) -> HttpResponse:
    """The latest first; of one person or one video where the address says so."""
    rows = Audit.objects.all()
    who, video = request.GET.get("who", "").strip()[:150], request.GET.get("video", "").strip()[:64]
    if who:
        rows = rows.filter(who=who)
    if video:
        rows = rows.filter(video_id__startswith=video)
    page = Paginator(rows, 100).get_page(request.GET.get("page"))
    return render(request, "desk/audit.html", {"page": page, "who": who, "video": video})
