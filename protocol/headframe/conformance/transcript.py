"""Every byte of a check's connections, in order: for the eye, and to be played again.

The law of this module: a transcript is made of what passed and of nothing else. It can be written
to JSON and read back without the kit that made it, and its names hold one key of fixed length, so
that it can be played to a server that has seen it before.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

__all__ = ["FORMAT", "KEY_LENGTH", "Entry", "Kind", "Transcript"]

FORMAT: Final = "headframe-conversation/1"
"""What a file of this kind says that it is."""
KEY_LENGTH: Final = 8
"""Characters of the key that makes the names of a check its own."""


class Kind(StrEnum):
    """What happened on a connection."""

    OPENED = "opened"
    SENT = "sent"
    RECEIVED = "received"
    ENDED_SENDING = "ended-sending"
    """Our half is closed; the other may go on."""
    PEER_ENDED = "peer-ended"
    """The peer's half has ended: FIN or RST."""
    SILENT = "silent"
    """Nothing came within the time allowed: TIME-OUT."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    connection: int
    """From 1, in the order in which they were opened."""
    kind: Kind
    data: bytes = b""
    note: str = ""
    at: float = 0.0
    """Seconds since the check began."""


@dataclass(slots=True)
class Transcript:
    """What happened in one check."""

    key: str
    entries: list[Entry] = field(default_factory=list)

    def to_json(self, **about: Any) -> str:
        """Return a replay file; `about` tells where it comes from (check, rules, url)."""
        entries = [
            {"connection": entry.connection, "kind": entry.kind, "at": round(entry.at, 6)}
            | ({"data": base64.b64encode(entry.data).decode()} if entry.data else {})
            | ({"note": entry.note} if entry.note else {})
            for entry in self.entries
        ]
        return json.dumps(
            {"format": FORMAT, "key": self.key, **about, "entries": entries}, indent=1
        )

    @classmethod
    def from_json(cls, text: str) -> Transcript:
        """Read a replay file; raise ValueError for what is none."""
        try:
            found = json.loads(text)
            if found["format"] != FORMAT:
                raise ValueError(f"format is {found['format']!r}, not {FORMAT!r}")
            entries = [
                Entry(
                    int(row["connection"]),
                    Kind(row["kind"]),
                    base64.b64decode(row.get("data", "")),
                    str(row.get("note", "")),
                    float(row["at"]),
                )
                for row in found["entries"]
            ]
            return cls(str(found["key"]), entries)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"no replay file: {type(error).__name__}: {error}") from error

    def lines(self, most: int = 60) -> Iterator[str]:
        """Yield the conversation for the eye, `most` lines of each passage."""
        several = len({entry.connection for entry in self.entries}) > 1
        for (connection, kind), run in groupby(self.entries, lambda e: (e.connection, e.kind)):
            passage = list(run)
            mark = f"#{connection} " if several else ""
            match kind:
                case Kind.SENT | Kind.RECEIVED:
                    arrow = "C>S" if kind is Kind.SENT else "S>C"
                    data = b"".join(entry.data for entry in passage)
                    rows = [*_dump(data, (most + 1) * 16)]
                    for number, row in enumerate(rows[:most]):
                        yield f"{mark}{'   ' if number else arrow} {row}"
                    if len(rows) > most or len(data) > (most + 1) * 16:
                        yield f"{mark}    ... {len(data):,} bytes in all"
                case Kind.OPENED:
                    continue
                case _:
                    note = passage[-1].note
                    yield f"{mark}--- {_SAID[kind]}{': ' if note else ''}{note}"


_SAID: Final = {
    Kind.ENDED_SENDING: "the kit ends its sending side",
    Kind.PEER_ENDED: "the server ends",
    Kind.SILENT: "nothing came",
    Kind.CLOSED: "the kit closes",
}

_FRAMING: Final = re.compile(rb'"filesize"\s*:\s*(\d+)')


def _dump(data: bytes, most: int) -> Iterator[str]:
    """Yield the bytes of frames, as far as they can be told apart."""
    at = 0
    while at < min(len(data), most):
        size = int.from_bytes(data[at : at + 4], "little")
        whole = data[at + 4 : at + 4 + size]
        if not 2 <= size <= 65535 or len(data) < at + 4:
            yield from _rows(data, at, len(data), "")
            return
        yield from _rows(data, at, at + 4, f"N = {size}")
        yield from _rows(data, at + 4, min(at + 4 + size, len(data)), "")
        at += 4 + size
        found = _FRAMING.search(whole)
        end = min(at + (int(found[1]) if found else 0), len(data))
        yield from _rows(data, at, end, "body", most)
        at = end


def _rows(data: bytes, begin: int, end: int, note: str, most: int = 1 << 20) -> Iterator[str]:
    for at in range(begin, min(end, begin + most), 16):
        piece = data[at : min(at + 16, end)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        said = note if note.startswith("N") else f"{text:16}  {note}".rstrip()
        yield f"{at:04x}  {piece.hex(' '):47}  {said}"
        note = ""
