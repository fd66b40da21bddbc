"""How the desk's templates write times, shares and bands."""

from __future__ import annotations

from datetime import datetime

from django import template

from fakelake.tasks.explain_words import BANDS, percent

register = template.Library()


@register.filter
def clock(seconds: float | None) -> str:
    """Seconds as 1:02.5, or 1:00:02.5."""
    if seconds is None:
        return ""
    tenths = round(float(seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"


@register.filter
def about(seconds: float) -> str:
    """A time to wait, as roughly as it is known: 50 seconds, 4 minutes, 3 hours."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}s"
    tens = max(10, round(seconds, -1))
    return f"{tens:.0f} seconds" if tens < 60 else "a minute"


@register.filter
def share(p: float | None) -> str:
    """A probability as people read it; never 0 % or 100 %."""
    return "" if p is None else percent(p)


@register.filter
def band_name(band: str | None) -> str:
    """The word for a band."""
    return {"waiting": "Not scored yet"}.get(band or "", BANDS.get(band, str(band)))


@register.filter
def said(label: str | None) -> str:
    """A label as people say it: `real` is the tables' word for authentic."""
    return {"real": "authentic"}.get(label or "", label or "")


@register.filter
def when(at: datetime | None) -> str:
    """UTC, to the minute."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


@register.filter
def container(names: str | None) -> str:
    """libav's list of names that share a format, by the one that people know."""
    listed = (names or "").split(",")
    return next((name for name in ("mp4", "matroska", "avi", "mpegts") if name in listed), listed[0])


@register.filter
def size(count: int | None) -> str:
    """Bytes as kB, MB or GB."""
    if count is None:
        return ""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return ""


@register.filter
def name_of(names: dict[str, str], video_id: str) -> str:
    """A video's name, or the beginning of its id."""
    return names.get(video_id) or video_id[:12]
