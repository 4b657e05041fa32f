"""A directory tree that no name leads out of.

Spec: chapter 7. The law of this module: every path is opened from the root's descriptor, and no
symbolic link is followed, however the tree changes meanwhile: by one call of openat2 where the
system has it, else one segment at a time. On a file system that takes one name for another a
segment counts only if the directory lists it letter by letter.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from headframe import ErrorCode, is_name
from headframe_server.disk import Disk
from headframe_server.store import StoreError

__all__ = ["PRIVATE", "SCARCE", "Tree", "not_found"]

PRIVATE: Final = ".headframe"
"""Folder of the root that holds what is not visible; no file name begins with it."""

STEP_ATTEMPTS: Final = 100
"""How often a directory is made again that another delete removes at once."""

SORTED_AT_ONCE: Final = 8192
"""Names of a directory that a listing keeps: a larger one is read again for the next ones."""

_BLOCKED: Final = {errno.ENOTDIR, errno.ELOOP, errno.EXDEV}
"""What is on the way is no directory of this tree."""
SCARCE: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""The system cannot open anything now, or not read it."""
_PROBES: Final = (("probe-\u00e9", "PROBE-\u00e9"), ("probe-\u00e9", "probe-e\u0301"))
"""Pairs of names that are two on a file system which keeps names as they are."""


def not_found() -> StoreError:
    """Return the error for a name that no file has."""
    return StoreError(ErrorCode.NOT_FOUND, "no such file")


def _in_the_way() -> StoreError:
    """Return the error for a name that no file can have."""
    return StoreError(ErrorCode.CONFLICT, "a part of the name is no directory")


class Tree:
    """The tree below one directory; `changed` hears of each directory that gets or loses a name."""

    def __init__(
        self, root: str | os.PathLike[str], disk: Disk, changed: Callable[[int], None]
    ) -> None:
        self._disk = disk
        self._changed = changed
        self._exact = True
        """Whether the file system keeps any two names apart."""
        self.descriptor = disk.open_root(root)

    def close(self) -> None:
        """Let the root go."""
        os.close(self.descriptor)

    def probe(self, directory: int) -> None:
        """Find out, in a directory of its own, whether the file system takes names for others."""
        for name, other in _PROBES:
            with contextlib.suppress(FileExistsError):
                os.close(self._disk.create(name, directory))
            with contextlib.suppress(FileNotFoundError):
                self._disk.status(other, directory)
                self._exact = False
            self._disk.unlink(name, directory)

    # --- from names to directories -------------------------------------------------------

    @contextlib.contextmanager
    def parent(self, name: str, *, writing: bool = False) -> Iterator[tuple[int, str]]:
        """Open the directory that holds `name`; yield its descriptor and the last segment.

        Where something on the way is no directory, or missing, it raises StoreError `not-found`;
        for `writing`, `conflict` and FileNotFoundError.
        """
        path, _, leaf = name.rpartition("/")
        try:
            descriptor = self._open_path(path, writing=writing, create=False)
        except FileNotFoundError:
            if writing:
                raise
            raise not_found() from None
        except OSError as error:
            if error.errno not in _BLOCKED:
                raise
            raise (_in_the_way() if writing else not_found()) from error
        try:
            self.check_exact(descriptor, leaf, writing=writing)
            yield descriptor, leaf
        finally:
            os.close(descriptor)

    def mode_in_place(self, name: str) -> int | None:
        """Return the mode of what a file of this name would replace; None: there is nothing.

        Raises StoreError `conflict` where something on the way is no directory.
        """
        try:
            if self._exact:
                status = self._disk.status_of_path(name, self.descriptor)
                if status is not None:
                    return status.st_mode
            with self.parent(name, writing=True) as (descriptor, leaf):
                return self._disk.status(leaf, descriptor).st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in _BLOCKED:
                raise
            raise _in_the_way() from error

    def make_path(self, path: str) -> int:
        """Open a directory, and make what lacks of it; raise `conflict` where that cannot be."""
        try:
            return self._open_path(path, writing=True, create=True)
        except OSError as error:
            if error.errno not in _BLOCKED:
                raise
            raise _in_the_way() from error

    def _open_path(self, path: str, *, writing: bool, create: bool) -> int:
        """Open a directory of the tree; "" is the root."""
        if not path:
            return os.dup(self.descriptor)
        if self._exact:
            try:
                at_once = self._disk.open_path(path, self.descriptor)
            except FileNotFoundError:
                if not create:
                    raise
                at_once = None
            if at_once is not None:
                return at_once
        descriptor = os.dup(self.descriptor)
        for segment in path.split("/"):
            try:
                self.check_exact(descriptor, segment, writing=writing)
                below = self._step(descriptor, segment, create=create)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor

    def _step(self, descriptor: int, segment: str, *, create: bool) -> int:
        for _ in range(STEP_ATTEMPTS):
            try:
                return self._disk.open_directory(segment, descriptor)
            except FileNotFoundError:
                if not create:
                    raise
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                self._disk.make_directory(segment, descriptor)
                self._changed(descriptor)
        raise StoreError(ErrorCode.BUSY, "a directory comes and goes", retry_ms=100)

    def check_exact(self, descriptor: int, segment: str, *, writing: bool) -> None:
        """On a file system that takes one name for another, see that this one is nobody else's.

        Raises StoreError: `bad-name` for `writing`, else `not-found`.
        """
        if self._exact:
            return
        with self._disk.scan(descriptor) as entries:
            if any(entry.name == segment for entry in entries):
                return
        with contextlib.suppress(FileNotFoundError):
            self._disk.status(segment, descriptor)
            if writing:
                message = "the file system takes this name for another one"
                raise StoreError(ErrorCode.BAD_NAME, message)
            raise not_found()

    # --- files and directories -----------------------------------------------------------

    def open_file(self, name: str) -> tuple[int, os.stat_result]:
        """Open a regular file to read it; raise `not-found` for anything else."""
        try:
            opened = self._disk.open_file(name, self.descriptor) if self._exact else None
            if opened is None:
                with self.parent(name) as (descriptor, leaf):
                    opened = self._disk.open(leaf, descriptor)
        except OSError as error:
            if error.errno in SCARCE:
                raise
            raise not_found() from error
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            os.close(opened)
            raise not_found()
        return opened, status

    def prune(self, name: str) -> None:
        """Remove the directories above `name` that hold nothing any more."""
        folders = name.split("/")[:-1]
        while folders:
            try:
                with self.parent("/".join(folders)) as (descriptor, leaf):
                    self._disk.remove_directory(leaf, descriptor)
                    self._changed(descriptor)
            except (OSError, StoreError):
                return
            folders.pop()

    def remove_empty(self, descriptor: int, leaf: str) -> None:
        """Remove a directory that holds no file, only empty directories; else OSError."""
        below = self._disk.open_directory(leaf, descriptor)
        try:
            with self._disk.scan(below) as entries:
                names = [entry.name for entry in entries]
            for name in names:
                self.remove_empty(below, name)
        finally:
            os.close(below)
        self._disk.remove_directory(leaf, descriptor)
        self._changed(descriptor)

    # --- listing -------------------------------------------------------------------------

    def entries(self, prefix: str, after: str, delimiter: bool) -> Iterator[tuple[str, int, str]]:
        """Yield text, directory and segment of each entry in order of UTF-8 bytes.

        A shared prefix has no directory (-1). Python compares text by code points, which is the
        order of UTF-8 bytes.
        """
        yield from self._walk(self.descriptor, "", prefix, after, delimiter)

    def _walk(
        self, descriptor: int, base: str, prefix: str, after: str, delimiter: bool
    ) -> Iterator[tuple[str, int, str]]:
        for text, segment in self._sorted(descriptor, base, after):
            if not text.endswith("/"):
                if text.startswith(prefix) and text > after:
                    yield text, descriptor, segment
                continue
            if not (text.startswith(prefix) or prefix.startswith(text)):
                continue
            shared = delimiter and text.startswith(prefix) and text != prefix
            if shared and text <= after:
                continue
            try:
                below = self._disk.open_directory(segment, descriptor)
            except OSError as error:
                if error.errno in SCARCE:
                    raise
                continue
            try:
                inside = self._walk(
                    below, text, prefix, "" if shared else after, False if shared else delimiter
                )
                if not shared:
                    yield from inside
                elif next(inside, None) is not None:
                    yield text, -1, segment
            finally:
                os.close(below)

    def _sorted(self, descriptor: int, base: str, after: str) -> Iterator[tuple[str, str]]:
        """Yield what may be part of a name, in order; directories end with `/`.

        What is known to come before `after` is left out. Only so many are kept at a time; for
        those that come after them the directory is read again.
        """
        passed = ""
        while True:
            parts = self._parts(descriptor, base, passed, after)
            found = heapq.nsmallest(SORTED_AT_ONCE, parts)
            yield from found
            if len(found) < SORTED_AT_ONCE:
                return
            passed = found[-1][0]

    def _parts(
        self, descriptor: int, base: str, passed: str, after: str
    ) -> Iterator[tuple[str, str]]:
        """Yield what a directory holds that may be part of a name, in no order."""
        with self._disk.scan(descriptor) as entries:
            for entry in entries:
                folder = entry.is_dir(follow_symlinks=False)
                text = f"{base}{entry.name}/" if folder else base + entry.name
                if text <= passed or (text < after and not after.startswith(text)):
                    continue
                if text == PRIVATE + "/" or not is_name(base + entry.name):
                    continue
                if folder or entry.is_file(follow_symlinks=False):
                    yield text, entry.name
