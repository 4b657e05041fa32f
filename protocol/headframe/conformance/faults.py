"""What a network does to a connection: cut, reset, stall, split, flip a bit.

    Plan(seed=7, kinds=("cut",), connections=2, spans={UP: 5000, DOWN: 900}).faults(0)

The law of this module: a seed decides what happens to which byte, and nothing else does.

A bit may be flipped anywhere in what a server sends. In what a client sends it is flipped in bodies
only: a header has no checksum, and a request with another letter in its file name is a request for
another file, which no server can tell. A listing has no checksum either; who judges has to know.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["DOWN", "UP", "Bodies", "Fault", "FaultKind", "Plan"]

UP: Final = "client to server"
DOWN: Final = "server to client"


class FaultKind(StrEnum):
    """What can happen."""

    SPLIT = "split"
    """What follows passes in pieces of a few bytes."""
    STALL = "stall"
    """Nothing passes for a moment."""
    HANG = "hang"
    """Nothing passes any more."""
    CUT = "cut"
    """Both sides see the end of the stream."""
    RESET = "reset"
    """Both sides see a reset."""
    FLIP = "flip"
    """A bit changes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to one way of a connection."""

    kind: FaultKind
    way: str
    at: int
    """How many bytes pass before; for a flip from client to server, bytes of bodies."""
    seconds: float = 0.0
    """Of a stall; a hang is for ever, that is until the proxy closes."""
    bit: int | None = None

    def __str__(self) -> str:
        extra = {FaultKind.STALL: f" for {self.seconds} s", FaultKind.FLIP: f", bit {self.bit}"}
        return f"{self.kind} at byte {self.at:,}, {self.way}{extra.get(self.kind, '')}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults of a whole run, connection by connection."""

    seed: int
    kinds: tuple[FaultKind, ...]
    """Each connection has one of them, or more; none: no faults."""
    connections: int | None
    """So many have faults, from the first on; None: all of them."""
    spans: Mapping[str, int]
    """How many bytes go each way, about: faults are somewhere among them."""
    bodies_up: int = 0
    """How many of them are in bodies that a client sends."""

    def faults(self, number: int) -> list[Fault]:
        """Return the faults of a connection, counted from 0."""
        if not self.kinds or (self.connections is not None and number >= self.connections):
            return []
        rng = random.Random(f"{self.seed}/{number}")  # noqa: S311  (repeatable, not secret)
        count = rng.randint(1, len(self.kinds))
        return [self._fault(rng, kind) for kind in rng.sample(self.kinds, count)]

    def _fault(self, rng: random.Random, kind: FaultKind) -> Fault:
        up = {UP: self.bodies_up} if kind is FaultKind.FLIP else {}
        spans = {**self.spans, **up}
        way = rng.choices((UP, DOWN), [math.log(1 + spans[way]) for way in (UP, DOWN)])[0]
        span = spans[way] - 1
        # Half of the faults are anywhere, the others near the beginning, where the headers are.
        at = rng.choice((rng.randrange(span + 1), int((span + 1) ** rng.random()) - 1))
        waits = {
            FaultKind.HANG: math.inf,
            FaultKind.STALL: round(rng.uniform(0.05, 0.3), 3),
        }
        bit = rng.randrange(8) if kind is FaultKind.FLIP else None
        return Fault(kind, way, at, waits.get(kind, 0.0), bit)


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
