"""Prefect's own settings, made before it is first imported; and the servers of `fakelake up`, where they run."""

from __future__ import annotations

import os

from fakelake.infra.up_state import answering

# A temporary server took 11 to 97 s to start on a loaded machine; Prefect gives up after 20.
DEFAULTS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "false",
    "DO_NOT_TRACK": "1",
}


def prepare(lake: str | None = None) -> None:
    """Set what the user has not set. With a lake for which `fakelake up` runs: use its servers, start none."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if lake and "PREFECT_API_URL" not in os.environ and (state := answering(lake)):
        for name, value in state.env.items():
            os.environ.setdefault(name, value)
