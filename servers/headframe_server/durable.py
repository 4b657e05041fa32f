"""Directories on stable storage, for many changes at a time: group commit.

Spec: 9.2. The law of this module: `settle` returns when all that `changed` was told before, by
whatever thread, is on stable storage. Who comes first syncs for all that wait; so a hundred puts
into one directory cost as few syncs of it as the storage has time for, and nobody's file is called
safe while a directory that another one made on the way to it is not. Many files that come together
cost one sync of their file system, which writes what lies side by side in one go.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from headframe_server.disk import Disk

__all__ = ["GroupCommit"]

THREADS: Final = 16
"""Syncs at a time: a journal writes what many wait for in one go."""
MANY: Final = 8
"""So many files are safe sooner when the whole file system is synced at once."""


class GroupCommit:
    """The syncs of one store; with `durability` "rename" there are none."""

    def __init__(self, disk: Disk, durability: str) -> None:
        self._disk = disk
        self.syncs: Final = durability == "fsync"
        self._noting = threading.Lock()
        self._syncing = threading.Lock()
        self._changed: dict[tuple[int, int], int] = {}
        """A descriptor of each directory that has changed, by device and inode."""
        self._last = self._settled = 0
        """Number of the last change, and of the last one that is on stable storage."""
        self._failure: OSError | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="headframe-sync")

    def close(self) -> None:
        """Let threads and descriptors go."""
        self._pool.shutdown()
        for descriptor in self._changed.values():
            os.close(descriptor)
        self._changed = {}

    def changed(self, directory: int) -> None:
        """Note that a directory has got or lost a name; where that cannot be noted, sync it now.

        The change has been made, and must not be forgotten for lack of a descriptor.
        """
        if not self.syncs:
            return
        status = os.fstat(directory)
        key = status.st_dev, status.st_ino
        with self._noting:
            self._last += 1
            if key in self._changed:
                return
            try:
                self._changed[key] = os.dup(directory)
                return
            except OSError:
                pass
        try:
            self._disk.sync(directory)
        except OSError as error:
            self._failure = error
            raise

    def check(self) -> None:
        """Raise the OSError of a sync that has failed: nothing can be promised any more."""
        if self._failure is not None:
            raise self._failure

    def settle(self) -> None:
        """Wait until all that has changed so far is on stable storage; raise OSError if it is not.

        After a failure nobody knows what is there, so that it fails ever after.
        """
        with self._noting:
            last = self._last
        with self._syncing:
            self.check()
            if last <= self._settled:
                return
            with self._noting:
                changed, self._changed = self._changed, {}
                last = self._last
            try:
                for error in self.sync_all(list(changed.values())):
                    if error is not None:
                        raise error
            except OSError as error:
                self._failure = error
                raise
            finally:
                for descriptor in changed.values():
                    os.close(descriptor)
            self._settled = last

    def sync(self, descriptor: int) -> None:
        """Bring a file to stable storage, or raise OSError."""
        if self.syncs:
            self._disk.sync(descriptor)

    def sync_all(self, descriptors: Sequence[int]) -> list[OSError | None]:
        """Bring files or directories to stable storage; return what went wrong with each.

        Where all at once fails, each one tells by itself whether it was about its own bytes.
        """
        count = len(descriptors)
        if not self.syncs or (count >= MANY and self._sync_whole(descriptors)):
            return [None] * count
        if count == 1:
            return [self._sync(descriptors[0])]
        return list(self._pool.map(self._sync, descriptors))

    def _sync_whole(self, descriptors: Sequence[int]) -> bool:
        """Sync the file system of all of them; return whether that is one, and safe now."""
        devices = {os.fstat(descriptor).st_dev for descriptor in descriptors}
        return len(devices) == 1 and self._disk.sync_all(descriptors[0])

    def _sync(self, descriptor: int) -> OSError | None:
        try:
            self._disk.sync(descriptor)
        except OSError as error:
            return error
        return None
