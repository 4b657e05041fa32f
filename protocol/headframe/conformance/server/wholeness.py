"""Checks of chapter 9: conditions judged at the change, and files that are whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Ended
from headframe.conformance.requests import Asked, delete, frame, get, hello, list_, move, put, stat
from headframe.conformance.verdicts import Deviation, Verdict
from headframe.conformance.wire import Ending

__all__ = ["CHECKS"]

chapter: Final = Chapter("condition")

# --- once more at the change -------------------------------------------------------------

BETWEEN: Final[Mapping[str, tuple[Any, list[Asked], bool]]] = {
    "another-put": ("rev", [put("~/a", b"between")], True),
    "a-put-of-the-same-bytes-elsewhere": ("rev", [put("~/x", b"old")], False),
    "a-delete": ("rev", [delete("~/a")], True),
    "a-move-away": ("rev", [move("~/a", "~/x")], True),
    "a-move-into-place": (
        "rev",
        [put("~/x", b"between"), move("~/x", "~/a", to_if=True)],
        True,
    ),
    "a-put-and-if-null": (None, [delete("~/a"), put("~/a", b"between")], True),
}


def changed_between(condition: Any, meanwhile: list[Asked], refused: bool) -> Run:
    """What happens between the header and the end of a put counts."""

    def run(peer: Peer) -> None:
        other = peer.another()
        rev = other.ok(put("~/a", b"old"))["rev"]
        if condition is None:
            other.ok(meanwhile[0])
        asked = put("~/a", b"ne", more=True, if_=rev if condition == "rev" else condition)
        begun = peer.begin(asked)
        for one in meanwhile if condition == "rev" else meanwhile[1:]:
            other.ok(one)
        before = peer.content("~/a")
        peer.send(frame(b'{"filesize":1}', b"w"))
        if refused:
            peer.refuses("precondition-failed", begun)
        else:
            peer.agrees(begun)
        peer.holds("~/a", before if refused else b"new")

    return run


chapter.each(
    "HF-COND-006",
    "A condition is judged again when the put has ended: after {}.",
    changed_between,
    {f"after-{name}": case for name, case in BETWEEN.items()},
)

RACERS: Final = 4


def race(make: Callable[[int, str], Asked], *, once: str) -> Run:
    """Of several requests at the same time exactly one is carried out."""

    def run(peer: Peer) -> None:
        for turn in range(3):
            rev = peer.ok(put(f"~/{turn}", b"old"))["rev"]
            if once == "create":
                peer.ok(delete(f"~/{turn}"))
            racers = [peer.another() for _ in range(RACERS)]
            asked = [one.numbered(make(turn, rev)) for one in racers]
            for one in racers:
                one.in_step()
            for one, said in zip(racers, asked, strict=True):
                one.send(said)
            words = [one.answer(said).word for one, said in zip(racers, asked, strict=True)]
            for one in racers:
                one.close()
            same(1, words.count("ok"), f"how many of {RACERS} were carried out")
            same(True, set(words) <= {"ok", "precondition-failed", "not-found"}, "refusals")

    return run


chapter.each(
    "HF-COND-006",
    "Of several requests with one condition, at the same time, one is carried out: {}.",
    lambda make, once: race(make, once=once),
    {
        "race-to-create": (lambda turn, rev: put(f"~/{turn}", b"new", if_=None), "create"),  # noqa: ARG005
        "race-to-replace": (lambda turn, rev: put(f"~/{turn}", b"new", if_=rev), ""),
        "race-to-delete": (lambda turn, rev: delete(f"~/{turn}", if_=rev), ""),
        "race-to-move": (lambda turn, rev: move(f"~/{turn}", f"~/{turn}-to", if_=rev), ""),
    },
)


@chapter.check(
    "HF-COND-008", permitted={"ok": Verdict.PASS, "it takes the body first": Verdict.WARN}
)
def a_lost_condition_is_told_early(peer: Peer) -> str:
    """A put whose if fails already at its header is refused before its body has come."""
    peer.ok(put("~/a", b"old"))
    asked = peer.numbered(put("~/a", if_=None, filesize=500_000))
    peer.send(asked)
    said = peer.receive(peer.conversation.target.timeout_s / 5)
    if isinstance(said, Ended) and said.ending is Ending.TIME_OUT:
        return "it takes the body first"
    if str(said) != f"id={asked.id} precondition-failed":
        raise Deviation(f"id={asked.id} precondition-failed", str(said))
    peer.send(bytes(500_000))
    peer.in_step()
    return "ok"


# --- whole or not at all -----------------------------------------------------------------


@chapter.check("HF-COND-009")
def durability_is_told(peer: Peer) -> None:
    """Hello tells which durability the server keeps."""
    found = peer.ok(hello())["durability"]
    if found not in {"rename", "fsync"}:
        raise Deviation("rename or fsync", f"durability: {found!r}")


@chapter.check("HF-CMD-007 HF-COND-012 HF-COND-011")
def half_a_put_is_not_seen(peer: Peer) -> None:
    """While a put is on its way, the old file is whole and the only one that is seen."""
    other = peer.another()
    rev = other.ok(put("~/a", b"old"))["rev"]
    begun = peer.begin(put("~/a", b"x" * 100_000, more=True))
    same(b"old", other.ok(get("~/a")).body, "what is read")
    same(rev, other.ok(stat("~/a"))["rev"], "rev")
    rows = [(row.get("filename"), row.get("total")) for row in other.listed()]
    same([(peer.name("a"), 3)], rows, "names and totals")
    peer.send(frame(b"{}"))
    peer.agrees(begun)
    peer.holds("~/a", b"x" * 100_000)


@chapter.check("HF-CMD-007")
def readers_beside_a_writer(peer: Peer) -> None:
    """Whoever reads beside puts and moves finds each file whole, and never fails."""
    bodies = [bytes([65 + n]) * (1 + 40_000 * (n % 3)) for n in range(12)]
    peer.ok(put("~/a", bodies[0]))
    reader = peer.another()
    written = [peer.numbered(put("~/a", body)) for body in bodies]
    read = [reader.numbered(get("~/a")) for _ in range(24)]
    for number, asked in enumerate(written):
        peer.send(asked)
        reader.send(*read[2 * number : 2 * number + 2])
    for asked in read:
        reply = reader.agrees(asked)
        if reply.body not in bodies or len(reply.body) != reply["total"]:
            raise Deviation("one of the bodies, whole", f"{len(reply.body)} bytes")
    for asked in written:
        peer.agrees(asked)


@chapter.check("HF-CMD-007")
def a_reader_keeps_what_it_began(peer: Peer) -> None:
    """A get that has begun is not disturbed by a put, a move or a delete of the file."""
    body = peer.random.randbytes(8_000_000)
    peer.receive_buffer = 65_536  # so that not all of it is on its way at once
    other = peer.another()
    other.ok(put("~/a", body))
    asked = peer.numbered(get("~/a", want=["digest"]))
    peer.send(asked)
    peer.wire.wait()
    other.ok(put("~/a", b"new"))
    other.ok(move("~/a", "~/b"))
    reply = peer.agrees(asked)
    same(len(body), reply["total"], "total")
    same(True, body == reply.body, "whether the old bytes came, whole")
    peer.in_step()


@chapter.check("HF-COND-012 HF-CMD-020")
def nothing_is_left_of_what_failed(peer: Peer) -> None:
    """What came of puts that were not carried out shows under no name."""
    zeros = f"sha-256:{64 * '0'}"
    peer.refused("digest-mismatch", put("~/a", b"abc", digest=zeros))
    peer.refused("size-mismatch", put("~/b", b"abc", total=9))
    peer.refused("aborted", put("~/c", b"abc", more=True).then(abort=True))
    peer.refused("bad-request", put("~/d", b"abc", more=True).then(b"def", id=9))
    same([], peer.listed(), "entries")
    everything = peer.ok(list_(None, after=peer.name()[:-1], limit=3)).body
    same(False, peer.name().encode() in everything, "whether the listing holds a name of them")


CHECKS: Final = chapter.checks
