"""A second reader of HF/1, written by hand from the standard: slow, plain, and its own judge.

It shares no code with the codec and not even its method: the codec lets a JSON library read and
then asks what that library let through; this one reads JSON character by character and knows
nothing else. `read_stream` takes all that a client ever sent and says what a server makes of it.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any

FATAL_FRAME = ("fatal", "bad-frame")
FATAL_HEADER = ("fatal", "bad-header")

LARGEST = 9007199254740991
TRAILERS = ("digest", "total", "abort", "code", "message")
REGISTERED = frozenset(
    [
        "filesize",
        "more",
        "id",
        "cmd",
        "ok",
        "code",
        "message",
        "retry_ms",
        "close",
        "digest",
        "total",
        "abort",
        "filename",
        "if",
        "rev",
        "mtime",
        "upload",
        "offset",
        "length",
        "want",
        "prefix",
        "after",
        "limit",
        "delimiter",
        "end",
        "to",
        "to_if",
        "to_rev",
        "hf",
        "auth",
        "server",
        "limits",
        "features",
        "durability",
    ]
)


class NotHF(Exception):
    """The header is fatal."""


class Integer(int):
    """A number that was written as digits alone."""


# --- JSON, chapter 3 -------------------------------------------------------------------------


class Text:
    """A JSON text that is being read."""

    def __init__(self, raw: bytes) -> None:
        try:
            self.text = raw.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise NotHF from None
        self.at = 0

    def whole(self) -> dict[str, Any]:
        self.space()
        if self.peek() != "{":
            raise NotHF
        value = self.value(depth=1)
        self.space()
        if self.at != len(self.text) or len(value) > 64:
            raise NotHF
        return value

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> None:
        if not self.text.startswith(wanted, self.at):
            raise NotHF
        self.at += len(wanted)

    def space(self) -> None:
        while self.peek() and self.peek() in " \t\r\n":
            self.at += 1

    def value(self, depth: int) -> Any:
        first = self.peek()
        if first and first in "{[" and depth > 16:
            raise NotHF
        if first == "{":
            return self.object(depth)
        if first == "[":
            return self.array(depth)
        if first == '"':
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.number()

    def object(self, depth: int) -> dict[str, Any]:
        self.take("{")
        members: dict[str, Any] = {}
        self.space()
        while self.peek() != "}":
            if members:
                self.take(",")
                self.space()
            name = self.string()
            if name in members:
                raise NotHF
            self.space()
            self.take(":")
            self.space()
            members[name] = self.value(depth + 1)
            self.space()
        self.take("}")
        return members

    def array(self, depth: int) -> list[Any]:
        self.take("[")
        items: list[Any] = []
        self.space()
        while self.peek() != "]":
            if items:
                self.take(",")
                self.space()
            items.append(self.value(depth + 1))
            self.space()
        self.take("]")
        return items

    def string(self) -> str:
        self.take('"')
        made = ""
        while self.peek() != '"':
            made += self.character()
        self.take('"')
        for character in made:
            code = ord(character)
            if 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE:
                raise NotHF
        return made

    def character(self) -> str:
        character = self.peek()
        self.at += 1
        if not character or character < " ":
            raise NotHF
        if character != "\\":
            return character
        escape = self.peek()
        self.at += 1
        if escape and escape in '"\\/bfnrt':
            return dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))[escape]
        if escape != "u":
            raise NotHF
        code = self.four_digits()
        if 0xD800 <= code < 0xDC00:
            self.take("\\u")
            low = self.four_digits()
            if not 0xDC00 <= low < 0xE000:
                raise NotHF
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        if 0xDC00 <= code < 0xE000:
            raise NotHF
        return chr(code)

    def four_digits(self) -> int:
        digits = self.text[self.at : self.at + 4]
        if not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise NotHF
        self.at += 4
        return int(digits, 16)

    def number(self) -> Any:
        found = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?").match(
            self.text, self.at
        )
        if not found:
            raise NotHF
        self.at = found.end()
        token = found[0]
        if math.isinf(float(token)):
            raise NotHF
        return Integer(token) if re.fullmatch("[0-9]+", token) else float(token)


def is_integer(value: Any, least: int = 0) -> bool:
    return isinstance(value, Integer) and least <= value <= LARGEST


def read_header(raw: bytes) -> dict[str, Any]:
    """Return the members of a header of a request, or raise NotHF."""
    members = Text(raw).whole()
    if not is_integer(members.get("filesize", Integer(0))):
        raise NotHF
    if not isinstance(members.get("more", False), bool):
        raise NotHF
    if not is_integer(members.get("id", Integer(1)), 1):
        raise NotHF
    return members


# --- requests, chapters 5, 6 and 8 -----------------------------------------------------------


def is_string(value: Any) -> bool:
    return isinstance(value, str)


def is_revision(value: Any) -> bool:
    return is_string(value) and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value) is not None


def is_condition(value: Any) -> bool:
    return value is None or is_revision(value)


def is_token(value: Any) -> bool:
    return is_string(value) and re.fullmatch(r"[A-Za-z0-9_-]{22,64}", value) is not None


def is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_string, value))


def is_auth(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_string, value.values()))


USES: dict[str, dict[str, Any]] = {
    "hello": {"hf": is_integer, "auth": is_auth},
    "put": {
        "filename": is_string,
        "if": is_condition,
        "digest": is_string,
        "total": is_integer,
        "mtime": is_integer,
        "upload": is_token,
        "offset": is_integer,
    },
    "get": {
        "filename": is_string,
        "offset": is_integer,
        "length": is_integer,
        "if": is_condition,
        "want": is_strings,
    },
    "stat": {"filename": is_string, "upload": is_token, "if": is_condition, "want": is_strings},
    "list": {
        "prefix": is_string,
        "after": is_string,
        "limit": lambda value: is_integer(value, 1),
        "delimiter": lambda value: value == "/",
    },
    "delete": {"filename": is_string, "upload": is_token, "if": is_condition},
    "move": {
        "filename": is_string,
        "to": is_string,
        "if": is_condition,
        "to_if": lambda value: value is True or is_condition(value),
    },
}
NEEDS = {"put": ["filename"], "get": ["filename"], "move": ["filename", "to"]}


def first_fault(members: dict[str, Any]) -> str | None:
    """Return the code that a first header is refused with; None: it is not."""
    cmd = members.get("cmd")
    if cmd == "hello" and isinstance(members.get("hf"), Integer) and members["hf"] != 1:
        return "unsupported-version"
    if any(name.startswith("!") for name in members):
        return "unsupported"
    if not is_string(cmd):
        return "bad-request"
    if cmd not in USES:
        return "unknown-command"
    uses = USES[cmd] | {"abort": lambda value: isinstance(value, bool)}
    if not all(uses[name](value) for name, value in members.items() if name in uses):
        return "bad-request"
    if not all(name in members for name in NEEDS.get(cmd, [])):
        return "bad-request"
    if cmd in ("stat", "delete") and ("filename" in members) == ("upload" in members):
        return "bad-request"
    if cmd == "put" and "offset" in members and "upload" not in members:
        return "bad-request"
    if cmd != "put" and members.get("filesize"):
        return "bad-request"
    return None


def later_fault(first: dict[str, Any], later: dict[str, Any]) -> str | None:
    """Return the code that a later header refuses its message with; None: it does not."""
    if any(name.startswith("!") for name in later):
        return "unsupported"
    for name, value in later.items():
        if name in TRAILERS:
            kinds = {"total": is_integer, "abort": lambda value: isinstance(value, bool)}
            if not kinds.get(name, is_string)(value) or (later.get("more") and value is not False):
                return "bad-request"
        elif name in REGISTERED - {"filesize", "more"}:
            return "bad-request"
    for name in ("digest", "total"):
        # Only a put uses them in its first header.
        if first.get("cmd") == "put" and name in first and name in later:
            if first[name] != later[name]:
                return "bad-request"
    if first.get("cmd") != "put" and later.get("filesize"):
        return "bad-request"
    return None


# --- the stream, chapters 2 and 4 ------------------------------------------------------------


class Cut(Exception):
    """The stream ended."""


class Stream:
    """All that a client sent."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise Cut
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def header(self) -> dict[str, Any]:
        """Return the next header, or raise Cut, NotHF, or ValueError for a bad frame."""
        (count,) = struct.unpack("<I", self.take(4))
        if not 2 <= count <= 65535:
            raise ValueError
        return read_header(self.take(count))


def read_stream(data: bytes) -> list[tuple[Any, ...]]:
    """Return what a server makes of all that a client sent, in order.

    ("request", members, body)   whole and acceptable; trailers are among the members
    ("aborted", members)         whole and withdrawn
    ("refused", id, code)        refused by the protocol itself; id None: there was none
    ("fatal", code) ("cut",) ("closed",) ("end",)    the last entry

    A request without `id` that is no put makes no entry, unless it is refused.
    """
    stream = Stream(data)
    outcomes: list[tuple[Any, ...]] = []
    while stream.at < len(data):
        try:
            read_message(stream, outcomes)
        except Cut:
            return [*outcomes, ("cut",)]
        except NotHF:
            return [*outcomes, FATAL_HEADER]
        except ValueError:
            return [*outcomes, FATAL_FRAME]
        if outcomes and outcomes[-1][-1] == "unsupported-version":
            return [*outcomes, ("closed",)]
    return [*outcomes, ("end",)]


def read_message(stream: Stream, outcomes: list[tuple[Any, ...]]) -> None:
    """Read one message and append what it is; a refusal is told before its rest is read."""
    first = last = stream.header()
    refused = first_fault(first)
    silent = "id" not in first and first.get("cmd") != "put" and not refused

    def refuse(code: str | None) -> None:
        nonlocal refused
        if code and not silent:
            refused = code
            outcomes.append(("refused", first.get("id"), code))

    refuse(refused)
    if refused == "unsupported-version":
        return
    body = stream.take(first.get("filesize", 0))
    while last.get("more"):
        last = stream.header()
        if "cmd" in last or "ok" in last:
            raise ValueError
        if last.get("more") and not last.get("filesize"):
            raise ValueError
        if not refused:
            refuse(later_fault(first, last))
        body += stream.take(last.get("filesize", 0))
    if refused or silent:
        return
    members = {name: value for name, value in first.items() if name not in ("filesize", "more")}
    if last.get("abort") is True:
        outcomes.append(("aborted", members))
        return
    if last is not first and first["cmd"] == "put":
        members |= {name: last[name] for name in ("digest", "total") if name in last}
    outcomes.append(("request", members, body))
