"""What is written by hand in the JSON Schema: types of values, conditions, examples.

`schemas.py` takes the rest from the typed messages and the registries. The law of this module: a
name of a header stands here only with what neither of them says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

NO_NEWLINE = {"pattern": "\\n"}
"""Beside a pattern that ends in `$`, which in Python also matches before a last newline."""


def reference(name: str) -> Schema:
    """Return a reference to one of the definitions."""
    return {"$ref": f"#/$defs/{name}"}


def build_types(limits: Any, digests: list[Schema], codes: list[str]) -> dict[str, Schema]:
    """Return the types that chapter 3 names, and the two that a line of a listing holds."""
    whole = {"type": "integer", "minimum": 0, "maximum": limits.integer_max}
    algorithms = "|".join(f"{row['name']}:[0-9a-f]{{{row['hex_digits']}}}" for row in digests)
    no_segment = f"[\\u0000-\\u001f\\u007f\\\\]|[^/]{{{limits.segment_bytes + 1}}}"
    chapter_7 = "as far as characters tell: not how many bytes it has, nor whether it is in NFC"
    return {
        "integer": {
            "description": "A registered integer, written with digits alone (HF-HEADER-010).",
            **whole,
        },
        "positive-integer": {
            "description": "A registered integer from 1, written with digits alone.",
            **whole,
            "minimum": 1,
        },
        "name": {
            "description": "A string; whether it is a file name is judged later, by chapter 7.",
            "type": "string",
        },
        "digest": {
            "description": "An algorithm of chapter 13, a colon and its digits.",
            "type": "string",
            "pattern": f"^({algorithms})$",
            "not": NO_NEWLINE,
        },
        "revision": {
            "description": "Names one state of a file.",
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{1,64}$",
            "not": NO_NEWLINE,
        },
        "token": {
            "description": "Names an upload: at least 128 random bits (HF-RESUME-001).",
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{22,64}$",
            "not": NO_NEWLINE,
        },
        "code": {
            "description": "An error code; one that is not known means `internal` (HF-REPLY-016).",
            "type": "string",
            "examples": codes,
        },
        "file-name": {
            "description": f"A file name by chapter 7, {chapter_7}.",
            "type": "string",
            "maxLength": limits.name_bytes,
            "not": {"pattern": f"(^|/)\\.{{0,2}}(/|$)|{no_segment}"},
        },
        "shared-prefix": {
            "description": f"What file names share, a '/' at its end included, {chapter_7}.",
            "type": "string",
            "maxLength": limits.name_bytes,
            "pattern": "/$",
            "not": {"pattern": f"(^|/)\\.{{0,2}}/|{no_segment}"},
        },
    }


SHAPES: tuple[tuple[Schema, str], ...] = (
    ({"type": "integer"}, "integer"),
    ({"type": "integer", "minimum": 0}, "integer"),
    ({"type": "integer", "minimum": 1}, "positive-integer"),
    ({"type": "string", "minLength": 1, "maxLength": 64}, "revision"),
    ({"type": "string", "minLength": 22, "maxLength": 64}, "token"),
)
"""What a value's schema by msgspec stands for; `maximum` is the same everywhere."""

SUCCESS: Schema = {"properties": {"id": reference("positive-integer"), "ok": {"const": True}}}
NO_BODY: Schema = {"properties": {"filesize": {"const": 0, "default": 0}}}
ONE_OF_TWO: Schema = {"oneOf": [{"required": ["filename"]}, {"required": ["upload"]}]}

CONDITIONS: Mapping[str, Schema] = {
    "put": {"dependentRequired": {"offset": ["upload"]}},
    "stat": ONE_OF_TWO,
    "delete": ONE_OF_TWO,
    "refusal": {"properties": {"id": reference("positive-integer"), "ok": {"const": False}}},
    "notice": {
        "properties": {
            "id": {"const": 0},
            "ok": {"const": False},
            "filesize": {"const": 0, "default": 0},
            "more": {"const": False, "default": False},
        }
    },
    "continuation": {
        "if": {"properties": {"more": {"const": True}}, "required": ["more"]},
        "then": {
            "required": ["filesize"],
            "properties": {
                "filesize": {"type": "integer", "minimum": 1},
                "abort": {"const": False},
                **dict.fromkeys(("digest", "total", "code", "message"), False),
            },
        },
    },
}
"""What the types of the messages do not say, by kind of header."""

DESCRIPTIONS: Mapping[str, str] = {
    "success": "The first header of a reply to a request that was carried out; what else it holds"
    " depends on the command.",
    "notice": "What a server says about the connection, between replies, with `id` 0.",
    "continuation": "A later header of a message. Only the last, which does not say `more`, may"
    " hold trailers.",
}
"""Where the message's own docstring speaks to readers of the code."""

ENTRY: Schema = {
    "title": "list-entry",
    "description": "A line of the body of a reply to `list` (8.5): a file or, with `delimiter`,"
    " what names share.",
    "type": "object",
    "properties": {
        "filename": reference("file-name"),
        "prefix": reference("shared-prefix"),
        "total": {"description": "Bytes of the file.", **reference("integer")},
        "rev": reference("revision"),
        "mtime": {
            "description": "Microseconds since 1970-01-01T00:00:00Z.",
            **reference("integer"),
        },
    },
    "oneOf": [{"required": ["filename", "total", "rev"]}, {"required": ["prefix"]}],
    "examples": [
        {"filename": "a-b", "total": 1, "rev": "r3", "mtime": 1767225600000000},
        {"prefix": "a/"},
    ],
}

TOKEN = "4VhsZ3Zxd2kq0nY1m8pTbw"
EXAMPLES: Mapping[str, list[Schema]] = {
    "hello": [{"id": 1, "cmd": "hello", "hf": 1}],
    "put": [
        {"id": 2, "cmd": "put", "filename": "notes/a.txt", "total": 5, "filesize": 5},
        {"cmd": "put", "filename": "a.txt", "filesize": 5},
        {"id": 3, "cmd": "put", "filename": "b.bin", "upload": TOKEN, "offset": 7, "filesize": 5},
    ],
    "get": [{"id": 4, "cmd": "get", "filename": "notes/a.txt", "offset": 1, "length": 3}],
    "stat": [{"id": 5, "cmd": "stat", "filename": "notes/a.txt", "want": ["digest"]}],
    "list": [{"id": 6, "cmd": "list", "prefix": "notes/", "limit": 2, "delimiter": "/"}],
    "delete": [{"id": 7, "cmd": "delete", "filename": "a.txt", "if": "r1"}],
    "move": [{"id": 8, "cmd": "move", "filename": "a.txt", "to": "b.txt", "to_if": True}],
    "success": [{"id": 9, "ok": True}],
    "hello-reply": [
        {"id": 1, "ok": True, "hf": [1], "limits": {"total": 1073741824}, "features": []}
    ],
    "put-reply": [
        {"id": 2, "ok": True, "rev": "r2", "total": 5},
        {"id": 3, "ok": True, "offset": 7},
    ],
    "get-reply": [{"id": 4, "ok": True, "rev": "r2", "total": 5, "offset": 1, "filesize": 3}],
    "stat-reply": [{"id": 5, "ok": True, "rev": "r2", "total": 5, "mtime": 1767225600000000}],
    "list-reply": [{"id": 6, "ok": True, "end": True, "filesize": 81}],
    "delete-reply": [{"id": 7, "ok": True}],
    "move-reply": [{"id": 8, "ok": True, "rev": "r3"}],
    "refusal": [
        {"id": 9, "ok": False, "code": "not-found", "message": "a.txt does not exist"},
        {"id": 10, "ok": False, "code": "precondition-failed", "rev": None},
        {"id": 11, "ok": False, "code": "busy", "retry_ms": 500},
    ],
    "notice": [{"id": 0, "ok": False, "code": "closing", "close": True}],
    "continuation": [{"filesize": 7, "more": True}, {"filesize": 5, "total": 12}, {"abort": True}],
}
