"""Checks of section 8.5: pages, and shared prefixes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import delete, list_, move, put
from headframe.conformance.server.listing import stocked, texts
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("listing")

TREE: Final = ("a/b", "a/bc", "a/b-c", "a-b", "ab", "b/a", "é/a", "éa")


def pages(peer: Peer, limit: int, prefix: str = "~/", **members: Any) -> list[Mapping[str, Any]]:
    """Return all entries, asked for page by page; every page has to be as it should."""
    found: list[Mapping[str, Any]] = []
    for _ in range(60):
        last = found[-1].get("filename", found[-1].get("prefix")) if found else None
        more = {} if last is None else {"after": last}
        numbered = peer.numbered(list_(prefix, limit=limit, **more, **members))
        before = len(found)
        rows, end = peer.page(numbered)
        found += rows
        if len(rows) > limit:
            raise Deviation(f"at most {limit} entries", f"{len(rows)} entries")
        if end:
            return found
        if len(found) == before:
            raise Deviation("entries, or end: true", "an empty page with end: false")
    raise Deviation("an end of the listing", "60 pages")


def paged(limit: int) -> Run:
    """Pages of any size hold each file once."""

    def run(peer: Peer) -> None:
        names = stocked(peer, *TREE)
        same(names, texts(peer, pages(peer, limit)), "names of all pages")

    return run


chapter.each(
    "HF-CMD-021 HF-CMD-022 HF-CMD-023",
    "Page by page every file is shown once, and no page is greater than its limit: {}.",
    paged,
    {f"pages-of-{limit}": limit for limit in (1, 2, 3, 7, 8, 9, 100)},
)


@chapter.check("HF-CMD-022 HF-CMD-005")
def a_limit_beyond_the_servers(peer: Peer) -> None:
    """A limit greater than the server's is clipped, not refused."""
    names = stocked(peer, "a", "b")
    same(names, texts(peer, pages(peer, 2**53 - 1)), "names")


@chapter.check("HF-CMD-021 HF-CMD-023")
def a_hundred_files_in_pages(peer: Peer) -> None:
    """A hundred files in several directories are each shown once, in pages of seventeen."""
    names = stocked(peer, *(f"{n % 7}/{n:03}" for n in range(100)))
    same(names, texts(peer, pages(peer, 17)), "names")


@chapter.check("HF-CMD-021")
def what_stays_is_shown_while_others_come_and_go(peer: Peer) -> None:
    """A file that is there throughout is shown once, though others come and go between pages."""
    stocked(peer, *(f"{n:02}" for n in range(0, 20, 2)))
    found: list[str] = []
    last = ""
    for step in range(40):
        more = {"after": peer.name(last)} if last else {}
        rows, end = peer.page(peer.numbered(list_("~/", limit=2, **more)))
        found += texts(peer, rows)
        if end:
            break
        last = found[-1]
        peer.ok(put(f"~/{step * 2 + 1:02}", b""))
        if step == 1:
            peer.ok(delete(f"~/{found[0]}"))
    kept = [name for name in found if int(name) % 2 == 0]
    same([f"{n:02}" for n in range(0, 20, 2)], kept, "files that were there throughout")
    same(sorted(set(found)), found, "order of all")


@chapter.check("HF-CMD-008 HF-CMD-020 HF-CMD-021")
def a_listing_is_made_anew(peer: Peer) -> None:
    """A listing shows what there is now, however often it was asked for before."""
    other = peer.another()
    for number in range(4):
        stocked(peer if number % 2 else other, f"{number}")
        same([f"{n}" for n in range(number + 1)], texts(peer, peer.listed(id=5)), "names")
    other.ok(delete("~/0"))
    other.ok(move("~/1", "~/9"))
    same(["2", "3", "9"], texts(peer, peer.listed(id=5)), "names")


@chapter.check("HF-CMD-023")
def the_end_of_a_listing(peer: Peer) -> None:
    """A listing of nothing is empty and at its end; so is a page behind the last name."""
    same(([], True), peer.page(peer.numbered(list_("~/"))), "entries and end")
    stocked(peer, "a")
    rows, end = peer.page(peer.numbered(list_("~/", limit=5)))
    same((1, True), (len(rows), end), "entries and end")
    asked = peer.numbered(list_("~/", after=peer.name("a")))
    same(([], True), peer.page(asked), "entries and end")


# --- with a delimiter --------------------------------------------------------------------

SHARED: Final = ("a/1", "a/2", "a/b/3", "a-b", "b", "c/d/e", "é/1")

BROWSED: Final[Mapping[str, tuple[str, list[str]]]] = {
    "the-top": ("", ["a-b", "a/", "b", "c/", "é/"]),
    "a-directory": ("a/", ["a/1", "a/2", "a/b/"]),
    "deeper": ("a/b/", ["a/b/3"]),
    "part-of-a-name": ("a", ["a-b", "a/"]),
    "a-directory-without-slash": ("c", ["c/"]),
    "no-directory": ("x/", []),
    "a-chain": ("c/", ["c/d/"]),
}


def browsed(prefix: str, expected: list[str]) -> Run:
    """Names that go on after the next slash are one entry."""

    def run(peer: Peer) -> None:
        stocked(peer, *SHARED)
        rows = peer.listed(f"~/{prefix}", delimiter="/")
        same(expected, texts(peer, rows), "entries")
        for row in rows:
            text = row.get("prefix", row.get("filename"))
            same(str(text).endswith("/"), "prefix" in row, f"whether {text} is a prefix")
        for limit in (1, 2):
            found = pages(peer, limit, f"~/{prefix}", delimiter="/")
            same(expected, texts(peer, found), f"entries in pages of {limit}")

    return run


chapter.each(
    "HF-CMD-024 HF-CMD-019 HF-CMD-021",
    "With a delimiter, names that go on after it are shown once, as what they share: {}.",
    browsed,
    {f"browse-{name}": case for name, case in BROWSED.items()},
)


@chapter.check("HF-CMD-020 HF-CMD-024")
def a_page_that_goes_on_within_a_directory(peer: Peer) -> None:
    """What names share is not listed behind one of them: it comes before it."""
    stocked(peer, *SHARED)
    for after, expected in {"a/1": ["b", "c/", "é/"], "c/d": ["é/"]}.items():
        rows = peer.listed("~/", delimiter="/", after=peer.name(after))
        same(expected, texts(peer, rows), f"entries after {after}")


CHECKS: Final = chapter.checks
