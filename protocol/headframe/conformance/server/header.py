"""Checks of section 3.1, the JSON that is allowed."""

from __future__ import annotations

from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import carried_out, fatal_header
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import (
    hello,
    put,
    raw,
)

__all__ = ["CHECKS"]

chapter: Final = Chapter("header")


def tagged(value: bytes) -> bytes:
    """Return a hello with a private name that has this JSON value."""
    return b'{"id":7,"cmd":"hello","example.com.tag":' + value + b"}"


def named(text: bytes) -> bytes:
    """Return a stat of a file whose name has this JSON text between the quotes."""
    return b'{"id":7,"cmd":"stat","filename":"~/a' + text + b'"}'


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]", inner: bytes = b"") -> bytes:
    """Return a value so deep that the header, its own object included, has this depth."""
    return opening * (depth - 1) + inner + closing * (depth - 1)


def members(number: int) -> bytes:
    """Return a hello with so many members."""
    more = ",".join(f'"example.com.{n}":{n}' for n in range(number - 2))
    return b'{"id":7,"cmd":"hello",' + more.encode() + b"}"


# --- 3.1 the JSON that is allowed --------------------------------------------------------

chapter.each(
    "HF-HEADER-001",
    "A header that is not strict UTF-8 is fatal: {}.",
    fatal_header,
    {
        "byte-order-mark": b"\xef\xbb\xbf" + b'{"id":7,"cmd":"hello"}',
        "utf-16-little-endian": '{"id":7,"cmd":"hello"}'.encode("utf-16-le"),
        "utf-16-big-endian": '{"id":7,"cmd":"hello"}'.encode("utf-16-be"),
        "utf-16-with-mark": '{"id":7,"cmd":"hello"}'.encode("utf-16"),
        "utf-32": '{"id":7,"cmd":"hello"}'.encode("utf-32-le"),
        "latin-1": named(b"\xfc"),
        "lone-continuation-byte": named(b"\x80"),
        "overlong-slash": named(b"\xc0\xaf"),
        "overlong-of-three-bytes": named(b"\xe0\x80\xaf"),
        "surrogate-in-three-bytes": named(b"\xed\xa0\xbd\xed\xb8\x80"),
        "above-10ffff": named(b"\xf4\x90\x80\x80"),
        "cut-sequence": named(b"\xe2\x82"),
        "bad-byte-in-unknown-value": tagged(b'"\xff"'),
        "bad-byte-in-unknown-name": b'{"id":7,"cmd":"hello","\xff":1}',
    },
)

chapter.each(
    "HF-HEADER-002",
    "A header that is not JSON by the grammar is fatal: {}.",
    fatal_header,
    {
        "white-space-alone": b"  ",
        "nul-byte": b"\0\0",
        "cut-short": b'{"id":7,"cmd":"hello"',
        "trailing-comma": b'{"id":7,"cmd":"hello",}',
        "comma-in-array": tagged(b"[1,]"),
        "two-commas": b'{"id":7,,"cmd":"hello"}',
        "second-value": b'{"id":7,"cmd":"hello"} {}',
        "rest-behind-object": b'{"id":7,"cmd":"hello"}x',
        "nul-behind-object": b'{"id":7,"cmd":"hello"}\0',
        "single-quotes": b"{'id':7,'cmd':'hello'}",
        "bare-name": b'{id:7,"cmd":"hello"}',
        "comment": b'{"id":7,"cmd":"hello"/**/}',
        "line-comment": b'{"id":7,"cmd":"hello"}//',
        "nan": tagged(b"NaN"),
        "infinity": tagged(b"Infinity"),
        "minus-infinity": tagged(b"-Infinity"),
        "python-true": tagged(b"True"),
        "undefined": tagged(b"undefined"),
        "leading-zero": tagged(b"01"),
        "plus-sign": tagged(b"+1"),
        "bare-point": tagged(b".5"),
        "point-without-digits": tagged(b"1."),
        "exponent-without-digits": tagged(b"1e"),
        "hexadecimal": tagged(b"0x10"),
        "minus-alone": tagged(b"-"),
        "raw-newline-in-string": tagged(b'"a\nb"'),
        "raw-tab-in-string": tagged(b'"a\tb"'),
        "raw-nul-in-string": tagged(b'"a\0b"'),
        "unknown-escape": tagged(b'"\\x41"'),
        "short-unicode-escape": tagged(b'"\\u004"'),
        "escape-with-signs": tagged(b'"\\u+041"'),
        "open-string": tagged(b'"abc'),
        "open-array": tagged(b"[1"),
        "mixed-brackets": tagged(b"[1}"),
        "no-break-space-around": b"\xc2\xa0" + b'{"id":7,"cmd":"hello"}',
        "form-feed-inside": b'{"id":7,\x0c"cmd":"hello"}',
        "vertical-tab-inside": b'{"id":7,\x0b"cmd":"hello"}',
    },
)

chapter.each(
    "HF-HEADER-003",
    "A header that is no object is fatal: {}.",
    fatal_header,
    {
        "top-is-array": b'[{"id":7,"cmd":"hello"}]',
        "top-is-string": b'"hello"',
        "top-is-number": b"12",
        "top-is-null": b"null",
        "top-is-true": b"true",
    },
)

chapter.each(
    "HF-HEADER-004",
    "JSON white space is accepted wherever it may stand: {}.",
    carried_out,
    {
        "white-space-before": b' \t\r\n{"id":7,"cmd":"hello"}',
        "white-space-behind": b'{"id":7,"cmd":"hello"}\r\n\t ',
        "white-space-inside": b'{ "id"\t:\r7\n,\n"cmd" : "hello" }',
        "white-space-as-json-dumps": b'{"id": 7, "cmd": "hello"}',
        "white-space-in-empty-array": tagged(b"[ \n ]"),
    },
)

chapter.each(
    "HF-HEADER-002",
    "What JSON allows is read: {}.",
    carried_out,
    {
        "escaped-names": b'{"\\u0069d":7,"c\\u006d\\u0064":"\\u0068ello"}',
        "every-escape": tagged(b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u00E9"'),
        "all-kinds-of-values": tagged(b'[null,true,false,0,-0,1.5,-1e3,1E+2,"",{},[]]'),
        "members-in-any-order": b'{"cmd":"hello","id":7}',
        "delete-character": tagged(b'"\x7f"'),
        "large-integer": tagged(b"123456789012345678901234567890"),
        "many-digits": tagged(b"0." + b"1" * 400),
    },
)

chapter.each(
    "HF-HEADER-005",
    "A lone surrogate or a noncharacter in any string is fatal: {}.",
    fatal_header,
    {
        "lone-high-surrogate": named(b"\\ud83d"),
        "lone-low-surrogate": named(b"\\ude00"),
        "surrogates-in-wrong-order": named(b"\\ude00\\ud83d"),
        "high-surrogate-then-text": named(b"\\ud83dx"),
        "surrogate-in-unknown-value": tagged(b'"\\ud800"'),
        "surrogate-in-unknown-name": b'{"id":7,"cmd":"hello","\\udfff":1}',
        "surrogate-deep-inside": tagged(b'[{"a":["\\udc00"]}]'),
        "noncharacter-fffe-escaped": named(b"\\ufffe"),
        "noncharacter-ffff-raw": named("\uffff".encode()),
        "noncharacter-fdd0-raw": named("\ufdd0".encode()),
        "noncharacter-fdef-escaped": named(b"\\ufdef"),
        "noncharacter-1fffe-raw": named("\U0001fffe".encode()),
        "noncharacter-10ffff-escaped": named(b"\\udbff\\udfff"),
        "noncharacter-in-unknown-name": b'{"id":7,"cmd":"hello","\\uffff":1}',
    },
)


@chapter.check("HF-HEADER-005 HF-NAME-006")
def escaped_pair_is_one_character(peer: Peer) -> None:
    r"""A pair of escaped surrogates is the one character it stands for."""
    peer.ok(put("~/😀", b"smile"))
    reply = peer.ok(raw(b'{"id":7,"cmd":"get","filename":"~/\\ud83d\\ude00"}'))
    same(b"smile", reply.body, "body")


@chapter.check("HF-HEADER-005")
def characters_beside_noncharacters_are_read(peer: Peer) -> None:
    """U+FDCF, U+FDF0, U+FFFD and U+1FFFD are characters like others."""
    peer.ok(hello(**{"example.com.tag": "\ufdcf\ufdf0\ufffd\U0001fffd\ue000\ud7ff"}))


chapter.each(
    "HF-HEADER-006",
    "A name that occurs twice in an object is fatal: {}.",
    fatal_header,
    {
        "id-twice": b'{"id":7,"id":8,"cmd":"hello"}',
        "same-id-twice": b'{"id":7,"id":7,"cmd":"hello"}',
        "cmd-twice": b'{"id":7,"cmd":"stat","cmd":"hello"}',
        "twice-after-unescaping": b'{"id":7,"\\u0069d":8,"cmd":"hello"}',
        "twice-in-unknown-object": tagged(b'{"a":1,"a":1}'),
        "twice-deep-inside": tagged(b'[[{"b":{"a":1,"\\u0061":2}}]]'),
        "unknown-name-twice": b'{"id":7,"cmd":"hello","x.y":1,"x.y":1}',
        "empty-name-twice": b'{"id":7,"cmd":"hello","":1,"":1}',
    },
)


@chapter.check("HF-HEADER-006")
def same_name_in_different_objects(peer: Peer) -> None:
    """One name in two objects, or in another case, is not twice."""
    peer.ok(raw(tagged(b'[{"a":1},{"a":1},{"A":1,"a":{"a":1}}]')))


chapter.each(
    "HF-HEADER-007",
    "A number beyond the doubles is fatal: {}.",
    fatal_header,
    {
        "exponent-400": tagged(b"1e400"),
        "minus-exponent-309": tagged(b"-1e309"),
        "first-that-rounds-to-infinity": tagged(b"1.7976931348623159e308"),
        "integer-of-400-digits": tagged(b"9" * 400),
        "infinite-deep-inside": tagged(b"[[1e999]]"),
    },
)

chapter.each(
    "HF-HEADER-007",
    "A number that a double can hold, or that is too small for one, is read: {}.",
    carried_out,
    {
        "greatest-double": tagged(b"1.7976931348623157e308"),
        "underflow": tagged(b"1e-999"),
        "least-double": tagged(b"5e-324"),
        "integer-of-300-digits": tagged(b"1" + b"0" * 299),
        "zero-with-great-exponent": tagged(b"0e999"),
    },
)

chapter.each(
    "HF-HEADER-008",
    "Nesting of more than 16 is fatal: {}.",
    fatal_header,
    {
        "arrays-17-deep": tagged(nested(17)),
        "objects-17-deep": tagged(nested(17, b'{"a":', b"}", b"1")[:]),
        "arrays-30000-deep": tagged(nested(30000)),
        "open-arrays-60000-deep": tagged(b"[" * 60000),
    },
)

chapter.each(
    "HF-HEADER-008",
    "Nesting of 16 is read: {}.",
    carried_out,
    {
        "arrays-16-deep": tagged(nested(16)),
        "objects-16-deep": tagged(nested(16, b'{"a":', b"}", b"1")),
        "brackets-in-a-string": tagged(b'"' + b"[" * 100 + b'"'),
        "many-side-by-side": tagged(b"[" + b"[[]]," * 99 + b"[]]"),
    },
)

chapter.each(
    "HF-HEADER-009",
    "More than 64 members at the top are fatal: {}.",
    fatal_header,
    {"members-65": members(65), "members-1000": members(1000)},
)

chapter.each(
    "HF-HEADER-009",
    "64 members at the top, and any number below, are read: {}.",
    carried_out,
    {
        "members-64": members(64),
        "members-80-inside": tagged(
            b"{" + b",".join(b'"%d":%d' % (n, n) for n in range(80)) + b"}"
        ),
    },
)

CHECKS: Final = chapter.checks
