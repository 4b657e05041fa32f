r"""How a stream reads and writes frames of a declared layout: piece by piece, nothing trusted.

Spec: chapter 2. The law of this module: it states nothing about the format. What it needs to know
of it is a `Layout`: `headframe.schema` derives one from a declaration in construct, and that of
HF/1 stands, derived beforehand, in `headframe.layout`, so that nobody who speaks the protocol has
to wait for construct. A length is judged before anything of that length is read.

>>> from headframe import FRAME_PLAN
>>> FRAME_PLAN.header_bytes(b'\x0e\0\0\0')
14
"""

from __future__ import annotations

import struct
from typing import Generic, NamedTuple, TypeVar

from headframe.errors import BadFrame, LocalError
from headframe.headers import Header, HeaderCodec

__all__ = ["Bounds", "FramePlan", "Layout"]

H = TypeVar("H", bound=Header)


class Bounds(NamedTuple):
    """The limits of a length, in bytes."""

    minimum: int
    maximum: int

    def check_announced(self, announced: int) -> int:
        """Return a length that a peer announced; raise BadFrame outside the limits."""
        if not self.minimum <= announced <= self.maximum:
            raise BadFrame(
                "HF-FRAME-002",
                f"header of {announced} bytes announced, only {self.minimum} to {self.maximum}"
                " are allowed",
            )
        return announced

    def check_built(self, built: int) -> int:
        """Return a length that is to be sent; raise LocalError outside the limits."""
        if not self.minimum <= built <= self.maximum:
            raise LocalError(
                "HF-FRAME-002",
                f"header has {built} bytes, only {self.minimum} to {self.maximum} are allowed",
            )
        return built


class Layout(NamedTuple):
    """A declared frame, as far as a stream has to know it."""

    prelude: str
    """The length field, as `struct` has it."""
    length: Bounds
    body_member: str
    """Name of the member of a header that counts the body's bytes."""


class FramePlan(Generic[H]):
    """Frames of one layout, with headers that one codec reads and writes."""

    __slots__ = (
        *("layout", "prelude", "decode_header", "encode_header", "encode_checked"),
        *("_body_member", "_minimum", "_maximum"),
    )

    def __init__(self, layout: Layout, codec: HeaderCodec[H]) -> None:
        self.layout = layout
        self.prelude = struct.Struct(layout.prelude)
        """The length field."""
        self.decode_header = codec.decode
        self.encode_header = codec.encode
        """Quick; trusts the types of the header's members."""
        self.encode_checked = codec.encode_checked
        """The same, read back as the peer will read it."""
        self._body_member = layout.body_member
        self._minimum = layout.length.minimum
        self._maximum = layout.length.maximum

    def header_bytes(self, buffer: bytes | bytearray | memoryview, offset: int = 0) -> int:
        """Return N from the four bytes at `offset`; raise BadFrame outside its limits."""
        announced: int = self.prelude.unpack_from(buffer, offset)[0]
        if self._minimum <= announced <= self._maximum:
            return announced
        return self.layout.length.check_announced(announced)

    def build_head(self, header: H, *, checked: bool = True) -> bytes:
        """Return prelude and header; raise LocalError for what a peer would not accept."""
        encoded = self.encode_checked(header) if checked else self.encode_header(header)
        count = len(encoded)
        if not self._minimum <= count <= self._maximum:
            self.layout.length.check_built(count)
        return self.prelude.pack(count) + encoded

    def body_bytes(self, header: H) -> int:
        """Return S."""
        count: int = getattr(header, self._body_member)
        return count
