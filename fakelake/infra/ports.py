"""Ports of this machine."""

from __future__ import annotations

import random
import socket
from http.client import HTTPConnection, HTTPException

HOST = "127.0.0.1"
# Below the ports that Linux hands out by itself (from 32768), above those of Ray's workers (10002 to 19999):
# one that the system picks may belong to somebody's connection before the server that it is for has come up.
ASKED = range(20_000, 32_768)


def listens(port: int, host: str = HOST) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def speaks_http(port: int, host: str = HOST) -> bool:
    """Whether somebody answers requests there, in whatever way: a port can be open long before."""
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def reached_at(bound: str) -> str:
    """The address at which this machine reaches what listens on `bound`."""
    return {"0.0.0.0": HOST, "::": "::1"}.get(bound, bound)


def free_port() -> int:
    """That nobody uses now, and that nobody gets unasked. Raises OSError where all are taken."""
    for port in random.sample(ASKED, 1000):
        with socket.socket() as server:
            try:
                server.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError("None of a thousand ports of this machine is free.")
