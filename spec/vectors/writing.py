"""The words in which the vectors are written: frames, and what a reader makes of them.

The law of this module: nothing here asks the codec. What a header means is what Python's `json`
and the author say, so that a fault of the codec cannot become an expectation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

HELLO = '{"id":7,"cmd":"hello"}'
BLAKE3_HELLO = "blake3:ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
SHA_HELLO = "sha-256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
TOKEN = "AAAAAAAAAAAAAAAAAAAAAA"  # 22 characters, the fewest
FRAMING = ("filesize", "more", "abort")

# --- what a reader makes of the bytes ----------------------------------------------------

EOF: Json = {"event": "eof"}
CUT: Json = {"event": "cut"}
CLOSED: Json = {"event": "closed"}
END: Json = {"event": "end"}
ABORT: Json = {"event": "abort"}


def header(**members: Any) -> Json:
    """Return a first header that is accepted; `if_` stands for `if`."""
    return {"event": "header", "members": {name.rstrip("_"): members[name] for name in members}}


def body(data: bytes | str) -> Json:
    """Return bytes of a body, joined."""
    return {"event": "body", "hex": spelled(as_bytes(data))}


def end(**trailers: Any) -> Json:
    """Return the end of a whole message, with what its trailers add."""
    return END | trailers


def refused(code: str, id: int | None = 1) -> Json:  # noqa: A002  (the wire's word)
    """Return the refusal of a request."""
    return {"event": "refused", "id": id, "code": code}


def fatal(code: str, *, id_seen: bool = False) -> Json:
    """Return a fatal error as a server sees it."""
    return {"event": "fatal", "code": code, "id_seen": id_seen}


FATAL: Json = {"event": "fatal"}
"""A client closes and tells nobody why."""

# --- bytes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """Bytes and what they are: `data`, `times` over."""

    data: bytes
    note: str
    times: int = 1

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.data) * self.times

    @property
    def hex(self) -> str:
        """The span as one group of a vector's hex."""
        return self.data.hex() if self.times == 1 else f"{self.data.hex()}*{self.times}"


def as_bytes(data: bytes | str) -> bytes:
    """Return text as UTF-8."""
    return data.encode() if isinstance(data, str) else data


def spelled(data: bytes) -> str:
    """Return the hex of `data`, of many equal bytes in short."""
    if len(data) > 300 and len(set(data)) == 1:
        return f"{data[:1].hex()}*{len(data)}"
    return data.hex()


def shown(data: bytes) -> str:
    """Return `data` as a note can show it."""
    text = data.decode("ascii", "backslashreplace")
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= 100 else text[:60] + f"... ({len(data)} bytes)"


def raw(data: bytes | str, note: str = "", *, times: int = 1) -> Span:
    """Return bytes that are no whole frame; the note is the text itself unless one is given."""
    data = as_bytes(data)
    return Span(data, note or shown(data), times)


def length(n: int, note: str = "") -> Span:
    """Return the four bytes of an N."""
    return Span(n.to_bytes(4, "little"), f"N = {n}" + (f", {note}" if note else ""))


@dataclass(frozen=True)
class Frame:
    """One frame: its spans, and what Python's `json` makes of its header."""

    spans: Sequence[Span]
    members: Json = field(default_factory=dict)
    body: bytes = b""


Piece = str | bytes | Span
Part = Frame | Piece


def frame(*pieces: Piece, body: bytes | str = b"", n: int | None = None) -> Frame:
    """Return a frame whose header is `pieces`, joined; `n` lies about its length."""
    spans = [piece if isinstance(piece, Span) else raw(piece) for piece in pieces]
    size = sum(span.size for span in spans)
    text = b"".join(span.data * span.times for span in spans)
    try:
        members = json.loads(text.decode())
    except (ValueError, RecursionError):
        members = {}
    made = [length(size if n is None else n, "" if n is None else f"but it has {size}"), *spans]
    body = as_bytes(body)
    if body and len(body) > 300 and len(set(body)) == 1:
        made.append(Span(body[:1], f"body: {len(body)} times {body[0]:02x}", len(body)))
    elif body:
        made.append(Span(body, f'body: "{shown(body)}"'))
    return Frame(made, members if isinstance(members, dict) else {}, body)


def padded(text: str, size: int) -> Frame:
    """Return a frame whose header is `text` and as much white space as makes `size` bytes."""
    rest = size - len(text)
    return frame(text, Span(b" ", f"{rest} spaces", rest))


def as_frame(part: Part) -> Frame:
    """Return the frame; text is the header of one without a body, bytes are no whole frame."""
    if isinstance(part, str):
        return frame(part)
    if isinstance(part, bytes):
        return Frame([raw(part)])
    return Frame([part]) if isinstance(part, Span) else part


def accepted(frames: Iterable[Frame], ignoring: Iterable[str] = ()) -> list[Json]:
    """Return the events of whole and acceptable messages; names with a dot are ignored."""
    events: list[Json] = []
    joined = b""
    begun = False
    for one in frames:
        if not begun:
            kept = {
                name: value
                for name, value in one.members.items()
                if name not in FRAMING and name not in ignoring and "." not in name
            }
            events.append({"event": "header", "members": kept})
            joined = b""
        joined += one.body
        more = one.members.get("more", False)
        if not more:
            trailers = (
                {name: one.members[name] for name in ("digest", "total") if name in one.members}
                if begun
                else {}
            )
            events += [body(joined)] * bool(joined) + [end(**trailers)]
        begun = more
    return events


def awaited(requests: str) -> list[Json]:
    """Return the requests that a client has sent: `1:get 2:put`, `3:put+` has not ended."""
    made = []
    for word in requests.split():
        number, cmd = word.split(":")
        made.append(
            {"id": int(number), "cmd": cmd.rstrip("+")}
            | ({"ended": False} if cmd.endswith("+") else {})
        )
    return made


class Chapter:
    """The vectors of one chapter, which become one file."""

    def __init__(self, name: str, prefix: str) -> None:
        """`prefix` begins the ids of the vectors, and of the rule that each shows first."""
        self.name = name
        self.prefix = prefix
        self.vectors: list[Json] = []

    def gives(
        self,
        slug: str,
        title: str,
        *parts: Part,
        events: list[Json],
        also: str = "",
        awaits: str | None = None,
        category: str = "",
    ) -> None:
        """Add a vector; `slug` is `002-tls`, `also` names further rules as `BODY-004 REQ-003`."""
        spans = [span for part in parts for span in as_frame(part).spans]
        at = 0
        annotations = []
        for span in spans:
            annotations.append([at, span.size, span.note])
            at += span.size
        rule = f"HF-{self.prefix}-{slug[:3]}"
        self.vectors.append(
            {
                "id": f"{self.prefix}-{slug}",
                "title": title,
                "category": category or category_of(events),
                "role": "server" if awaits is None else "client",
                **({} if awaits is None else {"requests": awaited(awaits)}),
                "rules": [rule, *(f"HF-{name}" for name in also.split())],
                "hex": " ".join(span.hex for span in spans),
                "annotations": annotations,
                "events": events,
            }
        )

    def accepts(
        self,
        slug: str,
        title: str,
        *parts: Part,
        ignoring: str | tuple[str, ...] = "",
        also: str = "",
        awaits: str | None = None,
        category: str = "",
    ) -> None:
        """Add whole messages that are accepted; `ignoring` names what has no meaning in them."""
        names = ignoring.split() if isinstance(ignoring, str) else ignoring
        events = accepted(map(as_frame, parts), names)
        self.gives(
            slug,
            title,
            *parts,
            events=[*events, EOF],
            also=also,
            awaits=awaits,
            category=category,
        )

    def refuses(
        self,
        slug: str,
        title: str,
        *parts: Part,
        code: str,
        id: int | None = 1,  # noqa: A002  (the wire's word)
        also: str = "",
    ) -> None:
        """Add a request that is refused at its first header."""
        self.gives(slug, title, *parts, events=[refused(code, id), EOF], also=also)

    def breaks(
        self,
        slug: str,
        title: str,
        *parts: Part,
        code: str = "bad-frame",
        id_seen: bool = False,
        also: str = "",
        awaits: str | None = None,
    ) -> None:
        """Add a stream that is fatal before anything else comes of it."""
        event = fatal(code, id_seen=id_seen) if awaits is None else FATAL
        self.gives(slug, title, *parts, events=[event], also=also, awaits=awaits)


def category_of(events: list[Json]) -> str:
    """Return what a vector shows, by what becomes of it."""
    kinds = [event["event"] for event in events]
    if "fatal" in kinds:
        return "fatal"
    if "cut" in kinds:
        return "incomplete"
    return "refused" if "refused" in kinds else "valid"
