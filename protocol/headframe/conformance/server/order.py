"""Checks of section 6.2, which error comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    Asked,
    command,
    get,
    hello,
    list_,
    move,
    put,
    raw,
    stat,
)
from headframe.conformance.server.error import ZEROS

__all__ = ["CHECKS"]

chapter: Final = Chapter("error")

# --- 6.2 which error comes first ---------------------------------------------------------

FIRST: Final[Mapping[str, tuple[str, Asked]]] = {
    "critical-before-no-cmd": ("unsupported", raw(b'{"id":7,"!x":1}')),
    "critical-before-unknown-command": ("unsupported", command("handle", **{"!x": 1})),
    "critical-before-type": ("unsupported", put("~/a", b"", total="x", **{"!x": 1})),
    "critical-before-name": ("unsupported", put("..", b"abc", **{"!x": 1})),
    "command-before-type": ("unknown-command", command("handle", filename=5)),
    "command-before-body": ("unknown-command", command("handle", b"abc")),
    "type-before-name": ("bad-request", put("..", b"abc", mtime="x")),
    "missing-before-name": ("bad-request", command("move", filename="..")),
    "body-before-name": ("bad-request", command("get", b"abc", filename="..")),
    "type-before-digest": ("bad-request", put("~/a", b"", total="x", digest="md5:00")),
    "digest-before-name": ("unsupported", put("..", b"abc", digest="md5:00")),
    "both-before-not-found": ("bad-request", stat("~/none", upload="~")),
    "offset-without-upload-before-name": ("bad-request", put("..", b"abc", offset=3)),
    "name-before-not-found": ("bad-name", move("~/none", "..")),
    "name-of-source-before-conflict": ("bad-name", move("..", "~/old/x")),
    "name-before-condition": ("bad-name", put("..", b"abc", if_="none")),
    "name-before-size": ("bad-name", put("..", b"abc", total=2)),
    "missing-file-before-condition": ("not-found", get("~/none", if_="x", offset=9)),
    "missing-file-before-conflict": ("not-found", move("~/none", "~/old/x")),
    "conflict-before-condition": ("conflict", put("~/old/x", b"abc", if_="none")),
    "conflict-before-size": ("conflict", put("~/old/x", b"abc", total=2)),
    "conflict-before-move-condition": ("conflict", move("~/old", "~/old/x", if_="none")),
    "gone-before-condition": ("upload-gone", put("~/old", b"a", upload="~", offset=5, if_=None)),
    "condition-before-range": ("precondition-failed", get("~/old", if_="none", offset=99)),
    "condition-before-size": ("precondition-failed", put("~/old", b"abc", if_=None, total=2)),
    "condition-before-digest": ("precondition-failed", put("~/old", b"a", if_=None, digest=ZEROS)),
    "source-condition-before-target": (
        "precondition-failed",
        move("~/old", "~/other", if_="none", to_if="none"),
    ),
    "abort-before-digest": ("aborted", put("~/a", b"abc", digest=ZEROS, abort=True)),
    "abort-before-trailing-total": (
        "aborted",
        put("~/a", b"a", more=True).then(abort=True, total=9),
    ),
    "size-before-digest": ("size-mismatch", put("~/a", b"abc", total=9, digest=ZEROS)),
    "size-before-digest-of-trailers": (
        "size-mismatch",
        put("~/a", b"abc", more=True).then(total=9, digest=ZEROS),
    ),
}


def comes_first(code: str, asked: Asked) -> Run:
    """Of two things that are wrong, this one is told."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/old", b"old"))
        peer.ok(put("~/other", b"other"))
        refusal_is(code, asked)(peer)

    return run


chapter.each(
    "HF-ERROR-012",
    "A request that is wrong in two ways is refused for the first in the list: {}.",
    comes_first,
    FIRST,
)


@chapter.check("HF-ERROR-012 HF-CMD-004")
def version_before_everything(peer: Peer) -> None:
    """An unknown version is told before a critical name and a body."""
    for asked in (hello(hf=2, **{"!x": 1}), hello(hf=2, auth=5), command("hello", b"a", hf=2)):
        other = peer.another()
        other.refused("unsupported-version", asked)
        other.close()


@chapter.check("HF-ERROR-012 HF-COND-005")
def source_condition_tells_its_own_revision(peer: Peer) -> None:
    """Where both conditions of a move fail, the refusal tells the source's revision."""
    old = peer.ok(put("~/old", b"old"))
    peer.ok(put("~/other", b"other"))
    reply = peer.refused("precondition-failed", move("~/old", "~/other", if_="none"))
    same(old["rev"], reply["rev"], "rev")


@chapter.check("HF-ERROR-012 HF-RESUME-006")
def order_of_what_is_wrong_with_an_upload(peer: Peer) -> None:
    """Of an upload: another name, then the condition, the offset, the total, the size."""
    peer.ok(put("~/a", b"abc", upload="~", total=9))
    for code, asked in {
        "conflict": put("~/b", b"x", upload="~", offset=5, total=8, if_="none"),
        "precondition-failed": put("~/a", b"x", upload="~", offset=5, total=8, if_="none"),
        "offset-mismatch": put("~/a", b"x", upload="~", offset=5, total=8),
        "bad-request": put("~/a", bytes(20), upload="~", offset=3, total=8),
        "size-mismatch": put("~/a", bytes(20), upload="~", offset=3, total=9),
    }.items():
        peer.refused(code, asked)
    same(3, peer.ok(stat(upload="~"))["offset"], "offset")


@chapter.check("HF-ERROR-008")
def a_connection_survives_many_refusals(peer: Peer) -> None:
    """A hundred refusals in a row do not end a connection."""
    kinds = (get("~/none"), put("..", b"abc"), command("x"), list_(limit=0))
    for reply in peer.ask_all(*kinds * 25):
        same(False, reply["ok"], "ok")
    peer.in_step()


CHECKS: Final = chapter.checks
