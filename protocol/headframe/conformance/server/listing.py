"""Checks of section 8.5: what is listed, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import delete, frame, get, list_, put, stat
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS", "stocked", "texts"]

chapter: Final = Chapter("listing")


def texts(peer: Peer, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the texts of entries, each with the prefix of the check left off."""
    found = [row.get("filename", row.get("prefix")) for row in rows]
    start = peer.name()
    for text in found:
        if not isinstance(text, str) or not text.startswith(start):
            raise Deviation(f"entries that begin with {start}", repr(text))
    return [text[len(start) :] for text in found]


def stocked(peer: Peer, *names: str) -> list[str]:
    """Put a file under each name; return them in the order of a listing."""
    for reply in peer.ask_all(*(put(f"~/{name}", name.encode()) for name in names)):
        same("ok", reply.word, "put")
    return sorted(names, key=str.encode)


ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "slash-after-dash": ("a/b", "a-b", "a.b", "a0", "ab", "a!"),
    "capitals-first": ("b", "B", "a", "A", "_", "0"),
    "beyond-ascii": ("z", "é", "y/é", "ä", "a"),
    "beyond-16-bits": ("😀", "\uff5e", "\ue000", "漢", "\uff5f/a"),
    "deep-and-flat": ("a/b/c/d", "a/b/c-d", "a/b-c", "a-b", "a/b/c/e", "b"),
    "digits-as-text": ("10", "9", "1", "2", "01"),
}


def ordered(*names: str) -> Run:
    """Entries come in the order of their bytes."""

    def run(peer: Peer) -> None:
        expected = stocked(peer, *names)
        same(expected, texts(peer, peer.listed()), "names")

    return run


chapter.each(
    "HF-CMD-019",
    "Entries come in the order of their UTF-8 bytes: {}.",
    ordered,
    {f"order-{name}": names for name, names in ORDERS.items()},
)


@chapter.check("HF-CMD-020 HF-CMD-017")
def entries_tell_of_their_files(peer: Peer) -> None:
    """An entry of a file tells filename, total, rev and mtime as stat does."""
    names = stocked(peer, "a", "b/c", "b/d")
    for name, row in zip(names, peer.listed(), strict=True):
        reply = peer.ok(stat(f"~/{name}"))
        wanted = {key: reply[key] for key in ("total", "rev", "mtime")}
        wanted["filename"] = peer.name(name)
        same(wanted, {key: row.get(key) for key in wanted}, f"entry of {name}")


PREFIXES: Final[Mapping[str, str]] = {
    "of-a-directory": "a/",
    "without-slash": "a",
    "of-part-of-a-name": "a/b",
    "of-one-name": "a/bc",
    "of-nothing": "x",
    "of-no-name": "a//",
    "with-parent": "../",
    "longer-than-any": "a/bc/d/e/f",
    "beyond-ascii": "é",
    "with-a-dash": "a-",
}

TREE: Final = ("a/b", "a/bc", "a/b-c", "a-b", "ab", "b/a", "é/a", "éa")


def prefixed(prefix: str) -> Run:
    """A prefix is compared byte by byte."""

    def run(peer: Peer) -> None:
        names = stocked(peer, *TREE)
        expected = [name for name in names if name.startswith(prefix)]
        same(expected, texts(peer, peer.listed(f"~/{prefix}")), "names")

    return run


chapter.each(
    "HF-CMD-020",
    "Only what begins with prefix is listed, be that a name or not: {}.",
    prefixed,
    {f"prefix-{name}": prefix for name, prefix in PREFIXES.items()},
)

AFTERS: Final[Mapping[str, str]] = {
    "a-name": "a/b",
    "the-last-name": "éa",
    "between-names": "a/bb",
    "nothing": "",
    "a-directory": "a/",
    "beyond-all": "\U0010fffd",
    "no-name": "a//",
}


def after(text: str) -> Run:
    """`after` is exclusive, and need not be there."""

    def run(peer: Peer) -> None:
        names = stocked(peer, *TREE)
        expected = [name for name in names if name.encode() > text.encode()]
        rows = peer.listed(after=peer.name(text))
        same(expected, texts(peer, rows), "names")

    return run


chapter.each(
    "HF-CMD-020",
    "Only what comes after `after` is listed, itself not: {}.",
    after,
    {f"after-{name}": text for name, text in AFTERS.items()},
)


@chapter.check("HF-CMD-020")
def a_listing_of_everything(peer: Peer) -> None:
    """Without prefix all names are listed, in their place."""
    stocked(peer, "a", "b")
    rows, _ = peer.page(peer.numbered(list_(None, after=peer.name(), limit=2)))
    same(["a", "b"], texts(peer, rows), "names")


@chapter.check("HF-CMD-020 HF-COND-012")
def what_is_on_its_way_is_not_listed(peer: Peer) -> None:
    """A put that has not ended is neither listed nor read, under any name."""
    begun = peer.begin(put("~/a", b"x" * 1000, more=True))
    other = peer.another()
    same([], other.listed(), "entries meanwhile")
    other.refused("not-found", get("~/a"))
    peer.send(frame(b"{}"))
    peer.agrees(begun)
    same(["a"], texts(peer, other.listed()), "names afterwards")


def all_names(peer: Peer) -> set[str] | None:
    """Return all names on the server but those of the kit; None: there are too many."""
    found: set[str] = set()
    last = ""
    for _ in range(8):
        more = {"after": last} if last else {}
        rows, end = peer.page(peer.numbered(list_(None, limit=1000, **more)))
        found |= {str(row.get("filename")) for row in rows}
        if end:
            return {name for name in found if not name.startswith("hfk-")}
        last = str(rows[-1].get("filename"))
    return None


@chapter.check(
    "HF-COND-012 HF-CMD-020",
    permitted={"ok": Verdict.PASS, "too many names to look at": Verdict.INFO},
)
def no_temporary_file_is_listed(peer: Peer) -> str:
    """While puts are on their way there is no name that is not there before and afterwards."""
    other = peer.another()
    passing: list[set[str]] = []
    for upload in ({}, {"upload": "~", "total": 99_999}) * 2:
        before = all_names(other)
        begun = peer.begin(put("~/a", b"x" * 1000, more=True, **upload))
        meanwhile = all_names(other)
        peer.send(frame(b'{"abort":true}'))
        peer.refuses("aborted", begun)
        if upload:
            peer.ok(delete(upload="~"))
        afterwards = all_names(other)
        if before is None or meanwhile is None or afterwards is None:
            return "too many names to look at"
        passing.append(meanwhile - before - afterwards)
    for one, other_one in ((passing[0], passing[2]), (passing[1], passing[3])):
        if one and other_one:  # once can be somebody else's file
            raise Deviation("no name of a file on its way", repr(min(one)))
    return "ok"


CHECKS: Final = chapter.checks
