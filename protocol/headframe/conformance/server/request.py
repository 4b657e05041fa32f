"""Checks of section 5.1, requests."""

from __future__ import annotations

from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, carried_out, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    Asked,
    Frame,
    command,
    delete,
    frame,
    get,
    hello,
    list_,
    move,
    put,
    stat,
)

__all__ = ["CHECKS"]

chapter: Final = Chapter("request")

chapter.each(
    "HF-REQ-002",
    "A request whose cmd is missing or no string is refused: {}.",
    lambda header: refusal_is("bad-request", header),
    {
        "no-cmd": b'{"id":7}',
        "no-cmd-but-a-filename": b'{"id":7,"filename":"~/a"}',
        "cmd-null": b'{"id":7,"cmd":null}',
        "cmd-number": b'{"id":7,"cmd":1}',
        "cmd-true": b'{"id":7,"cmd":true}',
        "cmd-array": b'{"id":7,"cmd":["hello"]}',
        "cmd-object": b'{"id":7,"cmd":{"hello":1}}',
    },
)


@chapter.check("HF-REQ-002 HF-BODY-004")
def no_cmd_with_a_body(peer: Peer) -> None:
    """The body of a request without cmd is discarded with it."""
    peer.refused("bad-request", Asked((Frame({"id": 7}, frame(b'{"id":8,"cmd":"hello"}')),)))
    peer.in_step()


# --- ids, bodies and pipelining ----------------------------------------------------------


@chapter.check("HF-REQ-007 HF-REPLY-003")
def ids_repeat_and_fall(peer: Peer) -> None:
    """An id may repeat or fall behind an earlier one."""
    for number in (9, 9, 3, 2**53 - 1, 1, 9):
        same(number, peer.ok(hello(id=number)).id, "id")


NO_BODY: Final = {
    "hello": hello(),
    "get": get("~/a"),
    "stat": stat("~/a"),
    "list": list_(),
    "delete": delete("~/a"),
    "move": move("~/a", "~/b"),
}


def with_body(asked: Asked, *, later: bool) -> Run:
    """A body where none is taken is refused, and nothing is done."""
    first = asked.frames[0]
    if later:
        assert isinstance(first.header, dict)
        bad = Asked((Frame({**first.header, "more": True}),)).then(b"abc")
    else:
        bad = Asked((Frame(first.header, frame(b'{"id":8,"cmd":"hello"}')),))

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"old"))
        peer.refused("bad-request", bad)
        peer.in_step()
        peer.holds("~/a", b"old")
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-REQ-008",
    "A command that takes no body is refused with one: {}.",
    lambda asked: with_body(asked, later=False),
    {f"body-with-{name}": asked for name, asked in NO_BODY.items()},
)
chapter.each(
    "HF-REQ-008",
    "A command that takes no body is refused with one in a later frame: {}.",
    lambda asked: with_body(asked, later=True),
    {f"later-body-with-{name}": asked for name, asked in NO_BODY.items()},
)
chapter.each(
    "HF-REQ-008 HF-BODY-005",
    "A command that takes no body may say so: {}.",
    carried_out,
    {
        "filesize-0-with-hello": hello(filesize=0),
        "two-empty-frames-with-hello": hello(more=True).then(),
        "empty-frame-with-list": list_(more=True).then(filesize=0, more=False),
    },
)


@chapter.check("HF-REPLY-002 HF-REPLY-003")
def two_hundred_at_once(peer: Peer) -> None:
    """Two hundred requests sent in one go are answered in their order."""
    peer.ok(put("~/a", b"hello"))
    kinds = (get("~/a"), stat("~/none"), hello(), command("nothing"), stat("~/a"))
    for reply, word in zip(
        peer.ask_all(*kinds * 40),
        ("ok", "not-found", "ok", "unknown-command", "ok") * 40,
        strict=True,
    ):
        same(word, reply.word, f"reply {reply.id}")


@chapter.check("HF-REPLY-002 HF-CMD-008")
def pipelined_requests_see_each_other(peer: Peer) -> None:
    """Each of several requests sent in one go sees what the one before it did."""
    replies = peer.ask_all(
        stat("~/a"),
        put("~/a", b"1"),
        get("~/a"),
        move("~/a", "~/b"),
        get("~/a"),
        get("~/b"),
        delete("~/b"),
        stat("~/b"),
    )
    words = ["not-found", "ok", "ok", "ok", "not-found", "ok", "ok", "not-found"]
    same(words, [reply.word for reply in replies], "replies")
    same((b"1", b"1"), (replies[2].body, replies[5].body), "bodies")


@chapter.check("HF-CMD-008 HF-REPLY-002")
def what_takes_away_comes_after_what_brings(peer: Peer) -> None:
    """A delete or a move sent in one go with a put finds what that has put."""
    deleted = peer.ask_all(put("~/a", b"1"), delete("~/a"), stat("~/a"))
    same(["ok", "ok", "not-found"], [reply.word for reply in deleted], "replies to put and delete")
    moved = peer.ask_all(put("~/a", b"2"), move("~/a", "~/b"), get("~/b"))
    same(["ok", "ok", "ok"], [reply.word for reply in moved], "replies to put and move")
    same(b"2", moved[2].body, "body")


@chapter.check("HF-REPLY-002")
def large_requests_and_replies_at_once(peer: Peer) -> None:
    """Puts and gets of 500 kB, all sent before the first reply is read, are all answered."""
    body = peer.random.randbytes(500_000)
    asked = [one for n in range(4) for one in (put(f"~/{n}", body), get(f"~/{n}"))]
    for reply in peer.ask_all(*asked):
        same("ok", reply.word, f"reply {reply.id}")
        if reply.body:
            same(body, reply.body, "body")


CHECKS: Final = chapter.checks
