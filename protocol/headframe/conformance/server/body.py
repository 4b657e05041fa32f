"""Checks of chapter 4: one message, several frames, and what is discarded."""

from __future__ import annotations

from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, carried_out, fatal_later, nothing_done, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import (
    command,
    frame,
    get,
    put,
)
from headframe.conformance.verdicts import Deviation

__all__ = ["BEGUN", "CHECKS", "TRAILERS"]

chapter: Final = Chapter("body")

BEGUN: Final = put("~/a", b"one", more=True)
"""The first frame of a put."""
TRAILERS: Final = {"digest", "total", "abort", "code", "message"}
HELLO: Final = frame(b'{"id":9,"cmd":"hello"}')

# --- 4.1 one message, several frames -----------------------------------------------------

chapter.each(
    "HF-BODY-001 HF-ERROR-005",
    "A later header that begins another message is fatal: {}.",
    lambda header, body=b"": fatal_later("bad-frame", header, body),
    {
        "later-cmd": (b'{"cmd":"put","filename":"~/b","filesize":3}', b"two"),
        "later-whole-request": (b'{"id":8,"cmd":"hello"}',),
        "later-cmd-null": (b'{"cmd":null}',),
        "later-ok": (b'{"ok":true,"filesize":3}', b"two"),
        "later-ok-false": (b'{"ok":false}',),
    },
)

chapter.each(
    "HF-BODY-002",
    "A later header with more: true and no body is fatal: {}.",
    lambda header: fatal_later("bad-frame", header),
    {
        "later-more-alone": b'{"more":true}',
        "later-more-and-filesize-0": b'{"filesize":0,"more":true}',
        "later-more-with-unknown-name": b'{"more":true,"x.y":1}',
    },
)

chapter.each(
    "HF-ERROR-001 HF-HEADER-002",
    "A later header is judged as strictly as a first one: {}.",
    lambda header: fatal_later("bad-header", header),
    {
        "later-is-no-json": b'{"filesize":3,}',
        "later-is-no-object": b"[3]",
        "later-names-twice": b'{"filesize":3,"filesize":3}',
        "later-filesize-string": b'{"filesize":"3"}',
        "later-filesize-negative": b'{"filesize":-3}',
        "later-more-number": b'{"filesize":3,"more":1}',
        "later-id-zero": b'{"id":0,"filesize":3}',
        "later-bad-utf-8": b'{"x.y":"\xff"}',
        "later-17-deep": b'{"x.y":' + b"[" * 16 + b"]" * 16 + b"}",
    },
)


@chapter.check("HF-FRAME-002 HF-ERROR-005")
def later_length_out_of_range(peer: Peer) -> None:
    """N of a later frame has the same limits."""
    peer.fatal("bad-frame", peer.numbered(BEGUN), b"\0\0\1\0")
    peer.holds("~/a", None)


def joined(*bodies: bytes, first: bytes = b"") -> Run:
    """A put of these frames stores them joined."""

    def run(peer: Peer) -> None:
        asked = put("~/a", first, more=True)
        for number, body in enumerate(bodies, 1):
            last = {} if number == len(bodies) else {"more": True}
            asked = asked.then(body, **last)
        reply = peer.ok(asked)
        whole = first + b"".join(bodies)
        same(len(whole), reply["total"], "total")
        peer.in_step()
        peer.holds("~/a", whole)

    return run


chapter.each(
    "HF-BODY-005",
    "The body of a message is the bodies of its frames, in order: {}.",
    lambda bodies, first=b"": joined(*bodies, first=first),
    {
        "two-frames": ((b"second",), b"first"),
        "first-frame-empty": ((b"second",),),
        "last-frame-empty": ((b"",), b"first"),
        "both-frames-empty": ((b"",),),
        "300-frames-of-a-byte": ([bytes([n % 256]) for n in range(300)], b"begin"),
        "frames-that-look-like-requests": ((HELLO, HELLO), HELLO),
        "frames-of-100000-bytes": ([bytes([n]) * 100_000 for n in range(9)], b"x"),
    },
)


@chapter.check("HF-BODY-005")
def more_false_ends_the_message(peer: Peer) -> None:
    """`more: false` in a later header ends the message."""
    peer.ok(put("~/a", b"1", more=True).then(b"2", more=False))
    peer.in_step()
    peer.holds("~/a", b"12")


@chapter.check("HF-FRAME-006 HF-BODY-005")
def frames_in_pieces(peer: Peer) -> None:
    """A message of several frames may arrive one byte at a time."""
    asked = peer.numbered(put("~/a", b"one", more=True).then(b"two", more=True).then(b"three"))
    data = peer.encode(asked)
    peer.send_in_pieces(data, [1] * (len(data) - 1))
    peer.agrees(asked)
    peer.holds("~/a", b"onetwothree")


chapter.each(
    "HF-BODY-005 HF-HEADER-014",
    "A later header may hold what nobody knows, and trailers that say nothing: {}.",
    lambda members: carried_out(BEGUN.then(b"two", **members), total=6),
    {
        "later-unknown-name": {"colour": "red", "filesize.unit": "B"},
        "later-code-and-message": {"code": "x", "message": "y"},
        "later-total": {"total": 6},
    },
)
chapter.each(
    "HF-BODY-017",
    "abort: false says nothing: {}.",
    carried_out,
    {
        "later-abort-false": BEGUN.then(b"two", abort=False),
        "later-abort-false-with-more": BEGUN.then(b"two", more=True, abort=False).then(),
    },
)

REGISTERED: Final[dict[str, Any]] = {
    "filename": "~/a",
    "id": 7,
    "if": None,
    "rev": "r",
    "upload": "~",
    "offset": 3,
    "mtime": 5,
    "to": "~/b",
    "length": 3,
    "close": True,
    "limit": 1,
    "want": [],
}


def wrong_later(code: str, *frames: dict[str, Any]) -> Run:
    """A put with these later headers is refused; what follows is discarded with it."""
    asked = BEGUN
    for members in frames:
        asked = asked.then(b"two", **members)
    return nothing_done(code, asked)


chapter.each(
    "HF-BODY-006",
    "A later header with another registered name is refused: {}.",
    lambda members: wrong_later("bad-request", members),
    {f"later-{name}": {name: value} for name, value in REGISTERED.items()},
)

chapter.each(
    "HF-BODY-007",
    "A trailer beside more: true in a later header is refused: {}.",
    lambda members: wrong_later("bad-request", {**members, "more": True}, {}),
    {
        "early-total": {"total": 9},
        "early-digest": {"digest": f"sha-256:{64 * '0'}"},
        "early-abort": {"abort": True},
        "early-code": {"code": "x"},
        "early-message": {"message": "x"},
    },
)

chapter.each(
    "HF-BODY-008",
    "A critical name in a later header is refused: {}.",
    lambda *frames: wrong_later("unsupported", *frames),
    {
        "later-critical": ({"!colour": "red"},),
        "later-critical-null": ({"!x": None},),
        "later-critical-then-more": ({"!x": 1, "more": True}, {}),
    },
)

chapter.each(
    "HF-BODY-016",
    "A trailer of a wrong type is refused: {}.",
    lambda members: wrong_later("bad-request", members),
    {
        "later-total-string": {"total": "6"},
        "later-total-negative": {"total": -6},
        "later-digest-number": {"digest": 5},
        "later-abort-number": {"abort": 1},
        "later-abort-null": {"abort": None},
    },
)

chapter.each(
    "HF-BODY-016",
    "A trailer of a wrong type is refused, too, where the command has no use for it: {}.",
    lambda members: refusal_is("bad-request", get("~/a", more=True).then(**members)),
    {
        "unused-total-string": {"total": "6"},
        "unused-digest-number": {"digest": 5},
        "unused-abort-null": {"abort": None},
    },
)

_DIGEST_ONE: Final = f"sha-256:{64 * '1'}"
_DIGEST_TWO: Final = f"sha-256:{64 * '2'}"

chapter.each(
    "HF-BODY-009",
    "Two different values in the first and the last header are refused: {}.",
    lambda first, last: nothing_done(
        "bad-request", put("~/a", b"one", more=True, **first).then(b"two", **last)
    ),
    {
        "two-totals": ({"total": 6}, {"total": 7}),
        "two-totals-the-last-right": ({"total": 5}, {"total": 6}),
        "two-totals-the-last-zero": ({"total": 6}, {"total": 0}),
        "two-digests": ({"digest": _DIGEST_ONE}, {"digest": _DIGEST_TWO}),
    },
)


@chapter.check("HF-BODY-009")
def same_total_twice(peer: Peer) -> None:
    """The same total in the first and the last header is no contradiction."""
    peer.ok(put("~/a", b"one", more=True, total=6).then(b"two", total=6))
    peer.holds("~/a", b"onetwo")


# --- after a refusal ---------------------------------------------------------------------

BAD: Final = "~/a/../b"
"""A name that every server refuses."""

chapter.each(
    "HF-BODY-004",
    "After a refusal exactly the rest of the message is discarded: {}.",
    lambda asked: refusal_is("bad-name", asked),
    {
        "discards-one-frame": put(BAD, b"abc"),
        "discards-nothing": put(BAD),
        "discards-a-body-of-requests": put(BAD, HELLO * 20),
        "discards-900000-bytes": put(BAD, bytes(900_000)),
        "discards-three-frames": put(BAD, b"1", more=True).then(HELLO, more=True).then(b"3"),
        "discards-an-empty-end": put(BAD, b"1", more=True).then(),
        "discards-trailers": put(BAD, b"1", more=True).then(b"2", total=99, digest="x"),
        "discards-an-abort": put(BAD, b"1", more=True).then(abort=True),
        "discards-wrong-later-headers": put(BAD, b"1", more=True).then(
            b"2", filename=5, **{"!x": 1}
        ),
        "discards-early-trailers": put(BAD, b"1", more=True).then(b"2", total=1, more=True).then(),
    },
)


@chapter.check("HF-BODY-004")
def discards_a_body_in_pieces(peer: Peer) -> None:
    """The body of a refused put is discarded however it comes."""
    asked = peer.numbered(put(BAD, HELLO))
    data = peer.encode(asked)
    peer.send_in_pieces(data, [1] * (len(data) - 1))
    peer.refuses("bad-name", asked)
    peer.in_step()


@chapter.check("HF-BODY-004")
def discards_after_every_kind_of_refusal(peer: Peer) -> None:
    """The body is discarded whatever the refusal is for."""
    peer.ok(put("~/a", b"old"))
    for code, asked in {
        "bad-request": put("~/a", HELLO, total="x"),
        "unsupported": put("~/a", HELLO, **{"!x": 1}),
        "unknown-command": command("handle", HELLO),
        "precondition-failed": put("~/a", HELLO, if_=None),
        "conflict": put("~/a/b", HELLO),
        "size-mismatch": put("~/a", HELLO, total=1),
        "digest-mismatch": put("~/a", HELLO, digest=_DIGEST_ONE),
        "upload-gone": put("~/a", HELLO, upload="~9", offset=5),
    }.items():
        peer.refused(code, asked)
        peer.in_step()
    peer.holds("~/a", b"old")


@chapter.check("HF-BODY-004")
def a_refusal_in_the_middle_discards_the_rest(peer: Peer) -> None:
    """A message refused for a later header is discarded to its end."""
    peer.refused(
        "bad-request", BEGUN.then(b"two", filename="~/b", more=True).then(HELLO, more=True).then()
    )
    peer.in_step()
    peer.holds("~/a", None)


@chapter.check("HF-BODY-001 HF-BODY-004 HF-ERROR-005")
def a_discarded_message_is_still_framed(peer: Peer) -> str:
    """In a message that is being discarded, a later cmd is still fatal."""
    peer.in_step()
    asked = peer.numbered(put(BAD, b"1", more=True))
    peer.send(asked, frame(b'{"cmd":"put","filename":"b"}'))
    said = peer.receive()
    refused_first = isinstance(said, Reply) and said.id == asked.id and said.word == "bad-name"
    said = peer.receive() if refused_first else said
    if str(said) != "id=0 bad-frame, close":
        raise Deviation("id=0 bad-frame, close", str(said))
    peer.ends()
    return "ok"


CHECKS: Final = chapter.checks
