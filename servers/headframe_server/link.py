"""A connected socket with the patience that the standard asks for.

Spec: chapter 11. The law of this module: no wait is without end. Whoever waits for a peer says how
long, in all and not per read, and hears in time when the server shuts down.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from typing import Final

from headframe import Limits

__all__ = ["Link", "PeerSilent", "Woken"]

BUFFER_BYTES: Final = 1 << 16
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class PeerSilent(Exception):
    """The peer did not send, or take, anything in the time it had."""


class Woken(Exception):
    """The server shuts down."""


class Link:
    """One socket; `wake` is readable from the moment the server shuts down."""

    def __init__(self, sock: socket.socket, wake: socket.socket, limits: Limits) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._wake = wake
        self._limits = limits
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self.woken = False
        """Whether the server shuts down."""

    def receive(self, patience_s: float) -> memoryview:
        """Wait for bytes and return a view of them, empty at the end of file.

        The view is valid until the next call. Raises PeerSilent after `patience_s`, and Woken.
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                return self._buffer[: self._socket.recv_into(self._buffer)]
            except BlockingIOError:
                self._wait(selectors.EVENT_READ, until, heeds_wake=True)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`; raise PeerSilent when the peer takes nothing for `idle_ms`."""
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                try:
                    done += self._socket.send(view[done:])
                except BlockingIOError:
                    self._wait(selectors.EVENT_WRITE, self._write_until(), heeds_wake=False)

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send `count` bytes of a file, without a copy where the system can; return how many.

        It is less than `count` when the file has become shorter.
        """
        done = 0
        while done < count:
            try:
                if hasattr(os, "sendfile"):
                    sent = os.sendfile(
                        self._socket.fileno(), descriptor, offset + done, count - done
                    )
                else:
                    sent = self._socket.send(
                        os.pread(descriptor, min(BUFFER_BYTES, count - done), offset + done)
                    )
            except BlockingIOError:
                self._wait(selectors.EVENT_WRITE, self._write_until(), heeds_wake=False)
                continue
            if not sent:
                break
            done += sent
        return done

    def linger(self) -> None:
        """End the sending side, then read and throw away until end of file or `linger_ms`."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + self._limits.linger_ms / 1000
            self.woken = True
            while self.receive(until - time.monotonic()):
                pass
        except (OSError, PeerSilent):
            return

    def _write_until(self) -> float:
        return time.monotonic() + self._limits.idle_ms / 1000

    def _wait(self, wanted: int, until: float, heeds_wake: bool) -> None:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise PeerSilent
        with _Selector() as selector:
            selector.register(self._socket, wanted)
            if heeds_wake and not self.woken:
                selector.register(self._wake, selectors.EVENT_READ)
            ready = {key.fileobj for key, _ in selector.select(left_s)}
        if not ready:
            raise PeerSilent
        if self._socket not in ready:
            self.woken = True
            raise Woken
