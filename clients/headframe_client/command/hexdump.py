r"""A frame as an annotated hexdump.

Spec: chapter 2. The law of this module: what a line says of its bytes comes from reading them
with the codec, not from knowing how they were made.

>>> print("\n".join(dump_frame(b'\x0e\0\0\0{"filesize":2}hi')))
00000000  0e 00 00 00                                      ....              N = 14, u32 LE
00000004  7b 22 66 69 6c 65 73 69  7a 65 22 3a 32 7d       {"filesize":2}    header, 14 bytes
00000012  68 69                                            hi                body, 2 bytes
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headframe import FRAME, FRAME_PLAN

__all__ = ["dump_frame"]

ROW_BYTES: Final = 16


def dump_frame(frame: bytes) -> Iterator[str]:
    """Return the lines that show one frame; raise RemoteError if it is none."""
    header_bytes = FRAME_PLAN.header_bytes(frame)
    begin = FRAME_PLAN.prelude.size
    end = begin + header_bytes
    body_bytes = len(FRAME.parse(frame).body)
    yield from _dump_part(frame, 0, begin, f"N = {header_bytes}, u32 LE")
    yield from _dump_part(frame, begin, end, f"header, {header_bytes} bytes")
    yield from _dump_part(frame, end, end + body_bytes, f"body, {body_bytes} bytes")


def _dump_part(frame: bytes, begin: int, end: int, meaning: str) -> Iterator[str]:
    """Return the lines for one part, which begins a line of its own."""
    for offset in range(begin, end, ROW_BYTES):
        row = frame[offset : min(offset + ROW_BYTES, end)]
        pairs = " ".join(f"{byte:02x}" for byte in row)
        if len(row) > ROW_BYTES // 2:
            half = ROW_BYTES // 2 * 3
            pairs = f"{pairs[:half]} {pairs[half:]}"
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        remark = meaning if offset == begin else ""
        yield f"{offset:08x}  {pairs:<49}{shown:<18}{remark}".rstrip()
