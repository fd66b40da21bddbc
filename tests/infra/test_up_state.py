"""What runs for a lake is found by every command, and what no longer runs by none."""

import http.server
import os
import socket
import subprocess
import sys
import threading

import pytest

from fakelake.infra import prefect_env
from fakelake.infra.up_state import UpState, answering, answers, read_state, remove_state, up_directory, write_state


@pytest.fixture
def lake(tmp_path):
    up_directory(str(tmp_path)).mkdir()
    return str(tmp_path)


@pytest.fixture
def api():
    """Address of a server that answers as Prefect's does when it is asked for its health."""

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


def state(url, pid=None):
    return UpState(pid=pid or os.getpid(), env={"PREFECT_API_URL": url, "FAKELAKE_X": "1"}, pages={"Prefect": url})


def test_what_was_written_is_read_until_it_is_removed(lake):
    write_state(lake, state("http://127.0.0.1:1/api"))
    assert read_state(lake) == state("http://127.0.0.1:1/api")
    remove_state(lake)
    assert read_state(lake) is None


def test_of_a_process_that_is_gone_nothing_is_believed(lake):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_state(lake, state("http://127.0.0.1:1/api", gone.pid))
    assert read_state(lake) is None


def test_a_file_of_another_program_is_no_state(lake):
    (up_directory(lake) / "up.json").write_text('{"a": 1}')
    assert read_state(lake) is None


def test_a_server_that_does_not_answer_is_not_used(lake, api):
    write_state(lake, state("http://127.0.0.1:1/api"))
    assert answering(lake) is None
    write_state(lake, state(api))
    assert answering(lake) == state(api)


def test_a_lake_that_is_not_there_has_nothing_running(tmp_path):
    assert answering(str(tmp_path / "none")) is None
    assert read_state("s3://bucket/lake") is None


def test_commands_use_the_servers_unless_the_user_names_another(lake, api, monkeypatch):
    write_state(lake, state(api))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("os.environ", {**os.environ, "FAKELAKE_X": "mine"})
    prefect_env.prepare(lake)
    assert os.environ["PREFECT_API_URL"] == api
    assert os.environ["FAKELAKE_X"] == "mine"
    monkeypatch.setattr("os.environ", {**os.environ, "PREFECT_API_URL": "http://elsewhere/api"})
    prefect_env.prepare(lake)
    assert os.environ["PREFECT_API_URL"] == "http://elsewhere/api"


def test_a_server_that_speaks_another_language_does_not_answer():
    """Ray's gRPC on the port where MLflow should be."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"\x00\x00\x18\x04\x00\x00\r\n"))
        thread.start()
        assert not answers(f"http://127.0.0.1:{server.getsockname()[1]}/health")
        thread.join()
