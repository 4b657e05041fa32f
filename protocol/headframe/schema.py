r"""The declaration of the frame, in construct. Everything else about framing is derived from it.

    0         4                  4+N                     4+N+S
    +---------+------------------+-----------------------+
    | prelude | header           | body                  |
    +---------+------------------+-----------------------+
     N, u32 LE  N bytes of JSON    S = header.filesize bytes

Spec: chapters 2 and 3. The law of this module: the format is stated once, in `declare_frame`
and in what it names. `derive_plan` reads that declaration at import and returns what a stream
needs, a `FramePlan`: the length's `struct` format, its limits, the header's codec and the member
that counts the body. Change the declaration and the plan follows; declare a shape that it does
not know and it fails loudly.

Construct's own `parse` and `build` work on whole frames and serve tools and tests; the plan is
what meets the network, since it judges N before anything is allocated and accepts pieces:

>>> FRAME.parse(b'\x0e\0\0\0{"filesize":2}hi').body
b'hi'
>>> FRAME_PLAN.header_bytes(b'\x0e\0\0\0')
14
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import construct
from construct import Adapter, Bytes, Construct, GreedyBytes, Int32ul, Prefixed, Renamed

from headframe.errors import BadFrame, LocalError
from headframe.headers import Header, HeaderCodec, OpenHeader
from headframe.limits import LIMITS

__all__ = [
    "FRAME",
    "FRAME_PLAN",
    "FramePlan",
    "HeaderJSON",
    "Limited",
    "body_bytes",
    "declare_frame",
    "derive_plan",
]

H = TypeVar("H", bound=Header)


# --- the declaration ---------------------------------------------------------------------


class Limited(Adapter):  # type: ignore[type-arg]
    """A length field with its limits, judged before anything of that length is read."""

    def __init__(self, subcon: Construct[Any, Any], minimum: int, maximum: int) -> None:
        super().__init__(subcon)
        self.minimum = minimum
        self.maximum = maximum

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

    def _decode(self, obj: int, context: object, path: object) -> int:
        return self.check_announced(obj)

    def _encode(self, obj: int, context: object, path: object) -> int:
        return self.check_built(obj)


class HeaderJSON(Adapter):  # type: ignore[type-arg]
    """The bytes of a header as what `codec` makes of them."""

    def __init__(self, codec: HeaderCodec[Any]) -> None:
        super().__init__(GreedyBytes)
        self.codec = codec

    def _decode(self, obj: bytes, context: object, path: object) -> Header:
        return self.codec.decode(obj)  # type: ignore[no-any-return]

    def _encode(self, obj: Header, context: object, path: object) -> bytes:
        return self.codec.encode_checked(obj)


HEADER_LENGTH: Final = Limited(Int32ul, LIMITS.header_bytes_min, LIMITS.header_bytes_max)
"""The prelude: N."""


def body_bytes(frame: Any) -> Any:
    """Return S of a frame whose header has been read."""
    return frame.header.filesize


def declare_frame(codec: HeaderCodec[Any]) -> Construct[Any, Any]:
    """Declare a frame whose header `codec` reads and writes."""
    return construct.Struct(
        "header" / Prefixed(HEADER_LENGTH, HeaderJSON(codec)),
        "body" / Bytes(body_bytes),
    )


# --- what a stream needs, derived --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FramePlan(Generic[H]):
    """A declared frame as a stream reads and writes it: piece by piece, nothing trusted."""

    prelude: struct.Struct
    """The length field."""
    length: Limited
    """Its limits."""
    decode_header: Callable[[bytes], H]
    encode_header: Callable[[H], bytes]
    """Quick; trusts the types of the header's members."""
    encode_checked: Callable[[H], bytes]
    """The same, read back as the peer will read it."""
    body_member: str
    """Name of the member of a header that counts the body's bytes."""

    def header_bytes(self, buffer: bytes | bytearray | memoryview, offset: int = 0) -> int:
        """Return N from the four bytes at `offset`; raise BadFrame outside its limits."""
        announced: int = self.prelude.unpack_from(buffer, offset)[0]
        if self.length.minimum <= announced <= self.length.maximum:
            return announced
        return self.length.check_announced(announced)

    def build_head(self, header: H, *, checked: bool = True) -> bytes:
        """Return prelude and header; raise LocalError for what a peer would not accept."""
        encoded = self.encode_checked(header) if checked else self.encode_header(header)
        count = len(encoded)
        if not self.length.minimum <= count <= self.length.maximum:
            self.length.check_built(count)
        return self.prelude.pack(count) + encoded

    def body_bytes(self, header: H) -> int:
        """Return S."""
        count: int = getattr(header, self.body_member)
        return count


def derive_plan(frame: Construct[Any, Any]) -> FramePlan[Any]:
    """Derive the plan from a declaration of the shape that `declare_frame` has.

    Raises TypeError for any other shape: better no import than a reader that disagrees with
    its declaration.
    """
    parts = _expect(frame, construct.Struct).subcons
    if len(parts) != 2:
        raise TypeError(f"frame declares {len(parts)} parts, not a header and a body")
    header, body = (_expect(part, Renamed) for part in parts)
    prefixed = _expect(header.subcon, Prefixed)
    length = _expect(prefixed.lengthfield, Limited)
    prelude = _expect(length.subcon, construct.FormatField)
    codec: HeaderCodec[Any] = _expect(prefixed.subcon, HeaderJSON).codec
    return FramePlan(
        prelude=struct.Struct(prelude.fmtstr),
        length=length,
        decode_header=codec.decode,
        encode_header=codec.encode,
        encode_checked=codec.encode_checked,
        body_member=_read_member(_expect(body.subcon, Bytes).length, header.name),
    )


def _expect(part: Any, kind: type) -> Any:
    """Return `part`, which construct does not type, if it is of the expected kind."""
    if not isinstance(part, kind):
        raise TypeError(f"frame declares {part!r} where a {kind.__name__} is expected")
    return part


class _Trace:
    """Stands in for a frame and records which attributes an expression reads."""

    def __init__(self, *path: str) -> None:
        self.path = path

    def __getattr__(self, name: str) -> _Trace:
        return _Trace(*self.path, name)


def _read_member(expression: Any, header: str) -> str:
    """Return the one member of the header that `expression` reads."""
    traced = expression(_Trace()) if callable(expression) else None
    match traced:
        case _Trace(path=(str(part), str(member))) if part == header:
            return member
    raise TypeError(f"body's length is {expression!r}, not one member of the {header}")


FRAME: Final = declare_frame(HeaderCodec(None, OpenHeader.of, id_min=0))
"""Any HF/1 frame, whatever its header says: `parse` and `build` for tools and tests."""

FRAME_PLAN: Final[FramePlan[OpenHeader]] = derive_plan(FRAME)
"""The plan of `FRAME`."""
