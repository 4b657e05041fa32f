"""Checks of section 4.3, abort and failure."""

from __future__ import annotations

import json
import os
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, nothing_done
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Ended, Reply
from headframe.conformance.requests import (
    Asked,
    delete,
    get,
    hello,
    list_,
    move,
    put,
    stat,
)
from headframe.conformance.server.body import BEGUN, TRAILERS
from headframe.conformance.verdicts import Deviation, Verdict
from headframe.conformance.wire import Ending

__all__ = ["CHECKS"]

chapter: Final = Chapter("body")

# --- 4.3 abort and failure ---------------------------------------------------------------


@chapter.check("HF-BODY-010 HF-CMD-007")
def a_cut_put_never_happened(peer: Peer) -> None:
    """A put that end of file cuts off changes nothing, and nothing is said about it."""
    peer.ok(put("~/a", b"old"))
    peer.send(peer.numbered(put("~/a", b"new", filesize=9)))
    peer.wire.end_sending()
    peer.ends()
    peer.holds("~/a", b"old")


WHOLE: Final = 1 << 20

CUT: Final[dict[str, tuple[Asked, int]]] = {
    "cut-in-length": (delete("~/a", id=7), 3),
    "cut-in-header": (delete("~/a", id=7), -1),
    "cut-in-body": (put("~/a", b"nine byte", id=7), -1),
    "cut-before-body": (put("~/a", b"nine byte", id=7), -9),
    "cut-between-frames": (put("~/a", b"one", id=7, more=True), WHOLE),
    "cut-in-later-header": (put("~/a", b"one", id=7, more=True).then(b"two"), -5),
    "cut-of-a-bodyless-request": (delete("~/a", id=7, more=True), WHOLE),
}


def cut(asked: Asked, kept: int) -> Run:
    """A message cut off after so many bytes, or so many before its end, never happened."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"old"))
        peer.send(peer.encode(asked)[:kept])
        peer.wire.end_sending()
        peer.ends()
        peer.holds("~/a", b"old")

    return run


chapter.each(
    "HF-BODY-010",
    "A message that end of file cuts off was never sent: {}.",
    cut,
    CUT,
)

chapter.each(
    "HF-BODY-012 HF-BODY-011",
    "A request whose last header says abort: true is refused with aborted: {}.",
    lambda asked: nothing_done("aborted", asked),
    {
        "abort-in-one-frame": put("~/a", b"abc", abort=True),
        "abort-of-an-empty-put": put("~/a", abort=True),
        "abort-in-the-last-frame": BEGUN.then(abort=True),
        "abort-with-a-body": BEGUN.then(b"two", abort=True),
        "abort-with-a-wrong-total": BEGUN.then(abort=True, total=99),
        "abort-with-a-reason": BEGUN.then(abort=True, code="internal", message="disk"),
        "abort-of-hello": hello(abort=True),
        "abort-of-list": list_(abort=True),
    },
)


def not_aborted_state(asked: Asked) -> Run:
    """An aborted request leaves the file."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"old"))
        peer.refused("aborted", asked)
        peer.in_step()
        peer.holds("~/a", b"old")
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-BODY-011",
    "An aborted request is not carried out: {}.",
    not_aborted_state,
    {
        "aborted-put-over-a-file": put("~/a", b"new", abort=True),
        "aborted-frames-over-a-file": put("~/a", b"new", more=True).then(b"er", abort=True),
        "aborted-delete": delete("~/a", abort=True),
        "aborted-move": move("~/a", "~/b", abort=True),
        "aborted-get": get("~/a", abort=True),
        "aborted-stat": stat("~/a", abort=True),
        "aborted-delete-in-two-frames": delete("~/a", more=True).then(abort=True),
    },
)


@chapter.check("HF-BODY-011 HF-REQ-003")
def an_aborted_put_without_id(peer: Peer) -> None:
    """An aborted put without id is neither carried out nor answered."""
    peer.unanswered(put("~/a", b"abc", id=None, more=True).then(abort=True))
    peer.holds("~/a", None)


@chapter.check("HF-BODY-011")
def abort_false_says_nothing(peer: Peer) -> None:
    """`abort: false` says nothing, and neither does abort beside more in a first header."""
    peer.ok(put("~/a", b"abc", abort=False))
    peer.ok(put("~/b", b"abc", abort=True, more=True).then(b"def"))
    peer.holds("~/a", b"abc")
    peer.holds("~/b", b"abcdef")


@chapter.check("HF-BODY-012 HF-REPLY-002")
def one_reply_to_an_abort(peer: Peer) -> None:
    """A put that was refused before it was aborted has one reply, the refusal."""
    peer.refused("bad-name", put("..", b"1", more=True).then(abort=True))
    peer.refused("aborted", BEGUN.then(abort=True))
    peer.in_step()


@chapter.check("HF-BODY-014 HF-BODY-003 HF-CMD-014")
def large_replies_come_in_frames(peer: Peer) -> None:
    """The body of a reply to get comes in frames of at most 1 MiB, trailers in the last alone."""
    body = peer.random.randbytes(2_500_000)
    peer.ok(put("~/a", body))
    reply = peer.ok(get("~/a"))
    same(body, reply.body, "body")
    if max(reply.sizes) > 1_048_576:
        raise Deviation("frames of at most 1048576 bytes", f"one of {max(reply.sizes)}")
    for header in reply.headers[1:-1]:
        early = TRAILERS & header.keys()
        if early:
            raise Deviation("trailers in the last header alone", f"{sorted(early)} before it")


@chapter.check(
    "HF-BODY-015",
    needs=frozenset({"root"}),
    permitted={
        "ok": Verdict.PASS,
        "aborted": Verdict.PASS,
        "ended inside a frame": Verdict.INFO,
    },
)
def a_file_that_shrinks_under_a_get(peer: Peer) -> str:
    """A reply that cannot be finished ends with abort: true and a code, and is never filled up."""
    body = b"0123456789abcdef" * (1 << 20)
    writer = peer.another()
    writer.ok(put("~/a", body))
    writer.close()
    root = peer.conversation.target.root
    assert root is not None
    peer.receive_buffer = 65_536  # so that not all of it is on its way at once
    asked = peer.numbered(get("~/a"))
    peer.send(asked)
    peer.wire.wait()
    os.truncate(root / peer.name("a"), 12 << 20)  # where a frame may well end
    said = peer.receive()
    if isinstance(said, Ended) and said.inside and said.ending is not Ending.TIME_OUT:
        return "ended inside a frame"  # whose bytes were announced and are not there
    if not isinstance(said, Reply):
        raise Deviation("a reply that ends with abort: true", str(said))
    if not body.startswith(said.body):
        raise Deviation("bytes of the file", "bytes that it never held")
    if len(said.body) == len(body):
        return "ok"
    if said["abort"] is True and isinstance(said["code"], str):
        peer.in_step()
        return "aborted"
    raise Deviation('a last header {"abort":true,"code":...}', json.dumps(said.headers[-1])[:80])


CHECKS: Final = chapter.checks
