"""The insight page: how far the archive is, how the scores lie, whether people and the model agree."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from fakelake.review.desk.access import needs
from fakelake.review.service.insight.answers import answers, insight


@needs("viewer")
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "desk/insight.html", {"insight": insight(answers())})
