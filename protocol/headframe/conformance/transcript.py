"""Every byte of a check's connections, in order: for the eye, and to be played again.

The law of this module: a transcript is made of what passed and of nothing else. It can be written
to JSON and read back without the kit that made it, and its names hold one key of fixed length, so
that it can be played to a server that has seen it before.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headframe.parts import Part

__all__ = ["FORMAT", "KEY_LENGTH", "Entry", "Kind", "Transcript"]

FORMAT: Final = "headframe-conversation/1"
"""What a file of this kind says that it is."""
KEY_LENGTH: Final = 8
"""Characters of the key that makes the names of a check its own."""


FULL_PASSAGES: Final = 4
"""How many of the last passages are shown byte by byte."""
BRIEF: Final = 100
"""Characters of a header that is shown in a line."""


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
    kit: str = "client"
    """Which side the kit plays."""

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
        """Yield the conversation for the eye, at most `most` lines of each passage."""
        from headframe.annotation import Annotator  # noqa: PLC0415  (of failures alone)
        from headframe.connection import Role  # noqa: PLC0415

        several = len({entry.connection for entry in self.entries}) > 1
        sides = (Role.CLIENT, Role.SERVER) if self.kit == "client" else (Role.SERVER, Role.CLIENT)
        roles = dict(zip((Kind.SENT, Kind.RECEIVED), sides, strict=True))
        passages = [
            (connection, kind, [*run])
            for (connection, kind), run in groupby(self.entries, lambda e: (e.connection, e.kind))
            if kind is not Kind.OPENED
        ]
        last = {(connection, kind): n for n, (connection, kind, _) in enumerate(passages)}
        streams: dict[tuple[int, Kind], Annotator] = {}
        for number, (connection, kind, run) in enumerate(passages):
            mark = f"#{connection} " if several else ""
            if kind not in roles:
                note = run[-1].note
                said = f"the {sides[1].value} ends" if kind is Kind.PEER_ENDED else _SAID[kind]
                yield f"{mark}--- {said}{': ' if note else ''}{note}"
                continue
            stream = streams.setdefault((connection, kind), Annotator(roles[kind], shorten=True))
            parts = stream.receive_data(b"".join(entry.data for entry in run))
            if last[connection, kind] == number:
                parts += stream.finish()
            early = number < len(passages) - FULL_PASSAGES
            rows = [row for each in _frames(parts) for row in _rows(each, early)]
            for at, row in enumerate(rows[:most]):
                yield f"{mark}{'   ' if at else _ARROWS[roles[kind].value]} {row}"
            if len(rows) > most:
                yield f"{mark}    ... {len(rows) - most} lines more"


def _frames(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Put the parts of each frame together."""
    found: list[Part] = []
    for part in parts:
        if part.kind == "prelude" and found:
            yield found
            found = []
        found.append(part)
    if found:
        yield found


def _rows(parts: Sequence[Part], early: bool) -> Iterator[str]:
    """Show a frame: as a dump, or in one line what came early or says the usual."""
    from headframe.hexdump import dump  # noqa: PLC0415  (of failures alone)

    header = b"".join(part.data for part in parts if part.kind == "header")
    flawed = any(part.fault is not None or part.missing_bytes for part in parts)
    if flawed or not header or not (early or b'"limits"' in header):
        yield from dump(parts)
        return
    text = ascii(header)[2:-1].replace('\\"', '"').replace("\\\\", "\\")
    text = text if len(text) <= BRIEF else f"{text[: BRIEF - 3]}..."
    size = sum(part.size for part in parts if part.kind == "body")
    yield f"{parts[0].offset:04x}  {text}{f' and {size:,} bytes' if size else ''}"


_ARROWS: Final = {"client": "C>S", "server": "S>C"}
_SAID: Final = {
    Kind.ENDED_SENDING: "the kit ends its sending side",
    Kind.SILENT: "nothing came",
    Kind.CLOSED: "the kit closes",
}
