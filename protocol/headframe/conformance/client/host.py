"""The server that a client is played: any number of connections, each with an act for each request.

    Host(store, {"put": [cut_reply(20)]}, transcript)       the first put; all else is answered well

The law of this module: an act answers one request, when its first header is there; what has no act
is answered honestly. A connection belongs to one thread, and every one of them ends with the host.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from headframe.conformance.client.messages import Request
from headframe.conformance.client.store import Store
from headframe.conformance.client.talk import Accepted, Act, Talk
from headframe.conformance.target import Target
from headframe.conformance.transcript import Transcript

__all__ = ["Host"]

GRACE_S: Final = 2.0
"""What a thread has to end by itself when the client has ended."""
HANDSHAKE_S: Final = 5.0


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
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`script` has acts for the first requests of a command; `connect` greets connections.

        `first_number` is what the first connection is called in the transcript.
        """
        self._tls = tls
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

    def _begin(self, plain: socket.socket) -> None:
        sock = self._shake_hands(plain)
        if sock is None:
            return
        talk = Talk(self, Accepted(sock, self, len(self.talks) + self.first_number))
        thread = threading.Thread(target=self._talk, args=(talk,), name=f"talk-{len(self.talks)}")
        self.talks.append(talk)
        self._threads.append(thread)
        thread.start()

    def _shake_hands(self, plain: socket.socket) -> socket.socket | None:
        """Return what to talk over, or None if the client does not want to."""
        if self._tls is None:
            return plain
        plain.settimeout(HANDSHAKE_S)
        try:
            return self._tls.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return None

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
