"""Where the bytes come from that are to be shown: a file, standard input, digits, a capture.

The law of this module: what it is given is read piece by piece, in bounded memory, and what it is
shows in its first bytes: no stream of HF/1 begins like a capture or like hexadecimal text.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from headframe_client.errors import InvalidArgument

__all__ = ["Flow", "Piece", "open_input", "read_input"]

PIECE_BYTES: Final = 1 << 16

CAPTURE_BEGINS: Final = tuple(
    bytes.fromhex(magic) for magic in ("0a0d0d0a", "d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d")
)
"""pcapng, and pcap in either order of bytes, with micro- and nanoseconds."""

_HEX: Final = re.compile(rb"[0-9a-fA-F\s]+")
_DUMP: Final = re.compile(rb"^[0-9a-f]{4,8}  [0-9a-f]{2}(?: |$)", re.MULTILINE)
_DUMP_LINE: Final = re.compile(rb"([0-9a-f]{4,8}|\.{4,8})  (.{0,49})")
"""A line as this package's dumps have it, and those of `hexdump -C`: an offset and bytes."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a connection in a capture."""

    source: str
    target: str
    from_client: bool

    def __str__(self) -> str:
        return f"{self.source} > {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes that are next in their direction."""

    flow: Flow | None = None
    """None: there is only one."""
    data: bytes = b""
    ended: bool = False
    """Nothing more comes in this direction."""
    lost_bytes: int = 0
    """So many bytes are not in the capture; this is why it ends here."""


def open_input(words: tuple[str, ...], stdin: BinaryIO) -> BinaryIO:
    """Open what a command line names; raise InvalidArgument for what is no input."""
    if words == ("-",):
        return stdin
    if len(words) == 1 and Path(words[0]).exists():
        return Path(words[0]).open("rb")
    text = "".join(words).encode("utf-8", "backslashreplace")
    if _HEX.fullmatch(text):
        return io.BytesIO(text)
    raise InvalidArgument(f"{words[0]!r} is no file, and no bytes as hexadecimal digits")


def read_input(stream: BinaryIO, port: int) -> Iterator[Piece]:
    """Return the bytes of an input; of a capture those to and from `port`."""
    if not isinstance(stream, io.BufferedReader):  # which alone can be looked into
        stream = io.BufferedReader(cast("Any", stream))
    begin = stream.peek(PIECE_BYTES)
    if begin.startswith(CAPTURE_BEGINS):
        captures = import_module("headframe_client.command.captures")
        yield from captures.read_capture(stream, port)
        return
    if b"\0" not in begin and _DUMP.search(begin):
        pieces = _read_dump(stream)
    elif _HEX.fullmatch(begin):
        pieces = _read_hex(stream)
    else:
        pieces = iter(functools.partial(stream.read1, PIECE_BYTES), b"")
    for data in pieces:
        yield Piece(data=data)
    yield Piece(ended=True)


def _read_hex(stream: io.BufferedReader[Any]) -> Iterator[bytes]:
    """Return the bytes that digits stand for, however these are grouped."""
    rest = b""
    while text := stream.read(PIECE_BYTES):
        digits = rest + b"".join(text.split())
        rest = digits[len(digits) // 2 * 2 :]
        yield _from_hex(digits[: len(digits) // 2 * 2])
    if rest:
        raise InvalidArgument("the hexadecimal digits are odd in number: half a byte is left over")


def _read_dump(stream: io.BufferedReader[Any]) -> Iterator[bytes]:
    """Return the bytes of a dump, of whose lines others are left alone."""
    offset = 0
    while line := stream.readline(PIECE_BYTES):
        found = _DUMP_LINE.match(line)
        if found is None or not found[2].strip():
            continue
        at = found[1].decode()
        if not at.strip("."):
            raise InvalidArgument(f"the dump leaves bytes out at offset {offset:04x}")
        data = _from_hex(found[2])
        if offset != int(at, 16):
            raise InvalidArgument(f"the dump goes on at offset {at} instead of {offset:04x}")
        offset += len(data)
        yield data


def _from_hex(digits: bytes) -> bytes:
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError as error:
        raise InvalidArgument(f"these are no hexadecimal digits: {digits[:40]!r}") from error
