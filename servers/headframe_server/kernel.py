"""System calls of Linux that Python does not offer: openat2, renameat2 and syncfs.

Spec: chapters 7 and 9. The law of this module: where the system lacks a call it says so with
ENOSYS, and who asked has another way that keeps the same promise.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import re
import sys
from typing import Any, Final

__all__ = ["open_beneath", "rename_new", "sync_file_system"]

_OPENAT2: Final = 437
"""The same number on every architecture."""
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_BENEATH: Final = 0x08
_RENAME_NOREPLACE: Final = 1
_NAMES: Final = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""What os.fsencode looks up each time."""

_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_renameat2: Final = getattr(_libc, "renameat2", None)
if _renameat2 is not None:
    _renameat2.argtypes = (
        *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint),
    )
_SYNCFS_TELLS: Final = [5, 8]
"""Since this version of Linux `syncfs` fails when something could not be written."""


def _find_syncfs() -> Any:
    """Return the call; None where it is missing or tells of no failure."""
    if _libc is None:
        return None
    release = [int(part) for part in re.findall(r"\d+", os.uname().release)[:2]]
    return getattr(_libc, "syncfs", None) if release >= _SYNCFS_TELLS else None


_syncfs: Final = _find_syncfs()


class _OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_RESOLVE: Final = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
_HOW_BYTES: Final = ctypes.sizeof(_OpenHow)
_openat2: Final = None if _libc is None else _libc.syscall
if _openat2 is not None:
    # Told once, each argument is converted several times faster.
    _openat2.argtypes = (
        *(ctypes.c_long, ctypes.c_int, ctypes.c_char_p),
        *(ctypes.POINTER(_OpenHow), ctypes.c_size_t),
    )
    _openat2.restype = ctypes.c_long


@functools.cache
def _how(flags: int) -> Any:
    """Return a pointer to what openat2 wants to know besides the path; it is never changed."""
    return ctypes.pointer(_OpenHow(flags, 0, _RESOLVE))


def open_beneath(path: str, flags: int, descriptor: int) -> int:
    """Open `path` below a directory, following no link and leaving by no way.

    Raises OSError: ELOOP for a link, EXDEV for a way out, EAGAIN when the tree changed meanwhile,
    ENOSYS or EPERM where the call is missing or forbidden.
    """
    if _openat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    opened: int = _openat2(_OPENAT2, descriptor, path.encode(*_NAMES), _how(flags), _HOW_BYTES)
    if opened < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return opened


def rename_new(name: str, descriptor: int, to: str, to_descriptor: int) -> None:
    """Rename a file to a name that nothing has; raise FileExistsError if something has it.

    Raises OSError with ENOSYS or EINVAL where the system or the file system cannot do that.
    """
    if _renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    failed: int = _renameat2(
        descriptor, name.encode(*_NAMES), to_descriptor, to.encode(*_NAMES), _RENAME_NOREPLACE
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), to)


def sync_file_system(descriptor: int) -> None:
    """Wait until all that the file system of an open file holds is on stable storage.

    Raises OSError: ENOSYS where the call is missing or tells of no failure; else something has
    not been written, whosesoever it was.
    """
    if _syncfs is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if _syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
