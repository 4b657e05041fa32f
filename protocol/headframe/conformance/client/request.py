"""Checks of clients, chapter 5.1: requests, and several of them at a time."""

from __future__ import annotations

import socket
from collections import defaultdict
from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import SUCCEEDS
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Request
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.verdicts import Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-request", role=Role.CLIENT)

SMALL: Final = 12
"""Files of one byte; their replies are more than a system keeps for one who does not read."""
LARGE: Final = 12 << 20
"""Bytes of the file behind them; more than a system takes from a client."""
LONG: Final[dict[str, Any]] = {"x.y": "a" * 60_000}
"""What makes a reply long."""


@chapter.check("HF-REQ-011", permitted={"ok": Verdict.PASS, "a request without id": Verdict.WARN})
def every_request_has_an_id(subject: Subject) -> str | None:
    """Every request has an id."""
    for op in (Op.PUT, Op.GET):
        if op in subject.commands.templates:
            scene = subject.plainly(op)
            if any(request.id is None for request in scene.requests):
                return "a request without id"
    return None


def slow_to_listen() -> Act:
    """Owe answers as long as requests come, then say them, and read nothing until they are taken.

    They are owed at most until a large file begins: a client that sends it then has to read them.
    """
    owed: dict[Talk, list[bytes]] = defaultdict(list)

    def pay(talk: Talk) -> None:
        for answer in owed.pop(talk, []):
            talk.say(answer)

    def act(talk: Talk, request: Request) -> None:
        talk.wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        talk.deaf = True
        if request.headers[0].get("filesize", 0) > 1 or request.headers[0].get("more"):
            pay(talk)
        owed[talk].append(talk.prepare(request, **LONG))
        if not talk.is_ahead():
            pay(talk)

    return act


@chapter.check("HF-REQ-010", needs=frozenset({"replies", Op.PUT_ALL}), permitted=SUCCEEDS)
def reads_while_it_writes(subject: Subject) -> str:
    """While a client writes a request, it reads the replies to earlier ones."""
    # The replies to the small files are more than the client's system holds for it, and the file
    # behind them more than it takes from it, while nobody reads.
    files = {f"{number:02}.bin": bytes([number]) for number in range(SMALL)}
    files["99.bin"] = bytes(LARGE)
    slow = slow_to_listen()
    script = {"put": [slow] * len(files), "hello": [slow]}  # which may come in between
    return subject.put_all(script, files, receive_buffer=1 << 16).outcome()


CHECKS: Final = chapter.checks
