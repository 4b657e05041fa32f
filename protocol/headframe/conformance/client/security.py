"""Checks of clients, chapter 12: TLS, and whom they believe.

What HF-SEC-016 is about cannot be seen here: both sides are within one machine, where a token may
be sent.
"""

from __future__ import annotations

import ssl
from typing import Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import SUCCEEDS, Run
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Request
from headframe.conformance.client.scene import FAILURE
from headframe.conformance.client.stage import AUTHORITY
from headframe.conformance.client.talk import Talk
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-security", role=Role.CLIENT, needs=frozenset({Op.GET_TLS.value}))

ALPN: Final = "hf/1"


def server_context(certificate: str, *protocols: str) -> ssl.SSLContext:
    """Return what a server with one of our certificates begins with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(AUTHORITY.with_name(f"{certificate}.pem"))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@chapter.check("HF-SEC-014 HF-SEC-015", permitted=SUCCEEDS)
def tls_is_spoken(subject: Subject) -> str:
    """A file is fetched over TLS, with hf/1 agreed on by ALPN."""
    agreed: list[str | None] = []

    def look(talk: Talk, request: Request) -> None:  # noqa: ARG001
        assert isinstance(talk.wire.socket, ssl.SSLSocket)
        agreed.append(talk.wire.socket.selected_alpn_protocol())

    outcome = subject.get_tls({"connect": [look]}, server_context("good", ALPN)).outcome()
    if agreed[:1] != [ALPN]:
        raise Deviation(f"ALPN {ALPN}", f"ALPN {agreed[0] if agreed else 'and no connection'}")
    return outcome


def nothing_sent(certificate: str, *protocols: str) -> Run:
    """With such a server the client does not speak."""

    def run(subject: Subject) -> str:
        context = server_context(certificate, *protocols)
        script = {"connect": [lambda talk, _: talk.hold(most_bytes=1)] * 20}
        return subject.get_tls(script, context).outcome()

    return run


chapter.each(
    "HF-SEC-014",
    "Nothing is sent on a connection without hf/1 agreed on: {}.",
    nothing_sent,
    {"server-without-alpn": ("good",), "server-of-another-protocol": ("good", "http/1.1")},
    permitted={FAILURE: Verdict.PASS},
)
chapter.each(
    "HF-SEC-015",
    "Nothing is sent to a server that has not shown who it is: {}.",
    nothing_sent,
    {
        "certificate-of-a-stranger": ("stranger", ALPN),
        "certificate-of-another-host": ("elsewhere", ALPN),
    },
    permitted={FAILURE: Verdict.PASS},
)

CHECKS: Final = chapter.checks
