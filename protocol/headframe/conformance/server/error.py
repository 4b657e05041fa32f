"""Checks of chapter 6, the two classes of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, fatal_bytes, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import (
    Asked,
    command,
    delete,
    frame,
    get,
    hello,
    list_,
    move,
    put,
    raw,
    stat,
)
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS"]

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

_ZEROS: Final = f"sha-256:{64 * '0'}"

HARMLESS: Final[Mapping[str, tuple[str, Asked]]] = {
    "wrong-digest": ("digest-mismatch", put("~/a", b"new", digest=_ZEROS)),
    "wrong-total": ("size-mismatch", put("~/a", b"new", total=2)),
    "total-of-a-later-frame": ("size-mismatch", put("~/a", b"n", more=True).then(b"ew", total=9)),
    "digest-of-a-later-frame": (
        "digest-mismatch",
        put("~/a", b"n", more=True).then(b"ew", digest=_ZEROS),
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

# --- 6.2 which error comes first ---------------------------------------------------------

FIRST: Final[Mapping[str, tuple[str, Asked]]] = {
    "critical-before-no-cmd": ("unsupported", raw(b'{"id":7,"!x":1}')),
    "critical-before-unknown-command": ("unsupported", command("handle", **{"!x": 1})),
    "critical-before-type": ("unsupported", put("~/a", b"", total="x", **{"!x": 1})),
    "critical-before-name": ("unsupported", put("..", b"abc", **{"!x": 1})),
    "command-before-type": ("unknown-command", command("handle", filename=5)),
    "command-before-body": ("unknown-command", command("handle", b"abc")),
    "type-before-name": ("bad-request", put("..", b"abc", mtime="x")),
    "missing-before-name": ("bad-request", command("move", filename="..")),
    "body-before-name": ("bad-request", command("get", b"abc", filename="..")),
    "type-before-digest": ("bad-request", put("~/a", b"", total="x", digest="md5:00")),
    "digest-before-name": ("unsupported", put("..", b"abc", digest="md5:00")),
    "both-before-not-found": ("bad-request", stat("~/none", upload="~")),
    "offset-without-upload-before-name": ("bad-request", put("..", b"abc", offset=3)),
    "name-before-not-found": ("bad-name", move("~/none", "..")),
    "name-of-source-before-conflict": ("bad-name", move("..", "~/old/x")),
    "name-before-condition": ("bad-name", put("..", b"abc", if_="none")),
    "name-before-size": ("bad-name", put("..", b"abc", total=2)),
    "missing-file-before-condition": ("not-found", get("~/none", if_="x", offset=9)),
    "missing-file-before-conflict": ("not-found", move("~/none", "~/old/x")),
    "conflict-before-condition": ("conflict", put("~/old/x", b"abc", if_="none")),
    "conflict-before-size": ("conflict", put("~/old/x", b"abc", total=2)),
    "conflict-before-move-condition": ("conflict", move("~/old", "~/old/x", if_="none")),
    "gone-before-condition": ("upload-gone", put("~/old", b"a", upload="~", offset=5, if_=None)),
    "condition-before-range": ("precondition-failed", get("~/old", if_="none", offset=99)),
    "condition-before-size": ("precondition-failed", put("~/old", b"abc", if_=None, total=2)),
    "condition-before-digest": ("precondition-failed", put("~/old", b"a", if_=None, digest=_ZEROS)),
    "source-condition-before-target": (
        "precondition-failed",
        move("~/old", "~/other", if_="none", to_if="none"),
    ),
    "abort-before-digest": ("aborted", put("~/a", b"abc", digest=_ZEROS, abort=True)),
    "abort-before-trailing-total": (
        "aborted",
        put("~/a", b"a", more=True).then(abort=True, total=9),
    ),
    "size-before-digest": ("size-mismatch", put("~/a", b"abc", total=9, digest=_ZEROS)),
    "size-before-digest-of-trailers": (
        "size-mismatch",
        put("~/a", b"abc", more=True).then(total=9, digest=_ZEROS),
    ),
}


def comes_first(code: str, asked: Asked) -> Run:
    """Of two things that are wrong, this one is told."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/old", b"old"))
        peer.ok(put("~/other", b"other"))
        refusal_is(code, asked)(peer)

    return run


chapter.each(
    "HF-ERROR-012",
    "A request that is wrong in two ways is refused for the first in the list: {}.",
    comes_first,
    FIRST,
)


@chapter.check("HF-ERROR-012 HF-CMD-004")
def version_before_everything(peer: Peer) -> None:
    """An unknown version is told before a critical name and a body."""
    for asked in (hello(hf=2, **{"!x": 1}), hello(hf=2, auth=5), command("hello", b"a", hf=2)):
        other = peer.another()
        other.refused("unsupported-version", asked)
        other.close()


@chapter.check("HF-ERROR-012 HF-COND-005")
def source_condition_tells_its_own_revision(peer: Peer) -> None:
    """Where both conditions of a move fail, the refusal tells the source's revision."""
    old = peer.ok(put("~/old", b"old"))
    peer.ok(put("~/other", b"other"))
    reply = peer.refused("precondition-failed", move("~/old", "~/other", if_="none"))
    same(old["rev"], reply["rev"], "rev")


@chapter.check("HF-ERROR-012 HF-RESUME-006")
def order_of_what_is_wrong_with_an_upload(peer: Peer) -> None:
    """Of an upload: another name, then the condition, the offset, the total, the size."""
    peer.ok(put("~/a", b"abc", upload="~", total=9))
    for code, asked in {
        "conflict": put("~/b", b"x", upload="~", offset=5, total=8, if_="none"),
        "precondition-failed": put("~/a", b"x", upload="~", offset=5, total=8, if_="none"),
        "offset-mismatch": put("~/a", b"x", upload="~", offset=5, total=8),
        "bad-request": put("~/a", bytes(20), upload="~", offset=3, total=8),
        "size-mismatch": put("~/a", bytes(20), upload="~", offset=3, total=9),
    }.items():
        peer.refused(code, asked)
    same(3, peer.ok(stat(upload="~"))["offset"], "offset")


@chapter.check("HF-ERROR-008")
def a_connection_survives_many_refusals(peer: Peer) -> None:
    """A hundred refusals in a row do not end a connection."""
    kinds = (get("~/none"), put("..", b"abc"), command("x"), list_(limit=0))
    for reply in peer.ask_all(*kinds * 25):
        same(False, reply["ok"], "ok")
    peer.in_step()


CHECKS: Final = chapter.checks
