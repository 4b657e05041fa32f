"""A request as it comes, and a reply as it goes: the words that host, store and acts share.

The law of this module: a reply is kept without its `id`, so that the same answer can be said right
or wrong.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from headframe.conformance.requests import frame

__all__ = ["MTIME", "Answer", "Members", "Request", "digest_of", "entry_of", "rev_of"]

MTIME: Final = 1_767_225_600_000_000
FRAME_BYTES: Final = 1 << 20
"""Of the body of a reply (HF-BODY-014)."""

Members = dict[str, Any]


def digest_of(data: bytes) -> str:
    """Return the digest of bytes, as HF/1 writes it."""
    return f"sha-256:{hashlib.sha256(data).hexdigest()}"


def rev_of(data: bytes) -> str:
    """Return a revision of a file with these bytes."""
    return f"r{hashlib.sha256(data).hexdigest()[:16]}"


def entry_of(name: str, data: bytes) -> bytes:
    """Return a line of a listing."""
    members = {"filename": name, "total": len(data), "rev": rev_of(data), "mtime": MTIME}
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class Request:
    """A request, as far as it has come."""

    headers: list[Members]
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False

    @property
    def id(self) -> Any:
        """What its first header says; None: no reply is due."""
        return self.headers[0].get("id")

    @property
    def cmd(self) -> str:
        """The command, or nothing."""
        cmd = self.headers[0].get("cmd")
        return cmd if isinstance(cmd, str) else ""

    @property
    def aborted(self) -> bool:
        """Whether it was withdrawn."""
        return self.headers[-1].get("abort") is True

    def __getitem__(self, name: str) -> Any:
        return self.headers[0].get(name)

    def trailer(self, name: str) -> Any:
        """Return what the last header says, or else the first."""
        return self.headers[-1].get(name, self.headers[0].get(name))


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply without its `id`."""

    members: Members
    body: bytes = b""
    proves: tuple[tuple[str, str], ...] = ()
    """What a client that has read it knows to be done: commands, and names of files."""

    def header(self, id_: Any, **changed: Any) -> bytes:
        """Return its first header as text; None leaves a name out."""
        members = {"id": id_} | self.members | changed
        kept = {name: value for name, value in members.items() if value is not None}
        return json.dumps(kept, separators=(",", ":")).encode()

    def encode(self, id_: Any, size: int = FRAME_BYTES, **changed: Any) -> bytes:
        """Return its bytes, with the body in frames of at most `size`."""
        pieces = [self.body[at : at + size] for at in range(0, len(self.body), size)] or [b""]
        frames = []
        for number, piece in enumerate(pieces):
            framing = {"filesize": len(piece) or None}
            framing |= {"more": True if number < len(pieces) - 1 else None}
            whole = self if number == 0 else Answer({})
            words = framing | (changed if number == 0 else {})
            frames.append(frame(whole.header(None if number else id_, **words), piece))
        return b"".join(frames)
