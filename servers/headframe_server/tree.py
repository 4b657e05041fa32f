"""A directory tree that no name leads out of.

Spec: chapter 7. The law of this module: every path is walked from the root's descriptor, one
segment at a time, and no symbolic link is followed, however the tree changes meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from headframe import ErrorCode, is_name
from headframe_server.store import StoreError

__all__ = ["PRIVATE", "Tree", "not_found"]

PRIVATE: Final = ".headframe"
"""Folder of the root that holds what is not visible; no file name begins with it."""

_DIRECTORY: Final = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_LEAF: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)

STEP_ATTEMPTS: Final = 100
"""How often a directory is made again that another delete removes at once."""


def not_found() -> StoreError:
    """Return the error for a name that no file has."""
    return StoreError(ErrorCode.NOT_FOUND, "no such file")


class Tree:
    """The tree below one directory."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        if os.open not in os.supports_dir_fd or os.scandir not in os.supports_fd:
            raise OSError("this system cannot open files relative to a directory")
        self.descriptor = os.open(root, _DIRECTORY & ~getattr(os, "O_NOFOLLOW", 0))

    def close(self) -> None:
        """Let the root go."""
        os.close(self.descriptor)

    @contextlib.contextmanager
    def parent(
        self, name: str, *, writing: bool = False, create: bool = False
    ) -> Iterator[tuple[int, str]]:
        """Open the directory that holds `name`; yield its descriptor and the last segment.

        Where something on the way is no directory it raises StoreError: `conflict` for `writing`
        or `create`, else `not-found`. Where something is missing: `create` makes it, `writing`
        raises FileNotFoundError, else it is `not-found`.
        """
        *folders, leaf = name.split("/")
        descriptor = os.dup(self.descriptor)
        try:
            for folder in folders:
                below = self._step(descriptor, folder, writing=writing, create=create)
                os.close(descriptor)
                descriptor = below
            yield descriptor, leaf
        finally:
            os.close(descriptor)

    def _step(self, descriptor: int, folder: str, *, writing: bool, create: bool) -> int:
        for _ in range(STEP_ATTEMPTS):
            try:
                return os.open(folder, _DIRECTORY, dir_fd=descriptor)
            except FileNotFoundError:
                if not create:
                    if writing:
                        raise
                    raise not_found() from None
            except OSError as error:
                if not (create or writing):
                    raise not_found() from error
                message = "a part of the name is no directory"
                raise StoreError(ErrorCode.CONFLICT, message) from error
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.mkdir(folder, 0o777, dir_fd=descriptor)
        raise StoreError(ErrorCode.BUSY, "a directory comes and goes", retry_ms=100)

    def open_file(self, name: str) -> int:
        """Open a regular file to read it; raise `not-found` for anything else."""
        with self.parent(name) as (descriptor, leaf):
            try:
                opened = os.open(leaf, os.O_RDONLY | _LEAF, dir_fd=descriptor)
            except OSError as error:
                raise not_found() from error
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise not_found()
        return opened

    def prune(self, name: str) -> None:
        """Remove the directories above `name` that hold nothing any more."""
        folders = name.split("/")[:-1]
        while folders:
            try:
                with self.parent("/".join(folders)) as (descriptor, leaf):
                    os.rmdir(leaf, dir_fd=descriptor)
            except (OSError, StoreError):
                return
            folders.pop()

    def remove_empty(self, descriptor: int, leaf: str) -> None:
        """Remove a directory that holds no file, only empty directories; else OSError."""
        below = os.open(leaf, _DIRECTORY, dir_fd=descriptor)
        try:
            for name in os.listdir(below):
                self.remove_empty(below, name)
        finally:
            os.close(below)
        os.rmdir(leaf, dir_fd=descriptor)

    def entries(self, prefix: str, after: str, delimiter: bool) -> Iterator[tuple[str, int, str]]:
        """Yield text, directory and segment of each entry in order of UTF-8 bytes.

        A shared prefix has no directory (-1). Python compares text by code points, which is the
        order of UTF-8 bytes.
        """
        yield from self._walk(self.descriptor, "", prefix, after, delimiter)

    def _walk(
        self, descriptor: int, base: str, prefix: str, after: str, delimiter: bool
    ) -> Iterator[tuple[str, int, str]]:
        for text, segment in self._sorted(descriptor, base):
            if not text.endswith("/"):
                if text.startswith(prefix) and text > after:
                    yield text, descriptor, segment
                continue
            if not (text.startswith(prefix) or prefix.startswith(text)):
                continue
            if text < after and not after.startswith(text):
                continue
            shared = delimiter and text.startswith(prefix) and text != prefix
            if shared and text <= after:
                continue
            try:
                below = os.open(segment, _DIRECTORY, dir_fd=descriptor)
            except OSError:
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

    def _sorted(self, descriptor: int, base: str) -> list[tuple[str, str]]:
        """Return what a directory holds that may be part of a name; directories end with `/`."""
        found = []
        with os.scandir(descriptor) as scanned:
            for entry in scanned:
                text = base + entry.name
                if text == PRIVATE or not is_name(text):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.append((text + "/", entry.name))
                elif entry.is_file(follow_symlinks=False):
                    found.append((text, entry.name))
        return sorted(found)
