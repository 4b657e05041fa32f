"""Where the bytes of a get go: an open file, or a path that appears only when it is whole.

The law of this module: nothing incomplete ever stands under the final name, and nothing is written
through a symbolic link. A path is written beside its place as `.NAME.headframe-part` and renamed
when the bytes have been verified.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import BinaryIO, Final, Protocol

__all__ = ["PART_SUFFIX", "PartFile", "Sink", "StreamSink", "part_path"]

PART_SUFFIX: Final = ".headframe-part"
_SEGMENT_BYTES: Final = 255
"""What file systems take for one name."""
_CREATE_ONLY: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class Sink(Protocol):
    """Takes the bytes of one file. Local errors come out as OSError."""

    def open(self) -> None:
        """Begin; the server has the file."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take all of `data`, which is reused afterwards."""

    def commit(self, mtime: int | None) -> None:
        """Keep what was written; it is whole. `mtime` is in microseconds."""

    def abandon(self) -> None:
        """Leave nothing behind, wherever it had got to; never fails."""


class StreamSink:
    """Writes to a file object that belongs to the caller; what was written stays."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def open(self) -> None:
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

    def abandon(self) -> None:
        """Leave the file to the caller."""


class PartFile:
    """Writes a file beside its place and moves it there when it is whole."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._part = part_path(self._path)
        self._descriptor = -1

    def open(self) -> None:
        """Create the part; what an earlier attempt left there is removed."""
        try:
            self._descriptor = os.open(self._part, _CREATE_ONLY, 0o666)
        except FileExistsError:
            os.unlink(self._part)
            self._descriptor = os.open(self._part, _CREATE_ONLY, 0o666)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of it."""
        written = os.write(self._descriptor, data)
        while written < len(data):
            written += os.write(self._descriptor, memoryview(data)[written:])

    def commit(self, mtime: int | None) -> None:
        """Give it its time and its name."""
        ours = os.fstat(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        try:
            if not os.path.samestat(os.lstat(self._part), ours):
                raise FileExistsError(f"another transfer has replaced {self._part!r}")
            if mtime is not None:
                os.utime(self._part, ns=(mtime * 1000, mtime * 1000))
            os.replace(self._part, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(self._part)
            raise

    def abandon(self) -> None:
        """Remove the part."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            with contextlib.suppress(OSError):
                os.unlink(self._part)


def part_path(path: str) -> str:
    """Return where a file is written before it is whole.

    A name that is too long for a prefix and a suffix is replaced by its digest.

    >>> part_path("a.jpg")
    '.a.jpg.headframe-part'
    """
    folder, name = os.path.split(path)
    part = f".{name}{PART_SUFFIX}"
    if len(os.fsencode(part)) > _SEGMENT_BYTES:
        part = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}{PART_SUFFIX}"
    return os.path.join(folder, part)
