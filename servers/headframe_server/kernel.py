"""Two system calls of Linux that Python does not offer: openat2 and renameat2.

Spec: chapters 7 and 9. The law of this module: where the system lacks a call it says so with
ENOSYS, and who asked has another way that keeps the same promise.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Final

__all__ = ["open_beneath", "rename_new"]

_OPENAT2: Final = 437
"""The same number on every architecture."""
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_BENEATH: Final = 0x08
_RENAME_NOREPLACE: Final = 1

_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_renameat2: Final = getattr(_libc, "renameat2", None)
if _libc is not None:
    _libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_beneath(path: str, flags: int, descriptor: int) -> int:
    """Open `path` below a directory, following no link and leaving by no way.

    Raises OSError: ELOOP for a link, EXDEV for a way out, EAGAIN when the tree changed meanwhile,
    ENOSYS or EPERM where the call is missing or forbidden.
    """
    if _libc is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
    how = _OpenHow(flags, 0, resolve)
    opened: int = _libc.syscall(
        ctypes.c_long(_OPENAT2),
        ctypes.c_int(descriptor),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
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
        ctypes.c_int(descriptor),
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.c_int(to_descriptor),
        ctypes.c_char_p(os.fsencode(to)),
        ctypes.c_uint(_RENAME_NOREPLACE),
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), to)
