"""In the making."""

from django.http import HttpRequest, HttpResponse


def page(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def boxes(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def forget(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)
