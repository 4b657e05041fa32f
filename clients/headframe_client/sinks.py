"""Where the bytes of a get go: an open file, or pieces for whoever reads; for paths see `parts`.

    claim                      what is there from an earlier attempt
    open  write write ...      what arrives
    commit | abandon           it is whole and verified, or it is not

The law of this module: a sink does not judge; it is told whether what it has been given is right.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol

from msgspec import Struct

from headframe.following import Follower

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = [
    "Held",
    "PieceSink",
    "Sink",
    "StreamSink",
    "is_path",
]


def is_path(sink: object) -> TypeIs[str | os.PathLike[str]]:
    """Return whether what is to be written is named, not open."""
    return isinstance(sink, str | os.PathLike)


class Held(Struct, frozen=True):
    """The beginning of a file, from an earlier attempt."""

    rev: str
    """Of the file that it is the beginning of."""
    size: int
    """Bytes."""
    total: int
    """Bytes of the whole file."""


class Sink(Protocol):
    """Takes the bytes of one file. Local errors come out as OSError."""

    begins_anew: ClassVar[bool]
    """Whether it can still do so when something has been written."""
    reads_back: ClassVar[bool]
    """Whether what was written can be read again, for a digest in another algorithm."""

    @property
    def descriptor(self) -> int | None:
        """Of a file that holds just what was written, for the time being; None: there is none."""

    def claim(self, follower: Follower | None) -> Held | None:
        """Return what an earlier attempt has left, with `follower` brought up to its end."""

    def open(self, rev: str, total: int) -> None:
        """Begin anew; the server has the file, of this revision and size."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take all of `data`, which is reused afterwards."""

    def commit(self, mtime: int | None) -> None:
        """Keep what was written; it is whole. `mtime` is in microseconds."""

    def abandon(self, *, keep: bool) -> None:
        """End without the whole, wherever it had got to; never fails.

        With `keep` what has arrived is right as far as it goes, and may be gone on with.
        """


class StreamSink:
    """Writes to a file object that belongs to the caller; what was written stays."""

    begins_anew: ClassVar = False
    reads_back: ClassVar = False
    descriptor = None

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def claim(self, follower: Follower | None) -> None:
        """Nobody has written here before."""

    def open(self, rev: str, total: int) -> None:
        """Begin."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of it, in as many pieces as an unbuffered file takes."""
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            view = view[len(view) if written is None else written :]

    def commit(self, mtime: int | None) -> None:  # noqa: ARG002  (the caller's file, its time too)
        """Let the caller's file see everything."""
        self._file.flush()

    def abandon(self, *, keep: bool) -> None:
        """Leave the file to the caller."""


class PieceSink:
    """Keeps the pieces of a file until they are taken."""

    begins_anew: ClassVar = False
    reads_back: ClassVar = False
    descriptor = None

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()

    def take_all(self) -> Iterator[bytes]:
        """Return what has arrived."""
        while self._pieces:
            yield self._pieces.popleft()

    def claim(self, follower: Follower | None) -> None:
        """Nothing was kept."""

    def open(self, rev: str, total: int) -> None:
        """Begin."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep a copy."""
        self._pieces.append(bytes(data))

    def commit(self, mtime: int | None) -> None:
        """The file is whole."""

    def abandon(self, *, keep: bool) -> None:
        """Leave what was taken to the caller."""
