"""Checks of clients, chapter 3: the JSON that they read, and the names in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.acts import told
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import (
    EITHER,
    SUCCEEDS,
    Run,
    believed,
    disbelieved,
    sent_on,
)
from headframe.conformance.client.lineup import Subject
from headframe.conformance.verdicts import Verdict
from headframe.registry import REGISTERED_KEYS

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-header", role=Role.CLIENT, needs=frozenset({"replies"}))


def behind(more: bytes) -> Callable[[bytes], bytes]:
    """The header with this text before its last brace."""
    return lambda header: header[:-1] + more + b"}"


def members(number: int) -> Callable[[bytes], bytes]:
    """The header with so many members."""

    def edit(header: bytes) -> bytes:
        missing = number - len(json.loads(header))
        return behind(b"".join(b',"x.%d":0' % each for each in range(missing)))(header)

    return edit


def no_header(edit: Callable[[bytes], bytes]) -> Run:
    """A reply whose header is changed so is fatal."""
    return disbelieved(told(edit))


def as_pairs(header: bytes) -> bytes:
    """The members in a list of pairs, which some would take for an object."""
    return json.dumps([*json.loads(header).items()]).encode()


_DEEP: Final = b',"x.y":' + b"[" * 16 + b"]" * 16

for rule, cases in {
    "HF-HEADER-001": {
        "bad-utf-8": behind(b',"x.y":"\xff"'),
        "byte-order-mark": lambda header: b"\xef\xbb\xbf" + header,
    },
    "HF-HEADER-002": {
        "something-behind": lambda header: header + b" {}",
        "nan": behind(b',"x.y":NaN'),
    },
    "HF-HEADER-003": {"pairs-for-an-object": as_pairs},
    "HF-HEADER-005": {
        "lone-surrogate": behind(b',"x.y":"\\ud800"'),
    },
    "HF-HEADER-006": {
        "name-twice": behind(b',"\\u006fk":true'),
    },
    "HF-HEADER-007": {"number-beyond-doubles": behind(b',"x.y":1e400')},
    "HF-HEADER-008": {"depth-17": behind(_DEEP)},
    "HF-HEADER-009": {"members-65": members(65)},
    "HF-HEADER-010 HF-HEADER-011": {
        "id-with-a-fraction": lambda header: re.sub(rb'"id":(\d+)', rb'"id":\1.0', header),
        "id-is-a-string": lambda header: re.sub(rb'"id":(\d+)', rb'"id":"\1"', header),
    },
    "HF-HEADER-012": {"more-is-a-number": behind(b',"more":0')},
}.items():
    chapter.each(
        f"{rule} HF-ERROR-004",
        "A reply whose header HF/1 does not allow ends the connection: {}.",
        no_header,
        cases,
        permitted=EITHER,
    )


# --- what is allowed ---------------------------------------------------------------------


def spaced(header: bytes) -> bytes:
    """The header with all kinds of white space."""
    text = json.dumps(json.loads(header), indent=1, separators=(" ,", "\t: "))
    return b" \r\n" + text.encode() + b"\n\t"


_UNKNOWN: Final = b',"colour":"red","x.y":{"a":[1,null]},"OK":false,"limit":"many","end":7,"to":1'
_LIMITS: Final = (
    b',"x.a":"\\ud83d\\ude00 \xf0\x9f\x98\x80","x.b":1e-999,"x.c":-0,"x.d":12345678901234567890123,'
    b'"x.e":' + b"[" * 15 + b"]" * 15
)

for name, (rules, edit) in {
    "white-space-anywhere": ("HF-HEADER-004", spaced),
    "unknown-names": ("HF-HEADER-014 HF-HEADER-015", behind(_UNKNOWN)),
    "all-that-the-limits-allow": (
        "HF-HEADER-005 HF-HEADER-007 HF-HEADER-008 HF-HEADER-009",
        lambda header: members(64)(behind(_LIMITS)(header)),
    ),
}.items():
    chapter.add(
        name,
        f"A header may have {name.replace('-', ' ')}.",
        rules,
        believed(told(edit)),
        permitted=SUCCEEDS,
    )

# --- what it writes ----------------------------------------------------------------------


def sent_headers(subject: Subject) -> list[tuple[dict[str, Any], bytes]]:
    """Return the headers of the plainest runs, each also as it was sent."""
    scenes = [subject.plainly(op) for op in (Op.GET, Op.PUT) if op in subject.commands.templates]
    found = []
    for talk in scenes[-1].talks:
        data = sent_on(subject, talk)
        while data:
            size = int.from_bytes(data[:4], "little")
            header = json.loads(data[4 : 4 + size])
            found.append((header, data[4 : 4 + size]))
            data = data[4 + size + header.get("filesize", 0) :]
    return found


@chapter.check("HF-HEADER-019", permitted={"ok": Verdict.PASS, "white space": Verdict.WARN})
def written_compactly(subject: Subject) -> str | None:
    """Requests are written without white space."""
    for _, text in sent_headers(subject):
        if len(re.sub(rb'"(?:[^"\\]|\\.)*"', b"", text).split()) > 1:
            return "white space"
    return None


@chapter.check("HF-HEADER-018", permitted={"ok": Verdict.PASS, "unknown names": Verdict.WARN})
def names_are_registered_or_have_a_dot(subject: Subject) -> str | None:
    """At the top of a request there are registered names, and others only with a dot."""
    for header, _ in sent_headers(subject):
        if any(name not in REGISTERED_KEYS and "." not in name for name in header):
            return "unknown names"
    return None


CHECKS: Final = chapter.checks
