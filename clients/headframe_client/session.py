"""A socket joined to a connection of the codec: calls go out, what comes back finds its call.

Spec: chapters 4 to 6. The law of this module: whoever waits to write reads meanwhile, and what is
read is taken in at once. So two sides that both send can never block each other, and nothing
piles up here, however many calls are on their way.

    begin(call, request)  send(event)     out, collected into few large writes
    poll()                                take in what has come, without waiting
    step()                                wait for something to come and take it in
    run(call)                             until the call is done

The socket never blocks; each wait is a selector's, and ends with ConnectionFailed after
`timeout_s` in which nothing moved. Not for use by two threads at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from functools import cached_property
from mmap import mmap
from typing import TYPE_CHECKING, Any, Final, TypeVar

from headframe import (
    NEED_DATA,
    BodyChunk,
    BodySent,
    Connection,
    ConnectionClosed,
    ConnectionLost,
    LocalError,
    MessageAborted,
    MessageFinished,
    Notice,
    RemoteError,
    Reply,
    Request,
    Role,
    Sent,
)
from headframe_client.calls import Call
from headframe_client.errors import (
    ClientError,
    ConnectionFailed,
    InvalidArgument,
    NotTrusted,
    ProtocolViolation,
    error_of_notice,
)
from headframe_client.pace import Pace

if TYPE_CHECKING:
    import ssl

__all__ = ["Session", "Trace", "make_buffer"]

RECEIVE_BYTES: Final = 1 << 20
"""Size of the receive buffer: a large get takes a fifth longer with a quarter of it."""
BATCH_BYTES: Final = 1 << 16
"""Small events are collected until they make a write of this size; larger ones are not copied."""
DISCARD_BYTES: Final = 1 << 20
"""The rest of a reply that nobody wants is read up to this length."""
FRAME_BYTES: Final = 1 << 20
"""Body of one frame of a put: a refusal is heard, and heeded, after at most this much."""

_UNABLE: Final = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
"""What `sendfile` says of a file that it cannot send."""

Trace = Callable[[str, Request | Reply | Notice], None]
"""Sees every request (">") and every reply and notice ("<") go by."""

Bytes = bytes | bytearray | memoryview
R = TypeVar("R")
_LATER_EVENTS: Final = frozenset({BodyChunk, MessageFinished, MessageAborted})
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


def make_buffer(size: int) -> memoryview:
    """Return memory that costs nothing where it is not used; a bytearray is written at once."""
    return memoryview(mmap(-1, size))


class Session:
    """One connection to a server, with the calls that are on their way."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        peer: str,
        timeout_s: float,
        secure: bool = False,
        pace: Pace | None = None,
        trace: Trace | None = None,
    ) -> None:
        """Take over a connected socket; `peer` is what errors call the other side.

        `secure`: it speaks TLS. What that needs is imported only then.
        """
        sock.setblocking(False)
        self.peer = peer
        self.timeout_s = timeout_s
        self._pace = pace
        self._piece_bytes = RECEIVE_BYTES if pace is None else pace.piece_bytes
        self._trace = trace
        self._socket = sock
        self._selector: selectors.BaseSelector = _Selector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._not_now: tuple[type[OSError], ...] = (BlockingIOError,)
        """What the socket raises that has to wait."""
        self._reads_first: tuple[type[OSError], ...] = ()
        """What it raises when it cannot write before it has read."""
        if secure:
            from headframe_client import trust  # noqa: PLC0415

            self._not_now, self._reads_first = trust.NOT_NOW, trust.READS_FIRST
        self.sends_files = not secure and hasattr(os, "sendfile")
        """Whether bytes of a file can go out without being read."""
        self._connection = Connection(Role.CLIENT)
        self._calls: deque[Call[Any]] = deque()
        """Those without a whole reply, the oldest first."""
        self._buffer = make_buffer(RECEIVE_BYTES)
        self._outgoing = bytearray()
        self.requests = 0
        """How many have been given an id."""
        self.greeting: Call[Any] | None = None
        """The hello that asks what the server has; None: nobody has asked."""
        self._notice: Notice | None = None
        self._error: ClientError | None = None
        """Why the connection is not used any more."""

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
        pace: Pace | None = None,
        trace: Trace | None = None,
    ) -> Session:
        """Connect to a server; raise ConnectionFailed or NotTrusted if that cannot be done."""
        peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            sock = socket.create_connection((host, port), timeout=timeout_s)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConnectionFailed(f"cannot connect to {peer}: {reason}") from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = tls is not None
            if tls is not None:
                from headframe_client.trust import shake_hands  # noqa: PLC0415

                sock = shake_hands(sock, host, tls, peer)
            return cls(sock, peer=peer, timeout_s=timeout_s, secure=secure, pace=pace, trace=trace)
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        """End the connection; calls on their way fail."""
        self._end(ConnectionFailed(f"the connection to {self.peer} is closed"))

    def interrupt(self) -> None:
        """Make whoever waits for this connection, in another thread, see it lost."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def error(self) -> ClientError | None:
        """Why the connection is not used any more; None while it is."""
        return self._error

    def check_private(self) -> None:
        """Raise InvalidArgument if somebody may listen to this connection."""
        from headframe_client.trust import check_private  # noqa: PLC0415

        check_private(self._socket)

    # --- out ---------------------------------------------------------------------------------

    def begin(self, call: Call[Any], request: Request, body: Bytes | None = None) -> None:
        """Send the first header of a request, whose reply `call` takes in.

        With `body`, which may be reused afterwards, the first frame goes out whole.
        """
        if not self._calls and self._error is None:
            self.poll()
        if self._error is None and self._notice is not None:
            raise error_of_notice(self._notice)
        at_once = body is not None and len(body) < BATCH_BYTES
        data = self._encode(request, body if at_once else None)
        if self._trace is not None:
            self._trace(">", request)
        self._calls.append(call)
        self._put_out(data)
        if body is not None and not at_once:
            self.send(BodyChunk(body))

    def send(self, event: Sent) -> None:
        """Send what belongs to the request that has begun; its data may be reused afterwards."""
        self._put_out(self._encode(event))

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send body from a file, for the request that has begun; return how much there was.

        Less than `count` leaves the frame unfinished, and only the end of the connection can tell.
        """
        self._flush()

        def pass_on(done: int, most: int) -> int:
            try:
                return os.sendfile(self._socket.fileno(), descriptor, offset + done, most)
            except OSError as error:
                if error.errno not in _UNABLE:
                    raise
                data = os.pread(descriptor, min(most, BATCH_BYTES), offset + done)
                return self._socket.send(data) if data else 0

        sent = self._move(pass_on, count)
        self._encode(BodySent(sent))
        return sent

    def next_id(self) -> int:
        """Return an id for a request."""
        self.requests += 1
        return self.requests

    @property
    def frame_bytes(self) -> int:
        """How much body goes into one frame."""
        return min(FRAME_BYTES, 16 * self._piece_bytes)

    @cached_property
    def frame_buffer(self) -> memoryview:
        """Room for the body of one frame that is to be sent."""
        return make_buffer(self.frame_bytes)

    def _encode(self, event: Sent, body: Bytes | None = None) -> Bytes:
        if self._error is not None:
            raise self._error
        try:
            return self._connection.send(event, body)
        except LocalError as error:
            raise InvalidArgument(str(error)) from error

    def _put_out(self, data: Bytes) -> None:
        if len(data) >= BATCH_BYTES:
            self._flush()
            self._write(data)
            return
        self._outgoing += data
        if len(self._outgoing) >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._outgoing:
            outgoing, self._outgoing = self._outgoing, bytearray()
            self._write(outgoing)

    def _write(self, data: Bytes) -> None:
        """Write all of `data`, and read whenever that has to wait."""
        with memoryview(data) as view:
            self._move(lambda done, most: self._socket.send(view[done : done + most]), len(view))

    def _move(self, step: Callable[[int, int], int], count: int) -> int:
        """Let `step(done, most)` write `count` bytes, and read whenever that has to wait.

        Return how many it has written: all of them, unless it finds no more.
        """
        sent = 0
        while sent < count:
            if self._error is not None:
                raise self._error
            try:
                gone = step(sent, min(self._piece_bytes, count - sent))
                if not gone:
                    break
                sent += gone
                if self._pace is not None:
                    self._pace.take(gone)
            except self._not_now:
                self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
                self.poll()
            except self._reads_first:
                self._wait(selectors.EVENT_READ)
            except OSError as error:
                self._hear_last_words()
                raise self._fail(error) from error
        return sent

    # --- in ----------------------------------------------------------------------------------

    def poll(self) -> bool:
        """Take in what has come, without waiting; return whether anything had."""
        if self._error is not None:
            raise self._error
        try:
            received = self._socket.recv_into(self._buffer, self._piece_bytes)
        except self._not_now + self._reads_first:
            return False
        except OSError as error:
            raise self._fail(error) from error
        self._connection.receive_data(self._buffer[:received] if received else b"")
        self._take_in()
        if self._pace is not None:
            self._pace.take(received)
        return True

    def step(self) -> None:
        """Send what has been collected, wait until something comes and take it in."""
        self._flush()
        while not self.poll():
            self._wait(selectors.EVENT_READ)

    def wait(self, call: Call[Any]) -> None:
        """Wait until `call` is done, well or not.

        When a call fails on this side in the middle of its reply, a short rest is read and thrown
        away; with a long one the connection ends.
        """
        try:
            while not call.done:
                if call.error is not None and call.body_left > DISCARD_BYTES:
                    self.close()
                else:
                    self.step()
        except ProtocolViolation:
            raise
        except ClientError:
            if not call.done:
                raise
        except BaseException:
            self.close()
            raise

    def run(self, call: Call[R]) -> R:
        """Wait until `call` is done and return its result; raise what became of it instead."""
        self.wait(call)
        return call.result()

    def _take_in(self) -> None:
        """Give every event that is ready to its call."""
        try:
            while (received := self._connection.next_event()) is not NEED_DATA:
                event: Any = received
                kind = type(event)
                if kind is ConnectionClosed:
                    self._end(self._why_closed())
                    return
                if kind in _LATER_EVENTS:
                    self._calls[0].receive(event)
                else:
                    self._take_header(event)
                if self._calls and self._calls[0].done:
                    self._calls.popleft()
        except ConnectionLost as error:
            raise self._end(self._why_closed()) from error
        except RemoteError as error:
            raise self._end(ProtocolViolation(f"{self.peer}: {error}")) from error
        except ProtocolViolation as error:
            raise self._end(error) from error.__cause__
        except BaseException:
            self.close()
            raise

    def _take_header(self, reply: Reply) -> None:
        """Give a reply to its call, whole if it has come so."""
        if self._trace is not None:
            self._trace("<", reply)
        if type(reply) is Notice:
            self._notice = reply
            return
        body = self._connection.take_body()
        if body is None:
            self._calls[0].receive(reply)
        else:
            self._calls[0].receive_whole(reply, body)

    def _why_closed(self) -> ClientError:
        if self._notice is not None:
            return error_of_notice(self._notice)
        return ConnectionFailed(f"{self.peer} closed the connection")

    def _wait(self, wanted: int) -> None:
        """Wait until the socket is ready for one of what is wanted."""
        self._selector.modify(self._socket, wanted)
        if not self._selector.select(self.timeout_s):
            raise self._end(
                ConnectionFailed(f"{self.peer} has not moved for {self.timeout_s:g} seconds")
            )

    # --- the end -----------------------------------------------------------------------------

    def _hear_last_words(self) -> None:
        """Take in what came before a write failed: a refusal may be the reason."""
        try:
            while self.poll():
                pass
        except ClientError:
            return

    def _fail(self, error: OSError) -> ClientError:
        told = str(getattr(error, "reason", ""))  # which TLS gives
        if "CERTIFICATE" in told:
            return self._end(NotTrusted(f"{self.peer} does not trust us: {told}"))
        reason = error.strerror or str(error)
        return self._end(ConnectionFailed(f"lost the connection to {self.peer}: {reason}"))

    def _end(self, error: ClientError) -> ClientError:
        """Use the connection no more; return why, which is the first reason given."""
        if self._error is None:
            self._error = error
            self._selector.close()
            self._socket.close()
            while self._calls:
                self._calls.popleft().fail(error)
        return self._error
