"""What a file name may be.

Spec: chapter 7. The law of this module: a name is accepted or refused as it stands, and never
changed. Both sides apply it: a server to what it is asked for, a client to what it is told.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import is_normalized

from headframe.errors import BadName, shown
from headframe.limits import LIMITS

__all__ = ["check_name", "check_name_exactly", "is_name"]

_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f\\\\]")
_SEGMENT: Final = rf"[ -\-0-\[\]-~][ -.0-\[\]-~]{{0,{LIMITS.segment_bytes - 1}}}"
_is_plain: Final = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*").fullmatch
"""ASCII whose segments do not begin with a dot: most names, and accepted in half the time."""


def check_name(name: str) -> None:
    """Raise BadName, with the rule that is broken, unless `name` is a file name.

    >>> check_name("photos/2026/harbour.jpg")
    >>> check_name("../x")
    Traceback (most recent call last):
    headframe.errors.BadName: HF-NAME-003: name '../x' has a segment '..'
    """
    if len(name) > LIMITS.name_bytes or not _is_plain(name):
        check_name_exactly(name)


def check_name_exactly(name: str) -> None:
    """Do what `check_name` does without its shortcut for plain names."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise BadName("HF-NAME-001", f"name {shown(name)} is not Unicode text") from None
    if not 1 <= len(encoded) <= LIMITS.name_bytes:
        raise BadName(
            "HF-NAME-001",
            f"name of {len(encoded)} bytes, only 1 to {LIMITS.name_bytes} are allowed",
        )
    forbidden = _FORBIDDEN.search(name)
    if forbidden:
        raise BadName("HF-NAME-004", f"name {shown(name)} has the character {forbidden[0]!a}")
    for segment in name.split("/"):
        if segment in ("", ".", ".."):
            raise BadName("HF-NAME-003", f"name {shown(name)} has a segment {segment!r}")
        if (
            len(segment) > LIMITS.segment_bytes // 4
            and len(segment.encode()) > LIMITS.segment_bytes
        ):
            raise BadName(
                "HF-NAME-002",
                f"name {shown(name)} has a segment of {len(segment.encode())} bytes, limit is"
                f" {LIMITS.segment_bytes}",
            )
    if not name.isascii() and not is_normalized("NFC", name):
        raise BadName("HF-NAME-005", f"name {shown(name)} is not in Unicode form NFC")


def is_name(name: str) -> bool:
    """Return whether `name` is a file name."""
    try:
        check_name(name)
    except BadName:
        return False
    return True
