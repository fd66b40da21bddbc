"""In the making."""

from django.http import HttpRequest, HttpResponse


def decide(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def decide_many(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def overview(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def undo(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)
