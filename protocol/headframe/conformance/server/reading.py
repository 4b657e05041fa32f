"""Checks of sections 8.3 and 8.4: get and stat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, nothing_done, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    delete,
    digest_of,
    get,
    move,
    put,
    stat,
)
from headframe.conformance.verdicts import Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("command")

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


@chapter.check("HF-CMD-018 HF-CMD-009")
def an_empty_file_has_a_digest(peer: Peer) -> None:
    """The digest of an empty file is told like any other."""
    told = [peer.ok(put("~/a"))]
    told += [
        peer.ok(asked) for asked in (stat("~/a", want=["digest"]), get("~/a", want=["digest"]))
    ]
    same([digest_of(b"")] * 3, [reply["digest"] for reply in told], "digests")


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
