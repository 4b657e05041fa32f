"""Hypothesis strategies for HF/1: names, headers, frames, messages, cuttings and damage.

Spec: chapters 2 to 5 and 7. The law of this module: a strategy says in its name whether what it
makes is valid. Valid data covers what other writers produce (other orders of members, white
space, escapes, unknown names), not only what this package would write.
"""

from __future__ import annotations

import itertools
import json
import struct
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from headframe import (
    COMMANDS,
    LIMITS,
    UNSET,
    Command,
    Delete,
    Get,
    Hello,
    List,
    Move,
    Put,
    Reply,
    Request,
    Stat,
    is_name,
)

__all__ = [
    "FrameBytes",
    "bodies",
    "cuttings",
    "damaged",
    "file_names",
    "frames",
    "json_texts",
    "json_values",
    "messages",
    "nearly_valid_json",
    "request_ids",
    "requests",
    "successes",
    "unknown_members",
]

JSONText = str

request_ids: Final = st.integers(1, 20) | st.integers(1, LIMITS.integer_max)
"""Ids a client may choose."""

whole_numbers: Final = st.integers(0, 300) | st.integers(0, LIMITS.integer_max)

characters: Final = st.characters(
    codec="utf-8",
    exclude_characters=[chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)]
    + [chr(code) for code in range(0xFDD0, 0xFDF0)],
)
"""What I-JSON text may hold: neither surrogates nor noncharacters."""

texts: Final = st.text(characters, max_size=12)

_SEGMENTS: Final = st.text(
    st.characters(
        codec="utf-8",
        categories=["L", "N", "P", "S", "M", "Zs"],
        exclude_characters="/\\",
    )
    | st.sampled_from("abx.-_ é漢字яא😀"),
    min_size=1,
    max_size=10,
).map(lambda text: unicodedata.normalize("NFC", text))

file_names: Final = (
    st.sampled_from(["a", "a-b", "a/b", "a/b/c.txt", "Ω/漢字.bin", "naïve file", "..a", "x" * 255])
    | st.lists(_SEGMENTS, min_size=1, max_size=4).map("/".join)
).filter(is_name)
"""Valid file names in several scripts."""

bodies: Final = st.sampled_from([b"", b"\0", b"abc", b"\x02\0\0\0{}", b"\xff" * 300]) | st.binary(
    max_size=200
)
"""Bodies, among them nothing, NUL, and one that is itself a valid frame."""

json_values: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value of little depth."""

unknown_members: Final = st.dictionaries(
    texts.map("example.com.{}".format) | st.sampled_from(["x", "filename ", "Id"]),
    json_values,
    max_size=3,
)
"""Members that HF/1 does not register and that are not critical."""

revisions: Final = st.text("ABCabc019._-", min_size=1, max_size=64)
upload_tokens: Final = st.text("ABCabc019_-", min_size=22, max_size=64)
digests: Final = st.binary(min_size=32, max_size=32).map(lambda raw: f"sha-256:{raw.hex()}")


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return `values`, or UNSET for a member that is left out."""
    return st.just(UNSET) | values


_IF: Final = maybe(st.none() | revisions)
_WANT: Final = maybe(st.lists(st.sampled_from(["digest", "blake3", "other"]), max_size=2))

_REQUEST_MEMBERS: Final[dict[type[Request], dict[str, st.SearchStrategy[Any]]]] = {
    Hello: {"hf": maybe(st.just(1)), "auth": maybe(st.just({"scheme": "token", "token": "t"}))},
    Put: {
        "filename": file_names,
        "if_": _IF,
        "digest": maybe(digests),
        "total": maybe(whole_numbers),
        "mtime": maybe(whole_numbers),
        "want": _WANT,
    },
    Get: {
        "filename": file_names,
        "offset": maybe(whole_numbers),
        "length": maybe(whole_numbers),
        "if_": _IF,
        "want": _WANT,
    },
    Stat: {"if_": _IF, "want": _WANT},
    List: {
        "prefix": maybe(texts),
        "after": maybe(texts),
        "limit": maybe(whole_numbers.map(lambda number: number or 1)),
        "delimiter": maybe(st.just("/")),
    },
    Delete: {"if_": _IF},
    Move: {
        "filename": file_names,
        "to": file_names,
        "if_": _IF,
        "to_if": maybe(st.none() | st.just(True) | revisions),
    },
}

_BESIDE: Final[dict[type[Request], list[dict[str, st.SearchStrategy[Any]]]]] = {
    Put: [{}, {"upload": upload_tokens, "offset": maybe(whole_numbers)}],
    Stat: [{"filename": file_names}, {"upload": upload_tokens}],
    Delete: [{"filename": file_names}, {"upload": upload_tokens}],
}
"""Members that need or exclude each other."""


def requests(
    ids: st.SearchStrategy[Any] = request_ids,
    kinds: st.SearchStrategy[type[Request]] | None = None,
) -> st.SearchStrategy[Request]:
    """Return first headers of requests, without a body; `ids` may hold UNSET."""
    return (kinds or st.sampled_from(sorted(_REQUEST_MEMBERS, key=str))).flatmap(
        lambda kind: st.one_of(
            [
                st.builds(kind, id=ids, **_REQUEST_MEMBERS[kind], **beside)
                for beside in _BESIDE.get(kind, [{}])
            ]
        )
    )


def successes(command: Command) -> st.SearchStrategy[Reply]:
    """Return `ok: true` replies to `command`, without `id` and body."""
    members: dict[Command, dict[str, st.SearchStrategy[Any]]] = {
        Command.HELLO: {"hf": st.just([1]), "features": maybe(st.lists(texts, max_size=2))},
        Command.PUT: {"rev": revisions, "total": whole_numbers, "digest": digests},
        Command.GET: {"rev": revisions, "total": whole_numbers, "mtime": maybe(whole_numbers)},
        Command.STAT: {"rev": revisions, "total": whole_numbers, "mtime": maybe(whole_numbers)},
        Command.LIST: {"end": st.booleans()},
        Command.DELETE: {},
        Command.MOVE: {"rev": revisions},
    }
    return st.builds(COMMANDS[command].reply, **members[command])


@dataclass(frozen=True)
class FrameBytes:
    """A frame as its writer meant it and as it is on the wire."""

    members: dict[str, Any]
    body: bytes
    header: bytes
    """The members as some writer puts them into JSON."""

    @property
    def wire(self) -> bytes:
        """Prelude, header and body."""
        return struct.pack("<I", len(self.header)) + self.header + self.body


@st.composite
def json_texts(draw: st.DrawFn, members: dict[str, Any]) -> bytes:
    """Return valid JSON for `members`, as one of many writers would put it."""
    shuffled = dict(draw(st.permutations(list(members.items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\r\n:\n ")]))
    text = json.dumps(shuffled, ensure_ascii=draw(st.booleans()), separators=separators)
    space = st.sampled_from(["", "", " ", "\n", "\t \r\n"])
    return (draw(space) + text + draw(space)).encode()


@st.composite
def frames(draw: st.DrawFn) -> FrameBytes:
    """Return a frame with any valid header, known names and unknown ones."""
    body = draw(bodies)
    members: dict[str, Any] = draw(unknown_members) | draw(
        st.fixed_dictionaries({}, optional={"id": request_ids, "cmd": st.text(max_size=8)})
    )
    if body or draw(st.booleans()):
        members["filesize"] = len(body)
    return FrameBytes(members, body, draw(json_texts(members)))


@st.composite
def messages(draw: st.DrawFn) -> list[FrameBytes]:
    """Return a put of one frame or several, as frames."""
    parts = draw(st.lists(bodies.filter(len), max_size=3))
    last = draw(bodies)
    first: dict[str, Any] = draw(unknown_members) | {
        "cmd": "put",
        "filename": draw(file_names),
        "id": draw(request_ids),
    }
    made = []
    for index, part in enumerate([*parts, last]):
        members = first if index == 0 else dict(draw(unknown_members))
        if part or draw(st.booleans()):
            members["filesize"] = len(part)
        if index < len(parts):
            members["more"] = True
        made.append(FrameBytes(members, part, draw(json_texts(members))))
    return made


@st.composite
def cuttings(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Return the pieces of `data` for some way of cutting it; none is empty."""
    edges = sorted(draw(st.sets(st.integers(0, len(data)), max_size=12)) | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Return `data` with one to three small faults; it may be valid all the same."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(made)))
        match draw(st.sampled_from(["flip", "insert", "delete", "repeat", "cut"])):
            case "flip" if at < len(made):
                made[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                made[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "delete":
                del made[at : at + draw(st.integers(1, 8))]
            case "repeat":
                made[at:at] = made[at : at + draw(st.integers(1, 8))]
            case "cut" if at:
                del made[at:]
    return bytes(made)


_HAZARD_TOKENS: Final = [
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"5.0",
    b"1e3",
    b"-0",
    b"01",
    b"1.",
    b"+1",
    b"0x10",
    b"true",
    b"null",
    b'"5"',
    b"9007199254740991",
    b"9007199254740992",
    b"9" * 400,
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\ud83d\\ude00"',
    b'"\\uffff"',
    b'"\xef\xbf\xbe"',
    b'"\xf0\x9f\xbf\xbf"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'"\xff"',
    b'"\x01"',
    b'"\\x41"',
    b'"\\u0000"',
    b"'a'",
    b"[" * 16 + b"]" * 16,
    b"[" * 15 + b"]" * 15,
    b"[" * 30_000,
    b'{"a":1,"a":2}',
    b'{"a":1,"\\u0061":2}',
    b"[1,]",
    b"{}",
]


@st.composite
def nearly_valid_json(draw: st.DrawFn) -> bytes:
    """Return bytes that look like a header: valid, or wrong in one of the ways that happen."""
    names = st.sampled_from(
        [b"id", b"cmd", b"filename", b"filesize", b"more", b"x", b"!x", b"\\u0069d", b"ok", b"if"]
    )
    tokens = st.sampled_from(_HAZARD_TOKENS) | st.sampled_from(
        [b"0", b"1", b"7", b"true", b"false", b'"put"', b'"a.txt"', b'"get"', b"null"]
    )
    pairs = draw(st.lists(st.tuples(names, tokens), max_size=5))
    text = b"{" + b",".join(b'"%s":%s' % pair for pair in pairs) + b"}"
    before = draw(st.sampled_from([b"", b"", b"", b" ", b"\xef\xbb\xbf", b"\0", b"[", b"\xff\xfe"]))
    after = draw(st.sampled_from([b"", b"", b"", b"\n", b"\x0b", b",", b"{}", b"\0", b"//"]))
    return before + text + after
