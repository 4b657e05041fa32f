"""Revisions and remembered digests: what a file carries to be known again.

Spec: 9.1. The law of this module: two files, or two states of one, with different bytes never have
the same revision. Inode, size and time alone do not promise that: a clock tick is long, inodes
are used again at once, and clients set the time. So every file that the server stores carries a
mark, an extended attribute of 58 bytes, little enough to lie within an inode of ext4:

    digest in  token    size     mtime      digest
    u8         9 bytes  u64, LE  i64 ns     32 bytes

The revision is the token as text, which begins with no `-`, so that no command line takes it for an
option. A mark whose size or time is not the file's is void: somebody changed the file behind the
server's back. Such a file, and one that never had a mark, is known by its inode, change time, size
and the part of its time below a microsecond. Where the file system keeps no marks the server counts
in that part, which clients cannot set, so that a thousand files stored within one tick of the
clock still differ.
"""

from __future__ import annotations

import binascii
import itertools
import os
import struct
from collections.abc import Mapping
from typing import Final

from headframe import LIMITS
from headframe.digests import DigestAlgorithm, Hasher, write_digest
from headframe_server.disk import Disk
from headframe_server.store import FileInfo

__all__ = ["describe", "mark"]

_MARK: Final = struct.Struct("<B9sQq32s")
_ALGORITHMS: Final = {1: DigestAlgorithm.SHA_256, 2: DigestAlgorithm.BLAKE3}
"""What the first byte says of the last 32."""
_NUMBERS: Final[Mapping[str, int]] = {
    algorithm: number for number, algorithm in _ALGORITHMS.items()
}
_TOKEN_BYTES: Final = 9
_NS_IN_US: Final = 1000
_REVISION: Final = bytes.maketrans(b"+/", b"._")
"""From base64 to what a revision may hold."""
_count: Final = itertools.count()
_tokens: Final = itertools.count(int.from_bytes(os.urandom(_TOKEN_BYTES), "big"))
"""From a random number on: no two of one server are the same, and hardly two of any."""


def mark(disk: Disk, descriptor: int, mtime: int, hasher: Hasher) -> FileInfo | None:
    """Give a file that is whole its time in microseconds and its mark.

    Return what is known of it from now on; None: the file system keeps no marks.
    """
    disk.set_time(descriptor, mtime * _NS_IN_US + next(_count) % _NS_IN_US)
    status = os.fstat(descriptor)
    token = (next(_tokens) % (1 << 8 * _TOKEN_BYTES)).to_bytes(_TOKEN_BYTES, "big")
    number, raw = _NUMBERS[hasher.algorithm], hasher.raw
    found = _MARK.pack(number, token, status.st_size, status.st_mtime_ns, raw)
    if not disk.set_mark(descriptor, found):
        return None
    return _marked(status, token, write_digest(hasher.algorithm, raw))


def describe(disk: Disk, descriptor: int, status: os.stat_result | None = None) -> FileInfo:
    """Return what is known of an open file, whose status may be known already."""
    status = status or os.fstat(descriptor)
    size, mtime_ns = status.st_size, status.st_mtime_ns
    found = disk.mark_of(descriptor)
    if len(found) == _MARK.size:
        number, token, marked_size, marked_ns, raw = _MARK.unpack(found)
        if number in _ALGORITHMS and marked_size == size and marked_ns == mtime_ns:
            return _marked(status, token, write_digest(_ALGORITHMS[number], raw))
    rev = f"{status.st_ino:x}-{status.st_ctime_ns:x}-{size:x}-{mtime_ns % _NS_IN_US:x}"
    return FileInfo(rev=rev, total=size, mtime=_mtime(status))


def _marked(status: os.stat_result, token: bytes, digest: str) -> FileInfo:
    """Return what is known of a file whose mark says this."""
    return FileInfo(
        rev=binascii.b2a_base64(token, newline=False).translate(_REVISION).decode(),
        total=status.st_size,
        mtime=_mtime(status),
        digest=digest,
    )


def _mtime(status: os.stat_result) -> int:
    """Return a file's time in microseconds, cut to what a header can hold."""
    return min(LIMITS.integer_max, max(0, status.st_mtime_ns // _NS_IN_US))
