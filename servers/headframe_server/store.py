"""What the server asks of a place where files are kept.

Spec: chapters 8 to 10. The law of this module: a store changes nothing visible before `commit`,
promises nothing before what it returns is durable, and says why it cannot with a StoreError that
holds a code of chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from headframe import UNSET, ErrorCode, Put, PutReply, Refusal, StatReply, UnsetType

__all__ = [
    "RETRY_MS",
    "Condition",
    "Entry",
    "FileInfo",
    "Incoming",
    "OpenFile",
    "Store",
    "StoreError",
]

RETRY_MS = 1000
"""What a client waits before it tries again."""

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

    def refusal(self) -> Refusal:
        """Return what to reply."""
        return Refusal(code=self.code, message=self.message, **self.members)


class FileInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a stored file."""

    rev: str
    total: int
    """Bytes."""
    mtime: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    digest: str | None = None
    """As it was when the file was stored; None: it has to be computed."""


class Entry(msgspec.Struct, frozen=True, gc=False):
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
    """The body of a put that is arriving; nobody sees it before it is committed."""

    def check(self) -> None:
        """Raise StoreError if it is known to fail; asked before anybody waits for more of it."""
        ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append to it."""
        ...

    def end(self, total: int | None, digest: str | None) -> PutReply | None:
        """Judge what has come, by what header and trailers say; return what to reply.

        None: the file is whole, and `Store.commit` decides.
        """
        ...

    def release(self) -> None:
        """Let it go, whatever has become of it; an upload keeps its bytes."""
        ...


class Store(Protocol):
    """A place where files are kept."""

    @property
    def durability(self) -> str:
        """What `hello` says of a stored file."""
        ...

    @property
    def upload_ttl_ms(self) -> int:
        """How long an upload is remembered after its last use."""
        ...

    @property
    def total_bytes(self) -> int:
        """How large a file may be."""
        ...

    @property
    def changes(self) -> int:
        """A number that rises with every change of what can be seen."""
        ...

    def receive(self, put: Put, *, who: str = "", interrupt: Callable[[], None]) -> Incoming:
        """Begin to receive a file; what is known to fail is refused here or by its `check`.

        `interrupt` is called, in another thread, when a newer request takes the upload over.
        """
        ...

    def commit(self, batch: Sequence[Incoming]) -> list[PutReply | StoreError]:
        """Make each of these the file of its name, one after the other, durably."""
        ...

    def stat_upload(self, token: str, *, who: str = "") -> StatReply:
        """Take an upload over and tell how much of it is held, durably."""
        ...

    def delete_upload(self, token: str, *, who: str = "") -> None:
        """Forget an upload."""
        ...

    def tidy(self) -> None:
        """Remove what nobody has used for too long; called now and then."""
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
