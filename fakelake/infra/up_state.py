"""What `fakelake up` has running for a lake: written by it, read by every other command."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

STATE = "up.json"
PATIENCE_S = 10.0  # for an answer of its Prefect server; one that is gone refuses at once


@dataclass(frozen=True, slots=True, kw_only=True)
class UpState:
    """pid: of `fakelake up`; env: what others set to use its servers; pages: name -> address, for a browser.

    spare: the Unix socket on which a process waits to become the next command (flows/spare.py); "": none
    """

    pid: int
    env: Mapping[str, str]
    pages: Mapping[str, str]
    spare: str = ""


def up_directory(lake: str) -> Path:
    """Where a lake's servers keep their state and logs: in the lake or, for one on S3, in the working directory."""
    return Path("_up").absolute() if lake.startswith("s3://") else Path(lake).absolute() / "_up"


def write_state(lake: str, state: UpState) -> None:
    """For all others to find; whole at any moment."""
    path = up_directory(lake) / STATE
    path.with_suffix(".tmp").write_text(json.dumps(asdict(state), indent=2))
    path.with_suffix(".tmp").replace(path)


def remove_state(lake: str) -> None:
    """The servers are gone."""
    (up_directory(lake) / STATE).unlink(missing_ok=True)


def read_state(lake: str) -> UpState | None:
    """What was written by a `fakelake up` that still runs."""
    try:
        state = UpState(**json.loads((up_directory(lake) / STATE).read_text()))
        os.kill(state.pid, 0)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, ProcessLookupError):
        return None
    except PermissionError:  # another user's process, and so alive
        pass
    return state


def answering(lake: str) -> UpState | None:
    """The same, if its Prefect server answers."""
    state = read_state(lake)
    return state if state and answers(f"{state.env['PREFECT_API_URL']}/health") else None


def answers(url: str, timeout_s: float = PATIENCE_S) -> bool:
    """Whether an address answers with success."""
    try:
        urllib.request.urlopen(url, timeout=timeout_s).close()
    except (OSError, HTTPException):  # the second: what answers there speaks another language
        return False
    return True
