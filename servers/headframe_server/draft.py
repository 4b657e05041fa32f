"""A file that is being written where nobody sees it, with its digest.

Spec: chapters 8 and 9. The law of this module: what it holds counts for nothing until `place` has
renamed it, and it can be renamed only once.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from headframe import UNSET, ErrorCode, Put, PutReply
from headframe.digests import DigestAlgorithm, Hasher, wanted
from headframe.following import Follower
from headframe_server.disk import Disk
from headframe_server.durable import GroupCommit
from headframe_server.log import record
from headframe_server.revision import describe, mark
from headframe_server.store import RETRY_MS, FileInfo, StoreError

__all__ = ["Draft", "Received", "algorithm_for", "store_error", "translated"]

P = ParamSpec("P")
T = TypeVar("T")

ROOM_STEP_BYTES: Final = 1 << 24
"""How often it is asked whether there is still room."""
HELD_BYTES: Final = 1 << 14
"""A body of so many bytes waits in memory until its file is made, which is then whole at once."""
_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BUSY: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_IN_THE_WAY: Final = {errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST, errno.EXDEV}


class Draft:
    """Bytes of a file in a directory of their own, open or not."""

    def __init__(
        self, disk: Disk, directory: int, filename: str, check_room: Callable[[int], None]
    ) -> None:
        """`check_room` raises StoreError when so many bytes more are too many."""
        self._check_room = check_room
        self.disk = disk
        self.directory = directory
        self.filename = filename
        """Where the bytes are until they are placed."""
        self.descriptor: int | None = None
        self.size = 0
        """Bytes written so far."""
        self._held = bytearray()
        """Those that are in no file yet."""
        self._follower = Follower()
        self._marked: FileInfo | None = None
        """What the file is to be known by, whatever its name; None: the name's change tells."""

    @property
    def hasher(self) -> Hasher:
        """Of the bytes written so far; the file has been opened."""
        with translated():
            return self._follower.settle()

    @property
    def digest(self) -> str:
        """The same as HF/1 writes it."""
        return self.hasher.digest

    def expect(self, algorithm: str) -> None:
        """Make the digest in `algorithm`; what it was made of in another one is read again."""
        self._follower.expect(algorithm)

    def create(self) -> None:
        """Make the file, empty."""
        with translated():
            self.descriptor = self.disk.create(self.filename, self.directory)
        self._follower.follow(self.descriptor)

    def resume_at(self, size: int) -> None:
        """Take what an earlier server has written, up to `size`, for what has come."""
        self.size = size
        self._follower = Follower(end=size)

    def reopen(self) -> None:
        """Open it again to go on at `size`; what lies beyond is cut off."""
        with translated():
            self.descriptor = self.disk.open(self.filename, self.directory, writing=True)
            if os.fstat(self.descriptor).st_size > self.size:
                self.disk.truncate(self.descriptor, self.size)
        self._follower.follow(self.descriptor)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append; raise StoreError `no-space` when there is none.

        As long as it is little, and no file has been made, nothing is written yet.
        """
        if self.descriptor is None:
            size = self.size + len(data)
            if size <= HELD_BYTES:
                self._follower.update(data)
                self._held += data
                self.size = size
                return
            self.put_down()
        with translated(), memoryview(data) as view:
            done = 0
            if self.size // ROOM_STEP_BYTES != (self.size + len(view)) // ROOM_STEP_BYTES:
                self._check_room(len(view))
            while done < len(view):
                written = self._write_at(self.size, view[done:])
                self._follower.update(view[done : done + written])
                self.size += written
                done += written

    def _write_at(self, offset: int, view: memoryview) -> int:
        assert self.descriptor is not None
        return self.disk.write(self.descriptor, view, offset)

    def put_down(self) -> None:
        """Make the file of what has been held."""
        self._check_room(self.size)
        self.create()
        held, self._held = self._held, bytearray()
        with translated(), memoryview(held) as view:
            done = 0
            while done < len(view):
                done += self._write_at(done, view[done:] if done else view)

    def check_digest(self, digest: str | None) -> None:
        """Raise StoreError unless `digest` is None or that of the bytes."""
        if digest not in (None, self.digest):
            message = f"the bytes that came have {self.digest}"
            raise StoreError(ErrorCode.DIGEST_MISMATCH, message)

    def seal(self, put: Put) -> None:
        """Give it time and mark of the file it is to be."""
        if self.descriptor is None:
            self.put_down()
        assert self.descriptor is not None
        mtime = time.time_ns() // 1000 if put.mtime is UNSET else put.mtime
        with translated():
            self._marked = mark(self.disk, self.descriptor, mtime, self.hasher)

    def reply(self) -> PutReply:
        """Return what to say of the file, which has been sealed."""
        assert self.descriptor is not None
        info = self._marked or describe(self.disk, self.descriptor)
        return PutReply(rev=info.rev, total=info.total, digest=info.digest or self.digest)

    def is_marked(self) -> bool:
        """Return whether the file carries its revision, so that a rename does not change it."""
        return self._marked is not None

    def close(self) -> None:
        """Close it; the bytes stay where they are."""
        if self.descriptor is not None:
            self._follower.rest()
            os.close(self.descriptor)
            self.descriptor = None

    def remove(self) -> None:
        """Close it and remove the bytes."""
        self.close()
        with contextlib.suppress(FileNotFoundError):
            self.disk.unlink(self.filename, self.directory)


class Received:
    """The body of a put without `upload`: it becomes a file or nothing.

    What is there is looked at with the first header of a put whose body is long, or that depends
    on it. Of any other the body has come with the header, as a rule: then the commit looks.
    """

    def __init__(self, draft: Draft, put: Put, check_target: Callable[[Put], None]) -> None:
        """`check_target` raises StoreError, or OSError, where `put` cannot have its place now."""
        self.draft = draft
        self.put = put
        self._check_target: Callable[[Put], None] | None = check_target
        """None: that has been asked."""
        self._placed = False
        draft.expect(algorithm_for(put))
        if put.if_ is not UNSET:
            self.check()
        if put.more or put.filesize > HELD_BYTES:
            self.check()
            draft.put_down()

    def check(self) -> None:
        """Raise StoreError if it is known already that this cannot become a file."""
        check_target, self._check_target = self._check_target, None
        if check_target is not None:
            with translated():
                check_target(self.put)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append to it."""
        self.draft.write(data)

    def end(self, total: int | None, digest: str | None) -> None:
        """Judge what has come; the commit decides the rest."""
        if total is not None and total != self.draft.size:
            message = f"{self.draft.size} bytes came, {total} were announced"
            raise StoreError(ErrorCode.SIZE_MISMATCH, message)
        self.draft.expect(algorithm_for(self.put, digest))
        self.draft.check_digest(digest)

    def prepare(self, _group: GroupCommit) -> int | None:
        """Give it all that the file is to be known by; return what has to be synced then."""
        self.draft.seal(self.put)
        return self.draft.descriptor

    def placed(self, _reply: PutReply) -> None:
        """Learn that it has become a file."""
        self._placed = True

    def release(self) -> None:
        """Forget it, unless it has become a file."""
        if self._placed:
            self.draft.close()
        elif self.draft.descriptor is not None:
            self.draft.remove()


def algorithm_for(put: Put, digest: str | None = None) -> str:
    """Return the algorithm for the digest of a put, with the `digest` that has come at its end.

    Known by its first header it is computed as the bytes come. (HF-CMD-030)
    """
    return (*wanted(put.want, digest or put.digest), DigestAlgorithm.SHA_256)[0]


class translated:  # noqa: N801  (it stands beside `suppress`)
    """Turn what the file system says, in a block or a function, into a StoreError.

    No generator, whose price every call would pay.
    """

    __slots__ = ()

    def __call__(self, step: Callable[P, T]) -> Callable[P, T]:
        """Return a function that does what `step` does, translated."""

        @functools.wraps(step)
        def translating(*arguments: P.args, **more: P.kwargs) -> T:
            try:
                return step(*arguments, **more)
            except OSError as error:
                raise store_error(error) from error

        return translating

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise store_error(error) from error


def store_error(error: OSError) -> StoreError:
    """Return what a client is told of a failure; it names no path."""
    if error.errno in _NO_SPACE:
        return StoreError(ErrorCode.NO_SPACE, "no space left", retry_ms=RETRY_MS)
    if error.errno in _BUSY:
        return StoreError(ErrorCode.BUSY, "too many files are open", retry_ms=RETRY_MS)
    if error.errno in _IN_THE_WAY:
        return StoreError(ErrorCode.CONFLICT, "the name is part of another file's name")
    if error.errno == errno.ENOENT:
        return StoreError(ErrorCode.NOT_FOUND, "no such file")
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
        return StoreError(ErrorCode.BAD_NAME, "the file system cannot keep this name")
    record(logging.ERROR, "the file system failed", reason=str(error))
    return StoreError(ErrorCode.INTERNAL, "the file system failed", retry_ms=RETRY_MS)
