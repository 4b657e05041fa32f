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

ANONYMOUS: Final = frozenset({"anonymous"})

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


chapter.each(
    "HF-REQ-003",
    "A request without id has no reply: {}.",
    lambda *asked: lambda peer: peer.unanswered(*asked),
    {
        "hello-without-id": hello(id=None),
        "get-without-id": get("~/none", id=None),
        "stat-without-id": stat("~/none", id=None),
        "list-without-id": list_(id=None),
        "put-without-id": put("~/a", b"abc", id=None),
        "bad-name-without-id": put("..", b"abc", id=None),
        "bad-type-without-id": put("~/a", b"abc", total="x", id=None),
        "unknown-command-without-id": command("handle", b"abc", id=None),
        "no-cmd-without-id": frame(b"{}"),
        "body-without-id-where-none-is-taken": command("hello", b"abc", id=None),
        "frames-without-id": put("~/a", b"1", id=None, more=True).then(b"2"),
        "wrong-digest-without-id": put("~/a", b"1", id=None, digest=f"sha-256:{64 * '0'}"),
    },
)


@chapter.check("HF-REQ-004 HF-CMD-006")
def a_put_without_id_is_stored(peer: Peer) -> None:
    """A put without id stores its file, before the next request is answered."""
    peer.unanswered(put("~/a", b"hello", id=None))
    peer.holds("~/a", b"hello")


@chapter.check("HF-REQ-004")
def frames_without_id_are_stored(peer: Peer) -> None:
    """A put without id may have several frames, or none of body."""
    peer.unanswered(put("~/a", b"1", id=None, more=True).then(b"2", total=2), put("~/b", id=None))
    peer.holds("~/a", b"12")
    peer.holds("~/b", b"")


@chapter.check("HF-REQ-004 HF-COND-003 HF-REQ-003")
def a_put_without_id_obeys_conditions(peer: Peer) -> None:
    """A put without id that would be refused changes nothing."""
    peer.ok(put("~/a", b"old"))
    peer.unanswered(
        put("~/a", b"new", id=None, if_=None),
        put("~/a", b"new", id=None, total=9),
        put("~/a", b"new", id=None, digest=f"sha-256:{64 * '0'}"),
        put("~/a", b"new", id=None, more=True).then(abort=True),
    )
    peer.holds("~/a", b"old")


@chapter.check("HF-REQ-004 HF-REQ-006", needs=ANONYMOUS)
def the_original_client(peer: Peer) -> None:
    """What the original client sends, two files in one go, is stored without a byte of reply."""
    one = b'{"cmd": "put", "filename": "~/a.txt", "filesize": 5}'
    two = b'{"cmd": "put", "filename": "~/b.txt", "filesize": 6}'
    peer.send(Asked((Frame(one, b"hello"),)), Asked((Frame(two, b"world!"),)))
    peer.wire.end_sending()
    peer.ends()
    peer.holds("~/a.txt", b"hello")
    peer.holds("~/b.txt", b"world!")


def not_carried_out(*asked: Asked) -> Run:
    """These requests without id leave the file as it is."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"old"))
        peer.unanswered(*asked)
        peer.holds("~/a", b"old")
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-REQ-005",
    "No other request without id is carried out: {}.",
    not_carried_out,
    {
        "delete-without-id": delete("~/a", id=None),
        "move-without-id": move("~/a", "~/b", id=None),
        "delete-with-a-body-and-without-id": command("delete", b"x", filename="~/a", id=None),
    },
)


@chapter.check("HF-REQ-005 HF-RESUME-026")
def delete_of_an_upload_without_id(peer: Peer) -> None:
    """An upload is not forgotten by a delete without id."""
    peer.ok(put("~/a", b"abc", upload="~", total=9))
    peer.unanswered(delete(upload="~", id=None))
    same(3, peer.ok(stat(upload="~"))["offset"], "offset")


# --- not a byte before an id -------------------------------------------------------------


def silent(*said: bytes | Asked, ends_alone: bool = True) -> Run:
    """A connection that says only this never gets a byte."""

    def run(peer: Peer) -> None:
        peer.send(*said)
        if not ends_alone:
            peer.wire.end_sending()
        peer.ends()

    return run


chapter.each(
    "HF-REQ-006",
    "Where no id has arrived, a fatal error is not told, and the server only closes: {}.",
    silent,
    {
        "silent-bad-length": b"\0\0\0\0",
        "silent-http": b"GET / HTTP/1.1\r\n\r\n",
        "silent-no-json": frame(b"not json"),
        "silent-bad-utf-8": frame(b'{"cmd":"hello","x":"\xff"}'),
        "silent-bad-filesize": frame(b'{"cmd":"put","filename":"a","filesize":"x"}'),
        "silent-id-in-bad-json": frame(b'{"id":7,"cmd":"hello",}'),
        "silent-id-twice": frame(b'{"id":7,"id":7,"cmd":"hello"}'),
        "silent-after-a-good-put": (
            put("~/a", b"abc", id=None),
            frame(b"not json"),
        ),
        "silent-unknown-version": hello(hf=2, id=None),
        "silent-later-cmd": frame(b'{"cmd":"put","filename":"a","more":true}')
        + frame(b'{"cmd":"hello"}'),
    },
    needs=ANONYMOUS,
)

chapter.each(
    "HF-REQ-006 HF-REQ-003",
    "Where no id has arrived, no refusal is told: {}.",
    lambda *said: silent(*said, ends_alone=False),
    {
        "silent-end": b"",
        "silent-put": put("~/a", b"abc", id=None),
        "silent-refusal": put("..", b"abc", id=None),
        "silent-get": get("~/a", id=None),
        "silent-unknown-command": command("handle", id=None),
        "silent-cut-put": put("~/a", b"abc", filesize=9, id=None),
    },
    needs=ANONYMOUS,
)


def told(data: bytes) -> Run:
    """This first header holds a member `id`, and its error is told."""

    def run(peer: Peer) -> None:
        peer.send(data)
        peer.dies("bad-header")

    return run


chapter.each(
    "HF-ERROR-003 HF-REQ-006",
    "A member id has arrived with any header that is JSON, even one of a wrong type: {}.",
    lambda header: told(frame(header)),
    {
        "told-id-string": b'{"id":"7","cmd":"hello"}',
        "told-id-zero": b'{"id":0,"cmd":"hello"}',
        "told-id-null": b'{"id":null}',
        "told-id-beside-bad-filesize": b'{"filesize":"x","id":7}',
        "told-id-beside-bad-more": b'{"more":1,"id":7}',
    },
    needs=ANONYMOUS,
)


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
