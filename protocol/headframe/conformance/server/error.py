"""Checks of chapter 6, the two classes of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, fatal_bytes
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import (
    Asked,
    command,
    delete,
    frame,
    get,
    hello,
    move,
    put,
    stat,
)
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS", "ZEROS"]

chapter: Final = Chapter("error")

GUARANTEED: Final = 1_048_576
"""Bytes of a refused message that every server discards."""
SEVERAL: Final = 16 * GUARANTEED
"""More than this is not sent only to see a limit."""

# --- 6.1 fatal or refused ----------------------------------------------------------------

chapter.each(
    "HF-ERROR-001",
    "What is fatal is found before what would be refused: {}.",
    lambda header: fatal_bytes("bad-header", frame(header)),
    {
        "fatal-before-unknown-command": b'{"id":7,"cmd":"handle","filesize":"x"}',
        "fatal-before-critical": b'{"id":7,"cmd":"hello","!x":1,"more":0}',
        "fatal-before-no-cmd": b'{"id":0}',
        "fatal-before-bad-name": b'{"id":7,"cmd":"put","filename":"..","filesize":-1}',
        "fatal-before-version": b'{"id":7,"cmd":"hello","hf":2,"x.y":NaN}',
        "fatal-before-wrong-type": b'{"id":7,"cmd":"get","filename":5,"filesize":1.0}',
    },
)


@chapter.check("HF-ERROR-002 HF-REPLY-002")
def whole_requests_are_answered_first(peer: Peer) -> None:
    """Requests that came whole before a fatal error are carried out and answered first."""
    asked = [peer.numbered(one) for one in (put("~/a", b"abc"), get("~/a"), stat("~/none"))]
    peer.send(*asked, b"\0\0\0\0")
    words = [peer.answer(one).word for one in asked]
    same(["ok", "ok", "not-found"], words, "replies")
    peer.dies("bad-frame")
    peer.holds("~/a", b"abc")


AFTER: Final[Mapping[str, bytes]] = {
    "bad-length": b"\0\0\0\0",
    "no-json": frame(b"no json"),
    "zero-id": frame(b'{"id":0,"cmd":"hello"}'),
}


def nothing_after(data: bytes) -> Run:
    """What follows a fatal error is not interpreted."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/kept", b"kept"))
        peer.fatal(
            "bad-frame" if data == b"\0\0\0\0" else "bad-header",
            data,
            peer.numbered(put("~/a", b"abc")),
            put("~/b", b"abc", id=None),
            peer.numbered(delete("~/kept")),
        )
        for name, body in {"~/a": None, "~/b": None, "~/kept": b"kept"}.items():
            peer.holds(name, body)

    return run


chapter.each(
    "HF-ERROR-004",
    "No byte after a fatal error is interpreted: {}.",
    nothing_after,
    {f"nothing-after-{name}": data for name, data in AFTER.items()},
)


@chapter.check("HF-ERROR-005 HF-BODY-001")
def the_request_of_a_fatal_error_has_no_reply(peer: Peer) -> None:
    """The request in which a fatal error occurs is neither answered nor carried out."""
    peer.ok(put("~/a", b"old"))
    peer.fatal("bad-frame", peer.numbered(put("~/a", b"new", more=True)), frame(b'{"cmd":"x"}'))
    peer.holds("~/a", b"old")


# --- how much is discarded ---------------------------------------------------------------


@chapter.check("HF-ERROR-006 HF-REPLY-012")
def too_much_to_discard(peer: Peer) -> None:
    """A refusal says close: true when more is left than the server discards."""
    left = peer.facts.limit("discard", GUARANTEED) + 1
    asked = peer.numbered(put("..", filesize=left))
    peer.send(asked)
    same(True, peer.refuses("bad-name", asked)["close"], "close")
    peer.ends()


@chapter.check(
    "HF-ERROR-008 HF-BODY-004 HF-CMD-005",
    permitted={"ok": Verdict.PASS, "a limit too great to try": Verdict.INFO},
)
def just_enough_to_discard(peer: Peer) -> str:
    """A refused message of as much as the server discards does not end the connection."""
    left = peer.facts.limit("discard", GUARANTEED)
    if left > SEVERAL:
        return "a limit too great to try"
    reply = peer.refused("bad-name", put("..", bytes(left)))
    same(False, "close" in reply and reply["close"], "close")
    peer.in_step()
    return "ok"


@chapter.check("HF-ERROR-008 HF-CMD-005")
def what_every_server_discards(peer: Peer) -> None:
    """A refused message of 1 MiB does not end the connection."""
    peer.refused("bad-name", put("..", bytes(GUARANTEED)))
    peer.in_step()


@chapter.check("HF-ERROR-008 HF-BODY-004")
def what_every_server_discards_in_frames(peer: Peer) -> None:
    """A refused message of 1 MiB in eight frames does not end the connection."""
    asked = put("..", bytes(GUARANTEED // 8), more=True)
    for _ in range(6):
        asked = asked.then(bytes(GUARANTEED // 8), more=True)
    peer.refused("bad-name", asked.then(bytes(GUARANTEED // 8)))
    peer.in_step()


@chapter.check(
    "HF-ERROR-007",
    permitted={"ok": Verdict.PASS, "a limit too great to try": Verdict.INFO},
)
def a_discarded_message_that_goes_on(peer: Peer) -> str:
    """A discarded message that turns out too long ends with the notice closing."""
    limit = peer.facts.limit("discard", GUARANTEED)
    if limit > SEVERAL:
        return "a limit too great to try"
    asked = peer.numbered(put("..", b"begin", more=True))
    later = frame(b'{"filesize":65536,"more":true}', bytes(65536))
    peer.send(asked, later * (limit // 65536 + 2))
    peer.refuses("bad-name", asked)
    peer.dies("closing")
    return "ok"


CLOSING: Final[Mapping[str, Asked]] = {
    "version-without-id": hello(hf=2, id=None),
    "bad-name-without-id": put("..", filesize=1 << 50, id=None),
    "unknown-command-without-id": command("handle", filesize=1 << 50, id=None),
}


def notice(asked: Asked) -> Run:
    """The connection ends because of a request without id: with a notice."""

    def run(peer: Peer) -> None:
        peer.in_step()
        peer.send(asked)
        said = peer.receive()
        if not isinstance(said, Reply) or (said.id, said.word) != (0, "closing"):
            raise Deviation("id=0 closing", str(said))
        peer.ends()

    return run


chapter.each(
    "HF-ERROR-011",
    "A connection that ends because of a request without id is closed with a notice: {}.",
    notice,
    {f"notice-for-{name}": asked for name, asked in CLOSING.items()},
)

# --- a refusal changes nothing -----------------------------------------------------------

ZEROS: Final = f"sha-256:{64 * '0'}"

HARMLESS: Final[Mapping[str, tuple[str, Asked]]] = {
    "wrong-digest": ("digest-mismatch", put("~/a", b"new", digest=ZEROS)),
    "wrong-total": ("size-mismatch", put("~/a", b"new", total=2)),
    "total-of-a-later-frame": ("size-mismatch", put("~/a", b"n", more=True).then(b"ew", total=9)),
    "digest-of-a-later-frame": (
        "digest-mismatch",
        put("~/a", b"n", more=True).then(b"ew", digest=ZEROS),
    ),
    "abort": ("aborted", put("~/a", b"new", more=True).then(abort=True)),
    "wrong-later-header": ("bad-request", put("~/a", b"new", more=True).then(b"x", id=9)),
    "critical-later-header": ("unsupported", put("~/a", b"n", more=True).then(b"x", **{"!": 1})),
    "condition": ("precondition-failed", put("~/a", b"new", if_=None)),
    "name-below-a-file": ("conflict", put("~/a/b", b"new")),
    "move-onto-a-file": ("precondition-failed", move("~/a", "~/b")),
    "move-below-itself": ("conflict", move("~/a", "~/a/b")),
    "delete-of-another-revision": ("precondition-failed", delete("~/a", if_="none")),
    "wrong-type": ("bad-request", put("~/a", b"new", mtime="now")),
}


def harmless(code: str, asked: Asked) -> Run:
    """A refusal leaves two files, their revisions and the listing as they were."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"old"))
        peer.ok(put("~/b", b"other"))
        before = peer.listed()
        peer.refused(code, asked)
        same(before, peer.listed(), "listing after the refusal")
        peer.holds("~/a", b"old")
        peer.holds("~/b", b"other")

    return run


chapter.each(
    "HF-ERROR-009 HF-COND-012",
    "A refused request leaves every file as it was: {}.",
    harmless,
    {f"unchanged-by-{name}": case for name, case in HARMLESS.items()},
)

CHECKS: Final = chapter.checks
