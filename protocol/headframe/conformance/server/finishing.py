"""Checks of sections 10.2 and 10.3: the last part, and that the newest wins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked, delete, frame, put, stat
from headframe.conformance.server.resume import DIGEST, TEXT, ZEROS, part, stands, unfinished
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("resume", depends_on=("resume/two-parts",))

# --- 10.2 the last part ------------------------------------------------------------------


@chapter.check("HF-RESUME-014 HF-CMD-013")
def the_last_put_decides(peer: Peer) -> None:
    """Mtime and digest of the put that completes the upload count, and no others."""
    time = 1_500_000_000_000_000
    unfinished(peer, part(0, 7, total=12, mtime=1_000_000, digest=ZEROS))
    peer.ok(part(7, 12, mtime=time, digest=DIGEST))
    same(time, peer.ok(stat("~/a"))["mtime"], "mtime")
    peer.holds("~/a", TEXT)


@chapter.check("HF-RESUME-014 HF-COND-006")
def the_last_condition_decides(peer: Peer) -> None:
    """A condition that held for an earlier part does not count for the last one."""
    unfinished(peer, part(0, 7, total=12, if_=None))
    peer.ok(put("~/a", b"other"))
    peer.refused("precondition-failed", part(7, 7, if_=None))
    peer.ok(part(7, 12))
    peer.holds("~/a", TEXT)


TRIES: Final = 4


def again_if_early(run: Run) -> Run:
    """Try again where the server may have read a header later than it was sent."""

    def repeat(peer: Peer) -> None:
        for left in reversed(range(TRIES)):
            try:
                run(peer)
            except Deviation as deviation:
                if not left or "upload-gone" not in deviation.got:
                    raise
                for asked in (delete("~/a/below"), delete("~/a"), delete("~/b")):
                    peer.ask(asked)
            else:
                return

    return repeat


def kept_at_the_end(code: str, in_the_way: Asked, out_of_it: Asked | None) -> Run:
    """What fails at the commit keeps the upload; an empty put at its end tries again."""

    def run(peer: Peer) -> None:
        other = peer.another()
        rev = other.ok(put("~/b", b"old"))["rev"]
        begun = peer.begin(put("~/b", TEXT, upload="~", total=12, more=True, if_=rev))
        other.ok(in_the_way)
        peer.send(frame(b"{}"))
        peer.refuses(code, begun)
        reply = peer.ok(stat(upload="~"))
        same((12, 12), (reply["offset"], reply["total"]), "offset and total")
        if out_of_it is not None:
            other.ok(out_of_it)
        same(DIGEST, peer.ok(put("~/b", upload="~", offset=12))["digest"], "digest")
        peer.holds("~/b", TEXT)

    return run


chapter.each(
    "HF-RESUME-015 HF-RESUME-013",
    "An upload that fails at its end stays, and an empty put tries again: {}.",
    lambda code, in_the_way, out_of_it: again_if_early(
        kept_at_the_end(code, in_the_way, out_of_it)
    ),
    {
        "stays-after-a-lost-condition": ("precondition-failed", put("~/b", b"other"), None),
        "stays-after-a-deleted-file": ("precondition-failed", delete("~/b"), None),
    },
)


@chapter.check("HF-RESUME-015 HF-CMD-027")
def stays_after_a_conflict(peer: Peer) -> None:
    """After a conflict at the end an empty put at offset = total tries again."""

    def run(peer: Peer) -> None:
        begun = peer.begin(part(0, 12, total=12, more=True))
        other = peer.another()
        other.ok(put("~/a/below", b"in the way"))
        peer.send(frame(b"{}"))
        peer.refuses("conflict", begun)
        stands(peer, 12)
        other.ok(delete("~/a/below"))
        peer.ok(part(12, 12))
        peer.holds("~/a", TEXT)

    again_if_early(run)(peer)


FORGOTTEN: Final[Mapping[str, tuple[str, str, Asked]]] = {
    "too-many-bytes": (
        "HF-RESUME-016",
        "size-mismatch",
        part(0, 7, total=12, more=True).then(b"worlds"),
    ),
    "a-trailing-total-too-small": (
        "HF-RESUME-016",
        "size-mismatch",
        part(0, 12, more=True).then(total=11),
    ),
    "a-wrong-digest": ("HF-RESUME-017", "digest-mismatch", part(0, 12, total=12, digest=ZEROS)),
    "a-wrong-trailing-digest": (
        "HF-RESUME-017",
        "digest-mismatch",
        part(0, 12, total=12, more=True).then(digest=ZEROS),
    ),
}


def forgotten(code: str, asked: Asked) -> Run:
    """An upload whose bytes are wrong is forgotten, and can begin anew."""

    def run(peer: Peer) -> None:
        peer.refused(code, asked)
        peer.refused("upload-gone", stat(upload="~"))
        peer.holds("~/a", None)
        same(DIGEST, peer.ok(part(0, 12, total=12))["digest"], "digest")
        peer.holds("~/a", TEXT)

    return run


for _word, (_rule, _code, _asked) in FORGOTTEN.items():
    chapter.add(
        f"forgets-after-{_word}",
        f"An upload with {_word.replace('-', ' ')} is refused and forgotten.",
        _rule,
        forgotten(_code, _asked),
    )


# --- 10.3 the newest wins ----------------------------------------------------------------

NEWER: Final[Mapping[str, Asked]] = {
    "put": part(7, 12),
    "stat": stat(upload="~"),
    "delete": delete(upload="~"),
}


def taken_over(asked: Asked) -> Run:
    """A newer request of an upload ends an older put of it."""

    def run(peer: Peer) -> None:
        old = peer.begin(part(0, 7, total=12, more=True))
        newer = peer.another()
        reply = once_begun(newer, asked)
        if reply.word == "offset-mismatch":
            reply = newer.ok(part(reply["offset"], 12))
        same("ok", reply.word, str(asked))
        refusal = peer.refuses("superseded", old)
        same(True, refusal["close"], "close")
        peer.ends()
        if asked is NEWER["put"]:
            peer.holds("~/a", TEXT)

    return run


def once_begun(peer: Peer, asked: Asked) -> Reply:
    """Ask again as long as the server has not read the put that begins the upload."""
    deadline = time.monotonic() + peer.conversation.target.timeout_s
    while (reply := peer.ask(asked)).word == "upload-gone" and time.monotonic() < deadline:
        pass
    return reply


chapter.each(
    "HF-RESUME-018 HF-REPLY-012",
    "A newer request of an upload, wherever it comes, ends an older put of it: {}.",
    taken_over,
    {f"superseded-by-{name}": asked for name, asked in NEWER.items()},
)


@chapter.check("HF-RESUME-010 HF-RESUME-018")
def bytes_of_a_superseded_put_are_kept(peer: Peer) -> None:
    """What an older put has brought is kept when a newer request takes the upload over."""
    peer.another().begin(part(0, 7, total=12, more=True))
    reached = once_begun(peer, stat(upload="~"))["offset"]
    if type(reached) is not int or not 0 <= reached <= 7:
        raise Deviation("an offset of what was sent", repr(reached))
    peer.ok(part(reached, 12))
    peer.holds("~/a", TEXT)


HARMLESS: Final[Mapping[str, tuple[str, Asked]]] = {
    "a-wrong-type": ("bad-request", part(7, 12, total="x")),
    "a-bad-name": ("bad-name", put("..", b"x", upload="~", offset=7)),
    "a-critical-name": ("unsupported", stat(upload="~", **{"!x": 1})),
    "an-unknown-digest": ("unsupported", part(7, 12, digest="md5:00")),
    "a-stat-with-a-body": ("bad-request", Asked((stat(upload="~").frames[0],)).then(b"x")),
    "a-stat-of-both": ("bad-request", stat("~/a", upload="~")),
    "a-delete-of-both": ("bad-request", delete("~/a", upload="~")),
    "a-request-without-id": ("", delete(upload="~", id=None)),
}


def not_taken_over(code: str, asked: Asked) -> Run:
    """A request that is refused early does not disturb the put that runs."""

    def run(peer: Peer) -> None:
        old = peer.begin(part(0, 7, total=12, more=True))
        newer = peer.another()
        if code:
            newer.refused(code, _with_more(asked))
        else:
            newer.unanswered(asked)
        peer.send(frame(b'{"filesize":5}', b"world"))
        peer.agrees(old)
        peer.holds("~/a", TEXT)

    return run


def _with_more(asked: Asked) -> Asked:
    """Say of the first frame of several that others follow."""
    first = asked.frames[0]
    if len(asked.frames) == 1 or isinstance(first.header, bytes):
        return asked
    return Asked((type(first)({**first.header, "more": True}, first.body), *asked.frames[1:]))


chapter.each(
    "HF-RESUME-019",
    "What is refused before it comes to the upload does not take it over: {}.",
    not_taken_over,
    {f"not-superseded-by-{name}": case for name, case in HARMLESS.items()},
)

CHECKS: Final = chapter.checks
