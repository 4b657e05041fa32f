"""Checks of chapter 10, uploads that resume."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked, delete, frame, get, move, put, stat
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("resume")

TEXT: Final = b"hello, world"
DIGEST: Final = f"sha-256:{hashlib.sha256(TEXT).hexdigest()}"
ZEROS: Final = f"sha-256:{64 * '0'}"


def part(offset: int, end: int, /, **members: Any) -> Asked:
    """Return a put of a part of TEXT to `~/a`; offset 0 is left out."""
    first = {"upload": "~"} | ({"offset": offset} if offset else {})
    return put("~/a", TEXT[offset:end], **(first | members))


def stands(peer: Peer, offset: int, total: int | None = 12) -> None:
    """Expect where the unfinished upload stands."""
    reply = peer.ok(stat(upload="~"))
    same(offset, reply["offset"], "offset")
    same(total, reply["total"], "total")
    if "rev" in reply:
        raise Deviation("no rev of an unfinished upload", f"rev: {reply['rev']!r}")


# --- 10.1 parts --------------------------------------------------------------------------

CUTS: Final[Mapping[str, tuple[int, ...]]] = {
    "one-part": (),
    "two-parts": (7,),
    "a-part-of-nothing-first": (0, 7),
    "a-part-of-nothing-between": (7, 7),
    "a-part-for-each-byte": tuple(range(1, 12)),
    "an-empty-last-part": (12,),
}


def in_parts(cuts: tuple[int, ...], *, trailing: bool, apart: bool) -> Run:
    """A file arrives in parts; `apart`: each on a connection of its own."""

    def run(peer: Peer) -> None:
        begin = 0
        for end in cuts:
            early = {} if trailing else {"total": 12}
            speaker = peer.another() if apart else peer
            asked = part(begin, end, **early)
            same(end, unfinished(speaker, asked)["offset"], "offset")
            peer.holds("~/a", None)
            stands(peer, end, None if trailing else 12)
            begin = end
        last = part(begin, 12, more=True).then(total=12) if trailing else part(begin, 12, total=12)
        reply = peer.ok(last)
        same((12, DIGEST), (reply["total"], reply["digest"]), "total and digest")
        same(reply["rev"], peer.ok(stat("~/a"))["rev"], "rev")
        peer.holds("~/a", TEXT)

    return run


def unfinished(peer: Peer, asked: Asked) -> Reply:
    """Expect the reply to a part that does not complete its upload."""
    reply = peer.ok(asked)
    if "rev" in reply:
        raise Deviation("offset, and no rev", f"rev: {reply['rev']!r}")
    return reply


chapter.each(
    "HF-RESUME-003 HF-RESUME-009 HF-RESUME-011 HF-RESUME-013",
    "A file may be put in parts: {}.",
    lambda *cuts: in_parts(cuts, trailing=False, apart=False),
    {name: cuts for name, cuts in CUTS.items() if name not in {"an-empty-last-part"}},
)
chapter.each(
    "HF-RESUME-003 HF-RESUME-009 HF-RESUME-011 HF-RESUME-013",
    "The total of an upload may come with its last part: {}.",
    lambda *cuts: in_parts(cuts, trailing=True, apart=False),
    {f"trailing-total-of-{name}": CUTS[name] for name in ("two-parts", "an-empty-last-part")},
)
chapter.each(
    "HF-RESUME-003 HF-RESUME-012 HF-RESUME-013",
    "The parts of an upload may come on different connections: {}.",
    lambda *cuts: in_parts(cuts, trailing=False, apart=True),
    {"parts-on-several-connections": (3, 7, 9)},
)


@chapter.check("HF-RESUME-013 HF-CMD-009")
def an_empty_file_by_upload(peer: Peer) -> None:
    """An upload of a total of 0 is complete with its first put."""
    same(0, peer.ok(put("~/a", upload="~", total=0))["total"], "total")
    peer.holds("~/a", b"")


@chapter.check("HF-RESUME-013 HF-RESUME-012")
def a_large_upload(peer: Peer) -> None:
    """An upload of a megabyte and a half in five parts is stored as it was."""
    body = peer.random.randbytes(1_500_000)
    for begin in range(0, 1_500_000, 300_000):
        peer.ok(
            put("~/a", body[begin : begin + 300_000], upload="~", offset=begin, total=1_500_000)
        )
    same(True, body == peer.content("~/a"), "whether the bytes are the same")


@chapter.check("HF-RESUME-009 HF-RESUME-011")
def without_total_it_never_is_a_file(peer: Peer) -> None:
    """Without a total an upload does not become a file, however much has come."""
    same(12, unfinished(peer, part(0, 12))["offset"], "offset")
    stands(peer, 12, None)
    peer.holds("~/a", None)


@chapter.check("HF-RESUME-003 HF-COND-012")
def an_upload_beside_a_file(peer: Peer) -> None:
    """Until it is complete, an upload leaves the file that is there."""
    peer.ok(put("~/a", b"old"))
    unfinished(peer, part(0, 7, total=12))
    peer.holds("~/a", b"old")
    same([3], [row.get("total") for row in peer.listed()], "totals of the listing")
    peer.ok(part(7, 12))
    peer.holds("~/a", TEXT)


@chapter.check("HF-RESUME-003")
def two_uploads_of_one_name(peer: Peer) -> None:
    """Two uploads of one name do not disturb each other."""
    peer.ok(put("~/a", b"one", upload="~1", total=6))
    peer.ok(put("~/a", b"THREE", upload="~2", total=8))
    peer.ok(put("~/a", b"two", upload="~1", offset=3))
    peer.holds("~/a", b"onetwo")
    peer.ok(put("~/a", b"SIX", upload="~2", offset=5))
    peer.holds("~/a", b"THREESIX")


@chapter.check("HF-RESUME-003")
def tokens_differ_by_case(peer: Peer) -> None:
    """Tokens that differ in case alone are two uploads."""
    token = peer.conversation.fill("~")
    peer.conversation.tokens.add(token.upper())
    peer.ok(put("~/a", b"abc", upload=token, total=9))
    peer.refused("upload-gone", stat(upload=token.upper()))


def gone(asked: Asked) -> Run:
    def run(peer: Peer) -> None:
        peer.refused("upload-gone", asked)
        peer.in_step()
        peer.refused("upload-gone", stat(upload="~9"))
        peer.holds("~/a", None)

    return run


chapter.each(
    "HF-RESUME-004",
    "A token that nobody knows is gone, except for a put at offset 0: {}.",
    gone,
    {
        "gone-for-a-put": put("~/a", b"abc", upload="~9", offset=5, total=8),
        "gone-for-a-stat": stat(upload="~9"),
        "gone-for-a-delete": delete(upload="~9"),
    },
)


WRONG: Final[Mapping[str, tuple[str, str, Asked]]] = {
    "another-name": ("HF-RESUME-005", "conflict", put("~/b", b"world", upload="~", offset=7)),
    "offset-too-great": ("HF-RESUME-006", "offset-mismatch", part(9, 12)),
    "offset-too-small": ("HF-RESUME-006", "offset-mismatch", part(5, 12)),
    "offset-0": ("HF-RESUME-006", "offset-mismatch", part(0, 12)),
    "offset-given-as-0": ("HF-RESUME-006", "offset-mismatch", part(0, 12, offset=0)),
    "offset-beyond-total": ("HF-RESUME-006", "offset-mismatch", part(7, 12, offset=13)),
    "another-total": ("HF-RESUME-007", "bad-request", part(7, 12, total=13)),
    "a-smaller-total": ("HF-RESUME-007", "bad-request", part(7, 8, total=8)),
    "too-much": ("HF-RESUME-008", "size-mismatch", put("~/a", b"worlds", upload="~", offset=7)),
    "far-too-much": (
        "HF-RESUME-008",
        "size-mismatch",
        put("~/a", bytes(500_000), upload="~", offset=7),
    ),
    "a-failed-condition": ("HF-COND-002", "precondition-failed", part(7, 12, if_="x")),
    "an-unknown-digest": ("HF-CMD-012", "unsupported", part(7, 12, digest="md5:00")),
    "a-wrong-type": ("HF-HEADER-016", "bad-request", part(7, 12, mtime="x")),
}


def wrong_part(code: str, asked: Asked) -> Run:
    """A part that is refused at its header leaves the upload, which then is completed."""

    def run(peer: Peer) -> None:
        unfinished(peer, part(0, 7, total=12))
        reply = peer.refused(code, asked)
        if code == "offset-mismatch":
            same(7, reply["offset"], "offset")
        stands(peer, 7)
        peer.ok(part(7, 12))
        peer.holds("~/a", TEXT)
        peer.holds("~/b", None)

    return run


for _word, (_rule, _code, _asked) in WRONG.items():
    chapter.add(
        f"refuses-{_word}",
        f"A part with {_word.replace('-', ' ')} is refused, and the upload stays where it stood.",
        f"{_rule} HF-RESUME-010 HF-RESUME-012",
        wrong_part(_code, _asked),
    )


@chapter.check("HF-RESUME-007")
def a_total_that_was_refused_does_not_count(peer: Peer) -> None:
    """The total of a put that was refused at its first header binds nobody."""
    unfinished(peer, part(0, 7))
    peer.refused("offset-mismatch", part(9, 12, total=99))
    peer.ok(part(7, 12, total=12))
    peer.holds("~/a", TEXT)


@chapter.check("HF-RESUME-007")
def a_total_binds_later_parts(peer: Peer) -> None:
    """A total given once, by header or trailer, may be repeated and not changed."""
    unfinished(peer, part(0, 3, more=True).then(total=12))
    unfinished(peer, part(3, 7, total=12))
    peer.refused("bad-request", part(7, 12, more=True).then(total=13))


KEPT: Final[Mapping[str, tuple[Asked, str]]] = {
    "an-abort": (part(0, 7, total=12, more=True).then(abort=True), "aborted"),
    "an-abort-with-bytes": (part(0, 3, total=12, more=True).then(TEXT[3:7], abort=True), "aborted"),
    "a-wrong-later-header": (
        part(0, 7, total=12, more=True).then(b"x", filename="b"),
        "bad-request",
    ),
    "a-critical-later-header": (
        part(0, 7, total=12, more=True).then(b"x", **{"!x": 1}),
        "unsupported",
    ),
}


def kept(asked: Asked, code: str) -> Run:
    """What has come before a refusal is kept, and is gone on with."""

    def run(peer: Peer) -> None:
        peer.refused(code, asked)
        peer.holds("~/a", None)
        reached = peer.ok(stat(upload="~"))["offset"]
        if reached not in {7, 8}:
            raise Deviation("offset: 7, or 8 with the byte of the refused frame", str(reached))
        peer.ok(part(7, 12)) if reached == 7 else None
        peer.holds("~/a", TEXT if reached == 7 else None)

    return run


chapter.each(
    "HF-RESUME-010",
    "What has come of an upload is kept after {}.",
    kept,
    {f"kept-after-{name}": case for name, case in KEPT.items()},
)


def kept_after_end(tail: bytes, code: str | None) -> Run:
    """What has come is kept when the connection ends inside the message."""

    def run(peer: Peer) -> None:
        other = peer.another()
        other.in_step()
        other.send(other.numbered(part(0, 7, total=12, filesize=7, more=True)), tail)
        if code is None:
            other.wire.end_sending()
            other.ends()
        else:
            other.dies(code)
        stands(peer, 7)
        peer.ok(part(7, 12))
        peer.holds("~/a", TEXT)

    return run


chapter.each(
    "HF-RESUME-010 HF-RESUME-012",
    "What has come of an upload is kept after {}.",
    kept_after_end,
    {
        "kept-after-an-end-between-frames": (b"", None),
        "kept-after-an-end-in-a-header": (frame(b'{"filesize":5}')[:9], None),
        "kept-after-a-bad-frame": (b"\0\0\0\0", "bad-frame"),
        "kept-after-a-later-cmd": (frame(b'{"cmd":"put"}'), "bad-frame"),
        "kept-after-a-bad-header": (frame(b"no json"), "bad-header"),
    },
)


@chapter.check("HF-RESUME-010 HF-RESUME-011")
def kept_after_an_end_in_a_body(peer: Peer) -> None:
    """Bytes of a frame that is cut off are kept, too."""
    other = peer.another()
    other.in_step()
    other.send(other.numbered(part(0, 7, total=12, filesize=12)))
    other.wire.end_sending()
    other.ends()
    stands(peer, 7)
    peer.ok(part(7, 12))
    peer.holds("~/a", TEXT)


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
        peer.ok(part(0, 12, total=12))
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

# --- 10.4 a lost reply -------------------------------------------------------------------


def finished(peer: Peer) -> tuple[Asked, dict[str, Any]]:
    """Finish an upload in two parts; return its last put and the reply."""
    unfinished(peer, part(0, 7, total=12))
    last = part(7, 12, digest=DIGEST)
    return last, peer.ok(last).header


def repeated(*meanwhile: Asked, last: Asked | None = None) -> Run:
    """The completing put, again: the same reply, and nothing is done."""

    def run(peer: Peer) -> None:
        completing, reply = finished(peer)
        for asked in meanwhile:
            peer.ok(asked)
        before = peer.content("~/a")
        for _ in range(2):
            again = peer.another().ok(last or completing).header
            same(reply | {"id": 0}, again | {"id": 0}, "reply")
        peer.holds("~/a", before)

    return run


chapter.each(
    "HF-RESUME-022 HF-RESUME-023",
    "The completing put gets the same reply when it comes again: {}.",
    repeated,
    {
        "again": (),
        "again-after-another-put": (put("~/a", b"newer"),),
        "again-after-a-delete": (delete("~/a"),),
        "again-after-a-move": (move("~/a", "~/b"),),
        "again-after-a-directory": (delete("~/a"), put("~/a/b", b"newer")),
    },
)


@chapter.check("HF-RESUME-022")
def again_in_other_frames(peer: Peer) -> None:
    """The completing put may come again cut into other frames."""
    repeated(last=part(7, 9, more=True).then(b"rld"))(peer)


@chapter.check("HF-RESUME-022 HF-RESUME-024")
def again_of_a_single_part(peer: Peer) -> None:
    """A put that completed its upload alone gets the same reply, and stores nothing again."""
    whole = part(0, 12, total=12)
    reply = peer.ok(whole).header
    peer.ok(put("~/a", b"newer"))
    same(reply | {"id": 0}, peer.ok(whole).header | {"id": 0}, "reply")
    peer.holds("~/a", b"newer")


@chapter.check("HF-RESUME-022 HF-ERROR-012")
def again_with_a_lost_condition(peer: Peer) -> None:
    """A completing put with a condition gets the same reply, though it fails by now."""
    unfinished(peer, part(0, 7, total=12))
    last = part(7, 12, if_=None)
    reply = peer.ok(last).header
    same(reply | {"id": 0}, peer.ok(last).header | {"id": 0}, "reply")


OTHERS: Final[Mapping[str, Asked]] = {
    "other-bytes": put("~/a", b"WORLD", upload="~", offset=7),
    "fewer-bytes": part(7, 11),
    "more-bytes": put("~/a", b"world!", upload="~", offset=7),
    "another-offset": part(5, 12),
    "offset-0": part(0, 12, total=12),
    "an-empty-put-at-the-end": part(12, 12),
    "another-name": put("~/b", b"world", upload="~", offset=7),
}


def other_put(asked: Asked) -> Run:
    """Any other put of a finished upload is a conflict."""

    def run(peer: Peer) -> None:
        finished(peer)
        peer.refused("conflict", asked)
        peer.in_step()
        peer.holds("~/a", TEXT)
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-RESUME-024",
    "Any other put of a finished upload is a conflict: {}.",
    other_put,
    {f"finished-and-{name}": asked for name, asked in OTHERS.items()},
)


@chapter.check("HF-RESUME-025 HF-RESUME-023")
def stat_of_a_finished_upload(peer: Peer) -> None:
    """Stat tells rev, total and digest of what was stored, though the file has changed since."""
    _, reply = finished(peer)
    for asked in (put("~/a", b"newer"), delete("~/a")):
        peer.ok(asked)
        told = peer.ok(stat(upload="~"))
        wanted = {"rev": reply["rev"], "total": 12, "digest": DIGEST, "offset": 12}
        same(wanted, {name: told[name] for name in wanted}, "what stat tells")


@chapter.check("HF-RESUME-026")
def a_finished_upload_is_forgotten(peer: Peer) -> None:
    """Delete by upload forgets a finished one, and leaves its file."""
    finished(peer)
    peer.ok(delete(upload="~"))
    peer.refused("upload-gone", stat(upload="~"))
    peer.holds("~/a", TEXT)
    peer.ok(put("~/a", b"anew", upload="~", total=4))
    peer.holds("~/a", b"anew")


@chapter.check("HF-RESUME-026")
def an_unfinished_upload_is_forgotten(peer: Peer) -> None:
    """Delete by upload forgets an unfinished one."""
    unfinished(peer, part(0, 7, total=12))
    peer.ok(delete(upload="~"))
    peer.refused("upload-gone", part(7, 12))
    peer.refused("upload-gone", delete(upload="~"))
    peer.ok(put("~/b", b"abc", upload="~", total=3))
    peer.holds("~/b", b"abc")


@chapter.check("HF-RESUME-011 HF-COND-002")
def if_means_nothing_by_upload(peer: Peer) -> None:
    """`if` on a stat or delete by upload means nothing."""
    unfinished(peer, part(0, 7, total=12))
    same(7, peer.ok(stat(upload="~", if_="x"))["offset"], "offset")
    peer.ok(delete(upload="~", if_="x"))


@chapter.check("HF-RESUME-003 HF-REQ-004")
def a_part_without_id(peer: Peer) -> None:
    """A part without id counts like any other."""
    peer.unanswered(part(0, 7, total=12, id=None))
    stands(peer, 7)
    peer.unanswered(part(7, 12, id=None))
    same(TEXT, peer.ok(get("~/a")).body, "body")


CHECKS: Final = chapter.checks
