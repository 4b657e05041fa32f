"""A connected socket with the patience that the standard asks for.

Spec: chapter 11. The law of this module: no wait is without end. Whoever waits for a peer says how
long, in all and not per read, and hears in time when the server shuts down or somebody else
wants this thread's attention.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

from headframe import Limits

__all__ = ["Interrupted", "Link", "PeerSilent", "Woken"]

BUFFER_BYTES: Final = 1 << 18
"""Mapped, not allocated: it costs the pages that a peer has filled."""
QUIET_S: Final = 1.0
"""A peer that says nothing for so long has no buffer until it speaks again."""
LONGEST_WAIT_S: Final = 86_400.0
"""A poll takes no more milliseconds than fit into 31 bits; large bodies earn more patience."""
_WANTS_READ: Final = (BlockingIOError, ssl.SSLWantReadError)


class PeerSilent(Exception):
    """The peer did not send, or take, anything in the time it had."""


class Woken(Exception):
    """The server shuts down."""


class Interrupted(Exception):
    """Another thread asks for attention."""


class Link:
    """One socket; `wake` is readable from the moment the server shuts down."""

    __slots__ = ("_bell", "_buffer", "_limits", "_pages", "_socket", "_wake", "woken")

    def __init__(self, sock: socket.socket, wake: socket.socket, limits: Limits) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._wake = wake
        self._limits = limits
        self._pages = mmap.mmap(-1, BUFFER_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._buffer = memoryview(self._pages)
        self._bell: tuple[socket.socket, socket.socket] | None = None
        self.woken = False
        """Whether the server shuts down."""

    def close(self) -> None:
        """Let go of what is not the socket; nobody interrupts any more."""
        if self._bell is not None:
            for end in self._bell:
                end.close()
            self._bell = None

    def shake_hands(self, patience_s: float) -> None:
        """Do the handshake of TLS; raise OSError if it fails, or PeerSilent."""
        assert isinstance(self._socket, ssl.SSLSocket)
        until = time.monotonic() + patience_s
        while True:
            try:
                self._socket.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, until, heeds_others=True)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, until, heeds_others=True)

    def receive_now(self) -> memoryview | None:
        """Return a view of the bytes that are there, empty at the end of file; None: wait.

        The view is valid until the next call.
        """
        try:
            return self._buffer[: self._socket.recv_into(self._buffer)]
        except _WANTS_READ:
            return None

    def receive(self, patience_s: float) -> memoryview:
        """Wait for bytes and return a view of them, as `receive_now` does.

        Raises PeerSilent after `patience_s`, Woken and Interrupted.
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                view = self.receive_now()
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, until, heeds_others=True)
                continue
            if view is not None:
                return view
            quiet = time.monotonic() + QUIET_S
            if quiet < until:
                with contextlib.suppress(PeerSilent):
                    self._wait(select.POLLIN, quiet, heeds_others=True)
                    continue
                if hasattr(mmap, "MADV_DONTNEED"):
                    self._pages.madvise(mmap.MADV_DONTNEED)
            self._wait(select.POLLIN, until, heeds_others=True)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`; raise PeerSilent when the peer takes nothing for `idle_ms`."""
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                try:
                    done += self._socket.send(view[done:])
                except (BlockingIOError, ssl.SSLWantWriteError):
                    self._wait(select.POLLOUT, self._write_until(), heeds_others=False)
                except ssl.SSLWantReadError:
                    self._wait(select.POLLIN, self._write_until(), heeds_others=False)

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send `count` bytes of a file, without a copy where the system can; return how many.

        It is less than `count` when the file has become shorter.
        """
        done = 0
        direct = hasattr(os, "sendfile") and not isinstance(self._socket, ssl.SSLSocket)
        while done < count:
            if not direct:
                data = os.pread(descriptor, min(BUFFER_BYTES, count - done), offset + done)
                self.send(data)
                sent = len(data)
            else:
                try:
                    sent = os.sendfile(
                        self._socket.fileno(), descriptor, offset + done, count - done
                    )
                except BlockingIOError:
                    self._wait(select.POLLOUT, self._write_until(), heeds_others=False)
                    continue
            if not sent:
                break
            done += sent
        return done

    def linger(self) -> None:
        """End the sending side, then read and throw away until end of file or `linger_ms`."""
        self.close()
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                with contextlib.suppress(OSError, ValueError):
                    self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + self._limits.linger_ms / 1000
            self.woken = True
            while self.receive(until - time.monotonic()):
                pass
        except (OSError, PeerSilent):
            return

    # --- other threads -------------------------------------------------------------------

    def interrupter(self) -> Callable[[], None]:
        """Return what another thread may call to make `receive` raise Interrupted."""
        if self._bell is None:
            self._bell = socket.socketpair()
            self._bell[1].setblocking(False)
        button = self._bell[1]

        def interrupt() -> None:
            with contextlib.suppress(OSError):
                button.send(b"!")

        return interrupt

    def _write_until(self) -> float:
        return time.monotonic() + self._limits.idle_ms / 1000

    def _wait(self, wanted: int, until: float, *, heeds_others: bool) -> None:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise PeerSilent
        bell = self._bell[0] if self._bell is not None else None
        poll = select.poll()
        poll.register(self._socket, wanted)
        if heeds_others and not self.woken:
            poll.register(self._wake, select.POLLIN)
        if heeds_others and bell is not None:
            poll.register(bell, select.POLLIN)
        ready = dict(poll.poll(min(left_s, LONGEST_WAIT_S) * 1000))
        if not ready:
            if left_s > LONGEST_WAIT_S:
                return  # the caller looks again
            raise PeerSilent
        if bell is not None and bell.fileno() in ready:
            bell.recv(4096)
            raise Interrupted
        if self._wake.fileno() in ready and self._socket.fileno() not in ready:
            self.woken = True
            raise Woken
