"""Checks of clients, chapter 5.1: requests, and several of them at a time."""

from __future__ import annotations

import socket
from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import SUCCEEDS
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Request
from headframe.conformance.client.talk import Talk
from headframe.conformance.verdicts import Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-request", role=Role.CLIENT)

MIB: Final = 1 << 20


@chapter.check("HF-REQ-011", permitted={"ok": Verdict.PASS, "a request without id": Verdict.WARN})
def every_request_has_an_id(subject: Subject) -> str | None:
    """Every request has an id."""
    for op in (Op.PUT, Op.GET):
        if op in subject.commands.templates:
            scene = subject.plainly(op)
            if any(request.id is None for request in scene.requests):
                return "a request without id"
    return None


def slow_to_listen(talk: Talk, request: Request) -> None:
    """Answer at length, and read nothing more before the client has taken that."""
    talk.wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
    talk.deaf = True
    long: Any = {"x.y": "a" * 60_000}
    talk.honest(request, **long)


@chapter.check("HF-REQ-010", needs=frozenset({"replies", Op.PUT_ALL}), permitted=SUCCEEDS)
def reads_while_it_writes(subject: Subject) -> str:
    """While a client writes a request, it reads the replies to earlier ones."""
    files = {f"{number:02}.bin": bytes([number]) * MIB for number in range(14)}
    script: Any = {"put": [slow_to_listen] * len(files)}
    return subject.put_all(script, files, receive_buffer=1 << 16).outcome()


CHECKS: Final = chapter.checks
