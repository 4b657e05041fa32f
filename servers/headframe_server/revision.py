"""Revisions and remembered digests: what a file carries to be known again.

Spec: 9.1. The law of this module: two files, or two states of one, with different bytes never have
the same revision. Inode, size and time alone do not promise that: a clock tick is long, inodes
are used again at once, and clients set the time. So every file that the server stores carries a
mark, an extended attribute of 58 bytes, little enough to lie within an inode of ext4:

    version  token    size     mtime      SHA-256
    1        9 bytes  u64, LE  i64 ns     32 bytes

The revision is the token as text, which begins with no `-`, so that no command line takes it for an
option. A mark whose size or time is not the file's is void: somebody changed the file behind the
server's back. Such a file, and one that never had a mark, is known by its inode, change time, size
and the part of its time below a microsecond. Where the file system keeps no marks the server counts
in that part, which clients cannot set, so that a thousand files stored within one tick of the
clock still differ.
"""

from __future__ import annotations

import base64
import itertools
import os
import secrets
import struct
from typing import Final

from headframe import LIMITS
from headframe_server.disk import Disk
from headframe_server.store import FileInfo

__all__ = ["describe", "mark"]

_MARK: Final = struct.Struct("<B9sQq32s")
_VERSION: Final = 1
_TOKEN_BYTES: Final = 9
_NS_IN_US: Final = 1000
_count: Final = itertools.count()


def mark(disk: Disk, descriptor: int, *, mode: int, mtime: int, digest: bytes) -> None:
    """Give a file that is whole its mode, its time in microseconds and its mark."""
    disk.set_attributes(descriptor, mode, mtime * _NS_IN_US + next(_count) % _NS_IN_US)
    status = os.fstat(descriptor)
    token = secrets.token_bytes(_TOKEN_BYTES)
    disk.set_mark(
        descriptor, _MARK.pack(_VERSION, token, status.st_size, status.st_mtime_ns, digest)
    )


def describe(disk: Disk, descriptor: int) -> FileInfo:
    """Return what is known of an open file."""
    status = os.fstat(descriptor)
    found = disk.mark_of(descriptor)
    size, mtime_ns = status.st_size, status.st_mtime_ns
    rev = f"{status.st_ino:x}-{status.st_ctime_ns:x}-{size:x}-{mtime_ns % _NS_IN_US:x}"
    digest = None
    if len(found) == _MARK.size:
        version, token, *evidence, hashed = _MARK.unpack(found)
        if version == _VERSION and evidence == [size, mtime_ns]:
            rev = base64.b64encode(token, altchars=b"._").decode()
            digest = f"sha-256:{hashed.hex()}"
    mtime = min(LIMITS.integer_max, max(0, mtime_ns // _NS_IN_US))
    return FileInfo(rev=rev, total=size, mtime=mtime, digest=digest)
