"""A look at the server before anything is judged: is there one, is it HF/1, may we in?

The law of this module: whatever listens there, the answer is one sentence, within five seconds.
A server that does not get through this is not failed: nothing was tested.
"""

from __future__ import annotations

import socket
import ssl
import sys
from dataclasses import replace
from typing import Final

from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.replies import Ended, Reply, Said
from headframe.conformance.requests import get, hello, put
from headframe.conformance.target import Facts, Target
from headframe.conformance.verdicts import Deviation, SetupError
from headframe.conformance.wire import HAS_TCP_INFO, Wire

__all__ = ["look_at"]

PATIENCE_S: Final = 2.0
"""For the first answer; two further looks at what stays silent have half of it each."""

_OPENINGS: Final = {
    b"HTTP/": "speaks HTTP",
    b"<!DO": "speaks HTTP",
    b"<htm": "speaks HTTP",
    b"\x15\x03": "speaks TLS: say headframes:// (and --ca, where its certificate is your own)",
    b"SSH-": "speaks SSH",
    b"220": "greets like a mail or FTP server",
}


def look_at(target: Target, *, silent_is_fine: bool = False) -> Facts:
    """Return what the server says of itself; raise SetupError where nothing can be tested.

    `silent_is_fine`: a server that answers nothing is one, as the original was.
    """
    talk = Conversation(replace(target, timeout_s=PATIENCE_S), Facts())
    peer = Peer(talk)
    try:
        facts = Facts(hello={}, abilities=_abilities(target))
        said = _say_hello(target, peer)
        if said is None:
            if silent_is_fine:
                return facts
            raise SetupError(f"{target} accepts connections, but does not answer hello")
        facts = Facts(hello=said.header, abilities=facts.abilities | _features(said))
        _try_a_file(target, facts)
        return facts
    except Deviation as error:
        raise SetupError(f"{target} cannot be tested: {error}") from error
    finally:
        peer.close()


def _abilities(target: Target) -> frozenset[str]:
    """Return what checks may do, as far as it is known beforehand."""
    found = {
        "root": target.root is not None,
        "anonymous": target.token is None,
        "token": target.token is not None,
        "plain": target.tls is None,
        "tls": target.tls is not None,
        "tcp-info": HAS_TCP_INFO and sys.platform == "linux" and target.tls is None,
    }
    return frozenset(name for name, there in found.items() if there)


def _features(said: Reply) -> set[str]:
    features = said["features"]
    return {f for f in features if isinstance(f, str)} if isinstance(features, list) else set()


def _say_hello(target: Target, peer: Peer) -> Reply | None:
    """Return the reply; None where nothing comes; raise SetupError for anything else."""
    auth = {} if target.token is None else {"auth": {"scheme": "token", "token": target.token}}
    asked = peer.numbered(hello(**auth))
    try:
        peer.conversation.target = replace(target, token=None)
        sent = peer.encode(asked)
        peer.send(sent)
    except Deviation as error:
        raise SetupError(f"nothing at {target} takes a connection: {error.got}") from error
    said: Said = peer.receive(PATIENCE_S)
    came = b"".join(e.data for e in peer.conversation.transcript.entries if e.kind == "received")
    if came.startswith(sent):
        raise SetupError(f"{target} sends back what it gets: an echo server")
    for opening, what in _OPENINGS.items():
        if came.startswith(opening):
            raise SetupError(f"{target} {what}")
    if isinstance(said, Reply) and said.id == asked.id:
        if said["ok"] is True:
            return said
        hint = "" if target.token else " (give --token-file)"
        why = f"{said.word}{hint if said.word == 'unauthorized' else ''}"
        raise SetupError(f"{target} refuses hello: {why}")
    if isinstance(said, Ended) and not came:
        guessed = _guess(target)
        if guessed is not None:
            raise SetupError(f"{target} {guessed}")
        if said.ending == "TIME-OUT":
            return None
        raise SetupError(f"{target} closes ({said}) without an answer to hello")
    raise SetupError(f"{target} answers, but not as HF/1 does: {said}, {came[:24]!r}")


def _guess(target: Target) -> str | None:
    """Return what a silent server speaks, if it answers HTTP or TLS."""
    short = replace(target, timeout_s=PATIENCE_S / 2)
    if target.tls is not None:
        return None
    try:
        wire = Wire(short, Conversation(short, Facts()).transcript, 1)
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        answer = wire.receive()
        wire.close()
        if isinstance(answer, bytes):
            for opening, what in _OPENINGS.items():
                if answer.startswith(opening):
                    return what
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection((target.host, target.port), timeout=PATIENCE_S / 2) as sock,
            context.wrap_socket(sock),
        ):
            return _OPENINGS[b"\x15\x03"]
    except (OSError, Deviation):
        return None


def _try_a_file(target: Target, facts: Facts) -> None:
    """Put a file and get it; raise SetupError if we are not let, or it does not work."""
    talk = Conversation(replace(target, timeout_s=PATIENCE_S), facts)
    peer = Peer(talk)
    try:
        stored = peer.ask(put("~/preflight", b"preflight"))
        if stored.word in {"unauthorized", "forbidden"}:
            raise SetupError(
                f"{target} does not let us put a file: {stored.word}"
                " (give --token-file of somebody who may write)"
            )
        if stored.word != "ok":
            raise SetupError(f"{target} cannot store a plain file: {stored.word}")
        fetched = peer.ask(get("~/preflight"))
        if fetched.word != "ok" or fetched.body != b"preflight":
            raise SetupError(
                f"{target} does not give a plain file back: {fetched}, {fetched.body[:24]!r}"
            )
    except Deviation as error:
        raise SetupError(f"{target} cannot store and return a plain file: {error}") from error
    finally:
        talk.close()
