"""One connection: bytes to events, events to the store and back.

Spec: chapters 5, 6 and 11. The law of this module: events are answered in the order in which they
come, and every request is answered once; which answer reaches the wire is the codec's business.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headframe import (
    NEED_DATA,
    Connection,
    ConnectionClosed,
    ConnectionLost,
    ErrorCode,
    Notice,
    RemoteError,
    Role,
)
from headframe_server.access import Visitor
from headframe_server.answers import Answers
from headframe_server.link import Interrupted, Link, PeerSilent, Woken
from headframe_server.log import record
from headframe_server.patience import Patience
from headframe_server.tls import ALPN, common_name

if TYPE_CHECKING:
    from headframe_server.server import Server

__all__ = ["Handler"]


class Handler(socketserver.BaseRequestHandler):
    """Serves one connection in a thread of its own."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    request: socket.socket

    def __init__(
        self, request: socket.socket, client_address: Any, server: Server, *, over: bool = False
    ) -> None:
        """Serve; `over`: the connection is one too many, and whatever it asks is refused."""
        self._over = over
        super().__init__(request, client_address, server)

    def handle(self) -> None:
        """Serve until the peer goes, breaks a rule or is too slow, or the server shuts down."""
        limits = self.server.limits
        if self._over:
            limits = replace(limits, idle_ms=limits.header_ms)
        link = Link(self.request, self.server.wake, limits)
        try:
            with contextlib.closing(link):
                person = self._shake_hands(link)
                visitor = Visitor(
                    self.server.access,
                    private=self._is_private(),
                    person=person,
                    turned_away=self._over,
                )
                self._connection = Connection(Role.SERVER, limits)
                self._link = link
                self._patience = Patience(self._connection)
                self._answers = Answers(
                    self._connection, link, self.server, visitor, peer=self.peer
                )
                with contextlib.closing(self._answers):
                    self._serve()
        except (ConnectionLost, OSError, PeerSilent, Woken, _NotAgreed) as error:
            self._record(logging.DEBUG, "lost", reason=str(error) or type(error).__name__)

    @property
    def peer(self) -> str:
        """The peer, for the log."""
        host, port = self.client_address[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _record(self, level: int, event: str, **fields: Any) -> None:
        record(level, event, peer=self.peer, **fields)

    def _shake_hands(self, link: Link) -> Any:
        """Do the handshake of TLS, if that is spoken here; return who has shown a certificate."""
        if not isinstance(self.request, ssl.SSLSocket):
            return None
        link.shake_hands(self.server.limits.header_ms / 1000)
        if self.request.selected_alpn_protocol() != ALPN:
            raise _NotAgreed("the protocol hf/1 was not agreed on")
        name = common_name(self.request)
        return None if name is None else self.server.access.certified(name)

    def _is_private(self) -> bool:
        """Return whether nobody can listen in."""
        host = str(self.client_address[0]).removeprefix("::ffff:")
        return isinstance(self.request, ssl.SSLSocket) or host == "::1" or host.startswith("127.")

    def _serve(self) -> None:
        try:
            while self._take_events():
                self._receive()
        except ConnectionLost:
            self._answers.flush()  # the peer reads on: replies to what came whole before
            raise
        except RemoteError as error:
            self._end(error.code, str(error))
        except _Ended as ended:
            self._end(ended.code, str(ended))
        self._answers.flush()
        self._link.linger()

    def _take_events(self) -> bool:
        """Answer all events that are ready; return whether more may come."""
        next_event, take = self._connection.next_event, self._answers.take
        while (event := next_event()) is not NEED_DATA:
            if type(event) is ConnectionClosed:
                return False
            take(event)
        return not (self._link.woken and self._patience.is_idle())

    def _receive(self) -> None:
        """Wait for bytes, as long as the standard says, and give them to the connection."""
        idle = self._patience.is_idle()
        self._patience.left_s()
        try:
            data = self._link.receive_now()
            if data is None:
                self._answers.rest()
                data = self._link.receive(self._patience.left_s())
        except PeerSilent:
            if idle:
                raise _Ended(ErrorCode.CLOSING, "no request for too long") from None
            raise _Ended(ErrorCode.TIMEOUT, "the message comes too slowly") from None
        except Woken:
            self._say_goodbye(idle)
            return
        except Interrupted:
            self._answers.look_up()
            return
        self._patience.received(len(data))
        self._connection.receive_data(data)

    def _say_goodbye(self, idle: bool) -> None:
        """Announce that the server shuts down; a request that has begun may finish."""
        message = "the server is shutting down"
        if idle:
            raise _Ended(ErrorCode.CLOSING, message)
        self._link.send(self._connection.send(Notice(code=ErrorCode.CLOSING, message=message)))

    def _end(self, code: ErrorCode, message: str) -> None:
        """Tell the peer, where it listens, why the connection ends."""
        level = logging.DEBUG if code is ErrorCode.CLOSING else logging.INFO
        self._record(level, "ended", code=code, message=message)
        self._answers.flush()
        self._link.send(self._connection.send(Notice(code=code, message=message, close=True)))


class _Ended(Exception):
    """The connection ends by the server's own decision."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class _NotAgreed(Exception):
    """The peer wants to speak something else."""
