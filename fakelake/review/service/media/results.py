"""What the desk has made of videos: where it lies, whether it still holds, and asking for it to be made.

Where a name carries a hash, it is of what the result tells of: another verdict, another result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fakelake.review.service.media.cache import folder, known, looked
from fakelake.review.service.media.job import MODEL, QUICK, SLOW, Job
from fakelake.review.service.media.jobs import jobs
from fakelake.review.service.reader import reader

STRIP_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """told_of: columns of the verdict that a result tells of, so that it is stale when they change; None: of nothing.

    base_s, per_second: seconds that making may take, and more of them a second of the video
    """

    ending: str
    told_of: tuple[str, ...] | None
    base_s: float
    per_second: float
    lane: str = SLOW
    urgent: bool = False


_SCORE = ("p_fake", "band", "logit", "model_version", "calibration_id", "recipe_id", "scored_at", "provenance")
_SAID = ("reason", "name", "dataset", "decided", "decided_by", "decided_on", "label", "label_origin")
KINDS = {
    "copy": Kind("mp4", None, 600, 10, urgent=True),
    "strip": Kind("json", ("worst_second",), 120, 1, QUICK),
    "overlay": Kind("mp4", _SCORE, 600, 10),
    "explain": Kind("html", _SCORE, 900, 2, MODEL),  # a decision does not change what the model saw
    "case": Kind("zip", (*_SCORE, *_SAID), 900, 10),
}


def path_of(video_id: str, what: str) -> Path:
    """Where the result of now lies or will lie. Raises NoVideo, KeyError."""
    return _path(known(video_id), what)


def ask(video_id: str, what: str) -> Job | None:
    """Start making it; None: it is there already. Raises NoVideo, KeyError, TooBusy."""
    video = known(video_id)
    kind, out = KINDS[what], _path(video, what)
    if out.exists():
        return None
    limit = kind.base_s + kind.per_second * float(video["duration_s"] or 0)
    more = {"strip": _strip_of, "case": _told_of}.get(what, lambda _: {})(video)
    order = {"kind": what, "video_id": video_id, "lake": _root(), "out": str(out), **_looked(video_id), **more}
    return jobs().ask(Job(video_id, out.name, order, limit, kind.lane, kind.urgent))


def ask_frame(video_id: str, number: int) -> Job | None:
    """Start making one picture of the video, of which the strip has some; None: it is there. Raises as `ask`.

    One that failed is not tried again: pages ask for pictures without being told to.
    """
    video, out = known(video_id), frame_path(video_id, number)
    if out.exists():
        return None
    before = jobs().find(video_id, f"frames/{out.name}")
    if before is not None and before.state == "failed":
        return before
    order = {"kind": "frame", "video_id": video_id, "lake": _root(), "out": str(out), "number": number}
    limit = KINDS["strip"].base_s + float(video["duration_s"] or 0)
    return jobs().ask(Job(video_id, f"frames/{out.name}", {**order, **_looked(video_id)}, limit, QUICK))


def frame_path(video_id: str, number: int) -> Path:
    """Where one picture lies or will lie. Raises ValueError."""
    return folder(video_id) / "frames" / f"{int(number)}.jpg"


def state(video_id: str, what: str) -> dict[str, object]:
    """{"state": none | waiting | running | done | failed, "progress": 0 to 1 or null, "said": why it failed}.

    A result from before the verdict changed counts as none. Raises NoVideo, KeyError.
    """
    out = path_of(video_id, what)
    return state_of(out, jobs().find(video_id, out.name))


def state_of(out: Path, job: Job | None) -> dict[str, object]:
    """The same of any file and its job."""
    if out.exists():
        return {"state": "done", "progress": 1.0, "said": ""}
    if job is None or job.state == "done":  # done and dropped since, to make room
        return {"state": "none", "progress": None, "said": ""}
    return {"state": job.state, "progress": job.progress, "said": job.said}


def _root() -> str:
    return reader().lake.location.root


def _path(video: Mapping[str, object], what: str) -> Path:
    kind = KINDS[what]
    if kind.told_of is None:
        return folder(video["video_id"]) / f"{what}.{kind.ending}"
    told = [str(video[name]) for name in kind.told_of]
    if what == "case":
        told.append(_decided(video["video_id"]))
    made_from = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    return folder(video["video_id"]) / f"{what}-{made_from}.{kind.ending}"


def _looked(video_id: str) -> dict[str, object]:
    """Where the bytes were found to lie, so that they need not be hashed again."""
    look = looked(video_id)
    return {"path": look.path, "identity": look.identity} if look and look.path else {}


def _strip_of(video: Mapping[str, object]) -> dict[str, object]:
    worst = video["worst_second"]
    return {"count": STRIP_FRAMES, "seconds": [] if worst is None else [worst]}


def _told_of(video: Mapping[str, object]) -> dict[str, object]:
    """What the desk's own tables say of a video, for its case file."""
    from fakelake.review.desk.models import Audit, Decision

    of = video["video_id"]
    columns = ("id", "label", "note", "by__username", "at", "state", "written_at", "band", "p_fake")
    decisions = [
        {name.removesuffix("__username"): _plain(value) for name, value in row.items()}
        for row in Decision.objects.filter(video_id=of).order_by("at", "id").values(*columns)
    ]
    trail = Audit.objects.filter(video_id=of).order_by("at", "id").values("at", "who", "what", "detail")
    return {
        "decisions": decisions,
        "audit": [{name: _plain(value) for name, value in row.items()} for row in trail],
        "overlay": str(_path(video, "overlay")),
        "explanation": str(_path(video, "explain")),
    }


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _decided(video_id: str) -> str:
    """Changes with each decision, and with each entry of the audit trail but those of taking away."""
    from fakelake.review.desk.models import Audit, Decision

    decisions = Decision.objects.filter(video_id=video_id).order_by("id").values_list("id", "state", "label")
    trail = Audit.objects.filter(video_id=video_id).exclude(what__in=("exported", "asked")).count()
    return f"{list(decisions)} {trail}"
