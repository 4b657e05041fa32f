"""What the original program's server is there for: one put after the other, and no reply.

Spec: the appendix. A server that answers nothing can be looked at through its folder alone: these
checks look there if the run was given it (`--root`), and ask with `get` otherwise.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from headframe.conformance.check import Chapter, Profile
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked, Frame, frame, get, hello
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("origin", profile=Profile.ORIGIN, needs=frozenset({"anonymous"}))

POLL_S: Final = 0.02


def original(name: str, body: bytes, *, size: int | None = None) -> Asked:
    """Return a put as the original client writes it."""
    count = len(body) if size is None else size
    header = f'{{"cmd": "put", "filename": "{name}", "filesize": {count}}}'
    return Asked((Frame(header.encode(), body),))


def stored(peer: Peer, name: str) -> bytes | None:
    """Return what is stored under a name of the check, seen from outside; None: nothing."""
    path = folder(peer)
    if path is not None:
        try:
            return (path / peer.conversation.fill(name)).read_bytes()
        except FileNotFoundError:
            return None
    reply = peer.conversation.looker().ask(get(name))
    return reply.body if reply.word == "ok" else None


def folder(peer: Peer) -> Path | None:
    """Return the folder that the server serves, if the run was given it."""
    return peer.conversation.target.root


def lands(peer: Peer, name: str, body: bytes) -> None:
    """Expect that a file arrives: nobody tells when, so it is looked for until the time is up."""
    deadline = time.monotonic() + peer.conversation.target.timeout_s
    while (found := stored(peer, name)) != body and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if found != body:
        peer.check_served()
    same(body, found, f"what is stored as {name}")


def put_of_another(peer: Peer) -> None:
    """Expect that another client is served; what was sent before has been read meanwhile."""
    other = peer.another()
    other.send(original("~/other", b"other"))
    lands(other, "~/other", b"other")
    other.close()


@chapter.check("HF-REQ-004 HF-CMD-006")
def stores_a_file(peer: Peer) -> None:
    """A put of the original client is stored under its name."""
    peer.send(original("~/a", b"hello"))
    lands(peer, "~/a", b"hello")


@chapter.check("HF-CMD-006")
def stores_a_large_file(peer: Peer) -> None:
    """A file of half a megabyte is stored as it was."""
    body = peer.random.randbytes(500_000)
    peer.send(original("~/a", body))
    lands(peer, "~/a", body)


@chapter.check("HF-CMD-006 HF-FRAME-005")
def stores_an_empty_file(peer: Peer) -> None:
    """An empty file is stored, and the next one after it."""
    peer.send(original("~/a", b""))
    lands(peer, "~/a", b"")
    peer.send(original("~/b", b"next"))
    lands(peer, "~/b", b"next")


@chapter.check("HF-CMD-006")
def replaces_a_file(peer: Peer) -> None:
    """A put takes the place of a longer file."""
    peer.send(original("~/a", b"old and longer"))
    lands(peer, "~/a", b"old and longer")
    peer.send(original("~/a", b"new"))
    lands(peer, "~/a", b"new")


@chapter.check("HF-FRAME-005 HF-FRAME-006")
def keeps_two_puts_apart(peer: Peer) -> None:
    """Two puts that are written at once are two files."""
    peer.send(original("~/a", b"hello"), original("~/b", b"world!"))
    lands(peer, "~/a", b"hello")
    lands(peer, "~/b", b"world!")


@chapter.check("HF-FRAME-006")
def puts_pieces_together(peer: Peer) -> None:
    """A put that comes in pieces is stored like one that comes at once."""
    data = peer.encode(original("~/a", b"hello"))
    for at in range(len(data)):
        peer.send(data[at : at + 1])
        if at % 8 == 2:
            time.sleep(0.001)  # so that pieces do not travel together
    lands(peer, "~/a", b"hello")


@chapter.check("HF-REQ-006 HF-REQ-003")
def says_nothing_unasked(peer: Peer) -> None:
    """Who asks for no reply gets no byte."""
    peer.send(original("~/a", b"hello"))
    lands(peer, "~/a", b"hello")
    same(0, peer.bytes_received, "bytes received")


@chapter.check("HF-NAME-003 HF-ERROR-009")
def stays_in_its_folder(peer: Peer) -> None:
    """A name does not lead out of the folder, and the next put is stored."""
    outside = f"{peer.name('out')}".replace("/", "-")
    path = folder(peer)
    try:
        peer.send(original(f"../{outside}", b"escaped"))
        put_of_another(peer)
        if path is not None and (path.parent / outside).exists():
            raise Deviation("nothing beside the folder", f"a file ../{outside}")
        peer.send(original("~/a", b"next"))
        lands(peer, "~/a", b"next")
        if path is not None and (path.parent / outside).exists():
            raise Deviation("nothing beside the folder", f"a file ../{outside}")
    finally:
        if path is not None:
            (path.parent / outside).unlink(missing_ok=True)


@chapter.check("HF-BODY-010 HF-CMD-007 HF-COND-012")
def forgets_half_a_file(peer: Peer) -> None:
    """A put that is cut off leaves the file that was there, whole."""
    peer.send(original("~/a", b"old file"))
    lands(peer, "~/a", b"old file")
    other = peer.another()
    other.send(original("~/a", b"half", size=9))
    other.wire.end_sending()
    deadline = time.monotonic() + peer.conversation.target.timeout_s / 4
    while other.wire.ending is None and time.monotonic() < deadline:
        other.receive(POLL_S)
        same(b"old file", stored(peer, "~/a"), "what is stored as ~/a")
    put_of_another(peer)
    same(b"old file", stored(peer, "~/a"), "what is stored as ~/a")


@chapter.check("HF-BODY-010")
def lets_a_lost_client_go(peer: Peer) -> None:
    """A connection whose client has ended in the middle of a file is closed."""
    peer.send(original("~/a", b"half", size=9))
    peer.wire.end_sending()
    peer.ends()


@chapter.check("HF-CMD-001 HF-REQ-005")
def calls_no_method(peer: Peer) -> None:
    """A command that is the name of a method of the program is not called."""
    for word in ("handle", "setup", "finish", "__init__", "__class__"):
        other = peer.another()
        other.send(frame(b'{"cmd": "%s", "filename": "a", "filesize": 0}' % word.encode()))
        put_of_another(peer)
        other.send(original(f"~/{word}", b"next"))
        lands(other, f"~/{word}", b"next")
        other.close()


@chapter.check("HF-FRAME-002")
def trusts_no_length(peer: Peer) -> None:
    """A length that no header has ends the connection, on its four bytes."""
    for length in (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\1\0", b"GET "):
        other = peer.another()
        other.send(length)
        other.ends()
        other.close()
    put_of_another(peer)


@chapter.check("HF-REPLY-002 HF-REPLY-003")
def answers_who_asks(peer: Peer) -> None:
    """A request with an id has a reply."""
    asked = hello(id=7)
    peer.send(asked)
    said = peer.receive(peer.conversation.target.timeout_s / 4)
    if not isinstance(said, Reply) or said.id != 7:
        raise Deviation("reply id=7", str(said))


@chapter.check("HF-ERROR-008 HF-HEADER-016")
def survives_a_bad_request(peer: Peer) -> None:
    """A request that lacks a name, or has none that is known, does not end the connection."""
    for text in (b'{"cmd": "put", "filesize": 0}', b'{"cmd": "nothing"}', b"{}"):
        peer.send(frame(text))
        put_of_another(peer)
    peer.send(original("~/a", b"next"))
    lands(peer, "~/a", b"next")
    same(None, peer.wire.ending, "end of the connection")


@chapter.check("HF-REQ-004")
def serves_several_at_once(peer: Peer) -> None:
    """Several clients, one of them in the middle of a file, are served at the same time."""
    slow = peer.another()
    slow.send(original("~/slow", b"half", size=8))
    for number in range(3):
        other = peer.another()
        other.send(original(f"~/{number}", b"quick"))
        lands(other, f"~/{number}", b"quick")
        other.close()
    slow.send(b"full")
    lands(slow, "~/slow", b"halffull")


CHECKS: Final = chapter.checks
