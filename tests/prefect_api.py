"""Questions to a Prefect server's REST API, asked as its own client does."""

from typing import Any

from prefect.client.orchestration import SyncPrefectClient


def ask(api: str, path: str, body: object = None, method: str | None = None) -> Any:
    """The JSON of the answer; without a body it is a GET. api: the server's address with /api

    Prefect's client tries again where the server says 503: its SQLite was locked at that moment, which is no fault.
    """
    with SyncPrefectClient(api, httpx_settings={"timeout": 60}) as client:
        answer = client.request(method or ("GET" if body is None else "POST"), path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None
