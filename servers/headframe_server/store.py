"""What the server asks of a place where files are kept.

Spec: chapter 8. The law of this module: a store changes nothing visible before `commit`, and says
why it cannot with a StoreError that holds a code of chapter 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from headframe import UNSET, ErrorCode, UnsetType

__all__ = ["Condition", "Entry", "FileInfo", "Incoming", "OpenFile", "Store", "StoreError"]

Condition = str | bool | UnsetType | None
"""A revision a file must have; None: it must not exist; True or UNSET: whatever is there."""


class StoreError(Exception):
    """A request that the store cannot carry out; nothing visible has changed."""

    def __init__(self, code: ErrorCode, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        """For the peer: it names no path of this machine."""
        self.members = members
        """Members of the refusal that go with the code, such as `rev`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What is known of a stored file."""

    rev: str
    total: int
    """Bytes."""
    mtime: int
    """Microseconds since 1970-01-01T00:00:00Z."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a listing: a file, or a prefix that several names share."""

    text: str
    info: FileInfo | None = None


class OpenFile(Protocol):
    """A stored file that is being read: the same bytes, whatever happens to its name."""

    @property
    def info(self) -> FileInfo:
        """What is known of it."""
        ...

    @property
    def descriptor(self) -> int | None:
        """For `sendfile`; None: it can only be read."""
        ...

    def size(self) -> int:
        """Return how many bytes it has now."""
        ...

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on; none at the end."""
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


class Incoming(Protocol):
    """A file that is being received; nobody sees it before `commit`."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append to it."""
        ...

    def commit(self, *, mtime: int | None, condition: Condition = UNSET) -> FileInfo:
        """Make it the file of its name, at once and whole."""
        ...

    def discard(self) -> None:
        """Forget it, if it was not committed."""
        ...


class Store(Protocol):
    """A place where files are kept."""

    @property
    def durability(self) -> str:
        """What `hello` says of a stored file."""
        ...

    def receive(self, name: str, condition: Condition = UNSET) -> Incoming:
        """Begin to receive a file."""
        ...

    def open(self, name: str, condition: Condition = UNSET) -> OpenFile:
        """Open a file to read it."""
        ...

    def stat(self, name: str, condition: Condition = UNSET) -> FileInfo:
        """Return what is known of a file."""
        ...

    def entries(self, prefix: str, after: str, delimiter: bool) -> Iterator[Entry]:
        """Return entries in the order of their UTF-8 bytes."""
        ...

    def delete(self, name: str, condition: Condition = UNSET) -> None:
        """Delete a file."""
        ...

    def move(
        self, name: str, to: str, condition: Condition = UNSET, to_condition: Condition = None
    ) -> FileInfo:
        """Give a file another name."""
        ...
