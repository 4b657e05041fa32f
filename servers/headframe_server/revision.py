"""Revisions: what tells one state of a file from every other.

Spec: chapter 8. The law of this module: two files, or two states of one, with different bytes never
have the same revision. Inode, size and time alone do not promise that: a clock tick is long, and
inodes are used again at once. So every file that the server stores carries a random token as an
extended attribute; a file that came by another way is known by its inode, size and change time,
which no client can set.
"""

from __future__ import annotations

import os
import secrets
from typing import Final

from headframe_server.store import FileInfo

__all__ = ["describe", "mark"]

_ATTRIBUTE: Final = "user.headframe.rev"
_TOKEN_BYTES: Final = 9


def mark(descriptor: int) -> None:
    """Give a new file its token, where the file system keeps one."""
    if hasattr(os, "setxattr"):
        try:
            os.setxattr(descriptor, _ATTRIBUTE, secrets.token_urlsafe(_TOKEN_BYTES).encode())
        except OSError:
            return


def describe(descriptor: int) -> FileInfo:
    """Return what is known of an open file."""
    status = os.fstat(descriptor)
    token = ""
    if hasattr(os, "getxattr"):
        try:
            token = os.getxattr(descriptor, _ATTRIBUTE).decode("ascii", "replace")
        except OSError:
            token = ""
    rev = f"{status.st_ino:x}-{status.st_ctime_ns:x}-{status.st_size:x}"
    if token.isalnum() or token.replace("-", "").replace("_", "").isalnum():
        rev = f"{rev}.{token}"
    return FileInfo(rev=rev[:64], total=status.st_size, mtime=status.st_mtime_ns // 1000)
