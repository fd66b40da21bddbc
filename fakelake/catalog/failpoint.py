"""Named places where a test or an operator can make a process die, to see that a restart mends it.

`FAKELAKE_FAILPOINT` names the place, `FAKELAKE_FAILPOINT_ACTION` says what happens there (`kill`, the default;
`pause`, `segfault`, `raise`), and with `FAKELAKE_FAILPOINT_DIR` it happens once only, whichever process
comes first: that process leaves the marker file `<dir>/<name>`.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

NAMES = (
    "decode",
    "part_written",
    "before_commit",
    "after_crops",
    "after_portraits",
    "after_frames",
    "after_sources",
    "after_videos",  # the moment before publication
    "after_publication",
    "compact_written",
    "compact_committed",
    "rows_committed",
    "swap_frame",
    "swap_recorded",
)


class FailpointReached(RuntimeError):
    """What the action `raise` raises."""


def failpoint(name: str) -> None:
    """Do nothing, unless the environment asks for trouble at `name`."""
    if os.environ.get("FAKELAKE_FAILPOINT") != name:
        return
    if name not in NAMES:
        raise ValueError(f"there is no failpoint {name!r}; known are {', '.join(NAMES)}")
    if not _first_here(name):
        return
    action = os.environ.get("FAKELAKE_FAILPOINT_ACTION", "kill")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "segfault":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # a fault handler must not soften the crash
        os.kill(os.getpid(), signal.SIGSEGV)
    elif action == "pause":
        while True:
            time.sleep(3600)
    elif action == "raise":
        raise FailpointReached(name)
    else:
        raise ValueError(f"FAKELAKE_FAILPOINT_ACTION={action!r}: use kill, pause, segfault or raise")


def _first_here(name: str) -> bool:
    directory = os.environ.get("FAKELAKE_FAILPOINT_DIR")
    if not directory:
        return True
    try:
        Path(directory, name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
