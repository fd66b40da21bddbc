"""The desk's server: `python -m fakelake.review.serve`. One process: all share one reading of the lake."""

from __future__ import annotations

import os
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fakelake.review.desk.settings")

import django
from gunicorn.app.base import BaseApplication

from fakelake.review.worker import Worker

THREADS = 64  # most of them wait for slow lines
GRACE_S = 15


class Desk(BaseApplication):
    """gunicorn with our settings and no command line of its own."""

    def load_config(self) -> None:
        from django.conf import settings

        host = settings.FAKELAKE.desk_bind
        self.cfg.set("bind", f"{f'[{host}]' if ':' in host else host}:{settings.FAKELAKE.desk_port}")
        self.cfg.set("worker_class", Worker)
        self.cfg.set("workers", 1)
        self.cfg.set("threads", THREADS)
        self.cfg.set("graceful_timeout", GRACE_S)
        self.cfg.set("timeout", 120)  # of a worker that gives no sign of life, not of a request (worker.py)
        self.cfg.set("forwarder_headers", "")  # no proxy of ours names another root, and loopback is anybody's
        self.cfg.set("keepalive", 5)
        self.cfg.set("limit_request_line", 4094)
        self.cfg.set("proc_name", "fakelake-desk")
        self.cfg.set("control_socket_disable", True)  # `fakelake up` sees to it
        self.cfg.set("post_worker_init", _begin)
        self.cfg.set("worker_exit", _end)

    def load(self) -> object:
        from fakelake.review.desk.wsgi import application

        return application


_running: list[object] = []


def _begin(worker: object) -> None:
    """In the process that answers: the lake is read before the first page, and what goes on behind the pages begins."""
    from fakelake.review.service.decisions import Writer
    from fakelake.review.service.media.faces import faces
    from fakelake.review.service.reader import reader
    from fakelake.review.service.uploads import links
    from fakelake.review.service.uploads.start_run import starter

    threading.Thread(target=faces().refresh, name="faces", daemon=True).start()  # or the first face would wait for it
    starter().wake()
    links.go_on()
    _running.extend((Writer(reader()), starter(), reader()))


def _end(server: object, worker: object) -> None:
    for each in _running:
        each.close()


def main() -> None:
    """Make the desk's own tables and its first person, then serve until SIGTERM."""
    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    from fakelake.review.desk.people import add_first_person

    add_first_person()
    connections.close_all()  # SQLite forbids to carry one over into the process that answers
    Desk().run()


if __name__ == "__main__":
    main()
