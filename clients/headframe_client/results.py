"""What the commands of a client return.

Spec: chapter 8. The law of this module: a value is here only when it is known; what a server has
to say and did not is a ProtocolViolation before one of these is made.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Entry", "FileState", "GetResult", "PutResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutResult:
    """A file that the server has stored."""

    name: str
    rev: str
    """Its revision."""
    total: int
    """Bytes of the file."""
    digest: str
    """Of the file, confirmed by both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResult:
    """A file, or a range of it, that has arrived."""

    name: str
    rev: str
    total: int
    """Bytes of the whole file."""
    offset: int
    """Where in the file the received bytes begin."""
    body_bytes: int
    """How many were received."""
    mtime: int | None
    """Microseconds since 1970-01-01T00:00:00Z."""
    digest: str
    """Of the whole file, as the server told it."""
    verified: bool
    """Whether the received bytes have that digest; False for a part of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """What a server knows of a file."""

    name: str
    rev: str
    total: int
    """Bytes of the file."""
    mtime: int | None
    """Microseconds since 1970-01-01T00:00:00Z."""
    digest: str | None
    """None unless it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a listing: a file, or a prefix that several names share."""

    name: str
    """A prefix ends with the delimiter."""
    total: int | None = None
    """Bytes of the file; None for a prefix."""
    rev: str | None = None
    mtime: int | None = None
    """Microseconds since 1970-01-01T00:00:00Z."""

    @property
    def is_prefix(self) -> bool:
        """Whether this stands for all names that begin so."""
        return self.total is None
