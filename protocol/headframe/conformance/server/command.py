"""Checks of chapter 8: the table of commands, and hello."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe import LIMITS
from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    command,
    delete,
    get,
    hello,
    list_,
    move,
    put,
    stat,
)
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("command")

# --- the table of commands ---------------------------------------------------------------

chapter.each(
    "HF-CMD-001",
    "What is not in the table of commands is unknown, whatever the program calls it: {}.",
    lambda word: refusal_is("unknown-command", command(word, filename="~/a")),
    {
        f"unknown-{name}": word
        for name, word in {
            "handle": "handle",
            "init": "__init__",
            "class": "__class__",
            "dict": "__dict__",
            "setup": "setup",
            "finish": "finish",
            "request": "request",
            "server": "server",
            "close": "close",
            "do-put": "do_put",
            "upper-case": "PUT",
            "capital": "Put",
            "space-behind": "put ",
            "space-before": " put",
            "nul-behind": "put\0",
            "empty": "",
            "put-and-more": "put2",
            "prefix-of-put": "pu",
            "dotted": "os.system",
            "path": "../put",
            "constructor": "constructor",
            "proto": "__proto__",
            "to-string": "toString",
            "reply-word": "ok",
            "long": "x" * 5000,
            "full-width": "\uff50\uff55\uff54",
        }.items()
    },
)

# --- hello -------------------------------------------------------------------------------


@chapter.check("HF-CMD-002")
def hello_is_never_needed(peer: Peer) -> None:
    """Every command is served on a connection that never said hello."""
    for asked in (put("~/a", b"abc"), get("~/a"), stat("~/a"), list_(), move("~/a", "~/b")):
        other = peer.another()
        other.ok(asked)
        other.close()
    other = peer.another()
    other.ok(delete("~/b"))


@chapter.check("HF-CMD-002")
def hello_comes_anywhere(peer: Peer) -> None:
    """Hello is answered first, last, in between and again and again."""
    asked = (hello(), put("~/a", b"abc"), hello(hf=1), get("~/a"), hello(), hello())
    same(["ok"] * 6, [reply.word for reply in peer.ask_all(*asked)], "replies")


@chapter.check("HF-CMD-003 HF-CMD-005")
def hello_tells_versions_limits_and_features(peer: Peer) -> None:
    """The reply to hello holds versions, with 1 among them, limits and features."""
    reply = peer.ok(hello(hf=1))
    versions, limits, features = reply["hf"], reply["limits"], reply["features"]
    if not isinstance(versions, list) or 1 not in versions:
        raise Deviation("an array of versions, 1 among them", f"hf: {versions!r}")
    if not isinstance(features, list) or not all(isinstance(word, str) for word in features):
        raise Deviation("an array of strings", f"features: {features!r}")
    if not isinstance(limits, dict):
        raise Deviation("an object", f"limits: {limits!r}")
    for name in GUARANTEED:
        if type(limits.get(name)) is not int:
            raise Deviation(f"limits with an integer {name}", f"{name}: {limits.get(name)!r}")


GUARANTEED: Final[Mapping[str, int]] = {
    "total": LIMITS.total_bytes,
    "list": LIMITS.list_entries,
    "discard": LIMITS.discard_bytes,
    "header_ms": LIMITS.header_ms,
    "idle_ms": LIMITS.idle_ms,
    "linger_ms": LIMITS.linger_ms,
    "upload_ttl_ms": LIMITS.upload_ttl_ms,
}


def generous(name: str, least: int) -> Run:
    """A limit is at least what every server guarantees."""

    def run(peer: Peer) -> None:
        value = peer.ok(hello())["limits"].get(name, least)
        if type(value) is not int or value < least:
            raise Deviation(f"at least {least}", f"{name}: {value!r}")
        if name == "header_ms":
            same(least, value, name)

    return run


chapter.each(
    "HF-CMD-005",
    "No announced limit is stricter than what every server guarantees: {}.",
    generous,
    {f"limit-{name.replace('_', '-')}": (name, least) for name, least in GUARANTEED.items()},
)


def unspoken(version: int) -> Run:
    def run(peer: Peer) -> None:
        reply = peer.refused("unsupported-version", hello(hf=version))
        same(True, reply["close"], "close")
        peer.ends()

    return run


chapter.each(
    "HF-CMD-004 HF-REPLY-012",
    "A hello with a version that is not spoken is refused, and the connection ends: {}.",
    unspoken,
    {"version-0": 0, "version-2": 2, "version-greatest": 2**53 - 1},
)


@chapter.check("HF-CMD-004 HF-HEADER-015")
def version_is_of_hello_alone(peer: Peer) -> None:
    """A version in another command than hello means nothing."""
    for asked in (put("~/a", b"abc", hf=2), get("~/a", hf=2), stat("~/a", hf="x"), list_(hf=0)):
        peer.ok(asked)
    peer.refused("unknown-command", command("handle", hf=2))


CHECKS: Final = chapter.checks
