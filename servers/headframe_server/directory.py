"""A store in a directory: each file under its own name, replaced by rename and never in place.

Spec: chapters 7 and 8. The law of this module: what is visible changes by one rename or one unlink,
under a lock and after every check. A put, from first byte to visible file:

    receive   temporary file in ROOT/.headframe, beside the tree and on its file system
    write     bytes appended
    commit    time set; lock; condition checked again; rename into place; lock released
    discard   temporary file removed, directories made for it removed if empty
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from typing import Final, Self

from headframe import UNSET, ErrorCode, UnsetType
from headframe_server.revision import describe, mark
from headframe_server.store import Condition, Entry, FileInfo, StoreError
from headframe_server.tree import PRIVATE, Tree, not_found

__all__ = ["DirectoryStore"]

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_log: Final = logging.getLogger("headframe.server")
RETRY_MS: Final = 1000
"""What a client waits before it tries again."""


class DirectoryStore:
    """Files below a directory; a context manager that lets the directory go at its end."""

    durability = "rename"

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Take over `root`; raise OSError if it cannot be used or another server uses it."""
        self._tree = Tree(root)
        self._changing = threading.RLock()
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(PRIVATE, 0o700, dir_fd=self._tree.descriptor)
            self._private = os.open(
                PRIVATE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._tree.descriptor
            )
            self._lock_root()
        except BaseException:
            self._tree.close()
            raise
        for leftover in os.listdir(self._private):
            if leftover.startswith("put-"):
                os.unlink(leftover, dir_fd=self._private)

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._private)
        self._tree.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- reading -------------------------------------------------------------------------

    def open(self, name: str, condition: Condition = UNSET) -> Opened:
        """Open a file to read it."""
        self._check_visible(name)
        opened = Opened(self._tree.open_file(name))
        try:
            _check_condition(condition, opened.info)
        except StoreError:
            opened.close()
            raise
        return opened

    def stat(self, name: str, condition: Condition = UNSET) -> FileInfo:
        """Return what is known of a file."""
        opened = self.open(name, condition)
        opened.close()
        return opened.info

    def entries(self, prefix: str, after: str, delimiter: bool) -> Iterator[Entry]:
        """Return entries in the order of their UTF-8 bytes."""
        for text, directory, segment in self._tree.entries(prefix, after, delimiter):
            if directory < 0:
                yield Entry(text)
                continue
            try:
                descriptor = os.open(
                    segment, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory
                )
            except OSError:
                continue
            try:
                yield Entry(text, describe(descriptor))
            finally:
                os.close(descriptor)

    # --- changing ------------------------------------------------------------------------

    def receive(self, name: str, condition: Condition = UNSET) -> Received:
        """Begin to receive a file; refuse at once what is already known to fail."""
        self._check_visible(name)
        self._check_place(name)
        self._check_current(name, condition)
        return Received(self, name)

    def create_temporary(self) -> tuple[str, int]:
        """Make a file that nobody sees; return its name and descriptor."""
        name = f"put-{secrets.token_hex(12)}"
        with _translated():
            return name, os.open(name, _CREATE, 0o600, dir_fd=self._private)

    def remove_temporary(self, name: str) -> None:
        """Remove what `create_temporary` made."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._private)

    def place(self, temporary: str, name: str, condition: Condition) -> None:
        """Make a temporary file the file of a name, after a last look at both."""
        with self._changing:
            self._check_current(name, condition)
            self._rename(self._private, temporary, name)

    def delete(self, name: str, condition: Condition = UNSET) -> None:
        """Delete a file."""
        with self._changing:
            self.stat(name, condition)
            with self._tree.parent(name) as (descriptor, leaf), _translated():
                os.unlink(leaf, dir_fd=descriptor)
            self._tree.prune(name)

    def move(
        self, name: str, to: str, condition: Condition = UNSET, to_condition: Condition = None
    ) -> FileInfo:
        """Give a file another name."""
        self._check_visible(to)
        with self._changing:
            opened = self.open(name, condition)
            try:
                self._check_place(to)
                self._check_target(to, to_condition)
                if name != to:
                    with self._tree.parent(name) as (descriptor, leaf):
                        self._rename(descriptor, leaf, to)
                    self._tree.prune(name)
                return describe(opened.descriptor)
            finally:
                opened.close()

    def _check_current(self, name: str, condition: Condition) -> None:
        """Raise `precondition-failed` unless the file is in the state that was asked for."""
        if condition is not UNSET and condition is not True:
            _check_condition(condition, self._current(name))

    def _check_target(self, to: str, condition: Condition) -> None:
        try:
            self._check_current(to, condition)
        except StoreError as error:
            raise StoreError(error.code, error.message, to_rev=error.members["rev"]) from error

    def _current(self, name: str) -> FileInfo | None:
        try:
            return self.stat(name)
        except StoreError:
            return None

    def _rename(self, descriptor: int, leaf: str, to: str) -> None:
        """Put a file into its place, and directories for it where they lack; the lock is held."""
        try:
            with self._tree.parent(to, create=True) as (parent, target), _translated():
                if self._kind_in_place(parent, target) == "directory":
                    self._tree.remove_empty(parent, target)
                os.rename(leaf, target, src_dir_fd=descriptor, dst_dir_fd=parent)
        except StoreError:
            self._tree.prune(to)
            raise

    def _kind_in_place(self, parent: int, leaf: str) -> str:
        """Return what a name leads to; raise `conflict` for what no file may replace."""
        try:
            mode = os.stat(leaf, dir_fd=parent, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return "nothing"
        if stat.S_ISDIR(mode):
            return "directory"
        if not stat.S_ISREG(mode):
            raise StoreError(ErrorCode.CONFLICT, "the name belongs to something that is no file")
        return "file"

    def _check_visible(self, name: str) -> None:
        if name == PRIVATE or name.startswith(PRIVATE + "/"):
            raise StoreError(ErrorCode.BAD_NAME, "this name is kept for the server")

    def _check_place(self, name: str) -> None:
        """Raise `conflict` where no file can have this name."""
        try:
            with self._tree.parent(name, writing=True) as (descriptor, leaf):
                kind = self._kind_in_place(descriptor, leaf)
        except FileNotFoundError:
            return
        if kind == "directory" and any(self._tree.entries(name + "/", "", delimiter=False)):
            raise StoreError(ErrorCode.CONFLICT, "the name is part of another file's name")

    def _lock_root(self) -> None:
        try:
            import fcntl  # noqa: PLC0415  (POSIX only)
        except ImportError:
            return
        try:
            fcntl.flock(self._private, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another server is using this directory") from None


class Opened:
    """A stored file that is being read: its bytes stay, whatever happens to its name."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.info = describe(descriptor)

    def size(self) -> int:
        """Return how many bytes it has now."""
        return os.fstat(self.descriptor).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        return os.pread(self.descriptor, count, offset)

    def close(self) -> None:
        """Let the file go."""
        os.close(self.descriptor)


class Received:
    """A file that is being received; nobody sees it before `commit`."""

    def __init__(self, store: DirectoryStore, name: str) -> None:
        self._store = store
        self._name = name
        self._temporary, self._descriptor = store.create_temporary()
        self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append to it; raise `no-space` when there is none."""
        with _translated(), memoryview(data) as view:
            done = 0
            while done < len(view):
                done += os.write(self._descriptor, view[done:])

    def commit(self, *, mtime: int | None, condition: Condition = UNSET) -> FileInfo:
        """Make it the file of its name, at once and whole."""
        mark(self._descriptor)
        if mtime is not None:
            with _translated():
                os.utime(self._descriptor, ns=(mtime * 1000, mtime * 1000))
        self._store.place(self._temporary, self._name, condition)
        info = describe(self._descriptor)
        self._ended = True
        os.close(self._descriptor)
        return info

    def discard(self) -> None:
        """Forget it, if it was not committed."""
        if not self._ended:
            self._ended = True
            os.close(self._descriptor)
            self._store.remove_temporary(self._temporary)


def _check_condition(condition: Condition, current: FileInfo | None) -> None:
    if isinstance(condition, UnsetType) or condition is True:
        return
    found = current.rev if current else None
    if condition != found:
        raise StoreError(
            ErrorCode.PRECONDITION_FAILED,
            "the file is not in the state that was asked for",
            rev=found,
        )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what the file system says into a StoreError."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StoreError(ErrorCode.NO_SPACE, "no space left", retry_ms=RETRY_MS) from error
        if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST):
            raise StoreError(
                ErrorCode.CONFLICT, "the name is part of another file's name"
            ) from error
        if isinstance(error, FileNotFoundError):
            raise not_found() from error
        if error.errno == errno.ENAMETOOLONG:
            raise StoreError(ErrorCode.BAD_NAME, "the file system cannot keep this name") from error
        _log.exception("the file system failed")
        raise StoreError(ErrorCode.INTERNAL, "the file system failed", retry_ms=RETRY_MS) from error
