"""Checks of chapter 9, conditions and durability."""

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

Named = Callable[..., Asked]
"""Makes a request about `~/a` with more members."""

WITH_IF: Final[Mapping[str, Named]] = {
    "put": lambda **more: put("~/a", b"new", **more),
    "get": lambda **more: get("~/a", **more),
    "stat": lambda **more: stat("~/a", **more),
    "delete": lambda **more: delete("~/a", **more),
    "move": lambda **more: move("~/a", "~/b", **more),
}

# --- revisions ---------------------------------------------------------------------------


def distinct(*bodies: bytes, **members: Any) -> Run:
    """Files of different bytes have different revisions, whatever the client sets."""

    def run(peer: Peer) -> None:
        revs = [peer.ok(put("~/a", body, **members))["rev"] for body in bodies]
        same(len(bodies), len(set(revs)), "number of different revisions")

    return run


chapter.each(
    "HF-COND-001",
    "Different bytes have different revisions: {}.",
    lambda bodies, members: distinct(*bodies, **members),
    {
        "rev-of-equal-size-and-mtime": (
            [b"%04d" % n for n in range(30)],
            {"mtime": 1_500_000_000_000_000},
        ),
        "rev-of-equal-size": ([b"%04d" % n for n in range(30)], {}),
        "rev-of-different-sizes": ([b"x" * n for n in range(20)], {"mtime": 0}),
        "rev-with-last-byte-changed": (
            [b"x" * 70_000 + bytes([n]) for n in range(8)],
            {"mtime": 5},
        ),
    },
)


@chapter.check("HF-COND-001")
def rev_after_delete_and_put(peer: Peer) -> None:
    """A file that is deleted and put again with other bytes has another revision."""
    seen = []
    for number in range(20):
        seen.append(peer.ok(put("~/a", b"%02d" % number, mtime=7))["rev"])
        peer.ok(delete("~/a"))
    same(20, len(set(seen)), "number of different revisions")


@chapter.check("HF-COND-001")
def rev_after_a_move_into_place(peer: Peer) -> None:
    """A file that another one replaces by a move has another revision."""
    old = peer.ok(put("~/a", b"old", mtime=7))["rev"]
    peer.ok(put("~/b", b"new", mtime=7))
    moved = peer.ok(move("~/b", "~/a", to_if=True))["rev"]
    same(False, old == moved, "whether the revisions are equal")
    same(moved, peer.ok(stat("~/a"))["rev"], "rev of stat")


@chapter.check("HF-COND-013")
def rev_stays(peer: Peer) -> None:
    """A file that nobody changes keeps its revision, whatever happens to others."""
    rev = peer.ok(put("~/a", b"abc"))["rev"]
    peer.ok(put("~/b", b"other"))
    peer.ok(get("~/a", want=["digest"]))
    peer.ok(delete("~/b"))
    peer.refused("precondition-failed", put("~/a", b"x", if_=None))
    looker = peer.another()
    seen = [looker.ok(stat("~/a"))["rev"], looker.ok(get("~/a"))["rev"]]
    seen += [row.get("rev") for row in looker.listed()]
    same([rev] * 3, seen, "revisions")


# --- if ----------------------------------------------------------------------------------


def wrong_revision(make: Named) -> Run:
    """A revision that the file does not have is refused, and the true one told."""

    def run(peer: Peer) -> None:
        gone = peer.ok(put("~/a", b"older"))["rev"]
        rev = peer.ok(put("~/a", b"old"))["rev"]
        for other in (gone, "x", rev + "0" if len(rev) < 64 else "y", rev.swapcase() + "-"):
            reply = peer.refused("precondition-failed", make(if_=other[:64]))
            same(rev, reply["rev"], "rev")
        peer.holds("~/a", b"old")
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-COND-002 HF-COND-005",
    "A request whose if is not the file's revision is refused, and told the right one: {}.",
    wrong_revision,
    {f"wrong-if-of-{name}": make for name, make in WITH_IF.items()},
)


def right_revision(make: Named) -> Run:
    """The file's own revision lets a request through."""

    def run(peer: Peer) -> None:
        rev = peer.ok(put("~/a", b"old"))["rev"]
        peer.ok(make(if_=rev))

    return run


chapter.each(
    "HF-COND-002",
    "A request whose if is the file's revision is carried out: {}.",
    right_revision,
    {f"right-if-of-{name}": make for name, make in WITH_IF.items()},
)


def null_of_a_file(make: Named) -> Run:
    """`if: null` means that there is no file."""

    def run(peer: Peer) -> None:
        rev = peer.ok(put("~/a", b"old"))["rev"]
        same(rev, peer.refused("precondition-failed", make(if_=None))["rev"], "rev")
        peer.holds("~/a", b"old")
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-COND-003 HF-COND-005",
    "A request with if: null of a file that exists is refused: {}.",
    null_of_a_file,
    {f"null-if-of-{name}": make for name, make in WITH_IF.items()},
)


@chapter.check("HF-COND-003 HF-CMD-006")
def create_only(peer: Peer) -> None:
    """A put with if: null makes a file once."""
    peer.ok(put("~/a", b"first", if_=None))
    peer.refused("precondition-failed", put("~/a", b"second", if_=None))
    peer.holds("~/a", b"first")
    peer.ok(delete("~/a"))
    peer.ok(put("~/a", b"third", if_=None))
    peer.holds("~/a", b"third")


@chapter.check("HF-COND-002 HF-COND-005")
def a_revision_of_no_file(peer: Peer) -> None:
    """A put with a revision where there is no file is refused, and told null."""
    reply = peer.refused("precondition-failed", put("~/a", b"abc", if_="x"))
    same((True, None), ("rev" in reply, reply["rev"]), "rev")
    peer.holds("~/a", None)


@chapter.check("HF-COND-002")
def compare_and_swap(peer: Peer) -> None:
    """A chain of puts, each with the revision of the one before, is carried out once each."""
    rev = None
    for number in range(8):
        asked = put("~/a", b"%d" % number, if_=rev)
        stored = peer.ok(asked)["rev"]
        peer.refused("precondition-failed", asked)
        rev = stored
    peer.holds("~/a", b"7")


def not_found(make: Named) -> Run:
    def run(peer: Peer) -> None:
        for condition in ("x", None):
            peer.refused("not-found", make(if_=condition))
        peer.in_step()

    return run


chapter.each(
    "HF-COND-007",
    "A name that no file has is not found, whatever if says: {}.",
    not_found,
    {f"no-file-for-{name}": make for name, make in WITH_IF.items() if name != "put"},
)


# --- to_if -------------------------------------------------------------------------------


def target(condition: Callable[[str, str], Any], works: bool) -> Run:
    """The condition on the target of a move: given its revision and an older one."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/a", b"source"))
        older = peer.ok(put("~/b", b"older"))["rev"]
        rev = peer.ok(put("~/b", b"target"))["rev"]
        asked = move("~/a", "~/b", to_if=condition(rev, older))
        if works:
            same(peer.ok(asked)["rev"], peer.ok(stat("~/b"))["rev"], "rev")
        else:
            reply = peer.refused("precondition-failed", asked)
            same(rev, reply["to_rev"], "to_rev")
        peer.holds("~/a", None if works else b"source")
        peer.holds("~/b", b"source" if works else b"target")

    return run


chapter.each(
    "HF-COND-004 HF-COND-005",
    "A move replaces a file only as to_if allows: {}.",
    target,
    {
        "to-if-null": (lambda rev, older: None, False),  # noqa: ARG005
        "to-if-another-revision": (lambda rev, older: older, False),  # noqa: ARG005
        "to-if-no-revision-of-any": (lambda rev, older: "x", False),  # noqa: ARG005
        "to-if-its-revision": (lambda rev, older: rev, True),  # noqa: ARG005
        "to-if-true": (lambda rev, older: True, True),  # noqa: ARG005
    },
)


@chapter.check("HF-COND-004 HF-COND-005")
def to_if_where_there_is_nothing(peer: Peer) -> None:
    """Where the target does not exist, a revision is refused with null, and the rest works."""
    peer.ok(put("~/a", b"abc"))
    reply = peer.refused("precondition-failed", move("~/a", "~/b", to_if="x"))
    same((True, None), ("to_rev" in reply, reply["to_rev"]), "to_rev")
    for old, new, more in (("~/a", "~/b", {"to_if": True}), ("~/b", "~/c", {"to_if": None})):
        peer.ok(move(old, new, **more))
    peer.holds("~/c", b"abc")


@chapter.check("HF-COND-005 HF-ERROR-012")
def which_revision_is_told(peer: Peer) -> None:
    """A failed if tells rev, a failed to_if to_rev."""
    one = peer.ok(put("~/a", b"one"))["rev"]
    two = peer.ok(put("~/b", b"two"))["rev"]
    same(one, peer.refused("precondition-failed", move("~/a", "~/b", if_="x"))["rev"], "rev")
    reply = peer.refused("precondition-failed", move("~/a", "~/b", if_=one))
    same(two, reply["to_rev"], "to_rev")


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
