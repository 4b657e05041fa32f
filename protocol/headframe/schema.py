r"""The declaration of the frame, in construct. Everything else about framing is derived from it.

    0         4                  4+N                     4+N+S
    +---------+------------------+-----------------------+
    | prelude | header           | body                  |
    +---------+------------------+-----------------------+
     N, u32 LE  N bytes of JSON    S = header.filesize bytes

Spec: chapters 2 and 3. The law of this module: the format is stated once, in `declare_frame`
and in what it names. `derive_layout` reads that declaration and returns what a stream needs: the
length's `struct` format, its limits and the member that counts the body. Change the declaration,
and `spec/registry/generate.py` lets `headframe.layout` follow; declare a shape that it does not
know and it fails loudly.

Construct's own `parse` and `build` work on whole frames and serve tools and tests; what meets the
network is a `headframe.plan.FramePlan`.

>>> FRAME.parse(b'\x0e\0\0\0{"filesize":2}hi').body
b'hi'
>>> derive_layout(FRAME).prelude
'<L'
"""

from __future__ import annotations

from typing import Any, Final

import construct
from construct import Adapter, Bytes, Construct, GreedyBytes, Int32ul, Prefixed, Renamed

from headframe.headers import Header, HeaderCodec, OpenHeader
from headframe.limits import LIMITS
from headframe.plan import Bounds, FramePlan, Layout

__all__ = [
    "FRAME",
    "HeaderJSON",
    "Limited",
    "body_bytes",
    "declare_frame",
    "derive_layout",
    "derive_plan",
]

# --- the declaration ---------------------------------------------------------------------


class Limited(Adapter):  # type: ignore[type-arg]
    """A length field with its limits, judged before anything of that length is read."""

    def __init__(self, subcon: Construct[Any, Any], minimum: int, maximum: int) -> None:
        super().__init__(subcon)
        self.bounds = Bounds(minimum, maximum)

    def _decode(self, obj: int, context: object, path: object) -> int:
        return self.bounds.check_announced(obj)

    def _encode(self, obj: int, context: object, path: object) -> int:
        return self.bounds.check_built(obj)


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


def derive_layout(frame: Construct[Any, Any]) -> Layout:
    """Derive the layout from a declaration of the shape that `declare_frame` has.

    Raises TypeError for any other shape: better none than a reader that disagrees with its
    declaration.
    """
    header, _, length, body = _parts(frame)
    prelude = _expect(length.subcon, construct.FormatField)
    member = _read_member(_expect(body.subcon, Bytes).length, header.name)
    return Layout(prelude.fmtstr, length.bounds, member)


def derive_plan(frame: Construct[Any, Any]) -> FramePlan[Any]:
    """Return the plan of a declaration: its layout and its codec of headers."""
    return FramePlan(derive_layout(frame), _parts(frame)[1].codec)


def _parts(frame: Construct[Any, Any]) -> tuple[Any, HeaderJSON, Limited, Any]:
    """Return the header, what reads it, its length and the body."""
    parts = _expect(frame, construct.Struct).subcons
    if len(parts) != 2:
        raise TypeError(f"frame declares {len(parts)} parts, not a header and a body")
    header, body = (_expect(part, Renamed) for part in parts)
    prefixed = _expect(header.subcon, Prefixed)
    length = _expect(prefixed.lengthfield, Limited)
    return header, _expect(prefixed.subcon, HeaderJSON), length, body


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
