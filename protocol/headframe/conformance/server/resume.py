"""Checks of section 10.1, uploads in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked, delete, digest_of, frame, put, stat
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS", "DIGEST", "TEXT", "ZEROS", "part", "stands", "unfinished"]

chapter: Final = Chapter("resume", depends_on=("resume/two-parts",))

TEXT: Final = b"hello, world"
DIGEST: Final = digest_of(TEXT)
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


CHECKS: Final = chapter.checks
