"""Checks of section 5.1: requests without id, and not a byte before one."""

from __future__ import annotations

from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
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


CHECKS: Final = chapter.checks
