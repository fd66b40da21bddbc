"""Django's own commands for the desk: `python -m fakelake.review.manage check --deploy`."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fakelake.review.desk.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
