"""Checks of chapter 12, security, as far as it can be seen from outside."""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, delete, get, hello, list_, move, put, stat
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("security")

TOKEN: Final = frozenset({"token"})
TLS: Final = frozenset({"tls"})

STRANGERS: Final[Mapping[str, dict[str, Any]]] = {
    "a-wrong-token": {"scheme": "token", "token": "hfk-" + 24 * "0"},
    "an-empty-token": {"scheme": "token", "token": ""},
    "no-token": {"scheme": "token"},
    "an-unknown-scheme": {"scheme": "example.com.magic", "token": "x"},
    "no-scheme": {},
}


def a_stranger(auth: dict[str, Any]) -> Run:
    """What proves nobody is refused, and nothing changes."""

    def run(peer: Peer) -> None:
        before = peer.ask(list_()).word
        reply = peer.refused("unauthorized", hello(auth=auth))
        same(False, reply.closes, "close")
        same(before, peer.ask(list_()).word, "reply to list afterwards")

    return run


chapter.each(
    "HF-SEC-006",
    "A hello whose auth proves nobody is refused, and changes nothing: {}.",
    a_stranger,
    {f"unauthorized-with-{name}": auth for name, auth in STRANGERS.items()},
)


@chapter.check("HF-SEC-006 HF-HEADER-016")
def auth_of_other_types(peer: Peer) -> None:
    """An auth whose members have other types proves nobody."""
    for auth in ({"scheme": "token", "token": 5}, {"scheme": ["token"], "token": "x"}):
        word = peer.ask(hello(auth=auth)).word
        if word not in {"unauthorized", "bad-request"}:
            raise Deviation("unauthorized or bad-request", word)
    peer.in_step()


@chapter.check("HF-SEC-008 HF-REPLY-012")
def three_guesses(peer: Peer) -> None:
    """The third refusal of a hello with unauthorized ends the connection, and not the second."""
    guess = hello(auth=STRANGERS["a-wrong-token"])
    same(
        [False, False, True],
        [peer.refused("unauthorized", guess).closes for _ in range(3)],
        "close",
    )
    peer.ends()


ALL: Final[Mapping[str, Asked]] = {
    "put": put("~/a", b"new"),
    "get": get("~/a"),
    "stat": stat("~/a"),
    "list": list_(),
    "delete": delete("~/a"),
    "move": move("~/a", "~/b"),
    "delete-of-an-upload": delete(upload="~"),
    "put-of-a-bad-name": put("..", b"new"),
}


def unknown(asked: Asked) -> Run:
    """Nobody is served whom the server does not know."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"old"))
        stranger = peer.another()
        stranger.introduces_itself = False
        stranger.refused("unauthorized", asked)
        stranger.ok(hello())
        peer.holds("~/a", b"old")
        stranger.ok(hello(auth={"scheme": "token", "token": peer.conversation.target.token}))
        stranger.ok(stat("~/a"))

    return run


chapter.each(
    "HF-SEC-005",
    "A server that wants to know who is asking serves nobody else, except with hello: {}.",
    unknown,
    {f"unknown-{name}": asked for name, asked in ALL.items()},
    needs=TOKEN,
)


@chapter.check("HF-SEC-005 HF-REQ-004", needs=TOKEN)
def a_put_of_nobody_without_id(peer: Peer) -> None:
    """A put without id of somebody unknown is not stored."""
    stranger = peer.another()
    stranger.introduces_itself = False
    stranger.unanswered(put("~/a", b"abc", id=None))
    peer.holds("~/a", None)


@chapter.check("HF-SEC-006", needs=TOKEN)
def a_failed_hello_changes_nothing(peer: Peer) -> None:
    """Somebody who is known stays so after a hello that fails."""
    peer.ok(put("~/a", b"abc"))
    peer.refused("unauthorized", hello(auth=STRANGERS["a-wrong-token"]))
    peer.ok(get("~/a"))
    same(["token"], [word for word in peer.ok(hello())["auth"] or [] if word == "token"], "auth")


# --- TLS ---------------------------------------------------------------------------------


def _answer_over_tls(peer: Peer, context: ssl.SSLContext) -> bytes:
    """Return what a server says to a hello over another kind of TLS; nothing if it refuses."""
    target = peer.conversation.target
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection((target.host, target.port), target.timeout_s) as sock,
        context.wrap_socket(sock, server_hostname=target.host) as secure,
    ):
        secure.sendall(peer.encode(peer.numbered(hello())))
        return secure.recv(4096)
    return b""


@chapter.check("HF-SEC-002", needs=TLS)
def no_protocol_agreed_on(peer: Peer) -> None:
    """A TLS connection without hf/1 is closed, and nothing is said on it."""
    for protocols in ([], ["http/1.1"], ["HF/1"]):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if protocols:
            context.set_alpn_protocols(protocols)
        answer = _answer_over_tls(peer, context)
        if answer:
            raise Deviation("the end of the connection", f"an answer: {answer[:40]!r}")
    peer.in_step()


@chapter.check("HF-SEC-001", needs=TLS)
def old_versions_of_tls(peer: Peer) -> None:
    """HF/1 is not spoken over TLS 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["hf/1"])
    with warnings.catch_warnings(), contextlib.suppress(ValueError, ssl.SSLError):
        warnings.simplefilter("ignore", DeprecationWarning)  # that is the point
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options &= ~(ssl.OP_NO_TLSv1_1 | ssl.OP_NO_TLSv1)
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.minimum_version = ssl.TLSVersion.TLSv1
        answer = _answer_over_tls(peer, context)
        if answer:
            raise Deviation("no connection", f"an answer: {answer[:40]!r}")
    peer.in_step()


@chapter.check("HF-SEC-004 HF-BODY-010", needs=TLS)
def an_end_without_close_notify(peer: Peer) -> None:
    """The end of a TLS stream without close_notify is an end of file."""
    asked = peer.numbered(put("~/a", b"abc"))
    peer.send(asked, peer.numbered(put("~/b", b"abc", filesize=9)))
    peer.wire.end_sending()
    peer.agrees(asked)
    peer.ends()
    peer.holds("~/a", b"abc")
    peer.holds("~/b", None)


CHECKS: Final = chapter.checks
