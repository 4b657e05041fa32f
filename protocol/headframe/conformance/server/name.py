"""Checks of chapter 7, names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, refusal_is
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import delete, get, move, put, stat
from headframe.conformance.verdicts import Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("name")

BAD: Final[Mapping[str, tuple[str, str]]] = {
    "empty": ("HF-NAME-001", ""),
    "1025-bytes": ("HF-NAME-001", "/".join(["x" * 204] * 5) + "y"),
    "1025-bytes-of-two": ("HF-NAME-001", "é" * 100 + "/" + "/".join(["é" * 102] * 4) + "/abcd"),
    "60000-bytes": ("HF-NAME-001 HF-NAME-002", "x" * 60_000),
    "segment-of-256": ("HF-NAME-002", "~/" + "x" * 256),
    "segment-of-256-first": ("HF-NAME-002", "x" * 256 + "/a"),
    "segment-of-128-times-two": ("HF-NAME-002", "~/" + "é" * 128),
    "segment-of-86-times-three": ("HF-NAME-002", "~/" + "漢" * 86),
    "slash": ("HF-NAME-003", "/"),
    "slash-first": ("HF-NAME-003", "/etc/passwd"),
    "slash-last": ("HF-NAME-003", "~/a/"),
    "two-slashes": ("HF-NAME-003", "~/b//a"),
    "dot": ("HF-NAME-003", "."),
    "dot-first": ("HF-NAME-003", "./a"),
    "dot-inside": ("HF-NAME-003", "~/./a"),
    "dot-last": ("HF-NAME-003", "~/a/."),
    "parent": ("HF-NAME-003", ".."),
    "parent-first": ("HF-NAME-003", "../a"),
    "parent-inside": ("HF-NAME-003", "~/b/../a"),
    "parent-twice": ("HF-NAME-003", "~/../../a"),
    "parent-last": ("HF-NAME-003", "~/a/.."),
    "nul": ("HF-NAME-004", "~/a\0b"),
    "nul-last": ("HF-NAME-004", "~/a\0"),
    "newline": ("HF-NAME-004", "~/a\nb"),
    "tab": ("HF-NAME-004", "~/a\tb"),
    "unit-separator": ("HF-NAME-004", "~/a\x1fb"),
    "delete-character": ("HF-NAME-004", "~/a\x7fb"),
    "backslash": ("HF-NAME-004", "~/a\\b"),
    "backslash-parent": ("HF-NAME-004", "..\\a"),
    "drive": ("HF-NAME-004", "C:\\a"),
    "decomposed": ("HF-NAME-005", "~/Zu\u0308rich"),
    "decomposed-hangul": ("HF-NAME-005", "~/\u1112\u1161\u11ab"),
    "decomposed-directory": ("HF-NAME-005", "~/e\u0301/a"),
    "angstrom-sign": ("HF-NAME-005", "~/\u212b"),
    "marks-in-wrong-order": ("HF-NAME-005", "~/a\u0301\u0323"),
    "excluded-composition": ("HF-NAME-005", "~/\u0958"),
}
"""Names that every server refuses, each with the rule that says so."""


def bad_everywhere(name: str) -> Run:
    """A name is refused by every command that takes one, and nothing is stored."""

    def run(peer: Peer) -> None:
        peer.ok(put("~/source", b"source"))
        for asked in (
            put(name, b"abc"),
            get(name),
            stat(name),
            delete(name),
            move(name, "~/target"),
            move("~/source", name, to_if=True),
            put(name, b"abc", upload="~"),
        ):
            refusal_is("bad-name", asked)(peer)
        peer.holds("~/source", b"source")
        peer.holds("~/target", None)
        rows = [row.get("filename") for row in peer.listed()]
        same([peer.name("source")], rows, "names")

    return run


for _word, (_rules, _name) in BAD.items():
    chapter.add(
        f"bad-{_word}",
        f"A name of this kind is refused by every command: {_word.replace('-', ' ')}.",
        f"{_rules} HF-ERROR-009",
        bad_everywhere(_name),
    )


def accepted(name: str) -> Run:
    """A name is taken, listed and read as it stands."""

    def run(peer: Peer) -> str:
        full = peer.name(name[2:])
        reply = peer.ask(put(name, name.encode()))
        if reply.word == "bad-name":
            return "bad-name"
        same("ok", reply.word, f"put of {name!a}")
        same([full], [row.get("filename") for row in peer.listed()], "names")
        same(name.encode(), peer.ok(get(name)).body, "body")
        moved = f"{name}/x" if len(name) < 200 else "~/moved"
        same("ok", peer.ok(delete(name)).word, "delete")
        same([], peer.listed(), "names after the delete")
        if len(name) < 200:
            peer.ok(put(moved, b"below"))
            peer.holds(moved, b"below")
        return "ok"

    return run


PLAIN: Final[Mapping[str, str]] = {
    "letters": "~/abc.txt",
    "three-dots": "~/...",
    "two-dots-before": "~/..a",
    "two-dots-behind": "~/a..",
    "hidden": "~/.hidden",
    "space-inside": "~/two words",
    "digits": "~/007",
    "umlaut": "~/Zürich",
    "han": "~/漢字",
    "arabic": "~/مرحبا",
    "emoji": "~/😀",
    "joined-emoji": "~/👩\u200d💻",
    "dash-first": "~/-rf",
    "plus": "~/a+b",
    "percent": "~/%2e%2e",
    "equals-and-comma": "~/a=b,c;d",
    "brackets": "~/[a](b){c}",
    "dollar": "~/$HOME`id`",
    "tilde": "~/~",
    "hash": "~/#a",
    "ampersand": "~/a&b",
    "apostrophe": "~/it's",
    "ligature": "~/\ufb01",
    "full-width": "~/\uff41",
    "superscript": "~/m\u00b2",
}
"""What common file systems keep apart."""

SPECIAL: Final[Mapping[str, str]] = {
    "space-first-and-last": "~/ a ",
    "dot-last-one": "~/a.",
    "colon": "~/a:b",
    "star": "~/*",
    "question-mark": "~/a?",
    "quotes": '~/say "a"',
    "less-and-greater": "~/<a>",
    "pipe": "~/a|b",
    "device-name": "~/NUL",
    "device-name-with-dot": "~/con.txt",
    "c1-control": "~/a\x80b",
    "line-separator": "~/a\u2028b",
    "no-break-space": "~/\u00a0",
    "zero-width": "~/a\u200bb",
    "right-to-left-mark": "~/\u202ea",
    "private-use": "~/\ue000",
    "unassigned": "~/\U0003fff0",
    "replacement": "~/\ufffd",
    "stream": "~/a::$DATA",
}
"""What some file systems cannot keep, so that their servers refuse it."""

chapter.each(
    "HF-NAME-006 HF-NAME-008 HF-NAME-001 HF-NAME-005",
    "A name is kept as it stands: {}.",
    accepted,
    {f"good-{word}": name for word, name in PLAIN.items()},
)
chapter.each(
    "HF-NAME-008 HF-NAME-009 HF-NAME-006",
    "A name is kept as it stands, or refused where the file system cannot keep it: {}.",
    accepted,
    {f"special-{word}": name for word, name in SPECIAL.items()},
    permitted={"ok": Verdict.PASS, "bad-name": Verdict.INFO},
)


def longest(fill: str, total: int) -> Run:
    """A name of exactly so many bytes is taken."""

    def run(peer: Peer) -> None:
        name = peer.name()
        while (left := total - len(name.encode())) > 0:
            room = min(250 if left > 260 else 255, left)
            name += fill * (room // len(fill.encode())) + "x" * (room % len(fill.encode()))
            name += "/" if left > room else ""
        peer.conversation.names.add(name)
        same(total, len(name.encode()), "length of the name")
        peer.ok(put(name, b"long"))
        same([name], [row.get("filename") for row in peer.listed()], "names")
        same(b"long", peer.ok(get(name)).body, "body")
        peer.ok(delete(name))

    return run


chapter.each(
    "HF-NAME-001 HF-NAME-002 HF-CMD-005",
    "A name may have 1024 bytes, and a segment of it 255: {}.",
    longest,
    {
        "longest-ascii": ("x", 1024),
        "longest-of-two-bytes": ("é", 1024),
        "longest-of-three-bytes": ("漢", 1024),
        "long-900": ("x", 900),
    },
)


def segment(text: str) -> Run:
    """A segment of 255 bytes is taken."""

    def run(peer: Peer) -> None:
        peer.ok(put(f"~/{text}", b"long"))
        peer.holds(f"~/{text}", b"long")
        same([peer.name(text)], [row.get("filename") for row in peer.listed()], "names")

    return run


chapter.each(
    "HF-NAME-002 HF-CMD-005",
    "A segment may have 255 bytes: {}.",
    segment,
    {
        "segment-of-255": "x" * 255,
        "segment-of-127-times-two": "é" * 127,
        "segment-of-85-times-three": "漢" * 85,
        "segment-of-63-times-four": "😀" * 63,
    },
)

CHECKS: Final = chapter.checks
