"""Making people and giving them roles."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group, User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from fakelake.review.desk.access import ROLES
from fakelake.review.desk.models import Token

FIRST = "admin"


def add_person(name: str, password: str, role: str) -> AbstractUser:
    """A new person. Raises ValidationError for a weak password, ValueError for a role that there is not."""
    person = User(username=name)
    person.full_clean(exclude=["password"])
    validate_password(password, person)
    person.set_password(password)
    with transaction.atomic():
        person.save()
        set_role(person, role)
    return person


def set_password(person: AbstractUser, password: str) -> None:
    """Ends their sessions and tokens. Raises ValidationError for a weak one."""
    validate_password(password, person)
    person.set_password(password)
    with transaction.atomic():
        person.save()
        password_changed(person)


def set_role(person: AbstractUser, role: str) -> None:
    """A person has one role. Raises ValueError for one that there is not."""
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role. Choose one of {', '.join(ROLES)}.")
    group, _ = Group.objects.get_or_create(name=role)
    person.groups.set([group])


def first_password_file() -> Path:
    """Where the first administrator's password stands until it is changed; only this user can read it."""
    return settings.DESK_DIR / "first_password"


def add_first_person() -> None:
    """An administrator called admin with a password of chance, where nobody is on record yet."""
    if User.objects.exists():
        return
    password = secrets.token_urlsafe(15)
    file = first_password_file()
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:  # noqa: PTH123
        out.write(f"{password}\n")
    add_person(FIRST, password, "administrator")


def password_changed(person: AbstractUser) -> None:
    """Whoever had the old one may have made tokens; and what the file says of the first one holds no more."""
    Token.objects.filter(by=person).delete()
    if person.get_username() == FIRST:
        first_password_file().unlink(missing_ok=True)
