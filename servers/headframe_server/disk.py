"""Every call that the store makes to the file system, one method each.

Spec: chapters 7 and 9. The law of this module: nothing here decides anything. A store that is given
another `Disk` runs on it: one that records what would survive a crash, one that fails, or one
that folds case.

Directories are open descriptors, and every name is one segment below one of them.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from typing import Final

from headframe_server import kernel

__all__ = ["Disk"]

_DIRECTORY: Final = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_LEAF: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | _LEAF
_NAME: Final = getattr(os, "O_PATH", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_MARK: Final = "user.hf1"
_LACKING: Final = {errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def _find_sync() -> Callable[[int], object]:
    """Return what waits for stable storage; on macOS fsync stops at the drive's cache."""
    try:
        import fcntl  # noqa: PLC0415  (POSIX only)
    except ImportError:
        return os.fsync
    number = getattr(fcntl, "F_FULLFSYNC", None)
    return os.fsync if number is None else lambda descriptor: fcntl.fcntl(descriptor, number)


_sync: Final = _find_sync()


class Disk:
    """The file system as it is."""

    def __init__(self, *, openat2: bool = True) -> None:
        """With `openat2` False, or where the system lacks it, directories are opened one by one."""
        self._openat2 = openat2

    # --- directories ---------------------------------------------------------------------

    def open_root(self, path: str | os.PathLike[str]) -> int:
        """Open the directory that all others lie in."""
        if os.open not in os.supports_dir_fd or os.scandir not in os.supports_fd:
            raise OSError("this system cannot open files relative to a directory")
        return os.open(path, _DIRECTORY & ~getattr(os, "O_NOFOLLOW", 0))

    def open_directory(self, name: str, at: int) -> int:
        """Open a directory; a link is none."""
        return os.open(name, _DIRECTORY, dir_fd=at)

    def open_path(self, path: str, at: int) -> int | None:
        """Open a directory several segments below another at once; None: that cannot be done."""
        return self._open_beneath(path, _DIRECTORY, at)

    def open_file(self, path: str, at: int) -> int | None:
        """Open what has a name of several segments at once; None: that cannot be done."""
        return self._open_beneath(path, os.O_RDONLY | _LEAF, at)

    def status_of_path(self, path: str, at: int) -> os.stat_result | None:
        """Return the status of what has a name of several segments; None: that cannot be done."""
        opened = self._open_beneath(path, _NAME, at)
        if opened is None:
            return None
        try:
            return os.fstat(opened)
        finally:
            os.close(opened)

    def _open_beneath(self, path: str, flags: int, at: int) -> int | None:
        if not self._openat2:
            return None
        try:
            return kernel.open_beneath(path, flags, at)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EAGAIN):
                raise
            self._openat2 = error.errno == errno.EAGAIN
            return None

    def make_directory(self, name: str, at: int, mode: int = 0o777) -> None:
        """Make a directory."""
        os.mkdir(name, mode, dir_fd=at)

    def remove_directory(self, name: str, at: int) -> None:
        """Remove a directory that is empty."""
        os.rmdir(name, dir_fd=at)

    @contextlib.contextmanager
    def scan(self, directory: int) -> Iterator[Iterator[os.DirEntry[str]]]:
        """Give what a directory holds.

        It is opened for this anew: a position in it that others share would be moved by them.
        """
        own = self.open_directory(".", directory)
        try:
            with os.scandir(own) as entries:
                yield entries
        finally:
            os.close(own)

    # --- names ---------------------------------------------------------------------------

    def status(self, name: str, at: int) -> os.stat_result:
        """Return the status of what has a name, be it a link."""
        return os.stat(name, dir_fd=at, follow_symlinks=False)

    def rename(self, name: str, at: int, to: str, to_at: int) -> None:
        """Give a file another name, in place of what has it."""
        os.rename(name, to, src_dir_fd=at, dst_dir_fd=to_at)

    def rename_new(self, name: str, at: int, to: str, to_at: int) -> None:
        """Give a file a name that nothing has, or raise FileExistsError."""
        try:
            kernel.rename_new(name, at, to, to_at)
        except OSError as error:
            if error.errno not in _LACKING:
                raise
            with contextlib.suppress(FileNotFoundError):
                self.status(to, to_at)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to) from None
            self.rename(name, at, to, to_at)

    def unlink(self, name: str, at: int) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=at)

    # --- files ---------------------------------------------------------------------------

    def create(self, name: str, at: int) -> int:
        """Make a file with the rights of any new one, and open it to write and read."""
        return os.open(name, _NEW, 0o666, dir_fd=at)

    def open(self, name: str, at: int, *, writing: bool = False) -> int:
        """Open what has a name; a link is an error."""
        return os.open(name, (os.O_RDWR if writing else os.O_RDONLY) | _LEAF, dir_fd=at)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """Write some of `data` at `offset`; return how much."""
        return os.pwrite(descriptor, data, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(descriptor, size)

    def set_time(self, descriptor: int, mtime_ns: int) -> None:
        """Set a file's time."""
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))

    def set_mark(self, descriptor: int, mark: bytes) -> bool:
        """Give a file its mark; return whether the file system keeps one."""
        if not hasattr(os, "setxattr"):
            return False
        try:
            os.setxattr(descriptor, _MARK, mark)
        except OSError as error:
            if error.errno not in _LACKING:
                raise
            return False
        return True

    def mark_of(self, descriptor: int) -> bytes:
        """Return the mark of a file, empty if it has none."""
        if not hasattr(os, "getxattr"):
            return b""
        try:
            return os.getxattr(descriptor, _MARK)
        except OSError:
            return b""

    def sync(self, descriptor: int) -> None:
        """Wait until a file or a directory is on stable storage."""
        _sync(descriptor)

    def sync_all(self, descriptor: int) -> bool:
        """Wait until the whole file system of an open file is on stable storage.

        Return whether it is: there may be no such call, and who fails is not told.
        """
        try:
            kernel.sync_file_system(descriptor)
        except OSError:
            return False
        return True

    def free_bytes(self, descriptor: int) -> tuple[int, int]:
        """Return how much room there is, and how much there is in all."""
        found = os.statvfs(descriptor)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
