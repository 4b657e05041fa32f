"""Checks of chapter 8: commands, hello, put, get and stat."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from headframe import LIMITS
from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, nothing_done, refusal_is
from headframe.conformance.peer import Peer, same
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
    stat,
)
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS", "digest_of"]

chapter: Final = Chapter("command")

HOUR_US: Final = 3_600_000_000
COARSE_US: Final = 2_000_000
"""The coarsest clock of a common file system."""


def digest_of(body: bytes) -> str:
    """Return a digest as HF/1 writes it."""
    return f"sha-256:{hashlib.sha256(body).hexdigest()}"


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


# --- get ---------------------------------------------------------------------------------

TEXT: Final = b"0123456789"

RANGES: Final[Mapping[str, tuple[dict[str, int], bytes]]] = {
    "all": ({}, TEXT),
    "from-0": ({"offset": 0}, TEXT),
    "from-1": ({"offset": 1}, TEXT[1:]),
    "last-byte": ({"offset": 9}, b"9"),
    "from-the-end": ({"offset": 10}, b""),
    "length-0": ({"length": 0}, b""),
    "length-0-in-the-middle": ({"offset": 4, "length": 0}, b""),
    "length-0-at-the-end": ({"offset": 10, "length": 0}, b""),
    "first-byte": ({"length": 1}, b"0"),
    "middle": ({"offset": 3, "length": 4}, b"3456"),
    "exact-length": ({"length": 10}, TEXT),
    "length-clipped": ({"length": 11}, TEXT),
    "length-clipped-in-the-middle": ({"offset": 8, "length": 5}, b"89"),
    "length-at-the-end": ({"offset": 10, "length": 5}, b""),
    "greatest-length": ({"length": 2**53 - 1}, TEXT),
    "greatest-length-from-5": ({"offset": 5, "length": 2**53 - 1}, TEXT[5:]),
}


def ranged(members: dict[str, int], expected: bytes) -> Run:
    """A range is what was asked for, clipped to the file."""

    def run(peer: Peer) -> None:
        rev = peer.ok(put("~/a", TEXT))["rev"]
        reply = peer.ok(get("~/a", **members))
        same(expected, reply.body, "body")
        same(10, reply["total"], "total")
        same(members.get("offset", 0), reply["offset"], "offset")
        same(rev, reply["rev"], "rev")
        same(int, type(reply["mtime"]), "type of mtime")
        peer.in_step()

    return run


chapter.each(
    "HF-CMD-014",
    "A get gives the range that was asked for, with rev, total, offset and mtime: {}.",
    ranged,
    {f"range-{name}": case for name, case in RANGES.items()},
)


@chapter.check("HF-CMD-014 HF-BODY-014")
def a_range_across_frames(peer: Peer) -> None:
    """A range of a large file is exact, wherever the frames of the reply end."""
    body = peer.random.randbytes(2_200_000)
    peer.ok(put("~/a", body))
    for offset, length in ((1_048_575, 2), (1, 1_048_576), (99_999, 2_100_000), (2_199_999, 9)):
        reply = peer.ok(get("~/a", offset=offset, length=length))
        same(body[offset : offset + length], reply.body, f"{length} bytes from {offset}")


def beyond(total: int, members: dict[str, int]) -> Run:
    def run(peer: Peer) -> None:
        peer.ok(put("~/a", TEXT[:total]))
        same(total, peer.refused("bad-range", get("~/a", **members))["total"], "total")
        peer.in_step()

    return run


chapter.each(
    "HF-CMD-015",
    "An offset beyond the end is refused, and total told: {}.",
    beyond,
    {
        "beyond-by-one": (10, {"offset": 11}),
        "beyond-with-length-0": (10, {"offset": 11, "length": 0}),
        "beyond-by-far": (10, {"offset": 2**53 - 1}),
        "beyond-an-empty-file": (0, {"offset": 1}),
    },
)


chapter.each(
    "HF-CMD-016",
    "A name that no file has is not found: {}.",
    lambda asked: refusal_is("not-found", asked),
    {
        "missing-get": get("~/none"),
        "missing-stat": stat("~/none"),
        "missing-delete": delete("~/none"),
        "missing-move": move("~/none", "~/b"),
        "missing-deep": get("~/none/of/these"),
        "missing-range": get("~/none", offset=5),
        "missing-move-onto-itself": move("~/none", "~/none", to_if=True),
    },
)


@chapter.check("HF-CMD-016 HF-CMD-008")
def what_was_deleted_is_not_found(peer: Peer) -> None:
    """After a delete its name is not found, from any connection, and nothing else is lost."""
    peer.ok(put("~/a", b"1"))
    peer.ok(put("~/ab", b"2"))
    peer.ok(delete("~/a"))
    peer.holds("~/a", None)
    peer.holds("~/ab", b"2")
    peer.refused("not-found", delete("~/a"))


@chapter.check("HF-CMD-016 HF-CMD-027")
def below_a_file_there_is_nothing(peer: Peer) -> None:
    """A name below a file is not found."""
    peer.ok(put("~/a", b"1"))
    for asked in (get("~/a/b"), stat("~/a/b"), delete("~/a/b"), move("~/a/b", "~/c")):
        refusal_is("not-found", asked)(peer)


# --- stat and want -----------------------------------------------------------------------


@chapter.check("HF-CMD-017 HF-COND-013")
def stat_tells_of_a_file(peer: Peer) -> None:
    """Stat tells rev, total and mtime, the same as put, get and list."""
    put_reply = peer.ok(put("~/a", b"hello"))
    reply, got = peer.ok(stat("~/a")), peer.ok(get("~/a"))
    row = peer.listed()[0]
    same((put_reply["rev"], 5), (reply["rev"], reply["total"]), "rev and total")
    for name in ("rev", "total", "mtime"):
        same(reply[name], got[name], f"{name} of get")
        same(reply[name], row.get(name), f"{name} of list")


WANTS: Final[Mapping[str, list[str]]] = {
    "alone": ["digest"],
    "twice": ["digest", "digest"],
    "beside-unknown": ["example.com.colour", "digest", "size", ""],
}


def wanted(want: list[str]) -> Run:
    """The digest of the whole file is told when it is wanted."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", TEXT))
        for asked in (
            stat("~/a", want=want),
            get("~/a", want=want),
            get("~/a", want=want, offset=3, length=2),
            get("~/a", want=want, length=0),
        ):
            same(digest_of(TEXT), peer.ok(asked)["digest"], "digest")

    return run


chapter.each(
    "HF-CMD-018",
    "The digest of the whole file is told when want holds it: {}.",
    wanted,
    {f"want-{name}": want for name, want in WANTS.items()},
)


@chapter.check("HF-CMD-018")
def unknown_wants_are_ignored(peer: Peer) -> None:
    """Words of want that nobody knows, or none, change nothing."""
    peer.ok(put("~/a", TEXT))
    for want in ([], ["colour"], ["digest.sha-512", "!x"]):
        same(TEXT, peer.ok(get("~/a", want=want)).body, "body")
        peer.ok(stat("~/a", want=want))


chapter.each(
    "HF-CMD-028",
    "Neither or both of filename and upload, or offset without upload, are refused: {}.",
    lambda asked: nothing_done("bad-request", asked),
    {
        "stat-of-neither": stat(),
        "stat-of-both": stat("~/a", upload="~"),
        "delete-of-neither": delete(),
        "delete-of-both": delete("~/a", upload="~"),
        "put-with-offset-alone": put("~/a", b"abc", offset=0),
        "put-with-offset-3": put("~/a", b"abc", offset=3),
    },
)


@chapter.check(
    "HF-SEC-012 HF-REPLY-011 HF-ERROR-012",
    permitted={"ok": Verdict.PASS, "no limit to pass": Verdict.INFO},
)
def a_file_beyond_the_limit(peer: Peer) -> str:
    """A file greater than the announced total is refused as soon as its size is announced."""
    limit = peer.facts.limit("total", 0)
    if limit >= 2**53 - 1:
        return "no limit to pass"
    peer.refused("too-large", put("~/a", b"abc", total=limit + 1))
    peer.refused("bad-name", put("..", b"abc", total=limit + 1))
    peer.in_step()
    asked = peer.numbered(put("~/a", filesize=limit + 1))
    peer.send(asked)
    same(True, peer.refuses("too-large", asked)["close"], "close")
    peer.holds("~/a", None)
    return "ok"


CHECKS: Final = chapter.checks
