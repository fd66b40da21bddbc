"""Making people and giving them roles."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser, Group, User
from django.contrib.auth.password_validation import validate_password

from fakelake.review.desk.access import ROLES


def add_person(name: str, password: str, role: str) -> AbstractUser:
    """A new person. Raises ValidationError for a weak password, ValueError for a role that there is not."""
    person = User(username=name)
    person.full_clean(exclude=["password"])
    validate_password(password, person)
    person.set_password(password)
    person.save()
    set_role(person, role)
    return person


def set_role(person: AbstractUser, role: str) -> None:
    """A person has one role. Raises ValueError for one that there is not."""
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role. Choose one of {', '.join(ROLES)}.")
    group, _ = Group.objects.get_or_create(name=role)
    person.groups.set([group])
