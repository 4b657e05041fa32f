"""The shapes that many checks have: a run made from the data of one case.

The law of this module: a form proves at its end that the connection is where it has to be, in step
or at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, frame, put, raw

__all__ = [
    "Run",
    "carried_out",
    "fatal_bytes",
    "fatal_header",
    "fatal_later",
    "nothing_done",
    "refusal_is",
]

Run = Callable[[Peer], str | None]


def fatal_bytes(code: str, data: bytes, *, followed: bool = True) -> Run:
    """These bytes end the connection, with this code."""

    def run(peer: Peer) -> None:
        peer.fatal(code, data, followed=followed)

    return run


def fatal_header(header: bytes, body: bytes = b"") -> Run:
    """A frame with this header is fatal `bad-header`."""
    return fatal_bytes("bad-header", frame(header, body))


def fatal_later(code: str, header: bytes, body: bytes = b"") -> Run:
    """A put whose second header is this one ends the connection, and stores nothing.

    An end of the message follows, so that a server which goes on is noticed by its reply.
    """

    def run(peer: Peer) -> None:
        begun = peer.numbered(put("~/a", b"one", more=True))
        peer.fatal(code, begun, frame(header, body), frame(b"{}"))
        peer.holds("~/a", None)

    return run


def carried_out(asked: Asked | bytes, body: bytes = b"", **expected: Any) -> Run:
    """This request, or header, is answered `ok`, with these members; then all is in step."""
    request = raw(asked, body) if isinstance(asked, bytes) else asked

    def run(peer: Peer) -> None:
        reply = peer.ok(request)
        for name, value in expected.items():
            same(value, reply[name], name)
        peer.in_step()

    return run


def refusal_is(code: str, asked: Asked | bytes, body: bytes = b"") -> Run:
    """This request, or header, is refused with this code; then all is in step."""
    request = raw(asked, body) if isinstance(asked, bytes) else asked

    def run(peer: Peer) -> None:
        peer.refused(code, request)
        peer.in_step()

    return run


def nothing_done(code: str, asked: Asked) -> Run:
    """This request is refused with this code; all is in step, and there is no file `~/a`."""

    def run(peer: Peer) -> None:
        peer.refused(code, asked)
        peer.in_step()
        peer.holds("~/a", None)

    return run
