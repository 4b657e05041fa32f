"""The server that a client is played: any number of connections, each with an act for each request.

    Host(store, {"put": [cut_reply(20)]}, transcript)       the first put; all else is answered well

The law of this module: an act answers one request, when its first header is there; what has no act
is answered honestly. A connection belongs to one thread, and every one of them ends with the host.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

from headframe import FRAME_PLAN, OpenHeader, Reader, RemoteError
from headframe.conformance.client.store import Request, Store
from headframe.conformance.target import Target
from headframe.conformance.transcript import Transcript
from headframe.conformance.wire import Ending, Wire
from headframe.reader import Sentinel

__all__ = ["AHEAD_S", "Act", "Host", "Over", "Talk"]

AHEAD_S: Final = 0.05
"""How long it takes at most to see that a client has sent another request already."""
GRACE_S: Final = 2.0
"""What a thread has to end by itself when the client has ended."""

Act = Callable[["Talk", Request], None]


class Over(Exception):
    """The connection has ended, for us."""


class _Accepted(Wire):
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
        self.finish(request)
        answer = self.host.answer(request)
        if request.id is not None:
            self.say(answer.encode(request.id, size, **changed))
        if request.id is not None or request.cmd == "put":
            self.host.store.evidence.extend(answer.proves)

    def say(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        for size in self.pieces or ():
            self.wire.send(data[:size], deaf=self.deaf)
            data = data[size:]
        self.wire.send(data, deaf=self.deaf)

    # --- ends ----------------------------------------------------------------------------

    def end(self) -> None:
        """End our side, read what still comes, and close."""
        self.wire.end_sending()
        self.hold()

    def hold(self, seconds: float | None = None) -> None:
        """Read until the client ends, for so long at most, taking nothing of it for a request."""
        until = time.monotonic() + (self.host.patience_s if seconds is None else seconds)
        late = bytearray()
        while isinstance(data := self.wire.receive(max(0.0, until - time.monotonic())), bytes):
            late += data[: 4096 - len(late)]
        self.late += bytes(late)
        self.kept_open_s = seconds if data is Ending.TIME_OUT else None
        raise Over

    def reset(self) -> None:
        """Reset the connection."""
        self.wire.reset()
        raise Over


class Host:
    """Listens on a port of its own while it is entered."""

    def __init__(
        self,
        store: Store,
        script: Mapping[str, Sequence[Act]],
        transcript: Transcript,
        *,
        patience_s: float,
        receive_buffer: int | None = None,
        first_number: int = 1,
    ) -> None:
        """`script` has acts for the first requests of a command; `connect` greets connections.

        `first_number` is what the first connection is called in the transcript.
        """
        self.store = store
        self.transcript = transcript
        self.first_number = first_number
        self.patience_s = patience_s
        self.begun = time.monotonic()
        self.talks: list[Talk] = []
        self.over = threading.Event()
        self.errors: list[BaseException] = []
        """The kit's own."""
        self._script = {cmd: deque(acts) for cmd, acts in script.items()}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        self.target = Target(host="127.0.0.1", port=self.port, timeout_s=patience_s)
        self._wake, self._waker = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="acceptor")

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._waker.close()
        self._acceptor.join()
        self._wake.close()
        self._listener.close()
        until = time.monotonic() + GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        for talk, thread in zip(self.talks, self._threads, strict=True):
            if thread.is_alive():
                with contextlib.suppress(OSError):
                    talk.wire.socket.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _accept(self) -> None:
        """Take connections; when all is over, those that wait are still taken."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._listener in ready:
                    self._begin(self._listener.accept()[0])
                elif self._wake in ready:
                    return

    def _begin(self, sock: socket.socket) -> None:
        talk = Talk(self, _Accepted(sock, self, len(self.talks) + self.first_number))
        thread = threading.Thread(target=self._talk, args=(talk,), name=f"talk-{len(self.talks)}")
        self.talks.append(talk)
        self._threads.append(thread)
        thread.start()

    def _talk(self, talk: Talk) -> None:
        try:
            talk.run()
        except BaseException as error:
            self.errors.append(error)

    # --- what talks ask for, from several threads ----------------------------------------

    def act_for(self, request: Request) -> Act:
        """Return what is done with a request."""
        with self._lock:
            acts = self._script.get(request.cmd)
            return acts.popleft() if acts else Talk.honest

    def greet(self, talk: Talk) -> None:
        """Do what is done with a new connection."""
        with self._lock:
            acts = self._script.get("connect")
            act = acts.popleft() if acts else None
        if act is not None:
            act(talk, Request([{}]))

    def answer(self, request: Request) -> Any:
        """Carry a request out; return the answer."""
        with self._lock:
            return self.store.answer(request)

    def keep(self, request: Request) -> None:
        """Keep what has come of a request that was cut off."""
        with self._lock:
            self.store.keep(request)
