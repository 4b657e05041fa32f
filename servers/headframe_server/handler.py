"""One connection: bytes to events, events to the store and back.

Spec: chapters 5, 6 and 11. The law of this module: events are answered in the order in which they
come, and every request is answered once; which answer reaches the wire is the codec's business.
"""

from __future__ import annotations

import logging
import socket
import socketserver
from typing import TYPE_CHECKING, Final

from headframe import (
    NEED_DATA,
    BodyChunk,
    Connection,
    ConnectionClosed,
    ConnectionLost,
    ErrorCode,
    MessageAborted,
    MessageFinished,
    Notice,
    Received,
    Refusal,
    RemoteError,
    Request,
    RequestRefused,
    Role,
)
from headframe_server.answers import Answers
from headframe_server.link import Link, PeerSilent, Woken
from headframe_server.patience import Patience

if TYPE_CHECKING:
    from headframe_server.server import Server

__all__ = ["Handler"]

_log: Final = logging.getLogger("headframe.server")


class Handler(socketserver.BaseRequestHandler):
    """Serves one connection in a thread of its own."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    request: socket.socket

    def handle(self) -> None:
        """Serve until the peer goes, breaks a rule or is too slow, or the server shuts down."""
        self._connection = Connection(Role.SERVER, self.server.limits)
        self._link = Link(self.request, self.server.wake, self.server.limits)
        self._answers = Answers(self._connection, self._link, self.server.store, self.peer)
        self._patience = Patience(self._connection)
        try:
            self._serve()
        except (ConnectionLost, OSError, PeerSilent) as error:
            _log.debug("%s: lost: %s", self.peer, error)
        finally:
            self._answers.drop()

    @property
    def peer(self) -> str:
        """The peer, for the log."""
        host, port = self.client_address[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _serve(self) -> None:
        try:
            while self._take_events():
                self._answers.flush()
                self._receive()
        except ConnectionLost:
            raise
        except RemoteError as error:
            self._end(error.code, str(error))
        except _Ended as ended:
            self._end(ended.code, str(ended))
        self._answers.flush()
        self._link.linger()

    def _take_events(self) -> bool:
        """Answer all events that are ready; return whether more may come."""
        while (event := self._connection.next_event()) is not NEED_DATA:
            if isinstance(event, ConnectionClosed):
                return False
            self._take(event)
        return not (self._link.woken and self._patience.is_idle())

    def _take(self, event: Received) -> None:
        match event:
            case Request():
                self._answers.begin(event)
            case BodyChunk(data):
                self._answers.add(data)
            case MessageFinished():
                self._answers.finish(event)
            case MessageAborted():
                self._answers.refuse(Refusal(code=ErrorCode.ABORTED, message="withdrawn"))
            case RequestRefused(refusal=refusal):
                self._answers.refuse(refusal)

    def _receive(self) -> None:
        """Wait for bytes, as long as the standard says, and give them to the connection."""
        idle = self._patience.is_idle()
        try:
            data = self._link.receive(self._patience.left_s())
        except PeerSilent:
            if idle:
                raise _Ended(ErrorCode.CLOSING, "no request for too long") from None
            raise _Ended(ErrorCode.TIMEOUT, "the message comes too slowly") from None
        except Woken:
            self._say_goodbye(idle)
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
        _log.info("%s: %s: %s", self.peer, code, message)
        self._answers.flush()
        self._link.send(self._connection.send(Notice(code=code, message=message, close=True)))


class _Ended(Exception):
    """The connection ends by the server's own decision."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
