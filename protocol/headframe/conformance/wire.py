"""A raw connection that keeps a record: bytes out, bytes in, and how it ended.

The law of this module: FIN, RST and TIME-OUT are three different observations, and whoever writes
reads at the same time, so that neither side can block the other.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import sys
import time
from collections import deque
from enum import IntEnum, StrEnum
from typing import Final

from headframe.conformance.target import Target
from headframe.conformance.transcript import Entry, Kind, Transcript
from headframe.conformance.verdicts import Gone

__all__ = ["HAS_TCP_INFO", "Ending", "TCPState", "Wire"]

PIECE: Final = 65536
HAS_TCP_INFO: Final = hasattr(socket, "TCP_INFO")


class Ending(StrEnum):
    """Why no byte comes."""

    FIN = "FIN"
    """The peer has ended its sending side, or closed."""
    RST = "RST"
    """The connection was reset."""
    TIME_OUT = "TIME-OUT"
    """It is open, and nothing came for the time allowed."""


class TCPState(IntEnum):
    """What the kernel knows, where it tells; the states that a check can be about."""

    ESTABLISHED = 1
    CLOSE = 7
    """Reset: the peer reads no more."""
    CLOSE_WAIT = 8
    """The peer has ended its sending side, and has not been heard to close."""


class Wire:
    """One connection."""

    def __init__(
        self,
        target: Target,
        transcript: Transcript,
        number: int,
        begun: float | None = None,
        *,
        receive_buffer: int | None = None,
    ) -> None:
        """Connect; raise Gone if the server does not take it."""
        self.receive_buffer = receive_buffer
        self.target = target
        self.transcript = transcript
        self.number = number
        self.begun = time.monotonic() if begun is None else begun
        self.ending: Ending | None = None
        """FIN or RST, once it was seen."""
        self._inbox: deque[bytes] = deque()
        self._broken = False
        """Whether nothing more can be sent."""
        try:
            self.socket = self._connect()
        except OSError as error:
            raise Gone(f"{type(error).__name__}: {error}") from error
        self._note(Kind.OPENED)

    def _connect(self) -> socket.socket:
        target = self.target
        sock = socket.create_connection((target.host, target.port), timeout=target.timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        if target.tls is not None:
            sock = target.tls.wrap_socket(sock, server_hostname=target.host)
        sock.setblocking(False)
        return sock

    def send(self, data: bytes, *, deaf: bool = False) -> None:
        """Send all of it, reading meanwhile unless `deaf`; a peer that has gone shows then."""
        if not data:
            return
        self._note(Kind.SENT, data)
        view = memoryview(data)
        deadline = time.monotonic() + self.target.timeout_s
        while view and not self._broken:
            if not deaf:
                self._take_waiting()
            try:
                view = view[self.socket.send(view[:PIECE]) :]
                deadline = time.monotonic() + self.target.timeout_s
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if not self._wait(deadline, writing=True, reading=not deaf):
                    self._broken = True
            except OSError:
                self._broken = True

    def receive(self, seconds: float | None = None) -> bytes | Ending:
        """Return what has come, or why nothing comes."""
        seconds = self.target.timeout_s if seconds is None else seconds
        deadline = time.monotonic() + seconds
        while True:
            if self._inbox:
                return self._inbox.popleft()
            if self.ending is not None:
                return self.ending
            if self._take_once():
                continue
            if not self._wait(deadline, writing=False):
                self._note(Kind.SILENT, note=f"{Ending.TIME_OUT} after {seconds:g} s")
                return Ending.TIME_OUT

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until a byte has come, and leave it to be received; return whether one has."""
        data = self.receive(seconds)
        if isinstance(data, bytes):
            self._inbox.appendleft(data)
        return isinstance(data, bytes)

    def rest(self, seconds: float) -> None:
        """Read nothing for so long, or until the connection is reset where that can be seen."""
        if not hasattr(select, "poll"):
            time.sleep(seconds)
            return
        poll = select.poll()
        poll.register(self.socket, 0)
        poll.poll(seconds * 1000)

    def _take_waiting(self) -> None:
        """Take what has come already."""
        while self.ending is None and self._take_once():
            pass

    def _take_once(self) -> bool:
        """Take a piece or an end; return whether there was one."""
        try:
            data = self.socket.recv(PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLError as error:
            self._end(Ending.FIN, f"TLS: {error.reason}")
        except OSError:
            self._end(Ending.RST)
        else:
            if data:
                self._note(Kind.RECEIVED, data)
                self._inbox.append(data)
            else:
                self._end(Ending.FIN)
        return True

    def _end(self, ending: Ending, note: str = "") -> None:
        self.ending = ending
        self._note(Kind.PEER_ENDED, note=f"{ending} {note}".rstrip())

    def _wait(self, deadline: float, *, writing: bool, reading: bool = True) -> bool:
        """Wait until there is something to do; return whether there is."""
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        reading = reading and self.ending is None
        if hasattr(select, "poll"):  # select() cannot take high descriptors
            poll = select.poll()
            mask = (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0)
            poll.register(self.socket, mask)
            return bool(poll.poll(left * 1000))
        sockets = [self.socket]
        return any(select.select(sockets * reading, sockets * writing, [], left))

    def end_sending(self) -> None:
        """Say that no more bytes come from here."""
        self._note(Kind.ENDED_SENDING)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)  # TLS, if any, stays on

    def settled_state(self, seconds: float) -> TCPState | None:
        """Return the state once the peer has acknowledged all that was sent, or has reset.

        None: it cannot be told, or not within the time.
        """
        deadline = time.monotonic() + seconds
        while HAS_TCP_INFO and time.monotonic() < deadline:
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
            unacknowledged = int.from_bytes(info[24:28], sys.byteorder)
            if info[0] == TCPState.CLOSE or (info[0] in set(TCPState) and not unacknowledged):
                return TCPState(info[0])
            poll = select.poll()
            poll.register(self.socket, 0)  # wakes for a reset alone
            poll.poll(5)
        return None

    def reset(self) -> None:
        """Close so that the peer sees a reset."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._note(Kind.CLOSED, note="with a reset")
        self.socket.close()

    def close(self) -> None:
        """Close; what has not been read is lost."""
        if self.socket.fileno() >= 0:
            self._note(Kind.CLOSED)
            self.socket.close()

    def _note(self, kind: Kind, data: bytes = b"", note: str = "") -> None:
        at = time.monotonic() - self.begun
        self.transcript.entries.append(Entry(self.number, kind, data, note, at))
