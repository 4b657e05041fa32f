"""A proxy between a client and a server: it records, and does what networks do.

    with Proxy(server.address, Plan(seed=7, kinds=("cut",), connections=2, spans=spans)) as proxy:
        ...                                         speak with `proxy.url`
    proxy.struck                                    what was done

The law of this module: one thread moves all bytes and waits for nothing but sockets, the time a
stall takes, and the end of the proxy; whatever stands still then is closed. Only how the system
cuts a stream into reads differs between two runs of a plan. What is recorded is what was passed on.
"""

from __future__ import annotations

import contextlib
import math
import random
import select
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Self

from headframe.conformance.faults import DOWN, UP, Bodies, Fault, FaultKind, Plan
from headframe.conformance.transcript import Entry, Kind, Transcript

__all__ = ["NO_FAULTS", "Proxy", "Record"]

CHUNK_BYTES: Final = 1 << 16
SMALL_PIECES: Final = 300
"""Of a split; what comes after them passes as it comes."""
SMALL_BYTES: Final = 7
MOST_BYTES: Final = 1 << 26
"""What a record holds; a conversation of which somebody wants to see every byte is shorter."""
NO_FAULTS: Final = Plan(seed=0, kinds=(), connections=None, spans={})
_RESETS: Final = struct.pack("ii", 1, 0)


class Record:
    """What has passed on all connections, and what was done to them."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Take data up to `most_bytes`, then no more of it."""
        self.transcript = Transcript(key="")
        self.faults: list[tuple[int, Fault]] = []
        """Each with the number of its connection, from 1."""
        self.full = False
        """Whether there was more."""
        self._left_bytes = most_bytes
        self._begun = time.monotonic()

    def add(self, connection: int, kind: Kind, data: bytes = b"", note: str = "") -> None:
        """Take one thing that happened."""
        self._left_bytes -= len(data)
        self.full = self.full or self._left_bytes < 0
        if not self.full:
            at = time.monotonic() - self._begun
            self.transcript.entries.append(Entry(connection, kind, data, note, at))


class _Way:
    """One direction of one connection: bytes on their way, and what is still to be done to them."""

    def __init__(
        self,
        source: socket.socket,
        target: socket.socket,
        plan: Plan,
        way: str,
        n: int,
        record: Record | None,
    ) -> None:
        self.source, self.target = source, target
        self.buffer = bytearray()
        self.ready_at = 0.0
        """When the stall is over."""
        self.ended = False
        """Nothing more comes from the source."""
        self.finished = False
        """And the target knows."""
        self.struck: list[Fault] = []
        self._record = record
        self._kind = Kind.SENT if way == UP else Kind.RECEIVED
        self._end_kind = Kind.ENDED_SENDING if way == UP else Kind.PEER_ENDED
        self._number = n + 1
        faults = [fault for fault in plan.faults(n) if fault.way == way]
        self._flips = [fault for fault in faults if fault.kind is FaultKind.FLIP]
        self._faults = sorted(
            (f for f in faults if f.kind is not FaultKind.FLIP), key=lambda f: f.at
        )
        self._bodies = Bodies() if way == UP else None
        self._seen = 0
        """Bytes in which bits may be flipped."""
        self._passed = 0
        self._small_left = 0
        self._rng = random.Random(f"{plan.seed}/{n}/{way}")  # noqa: S311

    def read(self) -> None:
        """Take what has come from the source, and flip bits in it."""
        data = bytearray(self.source.recv(CHUNK_BYTES))
        self.ended = not data
        for start, end in self._bodies.find(data) if self._bodies else [(0, len(data))]:
            for fault in self._flips:
                if 0 <= fault.at - self._seen < end - start:
                    data[start + fault.at - self._seen] ^= 1 << (fault.bit or 0)
                    self._strike(fault)
            self._seen += end - start
        self.buffer += data

    def write(self) -> FaultKind | None:
        """Pass bytes on up to the next fault; return how the connection ends, if it does."""
        if not self.buffer:
            self.finished = True
            self._note(self._end_kind, note="FIN")
            self.target.shutdown(socket.SHUT_WR)
            return None
        limit = self._faults[0].at - self._passed if self._faults else CHUNK_BYTES
        if not limit:
            fault = self._faults.pop(0)
            self._strike(fault)
            self.ready_at = time.monotonic() + fault.seconds
            self._small_left += SMALL_PIECES if fault.kind is FaultKind.SPLIT else 0
            return fault.kind if fault.kind in {FaultKind.CUT, FaultKind.RESET} else None
        if self._small_left:
            self._small_left -= 1
            limit = min(limit, self._rng.randint(1, SMALL_BYTES))
        sent = self.target.send(self.buffer[:limit])
        self._note(self._kind, bytes(self.buffer[:sent]))
        self._passed += sent
        del self.buffer[:sent]
        return None

    def _strike(self, fault: Fault) -> None:
        self.struck.append(fault)
        if self._record is not None:
            self._record.faults.append((self._number, fault))

    def _note(self, kind: Kind, data: bytes = b"", note: str = "") -> None:
        if self._record is not None:
            self._record.add(self._number, kind, data, note)


class _Link:
    """One connection of a client, and the one to the server behind it."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        plan: Plan,
        n: int,
        record: Record | None,
    ) -> None:
        self.sockets: tuple[socket.socket, ...] = client, server
        self.ways = (
            _Way(client, server, plan, UP, n, record),
            _Way(server, client, plan, DOWN, n, record),
        )
        self._number, self._record = n + 1, record
        if record is not None:
            record.add(n + 1, Kind.OPENED)
        for sock in self.sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)

    def close(self, how: FaultKind = FaultKind.CUT) -> None:
        """Close both sockets, with FIN unless it is a reset; once."""
        open_sockets, self.sockets = self.sockets, ()
        if open_sockets and self._record is not None:
            self._record.add(self._number, Kind.CLOSED, note=how)
        for sock in open_sockets:
            if how is FaultKind.RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
            else:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Proxy:
    """Passes connections on to a server, with the faults of a plan, while it is entered."""

    def __init__(
        self,
        upstream: tuple[str, int],
        plan: Plan = NO_FAULTS,
        *,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        record: Record | None = None,
    ) -> None:
        """Listen; raise OSError where that cannot be done. `record` takes what passes."""
        self._upstream, self._plan, self._record = upstream, plan, record
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self._listener = socket.create_server(listen, family=family, backlog=64)
        self._pool = ThreadPoolExecutor(1, "proxy")
        self._running: Future[None]
        self._wake, self._waker = socket.socketpair()
        self._links: list[_Link] = []

    @property
    def url(self) -> str:
        """Where a client connects."""
        host, port = self._listener.getsockname()[:2]
        return f"headframe://[{host}]:{port}" if ":" in host else f"headframe://{host}:{port}"

    @property
    def struck(self) -> list[tuple[int, Fault]]:
        """Every fault that happened, with the number of its connection."""
        return [(n, f) for n, link in enumerate(self._links) for w in link.ways for f in w.struck]

    def __enter__(self) -> Self:
        self._running = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._waker.close()
        self._pool.shutdown()
        self._wake.close()
        self._running.result()

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._listener.close()
            for link in self._links:
                link.close()

    def _turn(self) -> bool:
        """Wait until something can be done and do it; return whether to go on."""
        now = time.monotonic()
        ways = [(k, way) for k in self._links if k.sockets for way in k.ways if not way.finished]
        full = [(link, way) for link, way in ways if way.buffer or way.ended]
        reading = {way.source: (link, way) for link, way in ways if (link, way) not in full}
        writing = {way.target: (link, way) for link, way in full if way.ready_at <= now}
        stalls = [way.ready_at - now for _, way in full if now < way.ready_at < math.inf]
        readable, writable, _ = select.select(
            [self._listener, self._wake, *reading], list(writing), [], min(stalls, default=None)
        )
        if self._wake in readable:
            return False
        if self._listener in readable:
            self._accept()
        steps = [(link, way.write) for sock, (link, way) in writing.items() if sock in writable]
        steps += [(link, way.read) for sock, (link, way) in reading.items() if sock in readable]
        for link, step in steps:
            self._move(link, step)
        return True

    def _accept(self) -> None:
        client = self._listener.accept()[0]
        try:
            server = socket.create_connection(self._upstream, timeout=10)
        except OSError:
            client.close()
            return
        number = len(self._links)
        self._links.append(_Link(client, server, self._plan, number, self._record))

    def _move(self, link: _Link, step: Callable[[], FaultKind | None]) -> None:
        """Move bytes one way; a side that resets its connection resets the other one as well."""
        try:
            end = step() if link.sockets else None
        except OSError as error:
            end = None if isinstance(error, BlockingIOError) else FaultKind.RESET
        if end or all(way.finished for way in link.ways):
            link.close(end or FaultKind.CUT)
