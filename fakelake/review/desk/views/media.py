"""In the making."""

from django.http import HttpRequest, HttpResponse


def video_file(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def frame(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)


def face(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("in the making", status=501)
