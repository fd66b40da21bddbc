"""People and their roles, for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from fakelake.review.desk.access import ROLES, needs, role_of
from fakelake.review.desk.models import Audit
from fakelake.review.desk.people import add_person, set_password, set_role
from fakelake.review.service.problem import Problem


@require_http_methods(["GET", "POST"])
@needs("administrator")
def page(request: HttpRequest) -> HttpResponse:
    """Add a person, change a role, close or open an account. Nobody is deleted: their words stay theirs."""
    if request.method == "POST":
        does = {
            "add": _add, "role": _role, "active": _active, "password": _password, "revoke": _revoke,
        }.get(request.POST.get("do", ""))  # fmt: skip
        if does is None:
            raise Problem("This form is not known", todo="Go back and try again.")
        with transaction.atomic():  # what was done, and that it was
            does(request)
        return redirect("people")
    people = [
        (person, role_of(person)) for person in User.objects.order_by("username").annotate(token_count=Count("tokens"))
    ]
    return render(request, "desk/people.html", {"people": people, "roles": ROLES})


def _add(request: HttpRequest) -> None:
    name, role = request.POST.get("name", "").strip(), request.POST.get("role", "")
    try:
        add_person(name, request.POST.get("password", ""), role)
    except (ValidationError, ValueError) as error:
        said = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise Problem("This person was not added", said, "Go back and mend it.") from None
    Audit.tell(request.user, "added person", detail=f"{name}: {role}")
    messages.success(request, f"{name} may log in.")


def _role(request: HttpRequest) -> None:
    person, role = _person(request), request.POST.get("role", "")
    try:
        set_role(person, role)
    except ValueError as error:
        raise Problem("The role was not changed", str(error), "Go back and choose one.") from None
    Audit.tell(request.user, "changed role", detail=f"{person}: {role}")
    messages.success(request, f"{person} is {role}.")


def _active(request: HttpRequest) -> None:
    person = _person(request)
    person.is_active = request.POST.get("active") == "yes"
    person.save(update_fields=["is_active"])
    Audit.tell(request.user, "opened account" if person.is_active else "closed account", detail=str(person))
    messages.success(request, f"{person} {'may log in again' if person.is_active else 'may not log in any more'}.")


def _password(request: HttpRequest) -> None:
    person = _person(request)
    try:
        set_password(person, request.POST.get("password", ""))
    except ValidationError as error:
        raise Problem("The password was not changed", " ".join(error.messages), "Go back and mend it.") from None
    Audit.tell(request.user, "set password", detail=str(person))
    messages.success(request, f"{person} has a new password; their sessions and tokens have ended.")


def _revoke(request: HttpRequest) -> None:
    person = _person(request)
    names = list(person.tokens.values_list("name", flat=True))
    person.tokens.all().delete()
    Audit.tell(request.user, "revoked token", detail=f"{person}: {', '.join(names)}")
    messages.success(request, f"{person} has no tokens any more.")


def _person(request: HttpRequest) -> User:
    """Somebody else: an administrator who shuts themselves out leaves nobody to let them in."""
    person = get_object_or_404(
        User, pk=request.POST.get("person", "0") if request.POST.get("person", "").isdecimal() else 0
    )
    if person.pk == request.user.pk:
        raise Problem("This is you", todo="Let another administrator change your account.")
    return person
