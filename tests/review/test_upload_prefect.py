"""What the desk asks of Prefect, asked of a real server."""

import httpx
import pytest


def test_a_real_server_starts_the_run_and_tells_of_it(django_of, prefect_server):
    from fakelake.review.service.uploads.prefect_runs import LIVE, Server, ServerTrouble

    server = Server(prefect_server)
    with pytest.raises(ServerTrouble, match="ingest-and-score"):
        server.start(["/inbox/a.mp4"], "/lake")
    with httpx.Client(base_url=prefect_server) as client:
        flow = client.post("/flows/", json={"name": "ingest_and_score"}).json()["id"]
        body = {"name": "ingest-and-score", "flow_id": flow, "parameters": {"quiet": False, "recipe": "paper"}}
        client.post("/deployments/", json=body).raise_for_status()
        run = server.start(["/inbox/{{ a }}.mp4"], "/lake")
        asked = client.get(f"/flow_runs/{run}").json()["parameters"]
        assert asked == {"paths": ["/inbox/{{ a }}.mp4"], "lake": "/lake", "quiet": True, "recipe": "paper"}
        assert server.states([run])[run] in LIVE and not server.under_way()
        state = {"state": {"type": "RUNNING", "name": "Running"}, "force": True}
        client.post(f"/flow_runs/{run}/set_state", json=state).raise_for_status()
        assert server.states([run, "00000000-0000-4000-8000-000000000000"]) == {run: "RUNNING"}
        assert server.under_way()
        client.delete(f"/flow_runs/{run}")
        client.delete(f"/flows/{flow}")  # others deploy the true one
    server.close()
