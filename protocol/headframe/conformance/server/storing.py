"""Checks of section 8.2, put."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, nothing_done
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    Asked,
    digest_of,
    frame,
    get,
    move,
    put,
    stat,
)
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("command")

HOUR_US: Final = 3_600_000_000
COARSE_US: Final = 2_000_000
"""The coarsest clock of a common file system."""

# --- put ---------------------------------------------------------------------------------

BODIES: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "one-nul": b"\0",
    "five-bytes": b"hello",
    "a-frame": frame(b'{"id":1,"cmd":"hello"}'),
    "1024-bytes": bytes(range(256)) * 4,
    "65537-bytes": b"x" * 65537,
    "300000-bytes": bytes(range(250)) * 1200,
}


def stored(body: bytes) -> Run:
    """A body is stored, told and given back as it came."""

    def run(peer: Peer) -> None:
        reply = peer.ok(put("~/a", body))
        same(len(body), reply["total"], "total")
        same(digest_of(body), reply["digest"], "digest")
        _revision(reply["rev"])
        same(reply["rev"], peer.ok(stat("~/a"))["rev"], "rev of stat")
        peer.holds("~/a", body)

    return run


def _revision(rev: Any) -> None:
    """Expect a revision as chapter 3 writes it."""
    good = isinstance(rev, str) and 1 <= len(rev) <= 64
    if not good or not all(char.isascii() and (char.isalnum() or char in "._-") for char in rev):
        raise Deviation("1 to 64 of A-Z a-z 0-9 . _ -", f"rev: {rev!r}")


chapter.each(
    "HF-CMD-006 HF-CMD-009 HF-CMD-008",
    "A put stores its body, and tells rev, total and digest: {}.",
    stored,
    {f"put-{name}": body for name, body in BODIES.items()},
)

PAIRS: Final = {
    "longer": (b"old", b"new and longer"),
    "shorter": (b"old and longer", b"new"),
    "nothing": (b"old", b""),
    "something": (b"", b"new"),
    "equal-length": (b"old", b"new"),
}


def replaced(old: bytes, new: bytes) -> Run:
    """A put replaces what was there."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", old))
        peer.ok(put("~/a", new))
        peer.holds("~/a", new)
        same([len(new)], [row.get("total") for row in peer.listed()], "totals of the listing")

    return run


chapter.each(
    "HF-CMD-006",
    "A put takes the place of what was there: by {}.",
    replaced,
    PAIRS,
)


@chapter.check("HF-CMD-006 HF-CMD-020")
def a_file_is_listed_once(peer: Peer) -> None:
    """However often a file is put, it is one file."""
    for number in range(5):
        peer.ok(put("~/a", bytes([number])))
    same([peer.name("a")], [row.get("filename") for row in peer.listed()], "names")


_A: Final = b"hello, world"

chapter.each(
    "HF-CMD-010",
    "A put whose total is not what came is refused: {}.",
    lambda asked: nothing_done("size-mismatch", asked),
    {
        "total-too-great": put("~/a", _A, total=13),
        "total-too-small": put("~/a", _A, total=11),
        "total-0": put("~/a", _A, total=0),
        "total-of-nothing": put("~/a", total=1),
        "total-trailing": put("~/a", b"one", more=True).then(b"two", total=5),
        "total-first-of-frames": put("~/a", b"one", more=True, total=7).then(b"two"),
        "total-passed-in-a-later-frame": put("~/a", b"one", more=True, total=5).then(b"two"),
    },
)

_WRONG: Final = digest_of(b"something else")

chapter.each(
    "HF-CMD-011",
    "A put whose digest is not that of what came is refused: {}.",
    lambda asked: nothing_done("digest-mismatch", asked),
    {
        "digest-of-other-bytes": put("~/a", _A, digest=_WRONG),
        "digest-of-nothing": put("~/a", digest=_WRONG),
        "digest-of-the-empty-file": put("~/a", _A, digest=digest_of(b"")),
        "digest-trailing": put("~/a", b"one", more=True).then(b"two", digest=_WRONG),
        "digest-of-the-first-frame": put("~/a", b"one", more=True, digest=digest_of(b"one")).then(
            b"two"
        ),
        "digest-of-the-last-frame": put("~/a", b"one", more=True).then(
            b"two", digest=digest_of(b"two")
        ),
    },
)


def right(asked: Asked, body: bytes) -> Run:
    """What is announced rightly is stored."""

    def run(peer: Peer) -> None:
        same(digest_of(body), peer.ok(asked)["digest"], "digest")
        peer.holds("~/a", body)

    return run


chapter.each(
    "HF-CMD-011 HF-CMD-010 HF-CMD-009",
    "A put whose total and digest are right is stored: {}.",
    right,
    {
        "right-in-one-header": (put("~/a", _A, total=12, digest=digest_of(_A)), _A),
        "right-for-nothing": (put("~/a", total=0, digest=digest_of(b"")), b""),
        "right-in-trailers": (
            put("~/a", b"one", more=True).then(b"two", total=6, digest=digest_of(b"onetwo")),
            b"onetwo",
        ),
        "right-in-both-headers": (
            put("~/a", b"one", more=True, digest=digest_of(b"onetwo")).then(
                b"two", digest=digest_of(b"onetwo")
            ),
            b"onetwo",
        ),
        "right-in-an-empty-last-frame": (
            put("~/a", b"one", more=True).then(total=3, digest=digest_of(b"one")),
            b"one",
        ),
    },
)

chapter.each(
    "HF-CMD-012",
    "A digest of an unknown algorithm is refused: {}.",
    lambda digest: nothing_done("unsupported", put("~/a", _A, digest=digest)),
    {
        "md5": "md5:" + 32 * "0",
        "sha-512": "sha-512:" + 128 * "0",
    },
)


def ill_written(*codes: str, digest: str) -> Run:
    """A digest that is written wrongly is refused, and nothing is stored."""

    def run(peer: Peer) -> None:
        for asked in (put("~/a", digest=digest), put("~/a", more=True).then(digest=digest)):
            word = peer.ask(asked).word
            if word not in codes:
                raise Deviation(" or ".join(codes), word)
            peer.in_step()
        peer.holds("~/a", None)

    return run


chapter.each(
    "HF-HEADER-016 HF-ERROR-012 HF-CMD-011",
    "A digest without the digits of its algorithm is refused: {}.",
    lambda digest: ill_written("bad-request", digest=digest),
    {
        "digest-in-capitals": digest_of(b"").upper().replace("SHA", "sha"),
        "digest-cut-short": digest_of(b"")[:-1],
        "digest-with-more": digest_of(b"") + "0",
        "digest-without-algorithm": digest_of(b"").partition(":")[2],
        "digest-without-digits": "sha-256:",
        "digest-empty": "",
    },
)
chapter.each(
    "HF-CMD-012 HF-ERROR-012",
    "What is perhaps no name of an algorithm is refused: {}.",
    lambda digest: ill_written("unsupported", "bad-request", digest=digest),
    {
        "digest-algorithm-in-capitals": "SHA-256:" + digest_of(b"")[8:],
        "digest-of-a-private-algorithm": "example.com:00",
    },
)

# --- mtime -------------------------------------------------------------------------------


def kept_time(mtime: int) -> Run:
    """A time that a put gives is kept, as finely as the server can."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"abc", mtime=mtime))
        seen = [peer.ok(stat("~/a"))["mtime"], peer.ok(get("~/a"))["mtime"]]
        seen += [row.get("mtime") for row in peer.listed()]
        for value in seen:
            if type(value) is not int or not 0 <= mtime - value < COARSE_US:
                raise Deviation(f"mtime: {mtime}, or a little less", f"mtime: {value!r}")
        same(seen[:1] * 3, seen, "mtime of stat, get and list")

    return run


chapter.each(
    "HF-CMD-013",
    "The mtime of a put is kept, rounded down: {}.",
    kept_time,
    {
        "mtime-2017": 1_500_000_000_123_456,
        "mtime-2026": 1_767_225_600_000_001,
        "mtime-zero": 0,
        "mtime-last-microsecond": 1_499_999_999_999_999,
    },
)


@chapter.check("HF-CMD-013")
def time_of_storing(peer: Peer) -> None:
    """Without mtime it is the time of storing, also over a file that had another."""
    peer.ok(put("~/a", b"old", mtime=1_000_000))
    peer.ok(put("~/b", b"first"))
    first = peer.ok(stat("~/b"))["mtime"]
    peer.ok(put("~/a", b"new"))
    then = peer.ok(stat("~/a"))["mtime"]
    if not first - COARSE_US <= then < first + HOUR_US:
        raise Deviation("an mtime about that of the put before", f"{then} after {first}")


@chapter.check("HF-CMD-013")
def time_survives_a_move(peer: Peer) -> None:
    """A move leaves the mtime of a file."""
    peer.ok(put("~/a", b"abc", mtime=1_500_000_000_000_000))
    before = peer.ok(stat("~/a"))["mtime"]
    peer.ok(move("~/a", "~/b"))
    same(before, peer.ok(stat("~/b"))["mtime"], "mtime")


CHECKS: Final = chapter.checks
