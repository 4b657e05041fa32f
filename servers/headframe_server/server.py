"""A server in a few lines, for a program of your own, a test, or the command.

    with Server(("127.0.0.1", 0), DirectoryStore("files")) as server:
        print(server.url)

Spec: chapters 11 and 12. The law of this module: it always ends, and nobody can keep it from
serving others. Stopping accepts nothing new, lets requests that have begun finish, and after
`drain_s` cuts what is left. What it cannot take on it turns away with a word, and what it cannot
even do that for, without one.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import logging
import os
import socket
import socketserver
import ssl
import threading
import time
from collections import Counter
from typing import Any, Final, Self

from headframe import Limits
from headframe_server.access import Access
from headframe_server.handler import Handler
from headframe_server.log import record, record_failure
from headframe_server.settings import Settings
from headframe_server.store import Store

__all__ = ["DEFAULT_PORT", "Server"]

DEFAULT_PORT: Final = 37263
"""FRAME on a phone keypad."""
TURNED_AWAY: Final = 32
"""Connections over the limit that get a word of refusal at the same time; others get none."""
TIDY_S: Final = 60.0
POLL_S: Final = 0.05
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Server(socketserver.ThreadingTCPServer):
    """Listens from the moment it is made, serves while it is entered."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        store: Store,
        *,
        settings: Settings | None = None,
        limits: Limits | None = None,
        access: Access | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Bind to `address`, port 0 for any; raise OSError if that fails.

        `limits` are those of `settings` unless told. With `tls` nothing else is spoken.
        """
        self.store = store
        self.settings = settings or Settings()
        self.limits = limits or self.settings.limits
        self.access = access or Access()
        self.tls = tls
        self.shed = 0
        """Connections closed at once because the system had no descriptor left."""
        self._open: dict[socket.socket, socket.socket] = {}
        """What was accepted, and what is spoken on: the same, or TLS around it."""
        self._busy: set[socket.socket] = set()
        """Those over a limit, which are turned away."""
        self._peers: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._tidy_at = time.monotonic() + TIDY_S
        super().__init__(address, Handler, bind_and_activate=False)
        self.socket.close()
        self.wake, self._waker = socket.socketpair()
        self._reserve: int | None = os.open(os.devnull, os.O_RDONLY)
        try:
            self._listen(address)
        except BaseException:
            self._close_wake()
            raise

    def _listen(self, address: tuple[str, int]) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.create_server(
            address,
            family=family,
            backlog=self.request_queue_size,
            dualstack_ipv6=address[0] == "::" and socket.has_dualstack_ipv6(),
        )
        self.server_address = self.socket.getsockname()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self.server_address[:2]
        return str(host), int(port)

    @property
    def url(self) -> str:
        """The same as a URL."""
        host, port = self.address
        scheme = "headframes" if self.tls else "headframe"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def start(self) -> Self:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_S,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Accept nothing new, let requests that have begun finish, then close everything."""
        if self._stopped:
            return
        self._stopped = True
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.socket.close()
        self._waker.send(b"!")
        with self._changed:
            self._changed.wait_for(lambda: not self._open, self.settings.drain_s)
            for sock in self._open.values():
                # Not SSLSocket's own: it drops TLS first, and what a handler sends in between
                # would go out in the clear.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, 1.0)
        self.server_close()
        self._close_wake()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # --- what socketserver calls ---------------------------------------------------------

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; where no descriptor is left, take the reserve to turn it away."""
        try:
            return self.socket.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._shed()
            raise

    def _shed(self) -> None:
        """Accept and close one connection, so that it does not make the loop spin."""
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None
        with contextlib.suppress(OSError):
            self.socket.accept()[0].close()
            self.shed += 1
        try:
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        except OSError:
            time.sleep(POLL_S)  # somebody was quicker; let connections end
        record(logging.WARNING, "out of descriptors", turned_away=self.shed)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Count a connection; return whether it gets a thread."""
        with self._changed:
            host = str(client_address[0])
            if len(self._open) >= self.settings.connections + TURNED_AWAY:
                return False
            served = len(self._open) - len(self._busy)
            if (
                served >= self.settings.connections
                or self._peers[host] >= self.settings.connections_per_peer
            ):
                if len(self._busy) >= TURNED_AWAY:
                    return False
                self._busy.add(request)
            self._open[request] = request
            self._peers[host] += 1
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread, for whose beginning or end nobody waits."""
        _thread.start_new_thread(self.process_request_thread, (request, client_address))

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its thread."""
        sock = request
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.tls is not None:
                sock.setblocking(False)
                sock = self.tls.wrap_socket(
                    request, server_side=True, do_handshake_on_connect=False
                )
                with self._changed:
                    self._open[request] = sock
            Handler(sock, client_address, self, over=request in self._busy)
        except OSError as error:
            record(logging.DEBUG, "lost", reason=str(error))
        except Exception:  # whatever it is, it hurts nobody else
            record_failure("failed", peer=str(client_address[0]))
        finally:
            sock.close()
            self._forget(request, str(client_address[0]))

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that got no thread."""
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log that a connection could not be served."""
        record_failure("failed", peer=str(client_address[0]))
        self._forget(request, str(client_address[0]))

    def _forget(self, request: socket.socket, host: str) -> None:
        with self._changed:
            if self._open.pop(request, None) is not None:
                self._peers[host] -= 1
                if not self._peers[host]:
                    del self._peers[host]
            self._busy.discard(request)
            self._changed.notify_all()

    def service_actions(self) -> None:
        """Let the store tidy up now and then."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_S
            threading.Thread(target=self._tidy, daemon=True).start()

    def _tidy(self) -> None:
        try:
            self.store.tidy()
        except Exception:  # the next time may be better
            record_failure("cannot tidy up")

    def _close_wake(self) -> None:
        self.wake.close()
        self._waker.close()
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None
