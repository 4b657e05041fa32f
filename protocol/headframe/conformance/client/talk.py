"""The server's end of one connection: requests in, answers out, and what else a client sends.

The law of this module: a talk belongs to one thread. It reads a request as far as an act wants it,
and what comes when nothing more was to come is kept.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from headframe import FRAME_PLAN, OpenHeader, Reader, RemoteError
from headframe.conformance.client.messages import Request
from headframe.conformance.wire import Ending, Wire
from headframe.reader import Sentinel

if TYPE_CHECKING:
    from headframe.conformance.client.host import Host

__all__ = ["AHEAD_S", "Accepted", "Act", "Over", "Talk"]

AHEAD_S: Final = 0.05
"""How long it takes at most to see that a client has sent another request already."""

Act = Callable[["Talk", Request], None]
"""Answers a request, whose first header is there, as well or badly as it likes."""


class Over(Exception):
    """The connection has ended, for us."""


class Accepted(Wire):
    """A connection that a client has made."""

    def __init__(self, sock: socket.socket, host: Host, number: int) -> None:
        self._accepted = sock
        super().__init__(host.target, host.transcript, number, host.begun)

    def _connect(self) -> socket.socket:
        self._accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted.setblocking(False)
        return self._accepted


class Talk:
    """The server's end of one connection."""

    def __init__(self, host: Host, wire: Wire) -> None:
        self.host = host
        self.wire = wire
        self.requests: list[Request] = []
        """All of them, the last perhaps not whole."""
        self.late: bytes = b""
        """What came when nothing more was to come."""
        self.ahead = False
        """Whether a request has come before the one before it was answered, as far as seen."""
        self.kept_open_s: float | None = None
        """How long the client was waited for that had to close, if it did not."""
        self.fault: RemoteError | None = None
        """What could not be read."""
        self.cut_off = False
        """Whether the client's bytes ended inside a message."""
        self.deaf = False
        """Whether nothing is read while something is sent."""
        self.pieces: Sequence[int] | None = None
        """How many bytes are sent at once; None: all."""
        self.pause_s = 0.0
        """Between pieces, so that they arrive as such."""
        self._reader: Reader = Reader(FRAME_PLAN, FRAME_PLAN)
        self._waiting: deque[Request] = deque()
        """Requests of which the first header has been read already."""

    # --- the life of a connection --------------------------------------------------------

    def run(self) -> None:
        """Answer one request after the other until the client, or an act, ends."""
        try:
            with contextlib.suppress(Over):
                self.host.greet(self)
                while (request := self.next_request()) is not None:
                    self.host.act_for(request)(self, request)
                    self.finish(request)
        finally:
            self.wire.close()

    def next_request(self) -> Request | None:
        """Return the next request, with its first header; None: the client has ended."""
        if self._waiting:
            return self._waiting.popleft()
        part = self._next_part()
        if part is Sentinel.STREAM_END:
            return None
        assert isinstance(part, OpenHeader)
        request = Request([dict(part.members)])
        self.requests.append(request)
        return request

    def finish(self, request: Request, most: int | None = None) -> None:
        """Read the rest of a request, or stop when `most` bytes of its body have come."""
        while not request.whole:
            if most is not None and len(request.body) >= most:
                return
            part = self._next_part(request)
            if isinstance(part, OpenHeader):
                request.headers.append(dict(part.members))
            elif isinstance(part, memoryview):
                request.body += part
            else:
                request.whole = True

    def _next_part(self, inside: Request | None = None) -> Any:
        """Return the next part of what the client sends; raise Over where there is none."""
        while True:
            try:
                part = self._reader.next_part()
            except RemoteError as error:
                self.fault = None if self.wire.ending else error
                self.cut_off = self.wire.ending is not None
                if inside is not None:
                    self.host.keep(inside)
                raise Over from error
            if part is not Sentinel.NEED_DATA:
                return part
            data = self.wire.receive(self.host.patience_s)
            if data is Ending.TIME_OUT:
                raise Over
            self._reader.receive_data(b"" if isinstance(data, Ending) else data)

    def is_ahead(self, seconds: float = AHEAD_S) -> bool:
        """Return whether another request is on its way, the one at hand being whole."""
        if not self._waiting and not self._reader.head_begun:
            try:
                part = self._reader.next_part()
            except RemoteError:
                return True
            if isinstance(part, OpenHeader):
                self._waiting.append(Request([dict(part.members)]))
                self.requests.append(self._waiting[0])
            elif not self._reader.head_begun:
                return part is Sentinel.NEED_DATA and self._wait(seconds)
        return True

    def _wait(self, seconds: float) -> bool:
        """Return whether a byte comes within so long, and leave it where it is."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.wire.socket, selectors.EVENT_READ)
            came = bool(selector.select(seconds))
        with contextlib.suppress(OSError):
            return came and bool(self.wire.socket.recv(1, socket.MSG_PEEK))
        return False

    # --- answers -------------------------------------------------------------------------

    def honest(self, request: Request, size: int = 1 << 20, **changed: Any) -> None:
        """Answer as a good server does, once the request is whole; `changed` are members."""
        self.say(self.prepare(request, size, **changed))

    def prepare(self, request: Request, size: int = 1 << 20, **changed: Any) -> bytes:
        """Do what a request asks for, once it is whole; return what is to be said of it."""
        self.finish(request)
        answer = self.host.answer(request)
        if request.id is not None or request.cmd == "put":
            self.host.store.evidence.extend(answer.proves)
        return b"" if request.id is None else answer.encode(request.id, size, **changed)

    def say(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        for size in self.pieces or ():
            self.wire.send(data[:size], deaf=self.deaf)
            data = data[size:]
            if self.pause_s:
                self.host.over.wait(self.pause_s)
        self.wire.send(data, deaf=self.deaf)

    # --- ends ----------------------------------------------------------------------------

    def end(self) -> None:
        """End our side, read what still comes, and close."""
        self.wire.end_sending()
        self.hold()

    def hold(self, seconds: float | None = None, most_bytes: int | None = None) -> None:
        """Read until the client ends, for so long at most, taking nothing of it for a request.

        When `most_bytes` have come, all is known that there is to know.
        """
        until = time.monotonic() + (self.host.patience_s if seconds is None else seconds)
        late = bytearray()
        while isinstance(data := self.wire.receive(max(0.0, until - time.monotonic())), bytes):
            late += data[: 4096 - len(late)]
            if most_bytes is not None and len(late) >= most_bytes:
                break
        self.late += bytes(late)
        self.kept_open_s = seconds if data is Ending.TIME_OUT else None
        raise Over

    def reset(self) -> None:
        """Reset the connection."""
        self.wire.reset()
        raise Over
