"""gunicorn's worker of threads, with the patience of a server that strangers reach."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_S = 15.0  # from a request's first byte until it has said what it wants
STILL_S = 60  # without a byte in either direction, in a body or an answer


class Worker(ThreadWorker):
    """Who says nothing, or says it drop by drop, gives the thread back; gunicorn itself would wait for ever."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[TConn, float] = {}  # those that are being read -> time.monotonic() of their end

    def handle(self, conn: TConn) -> object:
        wait = struct.pack("ll", STILL_S, 0)
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, way, wait)
        self._heads[conn] = time.monotonic() + HEAD_S
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: object, conn: TConn) -> object:
        self._heads.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called about once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, end in list(self._heads.items()):
            if now > end and self._heads.pop(conn, None):
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)  # its thread reads the end, and goes on to somebody else
