"""Checks of section 5.2, replies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from headframe import ErrorClass, ErrorCode
from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Ended, Reply
from headframe.conformance.requests import (
    Asked,
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
from headframe.conformance.verdicts import Deviation, Verdict
from headframe.conformance.wire import Ending
from headframe.registry import REGISTERED_KEYS

__all__ = ["CHECKS", "not_answered_yet"]

chapter: Final = Chapter("reply")

REFUSED: Final[Mapping[str, Asked]] = {
    "bad-name": put("..", b"abc"),
    "not-found": get("~/none"),
    "bad-request": get("~/a", offset="x"),
    "unknown-command": command("handle"),
    "unsupported": hello(**{"!x": 1}),
    "precondition-failed": put("~/a", b"abc", if_="none"),
    "size-mismatch": put("~/a", b"abc", total=9),
    "digest-mismatch": put("~/a", b"abc", digest=f"sha-256:{64 * '0'}"),
    "aborted": put("~/a", b"abc", abort=True),
    "upload-gone": stat(upload="~9"),
    "bad-range": get("~/there", offset=99),
    "conflict": put("~/there/below", b"abc"),
}
"""A request for each code that any server can be brought to say."""


def refused(code: str, asked: Asked) -> Run:
    """A refusal has `ok: false`, a registered code, and only what belongs into it."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/there", b"there"))
        reply = peer.refused(code, asked)
        same((b"", False), (reply.body, "more" in reply), "body of a refusal")
        known = {"id", "ok", "code", "message", "rev", "to_rev", "total", "offset"}
        foreign = {name for name in reply.header if name not in known and "." not in name}
        if foreign & {"retry_ms", "close"}:
            raise Deviation("neither retry_ms nor close", f"{sorted(foreign)} in {code}")
        peer.in_step()

    return run


chapter.each(
    "HF-REPLY-005 HF-REPLY-011 HF-REPLY-012 HF-ERROR-008",
    "A refusal says ok: false and its code, without retry_ms, and the connection goes on: {}.",
    refused,
    {f"refusal-{code}": (code, asked) for code, asked in REFUSED.items()},
)


@chapter.check("HF-REPLY-005")
def codes_are_registered(peer: Peer) -> None:
    """Every refusal has a code of the table, and one that is not for the connection."""
    peer.ok(put("~/there", b"there"))
    for asked in REFUSED.values():
        reply = peer.ask(asked)
        same(False, reply["ok"], f"ok in the refusal of {asked}")
        if reply["code"] not in set(ErrorCode) or not _is_refusal(reply["code"]):
            raise Deviation("the code of a refusal", repr(reply["code"]))


def _is_refusal(code: str) -> bool:
    return ErrorCode(code).error_class is ErrorClass.REFUSAL


SUCCESSES: Final[Mapping[str, Asked]] = {
    "hello": hello(),
    "put": put("~/a", b"abc"),
    "get": get("~/there"),
    "stat": stat("~/there"),
    "list": list_(),
    "delete": delete("~/there"),
    "move": move("~/there", "~/b"),
}


def succeeds(asked: Asked) -> Run:
    """A success says `ok: true`, and nothing of what a refusal says."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/there", b"there"))
        reply = peer.ok(asked)
        same(True, reply["ok"], "ok")
        for name in ("code", "retry_ms", "close", "abort"):
            if name in reply:
                raise Deviation(f"no {name} in a success", f"{name}: {reply[name]!r}")

    return run


chapter.each(
    "HF-REPLY-005 HF-REPLY-011 HF-REPLY-012",
    "A reply to what was carried out says ok: true: {}.",
    succeeds,
    {f"ok-of-{name}": asked for name, asked in SUCCESSES.items()},
)


def echoes(asked: Asked) -> Run:
    """Greatest and odd ids come back."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/there", b"there"))
        if not asked.needs_id:
            peer.ask(asked)
            return
        for number in (1, 65536, 2**53 - 1):
            peer.ask(asked.with_id(number))

    return run


chapter.each(
    "HF-REPLY-003",
    "A reply repeats the id of its request: {}.",
    echoes,
    {f"id-of-{name}": asked for name, asked in SUCCESSES.items()}
    | {
        "id-of-a-refusal": get("~/none"),
        "id-of-a-wrong-type": get("~/a", offset="x"),
        "id-of-no-cmd": raw(b'{"x.y":1,"id":7}'),
        "id-of-a-refused-put": put("..", b"abc"),
        "id-of-two-frames": put("~/a", b"1", more=True).then(b"2"),
    },
)


# --- when a reply may come ---------------------------------------------------------------


def not_answered_yet(peer: Peer, asked: Asked) -> None:
    """Expect that nothing has come in answer to a request that was begun."""
    said = peer.receive(0.0)
    if not isinstance(said, Ended) or said.ending is not Ending.TIME_OUT:
        raise Deviation(f"nothing before the end of {asked}", str(said))


UNENDED: Final[Mapping[str, Asked]] = {
    "early-ok-of-a-put": put("~/a", b"abc", more=True),
    "early-ok-of-a-put-with-total": put("~/a", b"abc", more=True, total=3),
    "early-ok-of-a-hello": hello(more=True),
    "early-ok-of-a-stat": stat("~/there", more=True),
    "early-ok-of-a-get": get("~/there", more=True),
    "early-ok-of-a-delete": delete("~/there", more=True),
}


def waits(asked: Asked) -> Run:
    """No `ok` before the request has ended; then it comes."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/there", b"there"))
        begun = peer.begin(asked)
        not_answered_yet(peer, begun)
        peer.holds("~/there", b"there")
        peer.send(frame(b"{}"))
        peer.agrees(begun)
        peer.in_step()

    return run


chapter.each(
    "HF-REPLY-006 HF-BODY-005",
    "No ok: true comes before the request has ended: {}.",
    waits,
    UNENDED,
)


@chapter.check("HF-REPLY-007")
def early_refusals_are_small(peer: Peer) -> None:
    """A refusal has a header of at most 4096 bytes, however long what it refuses."""
    for asked in (
        put("x" * 60_000, b"abc", more=True),
        put("~/a", b"abc", more=True, **{"!" + "x" * 60_000: 1}),
        command("x" * 60_000, b"abc", more=True),
        put("\U0001f600/../" * 5000, b"abc", more=True),
    ):
        begun = peer.numbered(asked)
        before = peer.bytes_received
        peer.send(begun, frame(b"{}"))
        reply = peer.answer(begun)
        same(False, reply["ok"], "ok")
        same(b"", reply.body, "body")
        if peer.bytes_received - before > 4 + 4096:
            got = f"{peer.bytes_received - before - 4} bytes"
            raise Deviation("a header of at most 4096 bytes", got)


# --- messages about the connection -------------------------------------------------------


def about_connection(data: bytes, code: str) -> Run:
    """The message with `id` 0 is whole, has no body, and says what it has to."""

    def run(peer: Peer) -> None:
        peer.in_step()
        peer.send(data)
        said = peer.receive()
        if not isinstance(said, Reply):
            raise Deviation(f"id=0 {code}, close", str(said))
        wanted: dict[str, Any] = {"id": 0, "ok": False, "code": code, "close": True}
        same(wanted, {name: said[name] for name in wanted}, "message")
        same((b"", False), (said.body, "more" in said), "its body")

    return run


chapter.each(
    "HF-REPLY-008 HF-ERROR-003",
    "A fatal error is told in a message with id 0 and close: true, without a body: {}.",
    about_connection,
    {
        "message-of-bad-frame": (b"\0\0\0\0", "bad-frame"),
        "message-of-bad-header": (frame(b"no json"), "bad-header"),
        "message-of-bad-id": (frame(b'{"id":"x","cmd":"hello"}'), "bad-header"),
    },
)


@chapter.check("HF-REPLY-014 HF-ERROR-002")
def no_message_inside_another(peer: Peer) -> None:
    """A fatal error behind a large get is told after the whole reply."""
    body = peer.random.randbytes(1_500_000)
    peer.ok(put("~/a", body))
    asked = peer.numbered(get("~/a"))
    peer.send(asked, frame(b"no json"))
    same(body, peer.agrees(asked).body, "body")
    peer.dies("bad-header")


@chapter.check("HF-REPLY-012 HF-REPLY-013 HF-CMD-004")
def nothing_after_close(peer: Peer) -> None:
    """After close: true no further request is carried out or answered."""
    version = peer.numbered(hello(hf=2))
    peer.send(version, peer.numbered(put("~/a", b"abc")), peer.numbered(hello()))
    reply = peer.refuses("unsupported-version", version)
    same(True, reply["close"], "close")
    peer.ends()
    peer.holds("~/a", None)


def headers_seen(peer: Peer, *asked: Asked) -> list[bytes]:
    """Ask, and return the headers of the replies as their bytes."""
    peer.ok(put("~/there", b"there"))
    begin = peer.bytes_received
    peer.ask_all(*asked)
    data = peer.received()[begin:]
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        found.append(data[4:end])
        data = data[end + json.loads(data[4:end]).get("filesize", 0) :]
    return found


MANY: Final = (*SUCCESSES.values(), *REFUSED.values())


@chapter.check("HF-HEADER-019", permitted={"ok": Verdict.PASS, "white space": Verdict.WARN})
def headers_are_compact(peer: Peer) -> str:
    """Headers are written without white space."""
    for header in headers_seen(peer, *MANY):
        if re.search(rb"\s", re.sub(rb'"(?:[^"\\]|\\.)*"', b"", header)):
            return "white space"
    return "ok"


@chapter.check(
    "HF-HEADER-018", permitted={"ok": Verdict.PASS, "a name that is not registered": Verdict.WARN}
)
def names_are_registered(peer: Peer) -> str:
    """At the top of a header stand registered names, and private ones with a dot."""
    for header in headers_seen(peer, *MANY):
        if any("." not in name and name not in REGISTERED_KEYS for name in json.loads(header)):
            return "a name that is not registered"
    return "ok"


_PATH: Final = re.compile(r"(?:^|[\s'\"(:=<])(?:/(?:[\w.@+-]+/)+[\w.@+-]+|[A-Za-z]:\\\w)")


@chapter.check("HF-REPLY-017")
def messages_reveal_no_path(peer: Peer) -> None:
    """No message holds a path of the server's own file system."""
    peer.ok(put("~/there", b"there"))
    root = peer.conversation.target.root
    for asked in (*REFUSED.values(), put("~/there/x", b""), move("~/there", "~/there/x")):
        message = str(peer.ask(asked)["message"])
        if _PATH.search(message) or (root is not None and str(root) in message):
            raise Deviation("a message without a path", ascii(message[:80]))


CHECKS: Final = chapter.checks
