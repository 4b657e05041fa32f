"""Checks of chapter 9: revisions and conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, delete, get, move, put, stat

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


CHECKS: Final = chapter.checks
