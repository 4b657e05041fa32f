"""Checks of chapter 7: no aliasing, and no way out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import delete, get, list_, move, put, stat
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("name")

# --- no aliasing -------------------------------------------------------------------------

ALIASES: Final[Mapping[str, tuple[str, str]]] = {
    "case": ("~/Name", "~/name"),
    "case-of-a-directory": ("~/Dir/a", "~/dir/a"),
    "case-beyond-ascii": ("~/Ä", "~/ä"),
    "sharp-s": ("~/ß", "~/ss"),
    "dot-behind": ("~/a", "~/a."),
    "space-behind": ("~/a", "~/a "),
    "space-before": ("~/a", "~/ a"),
    "percent-encoding": ("~/a b", "~/a%20b"),
    "full-width": ("~/a", "~/\uff41"),
    "ligature": ("~/fi", "~/\ufb01"),
    "zero-width-space": ("~/ab", "~/a\u200bb"),
    "data-stream": ("~/a", "~/a::$DATA"),
    "glob": ("~/ab", "~/a?"),
    "star-glob": ("~/ab", "~/*"),
}


def no_alias(name: str, other: str) -> Run:
    """A file is not reached by another name."""

    def run(peer: Peer) -> None:
        peer.ok(put(name, b"one"))
        for asked in (get(other), stat(other), delete(other), move(other, "~/moved")):
            word = peer.ask(asked).word
            if word not in {"not-found", "bad-name"}:
                raise Deviation("not-found or bad-name", f"{word} for {other!a}")
        same([peer.name(name[2:])], [row.get("filename") for row in peer.listed()], "names")
        if peer.ask(put(other, b"two")).word == "ok":
            peer.holds(other, b"two")
            same(2, len(peer.listed()), "number of names")
        peer.holds(name, b"one")

    return run


chapter.each(
    "HF-NAME-008 HF-NAME-006",
    "A file is reached by its own name alone: {}.",
    no_alias,
    {f"no-alias-by-{word}": pair for word, pair in ALIASES.items()},
)


@chapter.check("HF-NAME-008 HF-CMD-016")
def a_directory_is_no_file(peer: Peer) -> None:
    """The directory of a file is not found as a file, by no command."""
    peer.ok(put("~/d/a", b"one"))
    for asked in (get("~/d"), stat("~/d"), delete("~/d"), move("~/d", "~/e")):
        refusal_is("not-found", asked)(peer)
    peer.holds("~/d/a", b"one")


@chapter.check("HF-NAME-003 HF-ERROR-009", needs=frozenset({"root"}))
def nothing_leaves_the_folder(peer: Peer) -> None:
    """No name reaches out of the folder that is served."""
    root = _root(peer)
    word = peer.name("x").replace("/", "-")
    for name in (f"../{word}", f"a/../../{word}", f"..\\{word}", str(root.parent / word)):
        peer.refused("bad-name", put(name, b"abc"))
    if (root.parent / word).exists():
        raise Deviation("no file beside the folder", f"a file {word}")


def _root(peer: Peer) -> Path:
    root = peer.conversation.target.root
    assert root is not None
    return root


def _link(path: Path) -> None:
    path.symlink_to(path.parent / "real")


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "none")


def _link_out(path: Path) -> None:
    path.symlink_to(os.devnull)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def strange(make: Callable[[Path], None]) -> Run:
    """What is no file is not found, is in the way of one, and is not listed."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/real", b"real"))
        path = _root(peer) / peer.name("odd")
        try:
            make(path)
            for asked in (get("~/odd"), stat("~/odd")):
                refusal_is("not-found", asked)(peer)
            refusal_is("conflict", put("~/odd", b"abc"))(peer)
            refusal_is("conflict", move("~/real", "~/odd", to_if=True))(peer)
            names = [row.get("filename") for row in peer.listed()]
            same([peer.name("real")], names, "names")
        finally:
            path.unlink(missing_ok=True)
        peer.holds("~/real", b"real")

    return run


chapter.each(
    "HF-NAME-010 HF-NAME-011 HF-CMD-020",
    "Neither a link nor a pipe is read, written or listed: {}.",
    strange,
    {
        "link-to-a-file": _link,
        "link-to-nothing": _dangling,
        "link-to-a-device": _link_out,
        "pipe": _pipe,
    },
    needs=frozenset({"root"}),
)


@chapter.check("HF-NAME-010 HF-NAME-011 HF-CMD-020", needs=frozenset({"root"}))
def link_to_a_directory(peer: Peer) -> None:
    """A path through a link to a directory is not followed, be the link relative or not."""
    peer.ok(put("~/real/a", b"real"))
    peer.ok(put("~/real/sub/a", b"real"))
    path = _root(peer) / peer.name("odd")
    for target in (path.parent / "real", Path("real")):
        not_through(peer, path, target)


def not_through(peer: Peer, path: Path, target: Path) -> None:
    """Expect that nothing is reached through a link."""
    path.symlink_to(target)
    try:
        for below in ("", "sub/"):
            for asked in (get(f"~/odd/{below}a"), stat(f"~/odd/{below}a")):
                refusal_is("not-found", asked)(peer)
            refusal_is("conflict", put(f"~/odd/{below}b", b"abc"))(peer)
            refusal_is("conflict", move("~/real/a", f"~/odd/{below}b"))(peer)
        names = [row.get("filename") for row in peer.listed()]
        same([peer.name("real/a"), peer.name("real/sub/a")], names, "names")
    finally:
        path.unlink()
    peer.holds("~/real/a", b"real")


@chapter.check("HF-NAME-006 HF-CMD-020")
def prefixes_are_no_names(peer: Peer) -> None:
    """`prefix` and `after` need not be names: they are compared as they stand."""
    peer.ok(put("~/a", b"1"))
    for text in ("../", "/", "a//", "", "\n", "e\u0301", "x" * 5000):
        peer.ok(list_(text, limit=1))
        peer.ok(list_("~/", after=text, limit=1))


CHECKS: Final = chapter.checks
