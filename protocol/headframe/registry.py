# generated from spec/registry by spec/registry/generate.py; edit the JSON
"""The words of HF/1 as Python: error codes, commands, digests and the names that headers may hold.

Spec: chapter 13, "Registries and tables". The law of this module: it is written by
`spec/registry/generate.py` and never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["REGISTERED_KEYS", "Command", "DigestAlgorithm", "ErrorClass", "ErrorCode"]


class ErrorClass(StrEnum):
    """What an error code means for the connection."""

    FATAL = "fatal"
    """The stream cannot be read any further: the connection ends."""
    NOTICE = "notice"
    """Said about the connection, in answer to no request."""
    REFUSAL = "refusal"
    """One request is not carried out; the connection goes on unless the reply says `close`."""


class ErrorCode(StrEnum):
    """The registered error codes."""

    BAD_FRAME = "bad-frame"
    """Framing is lost: N is out of range, or a later header has no place in its message.
    (HF-FRAME-002)"""
    BAD_HEADER = "bad-header"
    """A header is not the JSON that HF/1 allows, or `filesize`, `more` or `id` is malformed.
    (HF-HEADER-002)"""
    TIMEOUT = "timeout"
    """A header or a body came too slowly. (HF-TIME-001)"""
    CLOSING = "closing"
    """The connection ends; only requests already begun are answered. (HF-TIME-008)"""
    SUPERSEDED = "superseded"
    """A newer request has taken over this upload; do not retry by yourself. (HF-RESUME-018)"""
    UNSUPPORTED_VERSION = "unsupported-version"
    """The server does not speak the version asked for. (HF-CMD-004)"""
    BAD_REQUEST = "bad-request"
    """A name is missing, has a wrong type or stands where it may not, or a body came with a command
    that takes none. (HF-HEADER-016)"""
    UNKNOWN_COMMAND = "unknown-command"
    """The command is not in the table of commands. (HF-CMD-001)"""
    UNSUPPORTED = "unsupported"
    """The server does not know a critical name or a digest algorithm. (HF-HEADER-017)"""
    UNAUTHORIZED = "unauthorized"
    """The server does not know who is asking. (HF-SEC-005)"""
    FORBIDDEN = "forbidden"
    """The server knows who is asking and does not permit it. (HF-SEC-009)"""
    BAD_NAME = "bad-name"
    """The text is not a file name of HF/1, or not one that this server can keep apart.
    (HF-NAME-001)"""
    NOT_FOUND = "not-found"
    """There is no such file. (HF-CMD-016)"""
    CONFLICT = "conflict"
    """Something that is not this file stands in the way of the name, or the upload is another one.
    (HF-CMD-027)"""
    PRECONDITION_FAILED = "precondition-failed"
    """The file is not in the state that the request asked for. (HF-COND-002)"""
    BAD_RANGE = "bad-range"
    """The offset lies beyond the end of the file. (HF-CMD-015)"""
    OFFSET_MISMATCH = "offset-mismatch"
    """The upload does not continue where the server stands; `offset` says where it does.
    (HF-RESUME-006)"""
    UPLOAD_GONE = "upload-gone"
    """The server knows no upload by this token. (HF-RESUME-004)"""
    SIZE_MISMATCH = "size-mismatch"
    """The bytes that came are not as many as `total` said. (HF-CMD-010)"""
    DIGEST_MISMATCH = "digest-mismatch"
    """The bytes that came do not have the digest that was sent with them. (HF-CMD-011)"""
    TOO_LARGE = "too-large"
    """The request exceeds a limit of the server, one above what every server guarantees.
    (HF-SEC-012)"""
    NO_SPACE = "no-space"
    """The server has no room to store this now. (HF-REPLY-011)"""
    ABORTED = "aborted"
    """The sender withdrew the message. (HF-BODY-012)"""
    BUSY = "busy"
    """The server has too much to do now. (HF-REPLY-011)"""
    INTERNAL = "internal"
    """Something failed on the server's side. (HF-REPLY-011)"""

    @property
    def error_class(self) -> ErrorClass:
        """What the code means for the connection."""
        return _CLASSES[self]

    @property
    def closes(self) -> bool:
        """Whether the connection always ends after this code."""
        return self in _CLOSING

    @property
    def retryable(self) -> bool:
        """Whether trying again can help: a refusal with this code carries `retry_ms`."""
        return self in _RETRYABLE

    @property
    def rule(self) -> str:
        """Id of the rule that gives the code its meaning."""
        return _RULES[self]


class Command(StrEnum):
    """The registered commands."""

    HELLO = "hello"
    """Ask who the server is and what it allows; also the ping. (HF-CMD-002)"""
    PUT = "put"
    """Store the body as a file. (HF-CMD-006)"""
    GET = "get"
    """Read a file, or a range of it. (HF-CMD-014)"""
    STAT = "stat"
    """Ask about a file (`filename`) or an upload (`upload`): one of the two is given.
    (HF-CMD-017)"""
    LIST = "list"
    """Ask for a page of names, one JSON object a line. (HF-CMD-019)"""
    DELETE = "delete"
    """Delete a file (`filename`) or forget an upload (`upload`): one of the two is given.
    (HF-CMD-008)"""
    MOVE = "move"
    """Give a file another name. (HF-CMD-025)"""


class DigestAlgorithm(StrEnum):
    """The registered algorithms of digests."""

    SHA_256 = "sha-256"
    """SHA-256 (FIPS 180-4); every server has it. (HF-CMD-011)"""
    BLAKE3 = "blake3"
    """BLAKE3, its first 256 bits of output, without key or context; a server that has it says so by
    the feature of this name. (HF-CMD-029)"""

    @property
    def hex_digits(self) -> int:
        """How many hexadecimal digits such a digest has."""
        return _HEX_DIGITS[self]


_CLASSES: Final[Mapping[ErrorCode, ErrorClass]] = MappingProxyType(
    {
        ErrorCode.BAD_FRAME: ErrorClass.FATAL,
        ErrorCode.BAD_HEADER: ErrorClass.FATAL,
        ErrorCode.TIMEOUT: ErrorClass.FATAL,
        ErrorCode.CLOSING: ErrorClass.NOTICE,
        ErrorCode.SUPERSEDED: ErrorClass.REFUSAL,
        ErrorCode.UNSUPPORTED_VERSION: ErrorClass.REFUSAL,
        ErrorCode.BAD_REQUEST: ErrorClass.REFUSAL,
        ErrorCode.UNKNOWN_COMMAND: ErrorClass.REFUSAL,
        ErrorCode.UNSUPPORTED: ErrorClass.REFUSAL,
        ErrorCode.UNAUTHORIZED: ErrorClass.REFUSAL,
        ErrorCode.FORBIDDEN: ErrorClass.REFUSAL,
        ErrorCode.BAD_NAME: ErrorClass.REFUSAL,
        ErrorCode.NOT_FOUND: ErrorClass.REFUSAL,
        ErrorCode.CONFLICT: ErrorClass.REFUSAL,
        ErrorCode.PRECONDITION_FAILED: ErrorClass.REFUSAL,
        ErrorCode.BAD_RANGE: ErrorClass.REFUSAL,
        ErrorCode.OFFSET_MISMATCH: ErrorClass.REFUSAL,
        ErrorCode.UPLOAD_GONE: ErrorClass.REFUSAL,
        ErrorCode.SIZE_MISMATCH: ErrorClass.REFUSAL,
        ErrorCode.DIGEST_MISMATCH: ErrorClass.REFUSAL,
        ErrorCode.TOO_LARGE: ErrorClass.REFUSAL,
        ErrorCode.NO_SPACE: ErrorClass.REFUSAL,
        ErrorCode.ABORTED: ErrorClass.REFUSAL,
        ErrorCode.BUSY: ErrorClass.REFUSAL,
        ErrorCode.INTERNAL: ErrorClass.REFUSAL,
    }
)
_RULES: Final[Mapping[ErrorCode, str]] = MappingProxyType(
    {
        ErrorCode.BAD_FRAME: "HF-FRAME-002",
        ErrorCode.BAD_HEADER: "HF-HEADER-002",
        ErrorCode.TIMEOUT: "HF-TIME-001",
        ErrorCode.CLOSING: "HF-TIME-008",
        ErrorCode.SUPERSEDED: "HF-RESUME-018",
        ErrorCode.UNSUPPORTED_VERSION: "HF-CMD-004",
        ErrorCode.BAD_REQUEST: "HF-HEADER-016",
        ErrorCode.UNKNOWN_COMMAND: "HF-CMD-001",
        ErrorCode.UNSUPPORTED: "HF-HEADER-017",
        ErrorCode.UNAUTHORIZED: "HF-SEC-005",
        ErrorCode.FORBIDDEN: "HF-SEC-009",
        ErrorCode.BAD_NAME: "HF-NAME-001",
        ErrorCode.NOT_FOUND: "HF-CMD-016",
        ErrorCode.CONFLICT: "HF-CMD-027",
        ErrorCode.PRECONDITION_FAILED: "HF-COND-002",
        ErrorCode.BAD_RANGE: "HF-CMD-015",
        ErrorCode.OFFSET_MISMATCH: "HF-RESUME-006",
        ErrorCode.UPLOAD_GONE: "HF-RESUME-004",
        ErrorCode.SIZE_MISMATCH: "HF-CMD-010",
        ErrorCode.DIGEST_MISMATCH: "HF-CMD-011",
        ErrorCode.TOO_LARGE: "HF-SEC-012",
        ErrorCode.NO_SPACE: "HF-REPLY-011",
        ErrorCode.ABORTED: "HF-BODY-012",
        ErrorCode.BUSY: "HF-REPLY-011",
        ErrorCode.INTERNAL: "HF-REPLY-011",
    }
)
_CLOSING: Final[frozenset[ErrorCode]] = frozenset(
    {
        ErrorCode.BAD_FRAME,
        ErrorCode.BAD_HEADER,
        ErrorCode.TIMEOUT,
        ErrorCode.CLOSING,
        ErrorCode.SUPERSEDED,
        ErrorCode.UNSUPPORTED_VERSION,
    }
)
_RETRYABLE: Final[frozenset[ErrorCode]] = frozenset(
    {
        ErrorCode.NO_SPACE,
        ErrorCode.BUSY,
        ErrorCode.INTERNAL,
    }
)
_HEX_DIGITS: Final[Mapping[DigestAlgorithm, int]] = MappingProxyType(
    {
        DigestAlgorithm.SHA_256: 64,
        DigestAlgorithm.BLAKE3: 64,
    }
)

REGISTERED_KEYS: Final[frozenset[str]] = frozenset(
    {
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
    }
)
"""Names of HF/1 at the top of a header; all others are free to grow into."""
