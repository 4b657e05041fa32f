"""Checks of sections 8.5 to 8.7: list, move and directories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, delete, frame, get, list_, move, put, stat
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS"]

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
