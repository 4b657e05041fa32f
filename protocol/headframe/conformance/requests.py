r"""The vocabulary of requests, as data: `put("~/a.txt", b"hello")`.

The law of this module: a request is written here as it goes onto the wire, right or wrong, and no
rule of the codec's sending side stands in its way.

*   `~/` at the beginning of a name stands for the names of the check that sends it, and a token
    `~` for its own upload token (`~2` for another); both exist nowhere else.
*   `id` is chosen when it is sent, unless given; `id=None` leaves it out.
*   `filesize` is counted, unless given. A name with `_` at its end is the one without it (`if_`).
*   `raw(b'{"id":7,...}')` is a header as its bytes stand; its reply is due with `id` 7.

>>> put("a", b"hi", id=1).encode()
b'0\x00\x00\x00{"id":1,"cmd":"put","filename":"a","filesize":2}hi'
>>> put("a", more=True, id=1).then(b"hi").encode()[-20:]
b'\x0e\x00\x00\x00{"filesize":2}hi'
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = [
    "RAW_ID",
    "Asked",
    "Frame",
    "command",
    "delete",
    "digest_of",
    "frame",
    "get",
    "hello",
    "list_",
    "move",
    "put",
    "raw",
    "stat",
]

RAW_ID: Final = 7
"""The `id` that headers given as bytes have."""

Text = Callable[[str], str]
"""Fills in the names of a check."""


def _as_it_stands(text: str) -> str:
    return text


def frame(header: bytes, body: bytes = b"") -> bytes:
    """Return a frame with this header and body, whatever they are."""
    return struct.pack("<I", len(header)) + header + body


_NAME: Final = re.compile(rb'(?<=")~(?:/[^"]*|\d*)(?=")')
"""A name or a token of a check, in the bytes of a header."""


def _fill_bytes(found: re.Match[bytes], fill: Text) -> bytes:
    text = found[0].decode("utf-8", "surrogateescape")
    return fill(text).encode("utf-8", "surrogateescape")


def digest_of(body: bytes) -> str:
    """Return a digest as HF/1 writes it."""
    return f"sha-256:{hashlib.sha256(body).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: members or bytes for a header, and a body."""

    header: dict[str, Any] | bytes
    body: bytes = b""

    def encode(self, fill: Text = _as_it_stands) -> bytes:
        """Return its bytes, with the names filled in."""
        if isinstance(self.header, bytes):
            return frame(_NAME.sub(lambda found: _fill_bytes(found, fill), self.header), self.body)
        members = {
            name: fill(value) if isinstance(value, str) else value
            for name, value in self.header.items()
        }
        if self.body:
            members.setdefault("filesize", len(self.body))
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        return frame(text.encode("utf-8", "surrogatepass"), self.body)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: one frame or several."""

    frames: tuple[Frame, ...]

    @property
    def id(self) -> int | None:
        """What its reply echoes; None: no reply is due."""
        header = self.frames[0].header
        if isinstance(header, bytes):
            return RAW_ID
        found = header.get("id")
        return found if type(found) is int else None

    @property
    def needs_id(self) -> bool:
        """Whether the sender is to choose one."""
        header = self.frames[0].header
        return not isinstance(header, bytes) and "id" not in header

    def with_id(self, number: int) -> Asked:
        """Return the same with an `id`."""
        first = self.frames[0]
        assert isinstance(first.header, dict)
        numbered = replace(first, header={"id": number, **first.header})
        return Asked((numbered, *self.frames[1:]))

    def then(self, body: bytes = b"", /, **members: Any) -> Asked:
        """Return the same with another frame behind it."""
        return Asked((*self.frames, Frame(_named(members), body)))

    def encode(self, fill: Text = _as_it_stands) -> bytes:
        """Return its bytes."""
        return b"".join(
            Frame(_without_none(part.header), part.body).encode(fill) for part in self.frames
        )

    def __str__(self) -> str:
        header = self.frames[0].header
        if isinstance(header, bytes):
            return ascii(header[:60])[2:-1]
        words = [header.get("cmd"), header.get("filename"), header.get("upload")]
        return " ".join(ascii(word)[1:-1][:40] for word in words if isinstance(word, str))


def _without_none(header: dict[str, Any] | bytes) -> dict[str, Any] | bytes:
    """Leave out an `id` that is None; None means something elsewhere."""
    if isinstance(header, bytes) or header.get("id", 0) is not None:
        return header
    return {name: value for name, value in header.items() if name != "id"}


def _named(members: dict[str, Any]) -> dict[str, Any]:
    return {name.removesuffix("_"): value for name, value in members.items()}


def raw(header: bytes, body: bytes = b"") -> Asked:
    """Return a request whose header has these bytes, among them `"id":7`."""
    return Asked((Frame(header, body),))


def command(cmd: Any, body: bytes = b"", /, **members: Any) -> Asked:
    """Return any request."""
    named = _named(members)
    first = {"id": named.pop("id")} if "id" in named else {}
    return Asked((Frame(first | {"cmd": cmd} | named, body),))


def hello(**members: Any) -> Asked:
    """Ask who the server is."""
    return command("hello", **members)


def put(filename: Any, body: bytes = b"", /, **members: Any) -> Asked:
    """Store a file."""
    return command("put", body, filename=filename, **members)


def get(filename: Any, /, **members: Any) -> Asked:
    """Read a file."""
    return command("get", filename=filename, **members)


def stat(filename: Any = None, /, **members: Any) -> Asked:
    """Ask about a file, or an upload."""
    return command("stat", **({} if filename is None else {"filename": filename}), **members)


def list_(prefix: str | None = "~/", /, **members: Any) -> Asked:
    """List the names of the check, or those with another prefix; None: all."""
    return command("list", **({} if prefix is None else {"prefix": prefix}), **members)


def delete(filename: Any = None, /, **members: Any) -> Asked:
    """Delete a file, or forget an upload."""
    return command("delete", **({} if filename is None else {"filename": filename}), **members)


def move(filename: Any, to: Any, /, **members: Any) -> Asked:
    """Give a file another name."""
    return command("move", filename=filename, to=to, **members)
