"""One's own account: the password, and tokens for programs."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from django_ratelimit.decorators import ratelimit

from fakelake.review.desk.access import needs
from fakelake.review.desk.models import Audit, Token
from fakelake.review.desk.people import password_changed
from fakelake.review.service.problem import Problem

TOKENS = 20  # a person
DAYS = {"30": "30 days", "90": "90 days", "365": "a year"}  # that a token is good for
USUAL = str(Token.DAYS)


@require_http_methods(["GET", "POST"])
@needs("viewer")
@ratelimit(key="user", rate="10/m", method="POST")  # it checks a password
def page(request: HttpRequest) -> HttpResponse:
    """Change the password; make a token, which is shown this once; take one back."""
    form, token = PasswordChangeForm(request.user), None
    if request.method == "POST":
        does = request.POST.get("do")
        if does == "password":
            form = PasswordChangeForm(request.user, request.POST)
            if form.is_valid():
                with transaction.atomic():
                    form.save()
                    password_changed(form.user)
                    Audit.tell(request.user, "changed password")
                update_session_auth_hash(request, form.user)
                messages.success(request, "The password is changed. Tokens of before are worth nothing any more.")
                return redirect("account")
        elif does == "token":
            name, days = request.POST.get("name", "").strip()[:80], request.POST.get("days", USUAL)
            if not name or days not in DAYS or Token.objects.filter(by=request.user).count() >= TOKENS:
                needs_what = f"It needs a name and one of the times offered; you may have {TOKENS}."
                raise Problem("No token was made", needs_what, "Go back; revoke one that you no longer use.")
            token = Token.make(request.user, name, int(days))
            Audit.tell(request.user, "made token", detail=f"{name}, for {DAYS[days]}")
        elif does == "revoke":
            number = request.POST.get("token", "")
            found = get_object_or_404(Token, pk=number if number.isdecimal() else 0, by=request.user)
            Audit.tell(request.user, "revoked token", detail=found.name)
            found.delete()
            return redirect("account")
    context = {
        "form": form,
        "token": token,
        "tokens": Token.objects.filter(by=request.user),
        "days": DAYS,
        "usual": USUAL,
    }
    return render(request, "desk/account.html", context)
