"""Checks of sections 3.2 and 3.3: integers, and known, unknown and critical names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import carried_out, fatal_header, nothing_done, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    Asked,
    delete,
    frame,
    get,
    hello,
    list_,
    move,
    put,
    stat,
)
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("header")

# --- 3.2 integers, and the three names that framing needs --------------------------------

_PUT: Final = b'{"id":7,"cmd":"put","filename":"~/a",'

chapter.each(
    "HF-HEADER-011 HF-HEADER-010",
    "A filesize that is no registered integer is fatal: {}.",
    lambda value: fatal_header(_PUT + b'"filesize":' + value + b"}"),
    {
        "filesize-fraction": b"5.0",
        "filesize-exponent": b"5e0",
        "filesize-minus-zero": b"-0",
        "filesize-negative": b"-1",
        "filesize-string": b'"5"',
        "filesize-true": b"true",
        "filesize-null": b"null",
        "filesize-array": b"[5]",
        "filesize-2-to-53": b"9007199254740992",
        "filesize-2-to-64": b"18446744073709551616",
    },
)

chapter.each(
    "HF-HEADER-011 HF-HEADER-010",
    "An id that is no registered integer, or 0, is fatal: {}.",
    lambda value: fatal_header(b'{"id":' + value + b',"cmd":"hello"}'),
    {
        "id-zero": b"0",
        "id-negative": b"-7",
        "id-string": b'"7"',
        "id-fraction": b"7.0",
        "id-exponent": b"7e0",
        "id-true": b"true",
        "id-null": b"null",
        "id-object": b"{}",
        "id-2-to-53": b"9007199254740992",
    },
)

chapter.each(
    "HF-HEADER-012",
    "A more that is neither true nor false is fatal: {}.",
    lambda value: fatal_header(_PUT + b'"more":' + value + b"}"),
    {
        "more-one": b"1",
        "more-zero": b"0",
        "more-null": b"null",
        "more-string": b'"true"',
        "more-array": b"[]",
    },
)

chapter.each(
    "HF-HEADER-010 HF-HEADER-011",
    "An id may be any integer from 1 to 2^53 - 1: {}.",
    lambda number: carried_out(hello(id=number)),
    {"id-one": 1, "id-2-to-31": 2**31, "id-2-to-32": 2**32, "id-greatest": 2**53 - 1},
)


@chapter.check("HF-HEADER-012 HF-BODY-005")
def more_false_is_no_more(peer: Peer) -> None:
    """`more: false` and `filesize: 0` mean the same as their absence."""
    peer.ok(put("~/a", filesize=0, more=False))
    peer.in_step()
    peer.holds("~/a", b"")


chapter.each(
    "HF-HEADER-016 HF-HEADER-010",
    "Another integer of a request is refused unless it has digits alone: {}.",
    lambda text: refusal_is("bad-request", text),
    {
        f"{name}-{kind}": b'{"id":7,' + start + b',"%s":%s}' % (name.encode(), value)
        for name, start in {
            "offset": b'"cmd":"get","filename":"~/a"',
            "limit": b'"cmd":"list"',
            "total": b'"cmd":"put","filename":"~/a"',
            "mtime": b'"cmd":"put","filename":"~/a"',
        }.items()
        for kind, value in {
            "fraction": b"1.0",
            "exponent": b"1e0",
            "negative": b"-1",
            "string": b'"1"',
            "true": b"true",
            "null": b"null",
            "2-to-53": b"9007199254740992",
        }.items()
    },
)

# --- 3.3 known, unknown and critical names -----------------------------------------------


def without(asked: Asked, name: str) -> Asked:
    """Return a request without one of its members."""
    first = asked.frames[0]
    assert isinstance(first.header, dict)
    left = {key: value for key, value in first.header.items() if key != name}
    return Asked((type(first)(left, first.body), *asked.frames[1:]))


chapter.each(
    "HF-HEADER-016",
    "A request that lacks a name its command needs is refused: {}.",
    lambda asked: refusal_is("bad-request", asked),
    {
        "get-without-filename": without(get("~/a"), "filename"),
        "put-without-filename": without(put("~/a", b"abc"), "filename"),
        "move-without-filename": without(move("~/a", "~/b"), "filename"),
        "move-without-to": without(move("~/a", "~/b"), "to"),
    },
)

_TYPES: Final[Mapping[str, Asked]] = {
    "filename-number": get(5),
    "filename-null": put(None, b"abc"),
    "filename-array": delete(["~/a"]),
    "to-number": move("~/a", 5),
    "to-null": move("~/a", None),
    "if-number": put("~/a", b"abc", if_=5),
    "if-true": put("~/a", b"abc", if_=True),
    "if-empty": put("~/a", b"abc", if_=""),
    "if-of-65-characters": put("~/a", b"abc", if_="r" * 65),
    "if-with-a-space": put("~/a", b"abc", if_="a b"),
    "to-if-false": move("~/a", "~/b", to_if=False),
    "to-if-number": move("~/a", "~/b", to_if=1),
    "digest-number": put("~/a", b"abc", digest=5),
    "digest-null": put("~/a", b"abc", digest=None),
    "want-string": stat("~/a", want="digest"),
    "want-of-numbers": stat("~/a", want=["digest", 1]),
    "want-null": get("~/a", want=None),
    "want-string-of-a-put": put("~/a", b"abc", want="blake3"),
    "prefix-number": list_(None, prefix=1),
    "after-null": list_(after=None),
    "delimiter-other": list_(delimiter=":"),
    "delimiter-empty": list_(delimiter=""),
    "delimiter-number": list_(delimiter=1),
    "limit-zero": list_(limit=0),
    "upload-short": put("~/a", b"abc", upload="a" * 21),
    "upload-long": put("~/a", b"abc", upload="a" * 65),
    "upload-other-characters": put("~/a", b"abc", upload="a" * 21 + "!"),
    "upload-null": put("~/a", b"abc", upload=None),
    "hf-string": hello(hf="1"),
    "auth-string": hello(auth="token"),
    "length-string": get("~/a", length="long"),
    "abort-number": put("~/a", b"abc", abort=1),
    "abort-null": put("~/a", b"abc", abort=None),
}


chapter.each(
    "HF-HEADER-016",
    "A name of another type than its own is refused: {}.",
    lambda asked: nothing_done("bad-request", asked),
    _TYPES,
)

chapter.each(
    "HF-HEADER-014",
    "A name that nobody knows is ignored: {}.",
    carried_out,
    {
        "unknown-name": hello(colour="red"),
        "unknown-private-name": hello(**{"example.com.tag": {"a": [None]}}),
        "unknown-critical-inside": hello(**{"example.com.tag": {"!b": 1}}),
        "unknown-empty-name": hello(**{"": 1}),
        "unknown-other-case": hello(ID=9, Cmd="put", FILESIZE=9),
        "unknown-exclamation-behind": hello(**{"colour!": 1}),
        "unknown-dunder": hello(__class__="x", __init__=1, constructor=1, __proto__={"id": 9}),
    },
)

chapter.each(
    "HF-HEADER-015",
    "A registered name that the request does not use has no meaning and no type: {}.",
    carried_out,
    {
        "unused-length-in-hello": hello(length="long"),
        "unused-filename-in-hello": hello(filename=5),
        "unused-reply-names": hello(ok="x", code=5, message=1, rev=7, retry_ms="", close=3),
        "unused-to-in-list": list_(to=3, to_if=5, mtime="x"),
    },
)


@chapter.check("HF-HEADER-015 HF-CMD-006")
def unused_names_of_a_put(peer: Peer) -> None:
    """Names of other commands do nothing to a put."""
    peer.ok(put("~/a", b"abc", to="~/b", length="x", limit=-1, hf=5, after=1))
    peer.holds("~/a", b"abc")
    peer.holds("~/b", None)


chapter.each(
    "HF-HEADER-017",
    "A critical name that is not understood is refused, and nothing is done: {}.",
    lambda asked: nothing_done("unsupported", asked),
    {
        "critical-in-put": put("~/a", b"abc", **{"!colour": "red"}),
        "critical-null": put("~/a", b"abc", **{"!x": None}),
        "critical-alone": put("~/a", b"abc", **{"!": 1}),
        "critical-private": put("~/a", b"abc", **{"!example.com.lock": True}),
        "critical-known-behind": put("~/a", b"abc", **{"!filename": "a"}),
    },
)


@chapter.check("HF-HEADER-017 HF-REQ-003")
def critical_without_id(peer: Peer) -> None:
    """A put without id and with a critical name is not carried out, and not answered."""
    peer.unanswered(put("~/a", b"abc", id=None, **{"!colour": "red"}))
    peer.holds("~/a", None)


@chapter.check("HF-HEADER-013")
def replies_have_registered_types(peer: Peer) -> None:
    """What a server says of a file has the types that chapter 13 gives it."""
    stored = peer.ok(put("~/a", b"hello", mtime=1_500_000_000_000_000))
    for reply in (stored, peer.ok(stat("~/a")), peer.ok(get("~/a", want=["digest"]))):
        _typed(reply.header)
    for row in peer.listed():
        _typed(row)
    digest = stored["digest"]
    if not re.fullmatch("sha-256:[0-9a-f]{64}", digest):
        raise Deviation("sha-256: and 64 hexadecimal digits", f"digest: {digest!r}")
    _typed(peer.ask(get("~/none")).header)
    _typed(peer.ok(hello()).header)


_KINDS: Final[Mapping[str, type]] = {
    "id": int,
    "ok": bool,
    "total": int,
    "offset": int,
    "mtime": int,
    "filesize": int,
    "retry_ms": int,
    "close": bool,
    "more": bool,
    "end": bool,
    "rev": str,
    "digest": str,
    "code": str,
    "message": str,
    "server": str,
    "durability": str,
    "filename": str,
    "hf": list,
    "features": list,
    "auth": list,
    "limits": dict,
}


def _typed(header: Mapping[str, Any]) -> None:
    for name, value in header.items():
        kind = _KINDS.get(name)
        if kind is not None:
            same(kind.__name__, type(value).__name__, f"type of {name}")


@chapter.check("HF-HEADER-001 HF-HEADER-002 HF-ERROR-003")
def bad_header_of_full_size(peer: Peer) -> None:
    """65535 bytes that are no JSON are answered as any other bad header."""
    peer.fatal("bad-header", frame(b"x" * 65535))


CHECKS: Final = chapter.checks
