"""What the commands of a client return.

Spec: chapter 8. The law of this module: a value is here only when it is known; what a server has
to say and did not is a ProtocolViolation before one of these is made.
"""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Entry", "FileState", "GetResult", "Kept", "PutResult", "UploadState"]


class PutResult(Struct, frozen=True, kw_only=True, gc=False):
    """A file that the server has stored."""

    name: str
    rev: str
    """Its revision."""
    total: int
    """Bytes of the file."""
    digest: str
    """Of the file, as the server told it; what was sent has it, if that was to be verified."""
    offset: int = 0
    """Where in the file this put began: the server had the rest from an earlier one."""


class GetResult(Struct, frozen=True, kw_only=True, gc=False):
    """A file, or a range of it, that has arrived."""

    name: str
    rev: str
    total: int
    """Bytes of the whole file."""
    offset: int
    """Where in the file the received bytes begin; what is before them was there already."""
    body_bytes: int
    """How many were received."""
    mtime: int | None
    """Microseconds since 1970-01-01T00:00:00Z."""
    digest: str | None
    """Of the whole file, as the server told it; None: it was not asked."""
    verified: bool
    """Whether the whole file is here and has that digest; False for a part of a file."""


class Kept(Struct, frozen=True, kw_only=True, gc=False):
    """A file that was not moved: both sides have it already."""

    name: str
    total: int
    """Bytes of the file."""
    verified: bool
    """Whether the digests were compared; otherwise only size and time."""


class FileState(Struct, frozen=True, kw_only=True, gc=False):
    """What a server knows of a file."""

    name: str
    rev: str
    total: int
    """Bytes of the file."""
    mtime: int | None
    """Microseconds since 1970-01-01T00:00:00Z."""
    digest: str | None
    """None unless it was asked for."""


class UploadState(Struct, frozen=True, kw_only=True, gc=False):
    """What a server has of an upload."""

    offset: int
    """Bytes, as far as the next put has to begin."""
    total: int | None
    """Bytes of the whole file, if the server has been told."""
    rev: str | None
    """Of the file that it has become; None: it is unfinished."""


class Entry(Struct, frozen=True, kw_only=True, gc=False):
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
