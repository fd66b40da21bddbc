"""A server that strangers reach: who says nothing, or says it drop by drop, keeps nobody else waiting."""

import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack

import pytest

from fakelake.infra.ports import free_port, listens

# Two threads, and less patience than the real one, so that the test need not wait as long.
PROGRAM = """
import sys
from gunicorn.app.base import BaseApplication
from fakelake.review import worker

worker.HEAD_S, worker.STILL_S = 2.0, 2

def answer(environ, start):
    body = environ["wsgi.input"].read()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]

class Server(BaseApplication):
    def load_config(self):
        for name, value in {
            "bind": f"127.0.0.1:{sys.argv[1]}", "workers": 1, "threads": 2, "worker_class": worker.Worker,
        }.items():
            self.cfg.set(name, value)

    def load(self):
        return answer

Server().run()
"""


@pytest.fixture(scope="module")
def port():
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)])
    end = time.monotonic() + 60
    while not listens(port):
        assert server.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    yield port
    server.terminate()
    server.wait(30)


@pytest.fixture
def line(port):
    """line(text): a connection of its own that has sent that much."""
    with ExitStack() as stack:

        def connect(text):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            connection.sendall(text)
            return connection

        yield connect


def ask(port, body=b"here I am"):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/", body, timeout=60).read()


def test_it_answers_as_gunicorn_does(port):
    assert ask(port) == b"here I am"


def test_connections_that_say_nothing_keep_nobody_waiting(port, line):
    for _ in range(6):
        line(b"")
    assert ask(port) == b"here I am"


def test_a_request_that_stops_before_its_end_gives_its_thread_back(port, line):
    stopped = [line(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ") for _ in range(6)]
    assert ask(port) == b"here I am"
    for each in stopped[:2]:
        assert b"200 OK" not in each.recv(1000)


def test_a_request_that_drips_is_not_waited_for_either(port, line):
    dripping = [line(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ") for _ in range(2)]
    dropped, end = set(), time.monotonic() + 30
    while len(dropped) < 2:
        assert time.monotonic() < end, "a byte each half second held the thread"
        for each in dripping:
            try:
                each.sendall(b"x")
            except OSError:
                dropped.add(each)
        time.sleep(0.5)
    assert ask(port) == b"here I am"


def test_a_body_that_stops_before_its_end_gives_its_thread_back(port, line):
    for _ in range(6):
        line(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 3000)
    assert ask(port) == b"here I am"
