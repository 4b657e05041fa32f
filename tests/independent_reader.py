"""A second reader of the HF/1 stream, for tests to compare the production codec with.

It was written by hand from the text of the specification alone and shares no code with the
codec that it judges, not even the JSON parser. It wants to be short and plainly right, and does
not mind being slow: it takes everything that a client ever sent on one connection, followed by
end of file, and says what a server makes of it at the level of the protocol. Authorization, file
names, limits, what the server stores, and whether `total` and `digest` fit the body, are the
server's own business and are not judged here.

The outcomes of a stream, in order:

``("request", members, body)``
    A message that is whole and acceptable. `members` is its first header without `filesize` and
    `more`, with `digest` and `total` of its last header merged in; `body` is its bodies, joined.
    A request that has no `id` and is no `put` is never carried out, and so not listed.
``("aborted", members)``
    A whole message, acceptable so far, whose last header says `abort: true`.
``("refused", id_or_none, code)``
    A request that the protocol refuses. It is listed as soon as the header that is refused has
    come, so that a fatal error or the end of file may still follow inside the same message.
``("fatal", code)``, ``("cut",)``, ``("closed",)``, ``("end",)``
    The last outcome of all: a fatal error; end of file inside a message; a connection closed by
    the server after `unsupported-version`; end of file between messages.
"""

import re
from collections.abc import Callable
from typing import Any

Header = dict[str, Any]
Outcome = tuple[Any, ...]

MAX_INTEGER = 9007199254740991
MAX_DEPTH = 16
MAX_MEMBERS = 64
SHA_256 = "[0-9a-f]{64}"
TRAILERS = {"digest", "total", "abort", "code", "message"}
REGISTERED = {
    *TRAILERS,
    "filesize",
    "more",
    "id",
    "cmd",
    "ok",
    "retry_ms",
    "close",
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
}


class Fatal(Exception):
    """The stream cannot be read any further."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Cut(Exception):
    """The end of file came inside a message."""


class Closed(Exception):
    """The server closes the connection after a refusal."""


# ---------------------------------------------------------------- JSON (section 3.1)

SPACE = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WORDS = {"true": True, "false": False, "null": None}


class Parser:
    """A recursive descent over one JSON text; any fault is fatal `bad-header`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Any:
        value = self.value(1)
        self.skip_space()
        if self.at != len(self.text):
            raise Fatal("bad-header")
        return value

    def skip_space(self) -> None:
        self.match(SPACE)

    def match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise Fatal("bad-header")
        self.at = found.end()
        return found.group()

    def next_is(self, expected: str) -> bool:
        """Skip white space, and `expected` too if that is what follows."""
        self.skip_space()
        if not self.text.startswith(expected, self.at):
            return False
        self.at += len(expected)
        return True

    def expect(self, expected: str) -> None:
        if not self.next_is(expected):
            raise Fatal("bad-header")

    def value(self, depth: int) -> Any:
        """Read a value; an object or array that begins here is `depth` deep."""
        if self.next_is("{"):
            return self.object(depth)
        if self.next_is("["):
            return self.array(depth)
        for word, meaning in WORDS.items():
            if self.next_is(word):
                return meaning
        if self.text.startswith('"', self.at):
            return self.string()
        return self.number()

    def object(self, depth: int) -> Header:
        if depth > MAX_DEPTH:
            raise Fatal("bad-header")
        members: Header = {}
        if self.next_is("}"):
            return members
        while True:
            self.skip_space()
            name = self.string()
            if name in members:
                raise Fatal("bad-header")
            self.expect(":")
            members[name] = self.value(depth + 1)
            if self.next_is("}"):
                return members
            self.expect(",")

    def array(self, depth: int) -> list[Any]:
        if depth > MAX_DEPTH:
            raise Fatal("bad-header")
        items: list[Any] = []
        if self.next_is("]"):
            return items
        while True:
            items.append(self.value(depth + 1))
            if self.next_is("]"):
                return items
            self.expect(",")

    def string(self) -> str:
        escaped = self.match(STRING)[1:-1]
        units = ESCAPE.sub(unescape, escaped)
        try:  # joins the two halves of escaped pairs, and fails on a half that is alone
            text = units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise Fatal("bad-header") from None
        if any(is_noncharacter(ord(character)) for character in text):
            raise Fatal("bad-header")
        return text

    def number(self) -> int | float:
        """Read a number: an `int` if it is one in Python's eyes, but -0.0 for `-0`."""
        literal = self.match(NUMBER)
        double = float(literal)
        if double in (float("inf"), float("-inf")):
            raise Fatal("bad-header")
        if literal == "-0" or not re.fullmatch("-?[0-9]+", literal):
            return double
        return int(literal)  # at most 309 digits, since its double is finite


def unescape(found: re.Match[str]) -> str:
    escape = found.group(1)
    if escape.startswith("u"):
        return chr(int(escape[1:], 16))
    return SHORT_ESCAPES.get(escape, escape)


def is_noncharacter(point: int) -> bool:
    return 0xFDD0 <= point <= 0xFDEF or point % 0x10000 in (0xFFFE, 0xFFFF)


def parse_header(raw: bytes) -> Header:
    """Return the header in the bytes of a request, first or later, unless it is fatal."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Fatal("bad-header") from None
    if text.startswith("\ufeff"):
        raise Fatal("bad-header")
    header = Parser(text).whole()
    if not isinstance(header, dict) or len(header) > MAX_MEMBERS:
        raise Fatal("bad-header")
    if not is_integer(header.get("filesize", 0)):
        raise Fatal("bad-header")
    if not is_boolean(header.get("more", False)):
        raise Fatal("bad-header")
    if not is_positive(header.get("id", 1)):
        raise Fatal("bad-header")
    return header


def header_fault(raw: bytes) -> str | None:
    """Return the fatal code of the bytes of a request's first header, or None."""
    try:
        parse_header(raw)
    except Fatal as fault:
        return fault.code
    return None


# ---------------------------------------------------------------- types and commands

Check = Callable[[Any], bool]


def is_integer(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_INTEGER


def is_positive(value: Any) -> bool:
    return is_integer(value) and value > 0


def is_boolean(value: Any) -> bool:
    return value is True or value is False


def is_string(value: Any) -> bool:
    return isinstance(value, str)


def is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(is_string(item) for item in value)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_slash(value: Any) -> bool:
    return is_string(value) and bool(value == "/")


def is_revision(value: Any) -> bool:
    return is_string(value) and re.fullmatch("[A-Za-z0-9._-]{1,64}", value) is not None


def is_revision_or_null(value: Any) -> bool:
    return value is None or is_revision(value)


def is_revision_true_or_null(value: Any) -> bool:
    return value is True or is_revision_or_null(value)


def is_token(value: Any) -> bool:
    return is_string(value) and re.fullmatch("[A-Za-z0-9_-]{22,64}", value) is not None


TYPES: dict[str, Check] = {
    "filename": is_string,  # whether the text is a file name is not judged here
    "to": is_string,
    "if": is_revision_or_null,
    "to_if": is_revision_true_or_null,
    "upload": is_token,
    "digest": is_string,  # what it says is judged by `digest_fault`
    "total": is_integer,
    "mtime": is_integer,
    "offset": is_integer,
    "length": is_integer,
    "limit": is_positive,
    "delimiter": is_slash,
    "prefix": is_string,
    "after": is_string,
    "want": is_strings,
    "hf": is_integer,
    "auth": is_object,
    "abort": is_boolean,
    "code": is_string,
    "message": is_string,
}

USED: dict[str, set[str]] = {
    "hello": {"hf", "auth"},
    "put": {"filename", "if", "digest", "total", "mtime", "want", "upload", "offset"},
    "get": {"filename", "offset", "length", "if", "want"},
    "stat": {"filename", "upload", "if", "want"},
    "list": {"prefix", "after", "limit", "delimiter"},
    "delete": {"filename", "upload", "if"},
    "move": {"filename", "to", "if", "to_if"},
}

NEEDED: dict[str, set[str]] = {
    "put": {"filename"},
    "get": {"filename"},
    "move": {"filename", "to"},
}

ONE_OF_TWO = {"stat", "delete"}  # `filename` or `upload`


def has_critical_name(header: Header) -> bool:
    """Tell whether there is a name that has to be understood; nobody understands any yet."""
    return any(name.startswith("!") for name in header)


def has_wrong_type(names: set[str], header: Header) -> bool:
    return any(name in names and not TYPES[name](value) for name, value in header.items())


def has_unwanted_body(command: str, header: Header) -> bool:
    return command != "put" and header.get("filesize", 0) > 0


def first_refusal(header: Header) -> str | None:
    """Return the code with which a first header is refused (section 6.2, lines 1, 2, 3 and 5)."""
    command = header.get("cmd")
    if command == "hello" and is_integer(header.get("hf")) and header["hf"] != 1:
        return "unsupported-version"
    if has_critical_name(header):
        return "unsupported"
    if not is_string(command):
        return "bad-request"
    if command not in USED:
        return "unknown-command"
    if not NEEDED.get(command, set()) <= header.keys():
        return "bad-request"
    if command in ONE_OF_TWO and ("filename" in header) == ("upload" in header):
        return "bad-request"
    if has_wrong_type(USED[command] | {"abort"}, header) or has_unwanted_body(command, header):
        return "bad-request"
    if command == "put" and "offset" in header and "upload" not in header:
        return "bad-request"
    return digest_fault(header) if command == "put" else None


def later_refusal(first: Header, later: Header) -> str | None:
    """Return the code with which a later header of an acceptable request is refused."""
    command = first["cmd"]
    names = {name for name, value in later.items() if name != "abort" or value is not False}
    if has_critical_name(later):
        return "unsupported"
    if names & (REGISTERED - TRAILERS - {"filesize", "more"}):
        return "bad-request"
    if later.get("more", False) and names & TRAILERS:
        return "bad-request"
    if has_wrong_type(TRAILERS, later) or has_unwanted_body(command, later):
        return "bad-request"
    if command != "put":
        return None  # `digest` and `total` are nothing that it knows
    for name in ("digest", "total"):
        if name in first and name in later and first[name] != later[name]:
            return "bad-request"
    return None


def digest_fault(header: Header) -> str | None:
    """Return the code with which the `digest` of a put is refused, if there is one."""
    if "digest" not in header:
        return None
    algorithm, colon, digits = header["digest"].partition(":")
    if algorithm == "sha-256" and re.fullmatch(SHA_256, digits):
        return None
    named = colon and algorithm != "sha-256" and re.fullmatch("[a-z0-9-]+", algorithm)
    return "unsupported" if named else "bad-request"


# ---------------------------------------------------------------- frames and messages


class Stream:
    """The bytes of a connection, and how far they have been read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def at_end(self) -> bool:
        return self.at == len(self.data)

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise Cut
        self.at += size
        return self.data[self.at - size : self.at]

    def take_header(self) -> Header:
        size = int.from_bytes(self.take(4), "little")
        if not 2 <= size <= 65535:
            raise Fatal("bad-frame")
        return parse_header(self.take(size))

    def take_body(self, header: Header) -> bytes:
        return self.take(header.get("filesize", 0))


def read_message(stream: Stream, outcomes: list[Outcome]) -> None:
    """Read one message, and add what becomes of it to the outcomes, if anything does."""
    first = last = stream.take_header()
    code = first_refusal(first)
    if code is not None:
        outcomes.append(("refused", first.get("id"), code))
    if code == "unsupported-version":
        raise Closed
    body = stream.take_body(first)

    while last.get("more", False):
        last = stream.take_header()
        if "cmd" in last or "ok" in last:
            raise Fatal("bad-frame")
        if last.get("more", False) and last.get("filesize", 0) == 0:
            raise Fatal("bad-frame")
        if code is None:
            code = later_refusal(first, last)
            if code is not None:
                outcomes.append(("refused", first.get("id"), code))
        body += stream.take_body(last)

    if code is not None:
        return
    members = {name: value for name, value in first.items() if name not in ("filesize", "more")}
    if last.get("abort", False):
        outcomes.append(("aborted", members))
        return
    code = digest_fault(last) if members["cmd"] == "put" else None
    if code is not None:
        outcomes.append(("refused", first.get("id"), code))
        return
    members |= {name: last[name] for name in ("digest", "total") if name in last}
    if "id" in members or members["cmd"] == "put":
        outcomes.append(("request", members, body))


def read_stream(data: bytes) -> list[Outcome]:
    """Return what becomes of all that a client sent, in the order of the stream."""
    stream = Stream(data)
    outcomes: list[Outcome] = []
    try:
        while not stream.at_end():
            read_message(stream, outcomes)
    except Fatal as fault:
        outcomes.append(("fatal", fault.code))
    except Cut:
        outcomes.append(("cut",))
    except Closed:
        outcomes.append(("closed",))
    else:
        outcomes.append(("end",))
    return outcomes
