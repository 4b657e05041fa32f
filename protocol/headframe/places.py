"""Where things stand in the bytes of a header, well formed or not.

Spec: chapter 3. The law of this module: it judges nothing and fails on nothing. The codec says
which rule a header breaks; this says at which bytes, and where its members are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from headframe.errors import shown
from headframe.limits import LIMITS
from headframe.registry import REGISTERED_KEYS
from headframe.strict_json import NONCHARACTER_BYTES

__all__ = ["Member", "Span", "find_members", "locate_fault"]

Span = tuple[int, int]
"""Begin and end, in bytes from the begin of the header."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_TOKEN: Final = re.compile(
    rb'(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"?)|(?P<sign>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"]+)',
    re.DOTALL,
)
_ESCAPE: Final = re.compile(
    rb"\\(?:u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[0-9a-fA-F]{4})|.)",
    re.DOTALL,
)
_PATH: Final = re.compile(r"\$\.(\w+)")
_WORD: Final = re.compile(r"!?[A-Za-z_][\w.]*")

_NUMBER: Final = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NO_CHARACTER: Final = re.compile("[\udc80-\udcbf]+|[\udcc0-\udcff][\udc80-\udcbf]*")
"""Bytes that are no UTF-8, as `surrogateescape` has them: one lead, or none, and what belongs."""
_CONSTANTS: Final = (b"NaN", b"Infinity", b"-Infinity")
"""What Python takes for numbers and JSON does not."""

_MEMBER_OF: Final = {
    "HF-BODY-007": "more",
    "HF-CMD-001": "cmd",
    "HF-CMD-004": "hf",
    "HF-REPLY-008": "filesize",
    "HF-REQ-002": "cmd",
    "HF-REQ-008": "filesize",
}
"""The member that breaks a rule whose message does not name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of the object at the top of a header; offsets count from the begin of the header."""

    name: str
    """Unescaped, as far as that can be done."""
    begin: int
    """Of the name, its quotes included."""
    name_end: int
    value_begin: int
    end: int
    """Of the value."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    raw: bytes
    begin: int
    end: int
    depth: int
    """Objects and arrays around it; a bracket counts itself."""


def _read_tokens(raw: bytes) -> Iterator[_Token]:
    depth = 0
    for found in _TOKEN.finditer(raw):
        token = found[0]
        depth += token in (b"{", b"[")
        yield _Token(str(found.lastgroup), token, found.start(), found.end(), depth)
        depth = max(0, depth - (token in (b"}", b"]")))


def _unescape(token: bytes) -> str:
    """Return the text of a string token; of one that is none, its bytes as text."""
    try:
        return str(json.loads(token.decode(), strict=False))
    except (ValueError, RecursionError):
        return token.strip(b'"').decode("utf-8", "backslashreplace")


def find_members(raw: bytes) -> tuple[Member, ...]:
    r"""Return the members at the top, in their order, as far as they can be made out.

    >>> [(member.name, member.begin, member.end) for member in find_members(b'{"id":7,"more":tr')]
    [('id', 1, 7), ('more', 8, 17)]
    """
    members: list[Member] = []
    name: _Token | None = None
    value: Span | None = None
    for token in _read_tokens(raw):
        at_top = token.depth == 1 and token.kind == "sign"
        if at_top and token.raw in b",}":
            _add_member(members, name, value)
            name = value = None
        elif at_top and token.raw in b"{:":
            continue
        elif token.depth == 1 and token.kind == "string" and name is None:
            name = token
        elif name is not None:
            value = (token.begin if value is None else value[0], token.end)
    _add_member(members, name, value)
    return tuple(members)


def _add_member(members: list[Member], name: _Token | None, value: Span | None) -> None:
    if name is not None:
        begin, end = value or (name.end, name.end)
        members.append(
            Member(
                name=_unescape(name.raw),
                begin=name.begin,
                name_end=name.end,
                value_begin=begin,
                end=end,
            )
        )


def locate_fault(raw: bytes, rule: str, message: str, cause: BaseException | None = None) -> Span:
    """Return the bytes of a header at which it breaks `rule`; the whole header if none stand out.

    `message` is what the codec said of it, and `cause` what the parser did.
    """
    span = None
    if rule in _FINDERS:
        span = _FINDERS[rule](raw)
    elif isinstance(cause, json.JSONDecodeError):
        begin = len(cause.doc[: cause.pos].encode())
        span = _one_token(raw, begin)
    elif rule == "HF-HEADER-002":
        span = _find_token(lambda token: token.raw in _CONSTANTS)(raw)
    if span is None:
        span = _locate_member(raw, rule, message)
    begin, end = span
    begin = max(0, min(begin, len(raw) - 1))
    return begin, max(begin + 1, min(end, len(raw)))


def _one_token(raw: bytes, begin: int) -> Span:
    """Return the token that begins there, or the one byte."""
    found = _TOKEN.match(raw, begin)
    if found is None or found.lastgroup == "string":
        return begin, begin + 1
    return found.span()


def _locate_member(raw: bytes, rule: str, message: str) -> Span:
    """Return the member that a message speaks of, or else the end of the header."""
    members = find_members(raw)
    present = {member.name: member for member in reversed(members)}
    path = _PATH.search(message)
    said = [_MEMBER_OF.get(rule, ""), path[1] if path else "", *_WORD.findall(message)]
    for name in said:
        if name in present and (name in REGISTERED_KEYS or name.startswith("!")):
            member = present[name]
            return member.begin if name.startswith("!") else member.value_begin, member.end
    for member in members:
        if shown(_unescape(raw[member.value_begin : member.end])) in message:
            return member.value_begin, member.end
    end = len(raw.rstrip())
    return end - 1, end


def _find_bad_utf8(raw: bytes) -> Span:
    """Find a byte order mark, or the first bytes that are no character, as far as they go on."""
    if raw.startswith(BYTE_ORDER_MARK):
        return 0, len(BYTE_ORDER_MARK)
    found = _NO_CHARACTER.search(raw.decode("utf-8", "surrogateescape"))
    assert found is not None
    begin = len(found.string[: found.start()].encode())
    return begin, begin + len(found[0])


def _find_token(test: Callable[[_Token], bool]) -> Callable[[bytes], Span | None]:
    """Return what finds the first token that passes `test`."""

    def find(raw: bytes) -> Span | None:
        return next(((token.begin, token.end) for token in _read_tokens(raw) if test(token)), None)

    return find


def _is_infinite(token: _Token) -> bool:
    number = _NUMBER.match(token.raw)
    return number is not None and float(number[0]) in (float("inf"), float("-inf"))


def _find_no_character(raw: bytes) -> Span | None:
    """Find a noncharacter, or the escape of one or of half a pair."""
    found = NONCHARACTER_BYTES.search(raw)
    spans = [found.span()] if found else []
    for escape in _ESCAPE.finditer(raw):
        if not escape[0].startswith(b"\\u"):
            continue
        character = _unescape(b'"' + escape[0] + b'"')
        try:
            encoded = character.encode()
        except UnicodeEncodeError:
            spans.append(escape.span())
            continue
        if NONCHARACTER_BYTES.search(encoded):
            spans.append(escape.span())
    return min(spans, default=None)


def _find_second_name(raw: bytes) -> Span | None:
    """Find a name that its object has had before."""
    names: list[set[str]] = [set()]
    last: _Token | None = None
    second = None
    for token in _read_tokens(raw):
        if token.raw in (b"{", b"["):
            names[token.depth :] = [set()]
        elif token.raw == b":" and last is not None:
            name = _unescape(last.raw)
            second = second or ((last.begin, last.end) if name in names[token.depth] else None)
            names[token.depth].add(name)
        last = token
    return second


def _find_surplus_member(raw: bytes) -> Span | None:
    """Find the first member that is one too many."""
    surplus = find_members(raw)[LIMITS.header_members :]
    return (surplus[0].begin, surplus[0].end) if surplus else None


_FINDERS: Final[Mapping[str, Callable[[bytes], Span | None]]] = {
    "HF-HEADER-001": _find_bad_utf8,
    "HF-HEADER-003": _find_token(lambda token: True),  # noqa: ARG005
    "HF-HEADER-005": _find_no_character,
    "HF-HEADER-006": _find_second_name,
    "HF-HEADER-007": _find_token(_is_infinite),
    "HF-HEADER-008": _find_token(lambda token: token.depth > LIMITS.header_depth),
    "HF-HEADER-009": _find_surplus_member,
}
"""By rule; any other is found by what the codec says of it."""
