r"""A path that appears only when its file is whole.

The law of this module: nothing incomplete ever stands under the final name, and nothing is written
through a link. A path is written beside its place and renamed when the bytes have been verified:

    .NAME.headframe-part   the bytes that have arrived
    .NAME.headframe-rev    "REV TOTAL URL\n": whoever goes on asks for just this revision

The second file is there before the first byte and gone before the rename; a part without it is
not gone on with.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from typing import ClassVar, Final

from headframe.following import READS_BESIDE, Follower
from headframe_client.locks import lock
from headframe_client.sinks import Held

__all__ = ["PART_SUFFIX", "SUFFIXES", "PartFile", "beside"]

PART_SUFFIX: Final = ".headframe-part"
REV_SUFFIX: Final = ".headframe-rev"
SUFFIXES: Final = (PART_SUFFIX, REV_SUFFIX)
"""Of names that stand for what is unfinished."""
KEPT_BYTES: Final = 1 << 20
"""Of files up to this size a part is not kept: they are fetched again as fast."""
_READ_BYTES: Final = 1 << 20
_SEGMENT_BYTES: Final = 255
"""What file systems take for one name."""
_NO_LINK: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_CREATE_ONLY: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK
_EVIDENCE: Final = r"(?s)([A-Za-z0-9._-]{1,64}) ([0-9]{1,16}) (.*)\n"


class PartFile:
    """Writes a file beside its place and moves it there when it is whole."""

    begins_anew: ClassVar = True
    reads_back: ClassVar = READS_BESIDE
    _descriptor = -1
    _kept = False
    """Whether the file with the revision is there."""

    def __init__(
        self, path: str | os.PathLike[str], origin: str = "", *, makes_folder: bool = False
    ) -> None:
        """`origin` says where the file comes from, for whoever goes on; empty: nobody will.

        With `makes_folder` the folder that it belongs in need not be there.
        """
        self._path = os.fspath(path)
        self._part = beside(self._path, PART_SUFFIX)
        self._origin = origin
        self._makes_folder = makes_folder

    @property
    def descriptor(self) -> int | None:
        """Of the part."""
        return None if self._descriptor < 0 else self._descriptor

    @property
    def _rev(self) -> str:
        return beside(self._path, REV_SUFFIX)

    def claim(self, follower: Follower | None) -> Held | None:
        """Return what an earlier attempt has left of the file; None: nothing that can be used."""
        if not self._origin:
            return None
        evidence = self._read_evidence()
        if evidence is None:
            return None
        try:
            descriptor = os.open(self._part, os.O_RDWR | _NO_LINK)
        except OSError:
            return None
        try:
            size = self._take_over(descriptor, follower)
        except BaseException:
            os.close(descriptor)
            raise
        if not size:
            os.close(descriptor)
            return None
        self._descriptor, self._kept = descriptor, True
        if follower is not None:
            follower.follow(descriptor)
        return Held(evidence[0], size, evidence[1])

    def _take_over(self, descriptor: int, follower: Follower | None) -> int:
        """Read an old part to its end; return how much that is, 0 if it is not ours."""
        if not _is_ours(os.fstat(descriptor)):
            return 0
        if not lock(descriptor):
            raise FileExistsError(f"another transfer is writing {self._part!r}")
        size = 0
        while chunk := os.read(descriptor, _READ_BYTES):
            size += len(chunk)
            if follower is not None:
                follower.update(chunk)
        return size

    def _read_evidence(self) -> tuple[str, int] | None:
        """Return revision and size of the file that the part is of, if that is the same file."""
        try:
            with open(os.open(self._rev, os.O_RDONLY | _NO_LINK), "rb") as file:
                if not _is_ours(os.fstat(file.fileno())):
                    return None
                found = re.fullmatch(_EVIDENCE, os.fsdecode(file.read(1 << 16)))
        except OSError:
            return None
        if found is None or found[3] != self._origin:
            return None
        return found[1], int(found[2])

    def open(self, rev: str, total: int) -> None:
        """Create the part; what an earlier attempt left there is removed."""
        self.abandon(keep=False)
        if self._makes_folder:
            os.makedirs(os.path.dirname(self._part) or os.curdir, exist_ok=True)
        try:
            self._descriptor = _create(self._part)
        except FileNotFoundError as error:
            error.filename = os.path.dirname(self._part)  # which is what there is not
            raise
        if self._origin and total > KEPT_BYTES:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._rev)
            with open(os.open(self._rev, _CREATE_ONLY, 0o666), "wb") as file:
                file.write(os.fsencode(f"{rev} {total} {self._origin}\n"))
            self._kept = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of it."""
        written = os.write(self._descriptor, data)
        while written < len(data):
            written += os.write(self._descriptor, memoryview(data)[written:])

    def commit(self, mtime: int | None) -> None:
        """Give it its time and its name."""
        try:
            if not os.fstat(self._descriptor).st_nlink:
                raise FileExistsError(f"another transfer has replaced {self._part!r}")
            if mtime is not None:
                os.utime(self._part, ns=(mtime * 1000, mtime * 1000))
            if self._kept:
                os.unlink(self._rev)
                self._kept = False
            if os.name == "nt":  # where an open file cannot be renamed
                self._close()
            os.replace(self._part, self._path)
        except OSError:
            self.abandon(keep=False)
            raise
        self._close()

    def abandon(self, *, keep: bool) -> None:
        """Remove the part, unless it may be gone on with."""
        if self._descriptor < 0:
            return
        ours = os.fstat(self._descriptor)
        if os.name == "nt":
            self._close()
        if not (keep and self._kept and ours.st_size):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.lstat(self._part), ours):
                    os.unlink(self._part)
                    if self._kept:
                        os.unlink(self._rev)
        self._kept = False
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _create(path: str) -> int:
    """Create a file that was not there, locked; one that nobody writes any more is removed."""
    try:
        descriptor = os.open(path, _CREATE_ONLY, 0o666)
    except FileExistsError:
        _remove_stale(path)
        descriptor = os.open(path, _CREATE_ONLY, 0o666)
    if not lock(descriptor):
        os.close(descriptor)
        raise FileExistsError(f"another transfer is writing {path!r}")
    return descriptor


def _remove_stale(path: str) -> None:
    """Remove what is in the way, unless somebody is writing it."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISREG(os.lstat(path).st_mode):
            descriptor = os.open(path, os.O_WRONLY | _NO_LINK)
            try:
                if not lock(descriptor):
                    raise FileExistsError(f"another transfer is writing {path!r}")
            finally:
                os.close(descriptor)
        os.unlink(path)


def _is_ours(status: os.stat_result) -> bool:
    """Return whether a file is one that only we can have made: what we append to is not shared."""
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_nlink == 1
        and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())
    )


def beside(path: str, suffix: str) -> str:
    """Return the name of a file that stands beside another for as long as that is unfinished.

    A name that is too long for a prefix and a suffix is replaced by its digest.

    >>> beside("a.jpg", PART_SUFFIX)
    '.a.jpg.headframe-part'
    """
    name = os.path.basename(path)
    part = f".{name}{suffix}"
    if len(part) > _SEGMENT_BYTES // 4 and len(os.fsencode(part)) > _SEGMENT_BYTES:
        part = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}{suffix}"
    return path[: len(path) - len(name)] + part
