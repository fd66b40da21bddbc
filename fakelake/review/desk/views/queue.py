"""In the making."""

from django.http import HttpRequest, HttpResponse


def queue(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def next_video(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def save_view(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def delete_view(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)
