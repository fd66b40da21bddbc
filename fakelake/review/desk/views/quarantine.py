"""The quarantine page: what could not be used, why, what to do, and trying again."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_ratelimit.decorators import ratelimit

from fakelake.review.desk.access import needs
from fakelake.review.desk.models import Audit
from fakelake.review.service import quarantine
from fakelake.review.service.reader import reader


@needs("viewer")
def page(request: HttpRequest) -> HttpResponse:
    kind, find = (request.GET.get(name, "").strip()[:200] for name in ("kind", "find"))
    kinds = quarantine.kinds(reader())
    found = quarantine.troubles(reader(), kind, find, _number(request.GET.get("page", "")))
    asked = {name: value for name, value in (("kind", kind), ("find", find)) if value}
    return render(
        request,
        "desk/quarantine.html",
        {
            "kinds": kinds, "page": found, "kind": kind, "find": find, "query": urlencode(asked),
            "files": sum(each.files for each in kinds), "again": sum(each.again for each in kinds),
            "retry": quarantine.retries().latest,
            "earlier": urlencode({**asked, "page": found.number - 1}) if found.number > 1 else "",
            "later": urlencode({**asked, "page": found.number + 1}) if found.number < found.pages else "",
        },
    )  # fmt: skip


@needs("moderator")
@require_POST
@ratelimit(key="user", rate="30/m", method="POST", block=True)
def retry(request: HttpRequest) -> HttpResponse:
    """`one`: a file's key; else `kind`, which asks for confirmation; else `file`, as often as files were chosen."""
    back = f"{reverse('quarantine')}?{request.POST.get('query', '')[:600]}"
    kind = request.POST.get("kind") if "one" not in request.POST else None
    keys = [request.POST["one"]] if "one" in request.POST else request.POST.getlist("file")
    if kind is None and not keys:
        messages.error(request, "Nothing is chosen. Tick the files that are to be tried again.")
        return redirect(back)
    uris = quarantine.addresses(reader(), keys, kind)
    if not uris:
        messages.error(request, "None of these is in quarantine any more, or can be tried again.")
        return redirect(back)
    if kind is not None and request.POST.get("sure") != "yes":
        shown = {
            "kind": kind,
            "files": len(uris),
            "query": request.POST.get("query", ""),
            "most": quarantine.MOST_FILES,
        }
        return render(request, "desk/quarantine_sure.html", shown)
    quarantine.retries().start(uris, request.user.get_username())
    what = f"all of {kind or 'every kind'}: " if kind is not None else ""
    Audit.tell(request.user, "retried", detail=f"{what}{len(uris)} files: {', '.join(uris)}"[:4000])
    messages.success(request, f"{len(uris):,} {'file is' if len(uris) == 1 else 'files are'} being tried again.")
    return redirect(back)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 1
