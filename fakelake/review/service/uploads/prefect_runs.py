"""The runs of ingest-and-score on the Prefect server of `fakelake up`: over its REST interface, and as last seen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import httpx

from fakelake.infra.up_state import answering

DEPLOYMENT = "ingest_and_score/ingest-and-score"
PATIENCE_S = 5.0
UNDER_WAY = ("PENDING", "RUNNING", "CANCELLING")
LIVE = ("SCHEDULED", "PAUSED", *UNDER_WAY)
LOCKED = 503  # what Prefect says while its SQLite is locked: it did nothing, and may be asked again
TRIES, PAUSE_S = 4, 0.5
MOST_ROWS = 200  # of an answer of Prefect
KEPT = 5000  # runs whose last word is remembered
MOST_PATHS = 500  # a run; Prefect's parameters are bounded in size
_ID = itemgetter("id")
T = TypeVar("T")


class ServerTrouble(Exception):
    """The Prefect server does not answer as it should; the text is for people."""


class Server:
    """One Prefect server. Every method raises ServerTrouble. url: up to and with /api"""

    def __init__(self, url: str) -> None:
        key, login = os.environ.get("PREFECT_API_KEY"), os.environ.get("PREFECT_API_AUTH_STRING", "")
        self._client = httpx.Client(
            base_url=url, timeout=PATIENCE_S, headers={"Authorization": f"Bearer {key}"} if key else {},
            auth=tuple(login.split(":", 1)) if ":" in login else None, trust_env=False,
        )  # fmt: skip

    def states(self, runs: Iterable[str]) -> dict[str, str]:
        """run id -> type of its state (RUNNING, COMPLETED, ...); without those that the server does not know."""
        ids, found = list(runs), {}
        for start in range(0, len(ids), MOST_ROWS):
            body = {"flow_runs": {"id": {"any_": ids[start : start + MOST_ROWS]}}, "limit": MOST_ROWS}
            found |= self._ask(lambda rows: {r["id"]: r["state_type"] for r in rows}, "POST", "/flow_runs/filter", body)
        return found

    def under_way(self) -> bool:
        """Whether a run of the deployment holds its only place: another that came now would be cancelled."""
        runs = {"deployment_id": {"any_": [self._deployment()]}, "state": {"type": {"any_": list(UNDER_WAY)}}}
        return self._ask(bool, "POST", "/flow_runs/filter", {"flow_runs": runs, "limit": 1})

    def start(self, paths: Sequence[str], lake: str) -> str:
        """A run over these files; its id."""
        body = {"parameters": {"paths": list(paths), "lake": lake, "quiet": True}, "tags": ["desk"]}
        return self._ask(_ID, "POST", f"/deployments/{self._deployment()}/create_flow_run", body)

    def close(self) -> None:
        self._client.close()

    def _deployment(self) -> str:
        return self._ask(_ID, "GET", f"/deployments/name/{DEPLOYMENT}")

    def _ask(self, read: Callable[[Any], T], method: str, path: str, body: object = None) -> T:
        """What `read` makes of the answer."""
        try:
            for left in reversed(range(TRIES)):
                answer = self._client.request(method, path, json=body)
                if answer.status_code != LOCKED or not left:
                    break
                time.sleep(PAUSE_S)
            answer.raise_for_status()
            return read(answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ServerTrouble(f"The Prefect server says no to {path}: {error}") from error


def find_server(lake: str) -> Server | None:
    """That of the lake's `fakelake up` or, where none runs, the one that PREFECT_API_URL names."""
    state = answering(lake)
    url = state.env["PREFECT_API_URL"] if state else os.environ.get("PREFECT_API_URL")
    return Server(url) if url else None


class Known:
    """What the last look at the server found: pages read it and never wait for the server. Thread-safe.

    server: whether one answers (None: nobody looked yet); busy: a run of the deployment is under way
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self.server: bool | None = None
        self.busy = False

    def told(self, states: dict[str, str], server: bool, busy: bool) -> None:
        """What a look found; of runs that it did not ask for the last word stays."""
        with self._lock:
            self._states.update(states)
            while len(self._states) > KEPT:
                self._states.pop(next(iter(self._states)))
            self.server, self.busy = server, busy

    def state(self, run: str) -> str | None:
        """Type of a run's state; None where nothing is known of it."""
        with self._lock:
            return self._states.get(run) if run else None


known = Known()
