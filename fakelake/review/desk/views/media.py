"""What a browser shows of a video: the video itself with ranges, single pictures of it, faces."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_ratelimit.core import is_ratelimited
from django_ratelimit.exceptions import Ratelimited

from fakelake.review.desk.access import needs
from fakelake.review.desk.errors import wants_json
from fakelake.review.service.media import ranges, results
from fakelake.review.service.media.cache import used
from fakelake.review.service.media.faces import faces
from fakelake.review.service.media.playback import Playback, opened, playback
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import reader

MOST_FRAMES = 10**9
MOST_AT_ONCE = 8 << 20  # bytes of an answer to "from here on"
A_WHILE = "private, max-age=3600"  # a video may be forgotten meanwhile

_RECIPE = "SELECT recipe_id FROM desk WHERE video_id = ?"
_WORST = "SELECT recipe_id, worst_track, worst_second, fps FROM desk WHERE video_id = ? AND worst_second IS NOT NULL"
_LATEST_RECIPE = "SELECT recipe_id FROM videos WHERE video_id = ? ORDER BY ingested_at DESC, recipe_id LIMIT 1"


@require_safe
@needs("viewer")
def video_file(request: HttpRequest, video_id: str) -> HttpResponseBase:
    """The bytes, whole or a range of them. To scripts, and while there is nothing to play yet, its state as JSON."""
    played = playback(video_id, lambda: _limit(request, "look", "120/m"))
    if played.state != "ready" or wants_json(request):
        return _state(video_id, played)
    file, size = opened(played)
    tag = f"{video_id}-copy" if played.copy else video_id
    return ranges.answer(request, file, size, played.mime, tag, MOST_AT_ONCE)


def _limit(request: HttpRequest, group: str, rate: str) -> None:
    """Count this, and raise Ratelimited where the person has asked for too many."""
    if is_ratelimited(request, group=group, key="user", rate=rate, increment=True):
        raise Ratelimited()


def _state(video_id: str, played: Playback) -> JsonResponse:
    look = played.look
    told = {
        "state": played.state, "progress": played.progress, "said": "", "copy": played.copy,
        "url": reverse("video_file", args=[video_id]) if played.state == "ready" else None, "type": played.mime,
        "offset_s": played.offset_s, "why_copy": look.why if look and played.copy else None,
        "width": look and look.width, "height": look and look.height, "frames": look and look.frames,
        "duration_s": look and look.duration_s,
    }  # fmt: skip
    answer = JsonResponse(told, status=200 if played.state == "ready" else 202, headers={"Cache-Control": "no-store"})
    if played.state != "ready":
        answer["Retry-After"] = "1"
    return answer


@require_safe
@needs("viewer")
def frame(request: HttpRequest, video_id: str, number: int) -> HttpResponse:
    """One picture of the whole video, at most 320 px; until it is there, the state of its making as JSON."""
    if number >= MOST_FRAMES:
        raise Http404("No video has so many pictures.")
    made = results.frame_path(video_id, number).exists()
    if not made:
        _limit(request, "frame", "60/m")
    job = results.ask_frame(video_id, number)
    path = results.frame_path(video_id, number)
    if job is not None and job.state == "failed":
        raise Http404(job.said)
    if job is not None:
        told = {"state": job.state, "progress": job.progress, "said": job.said}
        return JsonResponse(told, status=202, headers={"Cache-Control": "no-store", "Retry-After": "1"})
    try:
        data = used(path).read_bytes()
    except FileNotFoundError:
        raise Problem("This picture has just been dropped", "", "Reload the page.", 503) from None
    return HttpResponse(data, content_type="image/jpeg", headers={"Cache-Control": A_WHILE})


@require_safe
@needs("viewer")
def face(request: HttpRequest, video_id: str, track: int, frame: int) -> HttpResponse:
    """The crop of a face, as the detector saw it."""
    recipe = reader().rows(_RECIPE, [video_id])
    if recipe and recipe[0]["recipe_id"] is None:
        recipe = reader().rows(_LATEST_RECIPE, [video_id])
    return _picture(faces().picture(video_id, recipe[0]["recipe_id"], track, frame) if recipe else None)


@require_safe
@needs("viewer")
def worst_face(request: HttpRequest, video_id: str) -> HttpResponse:
    """A crop of the face that decides, from where it is worst: what a list shows of a video."""
    data = None
    for row in reader().rows(_WORST, [video_id]):
        frame = round(row["worst_second"] * (row["fps"] or 0))
        data = faces().near(video_id, row["recipe_id"], row["worst_track"], frame)
    return _picture(data)


def _picture(data: bytes | None) -> HttpResponse:
    if data is None:
        raise Http404("The lake has no picture of this face.")
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/webp" if data[8:12] == b"WEBP" else "image/jpeg"
    return HttpResponse(data, content_type=kind, headers={"Cache-Control": A_WHILE})
