"""What an implementation says: a reply, an end, or something that cannot be read.

The law of this module: what came is kept whole and told in few words. Nothing here judges it but
whether it can be read at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headframe import FRAME_PLAN, OpenHeader, Reader, RemoteError
from headframe.conformance.wire import Ending, Wire
from headframe.reader import Sentinel

__all__ = ["Ended", "Inbox", "Reply", "Said", "Unreadable"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole message."""

    headers: tuple[dict[str, Any], ...]
    body: bytes
    sizes: tuple[int, ...] = ()
    """Bytes of body in each frame."""

    @property
    def header(self) -> dict[str, Any]:
        """All headers as one."""
        merged: dict[str, Any] = {}
        for header in self.headers:
            merged |= header
        return merged

    @property
    def id(self) -> Any:
        """What its first header says."""
        return self.headers[0].get("id")

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends."""
        return self.headers[0].get("close") is True

    @property
    def word(self) -> str:
        """`ok`, or the code of a refusal."""
        header = self.header
        if header.get("abort") is True:
            return f"abort {header.get('code')}"
        if header.get("ok") is True:
            return "ok"
        code = header.get("code")
        return code if isinstance(code, str) else "no code"

    def __getitem__(self, name: str) -> Any:
        return self.header.get(name)

    def __contains__(self, name: str) -> bool:
        return any(name in header for header in self.headers)

    def __str__(self) -> str:
        close = ", close" if self.closes else ""
        return ascii(f"id={self.id} {self.word}{close}")[1:-1]


@dataclass(frozen=True, slots=True)
class Ended:
    """No message: the connection has ended, or nothing came."""

    ending: Ending
    inside: bool
    """Whether part of a message had come."""

    def __str__(self) -> str:
        return f"{self.ending}{' inside a message' if self.inside else ''}"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are no HF/1."""

    why: str

    def __str__(self) -> str:
        return f"unreadable bytes ({self.why})"


Said = Reply | Ended | Unreadable


class Inbox:
    """Reads messages from a wire, each frame strictly and each message as it comes."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._reader: Reader = Reader(FRAME_PLAN, FRAME_PLAN)

    def receive(self, seconds: float | None = None) -> Said:
        """Return the next message, or what came in its place; wait `seconds` for each piece."""
        headers: list[dict[str, Any]] = []
        sizes: list[int] = []
        body = bytearray()
        while True:
            try:
                part = self._reader.next_part()
            except RemoteError as error:
                return Unreadable(str(error))
            if isinstance(part, OpenHeader):
                headers.append(dict(part.members))
                sizes.append(0)
            elif isinstance(part, memoryview):
                body += part
                sizes[-1] += len(part)
            elif part is Sentinel.MESSAGE_END:
                return Reply(tuple(headers), bytes(body), tuple(sizes))
            else:
                data = self.wire.receive(seconds)
                if isinstance(data, Ending):
                    return Ended(data, bool(headers) or self._reader.head_begun)
                self._reader.receive_data(data)
