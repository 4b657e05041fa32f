"""A proxy that does to a connection what networks do: cut, reset, stall, split, flip a bit.

    with Proxy(server.address, Plan(seed=7, kinds=("cut",), connections=2, spans=spans)) as proxy:
        ...                                         speak with `proxy.url`
    proxy.struck                                    what was done

The law of this module: a seed decides what happens to which byte, and nothing else does. One thread
moves all bytes and waits for nothing but sockets, the time a stall takes, and the end of the proxy;
whatever stands still then is closed. Only how the system cuts a stream into reads differs.

A bit may be flipped anywhere in what a server sends. In what a client sends it is flipped in bodies
only: a header has no checksum, and a request with another letter in its file name is a request for
another file, which no server can tell. A listing has no checksum either; who judges has to know.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

UP, DOWN = "client to server", "server to client"
KINDS = ("split", "stall", "hang", "cut", "reset", "flip")
CHUNK_BYTES = 1 << 16
SMALL_PIECES, SMALL_BYTES = 300, 7  # of a split; what comes after them passes as it comes


@dataclass(frozen=True)
class Fault:
    """What is done to one way of a connection."""

    kind: str
    way: str
    at: int  # how many bytes pass before; for a flip from client to server, bytes of bodies
    seconds: float = 0.0  # of a stall; a hang is for ever, that is until the proxy closes
    bit: int | None = None


@dataclass(frozen=True)
class Plan:
    """The faults of a whole run, connection by connection."""

    seed: int
    kinds: tuple[str, ...]  # each connection has one of them, or more
    connections: int | None  # so many have faults, from the first on; None: all of them
    spans: dict[str, int]  # how many bytes go each way, about: faults are somewhere among them
    bodies_up: int = 0  # how many of them are in bodies that a client sends

    def faults(self, number: int) -> list[Fault]:
        """Return the faults of a connection, counted from 0."""
        if self.connections is not None and number >= self.connections:
            return []
        rng = random.Random(f"{self.seed}/{number}")
        count = rng.randint(1, len(self.kinds))
        return [self._fault(rng, kind) for kind in rng.sample(self.kinds, count)]

    def _fault(self, rng: random.Random, kind: str) -> Fault:
        spans = self.spans | ({UP: self.bodies_up} if kind == "flip" else {})
        way = rng.choices((UP, DOWN), [math.log(1 + spans[way]) for way in (UP, DOWN)])[0]
        span = spans[way] - 1
        # Half of the faults are anywhere, the others near the beginning, where the headers are.
        at = rng.choice((rng.randrange(span + 1), int((span + 1) ** rng.random()) - 1))
        seconds = {"hang": math.inf, "stall": round(rng.uniform(0.05, 0.3), 3)}.get(kind, 0.0)
        return Fault(kind, way, at, seconds, rng.randrange(8) if kind == "flip" else None)


class Bodies:
    """Finds the bodies in a stream of frames that an honest client sends."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._body_left = 0

    def find(self, data: bytearray) -> Iterator[tuple[int, int]]:
        """Return from where to where in `data`, the next of the stream, there is body."""
        here = 0
        while here < len(data):
            if self._body_left:
                end = min(len(data), here + self._body_left)
                self._body_left -= end - here
                yield here, end
                here = end
                continue
            self._head.append(data[here])
            here += 1
            if len(self._head) == 4 + int.from_bytes(self._head[:4], "little"):
                self._body_left = json.loads(self._head[4:]).get("filesize", 0)
                self._head.clear()


class _Way:
    """One direction of one connection: bytes on their way, and what is still to be done to them."""

    def __init__(
        self, source: socket.socket, target: socket.socket, plan: Plan, way: str, n: int
    ) -> None:
        self.source, self.target = source, target
        self.buffer = bytearray()
        self.ready_at = 0.0  # when the stall is over
        self.ended = False  # nothing more comes from the source
        self.finished = False  # and the target knows
        self.struck: list[Fault] = []
        faults = [fault for fault in plan.faults(n) if fault.way == way]
        self._flips = [fault for fault in faults if fault.kind == "flip"]
        self._faults = sorted((f for f in faults if f.kind != "flip"), key=lambda f: f.at)
        self._bodies = Bodies() if way == UP else None
        self._seen = 0  # bytes in which bits may be flipped
        self._passed = 0
        self._small_left = 0
        self._rng = random.Random(f"{plan.seed}/{n}/{way}")

    def read(self) -> None:
        """Take what has come from the source, and flip bits in it."""
        data = bytearray(self.source.recv(CHUNK_BYTES))
        self.ended = not data
        for start, end in self._bodies.find(data) if self._bodies else [(0, len(data))]:
            for fault in self._flips:
                if 0 <= fault.at - self._seen < end - start:
                    data[start + fault.at - self._seen] ^= 1 << (fault.bit or 0)
                    self.struck.append(fault)
            self._seen += end - start
        self.buffer += data

    def write(self) -> str | None:
        """Pass bytes on up to the next fault; return how the connection ends, if it does."""
        if not self.buffer:
            self.finished = True
            self.target.shutdown(socket.SHUT_WR)
            return None
        limit = self._faults[0].at - self._passed if self._faults else CHUNK_BYTES
        if not limit:
            fault = self._faults.pop(0)
            self.struck.append(fault)
            self.ready_at = time.monotonic() + fault.seconds
            self._small_left += SMALL_PIECES if fault.kind == "split" else 0
            return fault.kind if fault.kind in ("cut", "reset") else None
        if self._small_left:
            self._small_left -= 1
            limit = min(limit, self._rng.randint(1, SMALL_BYTES))
        sent = self.target.send(self.buffer[:limit])
        self._passed += sent
        del self.buffer[:sent]
        return None


class _Link:
    """One connection of a client, and the one to the server behind it."""

    def __init__(self, client: socket.socket, server: socket.socket, plan: Plan, n: int) -> None:
        self.sockets: tuple[socket.socket, ...] = client, server
        self.ways = _Way(client, server, plan, UP, n), _Way(server, client, plan, DOWN, n)
        for sock in self.sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)

    def close(self, how: str = "cut") -> None:
        """Close both sockets, with FIN unless it is a reset; once."""
        open_sockets, self.sockets = self.sockets, ()
        for sock in open_sockets:
            if how == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Proxy:
    """Passes connections on to a server, with the faults of a plan, while it is entered."""

    def __init__(self, upstream: tuple[str, int], plan: Plan) -> None:
        self._upstream, self._plan = upstream, plan
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._wake, self._waker = socket.socketpair()
        self._links: list[_Link] = []

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"headframe://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def struck(self) -> list[tuple[int, Fault]]:
        """Every fault that happened, with the number of its connection."""
        return [(n, f) for n, link in enumerate(self._links) for w in link.ways for f in w.struck]

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1)
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
        server = socket.create_connection(self._upstream, timeout=10)
        self._links.append(_Link(client, server, self._plan, len(self._links)))

    def _move(self, link: _Link, step: Callable[[], str | None]) -> None:
        """Move bytes one way; a side that resets its connection resets the other one as well."""
        try:
            end = step() if link.sockets else None
        except OSError as error:
            end = None if isinstance(error, BlockingIOError) else "reset"
        if end or all(way.finished for way in link.ways):
            link.close(end or "cut")
