"""In the making."""

from django.http import HttpRequest, HttpResponse


def make(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def made(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)
