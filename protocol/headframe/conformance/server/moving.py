"""Checks of sections 8.6 and 8.7: move and directories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, delete, move, put, stat
from headframe.conformance.server.listing import stocked, texts

__all__ = ["CHECKS"]

chapter: Final = Chapter("listing")

# --- move --------------------------------------------------------------------------------


@chapter.check("HF-CMD-008 HF-CMD-009")
def a_move_gives_another_name(peer: Peer) -> None:
    """A move gives a file another name, and tells its revision."""
    peer.ok(put("~/a", b"abc"))
    rev = peer.ok(move("~/a", "~/b/c"))["rev"]
    same(rev, peer.ok(stat("~/b/c"))["rev"], "rev")
    peer.holds("~/a", None)
    peer.holds("~/b/c", b"abc")
    same(["b/c"], texts(peer, peer.listed()), "names")


@chapter.check("HF-CMD-025 HF-COND-005")
def a_move_replaces_nothing_by_accident(peer: Peer) -> None:
    """A move without to_if to a name that a file has is refused, and tells to_rev."""
    peer.ok(put("~/a", b"one"))
    rev = peer.ok(put("~/b", b"two"))["rev"]
    same(rev, peer.refused("precondition-failed", move("~/a", "~/b"))["to_rev"], "to_rev")
    peer.holds("~/a", b"one")
    peer.holds("~/b", b"two")


@chapter.check("HF-CMD-026 HF-CMD-025")
def a_move_onto_itself(peer: Peer) -> None:
    """A move of a file to its own name obeys the conditions, and changes nothing."""
    rev = peer.ok(put("~/a", b"abc", mtime=1_500_000_000_000_000))["rev"]
    before = peer.ok(stat("~/a")).header
    for to_if in (True, rev):
        same(rev, peer.ok(move("~/a", "~/a", to_if=to_if))["rev"], "rev")
    peer.refused("precondition-failed", move("~/a", "~/a"))
    peer.refused("precondition-failed", move("~/a", "~/a", if_="none", to_if=True))
    peer.holds("~/a", b"abc")
    after_it = peer.ok(stat("~/a")).header
    same(before | {"id": 0}, after_it | {"id": 0}, "what stat tells")


# --- directories -------------------------------------------------------------------------

CONFLICTS: Final[Mapping[str, Asked]] = {
    "put-below-a-file": put("~/file/x", b"new"),
    "put-far-below-a-file": put("~/file/x/y/z", b"new"),
    "put-onto-a-directory": put("~/dir", b"new"),
    "put-onto-a-deep-directory": put("~/dir/sub", b"new"),
    "put-below-a-file-in-a-directory": put("~/dir/a/x", b"new"),
    "move-below-a-file": move("~/other", "~/file/x"),
    "move-onto-a-directory": move("~/other", "~/dir"),
    "move-onto-a-directory-with-to-if": move("~/other", "~/dir", to_if=True),
    "move-below-itself": move("~/file", "~/file/x"),
    "move-onto-its-own-directory": move("~/dir/a", "~/dir", to_if=True),
    "move-of-the-only-file-onto-its-directory": move("~/only/a", "~/only"),
    "upload-below-a-file": put("~/file/x", b"new", upload="~", total=3),
}


def in_the_way(asked: Asked) -> Run:
    """A file and a directory cannot have one name."""

    def run(peer: Peer) -> None:
        names = stocked(peer, "file", "other", "dir/a", "dir/sub/b", "only/a")
        refusal_is("conflict", asked)(peer)
        same(names, texts(peer, peer.listed()), "names afterwards")
        for name in names:
            peer.holds(f"~/{name}", name.encode())

    return run


chapter.each(
    "HF-CMD-027 HF-ERROR-009",
    "A file and a directory cannot have one name: {}.",
    in_the_way,
    {f"conflict-{name}": asked for name, asked in CONFLICTS.items()},
)


@chapter.check("HF-CMD-027 HF-CMD-016")
def directories_come_and_go(peer: Peer) -> None:
    """With its last file gone a directory is gone, and its name can be a file's."""
    peer.ok(put("~/d/e/f", b"1"))
    peer.ok(delete("~/d/e/f"))
    peer.ok(put("~/d", b"2"))
    peer.holds("~/d", b"2")
    peer.ok(delete("~/d"))
    peer.ok(put("~/d/e", b"3"))
    peer.ok(move("~/d/e", "~/x/y"))
    peer.ok(put("~/d", b"4"))
    same(["d", "x/y"], texts(peer, peer.listed()), "names")


@chapter.check("HF-CMD-027")
def a_refused_move_makes_no_directory(peer: Peer) -> None:
    """What is refused leaves no directory that is in the way later."""
    peer.ok(put("~/a", b"1"))
    peer.refused("precondition-failed", move("~/a", "~/d/e", if_="none"))
    peer.refused("digest-mismatch", put("~/d/f", b"2", digest=f"sha-256:{64 * '0'}"))
    peer.refused("aborted", put("~/d/g/h", b"2", abort=True))
    peer.ok(put("~/d", b"3"))


@chapter.check("HF-CMD-027 HF-CMD-020", needs=frozenset({"root"}))
def an_empty_directory_is_nothing(peer: Peer) -> None:
    """An empty directory on the server's disk is not listed, and not in the way."""
    peer.ok(put("~/b", b"1"))
    root = peer.conversation.target.root
    assert root is not None
    (root / peer.name("empty") / "deeper").mkdir(parents=True)
    same(["b"], texts(peer, peer.listed()), "names")
    same(["b"], texts(peer, peer.listed(delimiter="/")), "entries with a delimiter")
    peer.refused("not-found", stat("~/empty"))
    peer.ok(put("~/empty", b"2"))
    peer.holds("~/empty", b"2")


CHECKS: Final = chapter.checks
