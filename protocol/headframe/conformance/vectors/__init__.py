"""The vectors: bytes of HF/1, and what a reader makes of them.

Spec: the page `spec/vectors.md`. The law of this package: the JSON files beside this module are
all there is to know; this module only reads them. They are written by
`spec/vectors/generate.py`.

>>> VECTORS["FRAME-002-tls"].events
(Fatal(code='bad-frame', id_seen=False),)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Final

import msgspec

from headframe.conformance.codec_events import Cut, End, Eof, Event, Header, expanded

__all__ = ["VECTORS", "Annotation", "Awaited", "Category", "Side", "Vector", "read_vectors"]

FILES: Final = (
    "frame",
    "header",
    "body",
    "request",
    "command",
    "reply",
    "error",
    "name",
    "origin",
)
"""The chapters, in the order of the standard."""

SENTINEL_ID: Final = 2**53 - 1
"""The `id` of the request that follows a vector to show that the stream is in step."""


class Category(StrEnum):
    """What a vector shows."""

    VALID = "valid"
    REFUSED = "refused"
    FATAL = "fatal"
    INCOMPLETE = "incomplete"
    ORIGIN = "origin"


class Side(StrEnum):
    """Who reads."""

    SERVER = "server"
    CLIENT = "client"


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A request that the client has sent before the bytes of the vector arrive."""

    id: int
    cmd: str
    ended: bool = True
    """Whether it has sent all of it."""


class Annotation(msgspec.Struct, frozen=True, array_like=True):
    """What some bytes are."""

    offset: int
    length: int
    text: str


class Vector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stream from its first byte to its end of file, and what a reader makes of it."""

    id: str
    title: str
    category: Category
    role: Side
    requests: tuple[Awaited, ...] = ()
    """What a client awaits replies to."""
    rules: tuple[str, ...]
    """The first is the one that it was made for."""
    hex: str
    annotations: tuple[Annotation, ...]
    events: tuple[Event, ...]

    @property
    def data(self) -> bytes:
        """The bytes of the stream."""
        return expanded(self.hex)

    def followed(self) -> Vector | None:
        """Return the same with a good message after it, or None where none can follow.

        It tells a reader that is in step from one that has lost or gained a byte.
        """
        ongoing = any(not request.ended for request in self.requests)
        if isinstance(self.events[-1], Cut) or ongoing:
            return None
        if self.role is Side.SERVER:
            members = {"id": SENTINEL_ID, "cmd": "hello"}
        else:
            members = {"id": SENTINEL_ID, "ok": True, "hf": [1]}
        raw = json.dumps(members, separators=(",", ":")).encode()
        follows: tuple[Event, ...] = ()
        if isinstance(self.events[-1], Eof):
            follows = (Header(members=members), End(), Eof())
        return msgspec.structs.replace(
            self,
            id=f"{self.id}+",
            requests=(*self.requests, Awaited(id=SENTINEL_ID, cmd="hello"))
            if self.role is Side.CLIENT
            else (),
            hex=f"{self.hex} {len(raw).to_bytes(4, 'little').hex()} {raw.hex()}",
            events=(*self.events[:-1], *follows) if follows else self.events,
        )


def read_vectors(text: bytes) -> list[Vector]:
    """Return the vectors of a file; raise ValueError for what is none."""
    found: list[Vector] = msgspec.json.decode(text, type=list[Vector])
    for vector in found:
        if not vector.rules or not vector.events:
            raise ValueError(f"{vector.id} has no rules or no events")
        vector.data  # noqa: B018  (raises where the hex is none)
    return found


def _read() -> Mapping[str, Vector]:
    folder = resources.files(__name__)
    vectors = [
        vector for name in FILES for vector in read_vectors((folder / f"{name}.json").read_bytes())
    ]
    return MappingProxyType({vector.id: vector for vector in vectors})


VECTORS: Final[Mapping[str, Vector]] = _read()
"""All vectors by id, in the order of the standard."""
