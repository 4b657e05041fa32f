"""Checks of chapter 2, the frame."""

from __future__ import annotations

import struct
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, fatal_bytes
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
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

__all__ = ["CHECKS"]

chapter: Final = Chapter("frame")

HELLO: Final = b'{"id":7,"cmd":"hello"}'
CARGO: Final = frame(HELLO)
"""A body that is a whole request itself."""


def padded(size: int) -> bytes:
    """Return a header of exactly `size` bytes, filled up with white space."""
    return HELLO[:-1] + b" " * (size - len(HELLO)) + b"}"


chapter.each(
    "HF-FRAME-002",
    "N out of range is fatal, decided on the four bytes alone: {}.",
    lambda n: fatal_bytes("bad-frame", struct.pack("<I", n), followed=False),
    {
        "length-0": 0,
        "length-1": 1,
        "length-65536": 65536,
        "length-65538": 65538,
        "length-2-to-24": 1 << 24,
        "length-signed-minimum": 1 << 31,
        "length-all-ones": 0xFFFFFFFF,
        "length-big-endian-22": struct.unpack("<I", struct.pack(">I", 22))[0],
    },
)

chapter.each(
    "HF-FRAME-002",
    "Another protocol is recognised by its first four bytes: {}.",
    lambda data: fatal_bytes("bad-frame", data, followed=False),
    {
        "http-request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "tls-client-hello": bytes.fromhex("16030100c8010000c40303") + bytes(194),
        "ssh-banner": b"SSH-2.0-OpenSSH_9.2\r\n",
    },
)


def accepted_length(size: int) -> Run:
    """A header of this many bytes is read."""

    def run(peer: Peer) -> None:
        peer.ok(raw(padded(size)))
        peer.in_step()

    return run


chapter.each(
    "HF-FRAME-002 HF-FRAME-001",
    "A header of any length up to 65535 bytes is read: {}.",
    accepted_length,
    {f"length-{size}-is-read": size for size in (255, 256, 257, 4096, 32768, 65534, 65535)},
)


@chapter.check("HF-FRAME-002 HF-REQ-002")
def shortest_header(peer: Peer) -> None:
    """The shortest header, {} with N = 2, is read: a request without id and cmd."""
    peer.unanswered(frame(b"{}"))


@chapter.check("HF-FRAME-002 HF-HEADER-003")
def two_bytes_that_are_no_object(peer: Peer) -> None:
    """N = 2 is in range: [] is a bad header, not a bad frame."""
    peer.fatal("bad-header", frame(b"[]"))


@chapter.check("HF-FRAME-005")
def body_ends_where_it_says(peer: Peer) -> None:
    """The byte after the body is the first of the next frame."""
    first, second = peer.ask_all(put("~/a", b"abc"), put("~/b", b"defgh"))
    same("ok", first.word, "first put")
    same("ok", second.word, "second put")
    peer.holds("~/a", b"abc")
    peer.holds("~/b", b"defgh")


@chapter.check("HF-FRAME-005 HF-CMD-006")
def absent_filesize_is_no_body(peer: Peer) -> None:
    """Without filesize there is no body, and the next frame follows at once."""
    peer.ask_all(put("~/a"), hello())
    peer.holds("~/a", b"")


@chapter.check("HF-FRAME-005")
def body_is_never_scanned(peer: Peer) -> None:
    """A body that is itself a request is stored, not carried out."""
    peer.ok(put("~/a", CARGO * 3))
    peer.in_step()
    peer.holds("~/a", CARGO * 3)


@chapter.check("HF-FRAME-005")
def every_byte_value_passes(peer: Peer) -> None:
    """A body may hold any byte, and comes back as it was."""
    body = bytes(range(256)) * 3
    peer.ok(put("~/a", body))
    same(body, peer.ok(get("~/a")).body, "body")


@chapter.check("HF-FRAME-005 HF-CMD-014")
def large_body_comes_whole(peer: Peer) -> None:
    """A body far larger than any buffer comes back as it was."""
    body = peer.random.randbytes(1_500_001)
    peer.ok(put("~/a", body))
    same(body, peer.ok(get("~/a")).body, "body")
    peer.in_step()


@chapter.check("HF-FRAME-006")
def one_byte_at_a_time(peer: Peer) -> None:
    """A put and a hello may arrive one byte at a time."""
    sent = [peer.numbered(put("~/a", b"hello")), peer.numbered(hello())]
    data = peer.encode(*sent)
    peer.send_in_pieces(data, [1] * (len(data) - 1))
    for asked in sent:
        peer.agrees(asked)
    peer.holds("~/a", b"hello")


CUTS: Final = {
    "cut-inside-length": 2,
    "cut-behind-length": 4,
    "cut-inside-header": 9,
    "cut-before-body": -5,
    "cut-inside-body": -3,
}


def cut_at(place: int) -> Run:
    """Two puts, each cut at this place, give the same as uncut.

    The first piece travels with a request whose reply shows that both have been read.
    """

    def run(peer: Peer) -> None:
        for name in ("~/a", "~/b"):
            asked = peer.numbered(put(name, b"hello"))
            data = peer.encode(asked)
            sentinel = peer.numbered(hello())
            peer.send(sentinel, data[:place])
            peer.agrees(sentinel)
            peer.send(data[place:])
            peer.agrees(asked)
            peer.holds(name, b"hello")

    return run


chapter.each(
    "HF-FRAME-006",
    "A put comes to the same result with a {}.",
    cut_at,
    CUTS,
)


@chapter.check("HF-FRAME-006")
def cuts_at_random(peer: Peer) -> None:
    """Thirty requests cut anywhere, without regard to their edges, are all carried out."""
    bodies = {f"~/{n}": peer.random.randbytes(peer.random.randrange(300)) for n in range(15)}
    sent = [peer.numbered(put(name, body)) for name, body in bodies.items()]
    sent += [peer.numbered(stat(name)) for name in bodies]
    data = peer.encode(*sent)
    peer.send_in_pieces(data, [peer.random.randint(1, 200) for _ in range(len(data) // 120)])
    for asked in sent:
        peer.agrees(asked)
    for name, body in bodies.items():
        same(body, peer.ok(get(name)).body, f"what is stored as {name}")


@chapter.check("HF-FRAME-007")
def nothing_else_frames(peer: Peer) -> None:
    """No other name tells where a frame ends: not length, total, size or an unknown one."""
    decoys = {"length": 1, "size": 99, "content-length": 99, "example.com.filesize": 2}
    peer.ok(put("~/a", b"hello", total=5, **decoys))
    peer.in_step()
    peer.holds("~/a", b"hello")
    for asked in (get("~/a", length=3), put("~/b", **decoys), hello(total=9, length=9)):
        peer.ok(asked)
        peer.in_step()
    peer.refused("size-mismatch", put("~/b", total=7))
    peer.in_step()


@chapter.check("HF-FRAME-007 HF-HEADER-014")
def nested_filesize_frames_nothing(peer: Peer) -> None:
    """A filesize or more inside another object has no meaning."""
    nested = {"filesize": 99, "more": True}
    peer.ok(put("~/a", b"hello", **{"example.com.x": nested}))
    peer.in_step()
    peer.holds("~/a", b"hello")


@chapter.check("HF-FRAME-003 HF-FRAME-004")
def length_counts_bytes(peer: Peer) -> None:
    """In what a server sends, N counts bytes and not characters, and filesize the body's."""
    name = "~/Zürich-漢字-😀.txt"
    peer.ok(put(name, b"hello"))
    rows = peer.listed()
    same([peer.name(name[2:])], [row.get("filename") for row in rows], "names")
    for asked in (stat("~/none-é漢😀"), get("~/é/../漢"), delete("/é"), put("é\\", b"abc")):
        peer.ask(asked)
        peer.in_step()
    peer.ask(command("löschen"))
    peer.in_step()


@chapter.check("HF-FRAME-004 HF-FRAME-003")
def replies_are_as_long_as_they_say(peer: Peer) -> None:
    """Behind the reply to any command, whole or in part, the next one begins."""
    peer.ok(put("~/a", b"0123456789"))
    for asked in (
        stat("~/a"),
        get("~/a"),
        get("~/a", offset=3, length=4),
        get("~/a", offset=10),
        get("~/a", length=0, want=["digest"]),
        list_(),
        list_(delimiter="/"),
        move("~/a", "~/b"),
        delete("~/b"),
        list_(),
    ):
        peer.ok(asked)
        peer.in_step()


CHECKS: Final = chapter.checks
