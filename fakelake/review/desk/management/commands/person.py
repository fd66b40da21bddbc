"""`fakelake desk person NAME --role ROLE`: add a person, or change the role or password of one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from fakelake.review.desk.access import ROLES, role_of
from fakelake.review.desk.models import Audit
from fakelake.review.desk.people import add_person, set_password, set_role


class Command(BaseCommand):
    """For whoever may read the lake's files: they could change the desk's own anyhow."""

    help = "Add a person to the review desk, or change the role or password of one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=ROLES, help="of a new person: viewer where it is left out")
        parser.add_argument("--password", action="store_true", help="ask for a new password, or read it from stdin")

    def handle(self, *args: object, name: str, role: str | None, password: bool, **options: object) -> None:
        person = User.objects.filter(username=name).first()
        try:
            if person is None:
                person = add_person(name, _ask(), role or "viewer")
                Audit.tell("this machine", "added person", detail=f"{name}: {role or 'viewer'}")
            else:
                if role:
                    set_role(person, role)
                if password:
                    set_password(person, _ask())
                Audit.tell("this machine", "changed person", detail=name)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"{name} is on record as {role_of(person) or 'nobody who may anything'}.")


def _ask() -> str:
    return getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
