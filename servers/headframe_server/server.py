"""A server in a few lines, for a program of your own, a test, or the command.

    with Server(("127.0.0.1", 0), DirectoryStore("files")) as server:
        print(server.url)

Spec: chapter 11. The law of this module: it always ends. Stopping accepts nothing new, lets
requests that have begun finish, and after `drain_s` cuts what is left.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import threading
from typing import Any, Final, Self

from headframe import LIMITS, Limits
from headframe_server.handler import Handler
from headframe_server.store import Store

__all__ = ["DEFAULT_PORT", "Server"]

DEFAULT_PORT: Final = 37263
"""FRAME on a phone keypad."""
DRAIN_S: Final = 10.0

_log: Final = logging.getLogger("headframe.server")


class Server(socketserver.ThreadingTCPServer):
    """Listens from the moment it is made, serves while it is entered."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = hasattr(socket, "SO_REUSEPORT")

    def __init__(
        self,
        address: tuple[str, int],
        store: Store,
        *,
        limits: Limits = LIMITS,
        drain_s: float = DRAIN_S,
    ) -> None:
        """Bind to `address`, port 0 for any; raise OSError if that fails."""
        self.store = store
        self.limits = limits
        self.drain_s = drain_s
        self.wake, self._waker = socket.socketpair()
        self._sockets: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            super().__init__(address, Handler)
        except BaseException:
            self._close_wake()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self.server_address[:2]
        return str(host), int(port)

    @property
    def url(self) -> str:
        """The same as a URL."""
        host, port = self.address
        return f"headframe://[{host}]:{port}" if ":" in host else f"headframe://{host}:{port}"

    def start(self) -> Self:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Accept nothing new, let requests that have begun finish, then close everything."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.socket.close()
        self._waker.send(b"!")
        with self._changed:
            self._changed.wait_for(lambda: not self._sockets, self.drain_s)
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._sockets, 1.0)
        self.server_close()
        self._close_wake()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # --- what socketserver calls ---------------------------------------------------------

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for a connection."""
        with self._changed:
            self._sockets.add(request)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; the handler has said goodbye already."""
        with self._changed:
            request.close()
            self._sockets.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what no handler expected, without the peer's bytes."""
        _log.exception("%s: failed", client_address)

    def _close_wake(self) -> None:
        self.wake.close()
        self._waker.close()
