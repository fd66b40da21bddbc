"""What the desk asks of Prefect, asked of a real server."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.prefect_api import ask

TOO_OFTEN = 1000


def test_a_real_server_starts_the_run_and_tells_of_it(django_of, prefect_server, monkeypatch):
    from fakelake.review.service.uploads import prefect_runs
    from fakelake.review.service.uploads.prefect_runs import LIVE, Server, ServerTrouble

    monkeypatch.setattr(prefect_runs, "PATIENCE_S", 60.0)
    server = Server(prefect_server)
    with pytest.raises(ServerTrouble, match="ingest-and-score"):
        server.start(["/inbox/a.mp4"], "/lake")
    flow = ask(prefect_server, "/flows/", {"name": "ingest_and_score"})["id"]
    body = {"name": "ingest-and-score", "flow_id": flow, "parameters": {"quiet": False, "recipe": "paper"}}
    ask(prefect_server, "/deployments/", body)
    run = server.start(["/inbox/{{ a }}.mp4"], "/lake")
    asked = ask(prefect_server, f"/flow_runs/{run}")["parameters"]
    assert asked == {"paths": ["/inbox/{{ a }}.mp4"], "lake": "/lake", "quiet": True, "recipe": "paper"}
    assert server.states([run])[run] in LIVE and not server.under_way()
    state = {"state": {"type": "RUNNING", "name": "Running"}, "force": True}
    ask(prefect_server, f"/flow_runs/{run}/set_state", state)
    assert server.states([run, "00000000-0000-4000-8000-000000000000"]) == {run: "RUNNING"}
    assert server.under_way()
    ask(prefect_server, f"/flow_runs/{run}", method="DELETE")
    ask(prefect_server, f"/flows/{flow}", method="DELETE")  # others deploy the true one
    server.close()


@pytest.mark.parametrize("locked", [1, TOO_OFTEN])
def test_a_server_whose_database_is_locked_is_asked_again_and_not_for_ever(django_of, monkeypatch, locked):
    from fakelake.review.service.uploads import prefect_runs

    monkeypatch.setattr(prefect_runs, "PAUSE_S", 0.01)
    asked = []

    class Locked(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.send_response(503 if len(asked) <= locked else 200)
            self.end_headers()
            self.wfile.write(b'[{"id": "a", "state_type": "RUNNING"}]')

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Locked) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        server = prefect_runs.Server(f"http://127.0.0.1:{http.server_port}/api")
        if locked == TOO_OFTEN:
            with pytest.raises(prefect_runs.ServerTrouble, match="503"):
                server.states(["a"])
        else:
            assert server.states(["a"]) == {"a": "RUNNING"}
        assert len(asked) == (prefect_runs.TRIES if locked == TOO_OFTEN else 2)
        server.close()
        http.shutdown()
