"""Finds the one video a person means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fakelake.tasks.labels.base import printable
from fakelake.tasks.labels.match import Source, path_of_uri

_PREFIX = re.compile(r"[0-9a-f]{6,64}")
SHOWN = 10


class VideoNotFound(ValueError):
    """No video, or several, by that name. The message lists the candidates."""


def find_video(text: str, sources: Iterable[Source]) -> str:
    """The video_id for a uri, a path or its last components, a file name, or at least 6 digits of the video_id.

    Raises VideoNotFound when that fits no video of the lake or more than one.
    """
    wanted = path_of_uri(text)
    suffix = "/" + wanted.removeprefix("./").lstrip("/")
    is_prefix = _PREFIX.fullmatch(text.lower()) is not None
    found: dict[str, Source] = {}
    for source in sources:
        path = source.path
        if path == wanted or path.endswith(suffix) or (is_prefix and source.video_id.startswith(text.lower())):
            found.setdefault(source.video_id, source)
    if not found:
        raise VideoNotFound(
            f"{printable(text)!r} fits no video of this lake. Give a file name, the end of a path, a uri, or at least "
            '6 digits of the video_id; `fakelake sql "SELECT video_id, uri FROM sources"` lists them.'
        )
    if len(found) > 1:
        shown = [f"  {source.video_id[:12]}  {printable(source.path)}" for source in list(found.values())[:SHOWN]]
        more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise VideoNotFound(
            "\n".join(
                [f"{printable(text)!r} fits {len(found)} videos. Give more of the path, or the id:", *shown, *more]
            )
        )
    return next(iter(found))
