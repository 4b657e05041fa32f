"""I-JSON (RFC 7493) as HF/1 tightens it: one JSON object from bytes, or `BadHeader`.

Spec: chapter 3. The law of this module: it is the exact judge. The schema has a faster path for
the headers it knows; whenever that path has the least doubt, this one decides.

The standard library's parser does the reading. What it lets through is closed here: duplicate
names, NaN and Infinity, numbers beyond a double, lone surrogates, noncharacters, UTF-16 and
UTF-32, a byte order mark, and nesting that would exhaust its stack.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from headframe.errors import BadHeader, shown
from headframe.limits import LIMITS

__all__ = ["NONCHARACTER_BYTES", "WHITE_SPACE", "JSONObject", "load_object"]

JSONObject = dict[str, Any]
"""A JSON object as Python holds it; the only place where the package says `Any`."""

WHITE_SPACE: Final = b" \t\r\n"
"""What JSON calls white space (RFC 8259, section 2)."""

NONCHARACTER_BYTES: Final = re.compile(
    rb"\xef\xb7[\x90-\xaf]"  # U+FDD0..U+FDEF
    rb"|\xef\xbf[\xbe\xbf]"  # U+FFFE, U+FFFF
    rb"|[\xf0-\xf4][\x8f\x9f\xaf\xbf]\xbf[\xbe\xbf]"  # the last two of each other plane
)
"""A noncharacter in UTF-8, for text that is known to be valid."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_LONGEST_DOUBLE_DIGITS: Final = 309
"""Digits before the point of the largest double, 1.8e308: a longer integer is beyond it."""


def load_object(raw: bytes) -> JSONObject:
    """Read one JSON object by the profile of chapter 3.

    Raises BadHeader for anything else, with the rule that is broken.

    >>> load_object(b'{"id":7,"cmd":"stat","filename":"a.txt"}')["id"]
    7
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadHeader(
            "HF-HEADER-001",
            f"header is not UTF-8: {error.reason} at byte {error.start},"
            f" {shown(raw[error.start : error.start + 4])}",
        ) from error
    if text.startswith("\ufeff"):
        raise BadHeader("HF-HEADER-001", "header begins with a byte order mark")
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadHeader(
            "HF-HEADER-002",
            f"header is not JSON: {error.msg} at character {error.pos}, {shown(text[error.pos :])}",
        ) from error
    if not isinstance(value, dict):
        raise BadHeader(
            "HF-HEADER-003", f"header is a JSON {type(value).__name__}, only an object is allowed"
        )
    if len(value) > LIMITS.header_members:
        raise BadHeader(
            "HF-HEADER-009",
            f"header has {len(value)} members, limit is {LIMITS.header_members}",
        )
    if not text.isascii() or "\\u" in text:
        _check_characters(json.dumps(value, ensure_ascii=False))
    return value


def _check_depth(text: str) -> None:
    """Bound the nesting before anything recurses.

    Strings are taken out first. In text that is not JSON a bracket may be counted wrongly, but
    never too low up to the place where the parser stops: so far both see the same strings.
    """
    if text.count("{") + text.count("[") <= LIMITS.header_depth:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "{[" else -1
        if depth > LIMITS.header_depth:
            raise BadHeader(
                "HF-HEADER-008",
                f"header nests deeper than {LIMITS.header_depth} levels",
            )


def _check_characters(dumped: str) -> None:
    """Refuse what UTF-8 or Unicode has no character for; `dumped` has every string unescaped."""
    surrogate = _LONE_SURROGATE.search(dumped)
    if surrogate:
        raise BadHeader("HF-HEADER-005", f"header has the lone surrogate U+{ord(surrogate[0]):04X}")
    noncharacter = NONCHARACTER_BYTES.search(dumped.encode())
    if noncharacter:
        raise BadHeader(
            "HF-HEADER-005",
            f"header has the noncharacter U+{ord(noncharacter[0].decode()):04X}",
        )


def _unique(pairs: list[tuple[str, Any]]) -> JSONObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise BadHeader("HF-HEADER-006", f"header has the name {shown(twice)} twice")
    return members


def _integer(digits: str) -> int | float:
    """Read an integer token; `-0` becomes a float, since no registered integer is written so."""
    if digits == "-0":
        return -0.0
    if len(digits) > _LONGEST_DOUBLE_DIGITS:
        _double(digits)
    value = int(digits)
    try:
        float(value)
    except OverflowError:
        raise _beyond_double(digits) from None
    return value


def _double(token: str) -> float:
    value = float(token)
    if value in (float("inf"), float("-inf")):
        raise _beyond_double(token)
    return value


def _beyond_double(token: str) -> BadHeader:
    return BadHeader("HF-HEADER-007", f"number {shown(token)} is beyond IEEE double range")


def _no_constant(token: str) -> float:
    raise BadHeader("HF-HEADER-002", f"header is not JSON: {token} is no JSON value")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_double,
    parse_constant=_no_constant,
)
