"""A store in a directory: each file under its own name, replaced by rename and never in place.

Spec: chapters 7 to 10. The law of this module: what is visible changes by one rename or one unlink,
under a lock and after every check. A put, from first byte to reply:

    receive   a draft in ROOT/.headframe, beside the tree and on its file system
    write     bytes appended, and hashed
    end       size and digest judged
    commit    time and mark set; files synced together; lock; condition judged again; directories
              made; rename into place; lock released; every directory that changed synced
    release   what has not become a file is removed
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Self

from headframe import LIMITS, UNSET, ErrorCode, Put, PutReply, StatReply, UnsetType
from headframe_server.disk import Disk
from headframe_server.draft import Draft, Received, store_error, translated
from headframe_server.durable import GroupCommit
from headframe_server.revision import describe
from headframe_server.store import (
    RETRY_MS,
    Condition,
    Entry,
    FileInfo,
    Incoming,
    StoreError,
)
from headframe_server.targets import Targets
from headframe_server.transfers import Repeat, Transfer
from headframe_server.tree import PRIVATE, SCARCE, Tree
from headframe_server.uploads import Uploads

__all__ = ["DirectoryStore"]

FREE_BYTES: Final = 1 << 30
FREE_PART: Final = 0.05
"""The smaller of the two stays free."""
PLENTY_BYTES: Final = 1 << 29
PLENTY_S: Final = 0.05
"""Nobody writes so much in this time."""


class DirectoryStore:
    """Files below a directory; a context manager that lets the directory go at its end."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        durability: str = "fsync",
        upload_ttl_ms: int = LIMITS.upload_ttl_ms,
        total_bytes: int = LIMITS.integer_max,
        free_bytes: int = FREE_BYTES,
        disk: Disk | None = None,
    ) -> None:
        """Take over `root`; raise OSError if it cannot be used or another server uses it.

        `free_bytes` or a twentieth of the file system, whichever is less, is left free.
        """
        if durability not in ("fsync", "rename"):
            raise ValueError(f"durability is fsync or rename, not {durability!r}")
        self.durability = durability
        self.upload_ttl_ms = upload_ttl_ms
        self.total_bytes = total_bytes
        self.changes = 0
        self._free_bytes = free_bytes
        self._disk = disk or Disk()
        self._group = GroupCommit(self._disk, durability)
        self._tree = Tree(root, self._disk, self._group.changed)
        self._changing = threading.RLock()
        self._drafts = itertools.count()
        self._plenty_until = 0.0
        """Until when there is certainly room, on the monotonic clock."""
        with contextlib.ExitStack() as undo:
            undo.callback(self._tree.close)
            self._private = self._open_private(PRIVATE, self._tree.descriptor)
            undo.callback(os.close, self._private)
            _lock(self._private)
            self._remove_leftovers()
            self._tree.probe(self._private)
            uploads = self._open_private("uploads", self._private)
            self._uploads = Uploads(self._disk, uploads, self._group, self, upload_ttl_ms)
            undo.callback(self._uploads.close)
            self._uploads.tidy()
            self._group.settle()
            undo.pop_all()

    def _open_private(self, name: str, at: int) -> int:
        with contextlib.suppress(FileExistsError):
            self._disk.make_directory(name, at, 0o700)
            self._group.changed(at)
        return self._disk.open_directory(name, at)

    def _remove_leftovers(self) -> None:
        """Remove what puts have left that a crash interrupted."""
        with self._disk.scan(self._private) as entries:
            leftovers = [entry.name for entry in entries if entry.name.startswith("put-")]
        for name in leftovers:
            self._disk.unlink(name, self._private)

    def close(self) -> None:
        """Let the directory go."""
        self._uploads.close()
        self._group.close()
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
        try:
            opened = Opened(self._disk, *self._tree.open_file(name))
        except OSError as error:
            raise store_error(error) from error
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
        with translated():
            for text, directory, segment in self._tree.entries(prefix, after, delimiter):
                if directory < 0:
                    yield Entry(text)
                    continue
                try:
                    descriptor = self._disk.open(segment, directory)
                except OSError as error:
                    if error.errno in SCARCE:
                        raise
                    continue
                try:
                    info = describe(self._disk, descriptor)
                finally:
                    os.close(descriptor)
                yield Entry(text, info)

    # --- receiving -----------------------------------------------------------------------

    def receive(
        self, put: Put, *, who: str = "", interrupt: Callable[[], None] = lambda: None
    ) -> Received | Transfer | Repeat:
        """Begin to receive a file; refuse at once what is already known to fail."""
        if isinstance(put.upload, str):
            with translated():
                return self._uploads.receive(put, who, interrupt)
        self._check_visible(put.filename)
        name = f"put-{next(self._drafts)}"
        draft = Draft(self._disk, self._private, name, self.check_room)
        return Received(draft, put, self.check_target)

    def check_target(self, put: Put) -> None:
        """Raise StoreError if no file can have the name now, `if` fails or there is no room.

        Raises OSError, too.
        """
        self._check_visible(put.filename)
        self._check_place(put.filename)
        self._check_current(put.filename, put.if_)
        self.check_room(put.filesize)

    def check_room(self, more_bytes: int) -> None:
        """Raise StoreError unless there is room for so much more.

        Nobody asks again who has just seen more room than can be filled meanwhile.
        """
        now = time.monotonic()
        if now < self._plenty_until and more_bytes < PLENTY_BYTES:
            return
        free_bytes, all_bytes = self._disk.free_bytes(self._private)
        kept_bytes = min(self._free_bytes, int(all_bytes * FREE_PART))
        if free_bytes - more_bytes < kept_bytes:
            raise StoreError(ErrorCode.NO_SPACE, "no space left", retry_ms=RETRY_MS)
        if free_bytes - more_bytes > kept_bytes + 2 * PLENTY_BYTES:
            self._plenty_until = now + PLENTY_S

    def commit(self, batch: Sequence[Incoming]) -> list[PutReply | StoreError]:
        """Make each of these the file of its name, one after the other, durably."""
        drafts = [incoming for incoming in batch if isinstance(incoming, Received | Transfer)]
        with contextlib.ExitStack() as held:
            for incoming in drafts:
                if isinstance(incoming, Transfer):  # nobody else can reach the others
                    held.enter_context(incoming.holding())
            errors = self._prepare(drafts)
            with self._changing, contextlib.closing(Targets(self._tree)) as targets:
                outcomes = [
                    self._place(incoming, targets) if error is None else _refusal(error)
                    for incoming, error in zip(drafts, errors, strict=True)
                ]
            try:
                self._group.settle()
            except OSError as error:
                return [store_error(error)] * len(drafts)
            for incoming, outcome in zip(drafts, outcomes, strict=True):
                if isinstance(outcome, PutReply):
                    incoming.placed(outcome)
        return outcomes

    def _prepare(self, drafts: Sequence[Received | Transfer]) -> list[Exception | None]:
        """Bring all that files are to hold to stable storage; return what went wrong with each."""
        errors: list[Exception | None] = [None] * len(drafts)
        waiting: dict[int, int] = {}
        for index, incoming in enumerate(drafts):
            try:
                descriptor = incoming.prepare(self._group)
            except (OSError, StoreError) as error:
                errors[index] = error
            else:
                if descriptor is not None:
                    waiting[index] = descriptor
        synced = self._group.sync_all(list(waiting.values()))
        for index, failure in zip(waiting, synced, strict=True):
            errors[index] = failure
        return errors

    def _place(self, incoming: Received | Transfer, targets: Targets) -> PutReply | StoreError:
        """Make a draft the file of its name, after a last look; the lock is held."""
        draft, put = incoming.draft, incoming.put
        try:
            self._group.check()
            check_new = None
            if put.if_ is not UNSET:
                check = functools.partial(self._check_current, put.filename, put.if_)
                check()
                check_new = check if put.if_ is None else None
            self._rename(
                *(draft.directory, draft.filename, put.filename, check_new, targets),
                promised=isinstance(incoming, Transfer),
            )
            return draft.reply()
        except (OSError, StoreError) as error:
            return _refusal(error)

    @translated()
    def stat_upload(self, token: str, *, who: str = "") -> StatReply:
        """Take an upload over and tell how much of it is held."""
        return self._uploads.stat(token, who)

    @translated()
    def delete_upload(self, token: str, *, who: str = "") -> None:
        """Forget an upload."""
        self._uploads.delete(token, who)
        self._group.settle()

    def tidy(self) -> None:
        """Remove what nobody has used for too long."""
        self._uploads.tidy()

    # --- changing ------------------------------------------------------------------------

    @translated()
    def delete(self, name: str, condition: Condition = UNSET) -> None:
        """Delete a file."""
        with self._changing:
            self._group.check()
            self.stat(name, condition)
            with self._tree.parent(name) as (descriptor, leaf):
                self._disk.unlink(leaf, descriptor)
                self._note(descriptor)
            self._tree.prune(name)
        self._group.settle()

    @translated()
    def move(
        self, name: str, to: str, condition: Condition = UNSET, to_condition: Condition = None
    ) -> FileInfo:
        """Give a file another name."""
        self._check_visible(to)
        with self._changing:
            self._group.check()
            opened = self.open(name)
            try:
                self._check_place(to)
                _check_condition(condition, opened.info)
                check = functools.partial(self._check_target, to, to_condition)
                check()
                if name != to:
                    check_new = check if to_condition is None else None
                    with (
                        self._tree.parent(name) as (descriptor, leaf),
                        contextlib.closing(Targets(self._tree)) as targets,
                    ):
                        self._rename(descriptor, leaf, to, check_new, targets, promised=True)
                        self._note(descriptor)
                    self._tree.prune(name)
                info = describe(self._disk, opened.descriptor)
            finally:
                opened.close()
        self._group.settle()
        return info

    def _note(self, directory: int) -> None:
        """Note that a directory of the tree has changed."""
        self._group.changed(directory)
        self.changes += 1

    def _check_current(self, name: str, condition: Condition) -> None:
        """Raise `precondition-failed` unless the file is in the state that was asked for."""
        if condition is not UNSET and condition is not True:
            _check_condition(condition, self._current(name))

    def _check_target(self, to: str, condition: Condition) -> None:
        try:
            self._check_current(to, condition)
        except StoreError as error:
            if error.code is not ErrorCode.PRECONDITION_FAILED:
                raise
            raise StoreError(error.code, error.message, to_rev=error.members["rev"]) from error

    def _current(self, name: str) -> FileInfo | None:
        try:
            return self.stat(name)
        except StoreError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None

    def _rename(
        self,
        descriptor: int,
        leaf: str,
        to: str,
        check_new: Callable[[], None] | None,
        targets: Targets,
        *,
        promised: bool,
    ) -> None:
        """Put a file into its place, and directories for it where they lack; the lock is held.

        With `check_new` it replaces nothing, and asks that for the error if another program has
        just put something there. What is `promised` where it lies moves only into directories that
        are on stable storage themselves.
        """
        try:
            parent, target = targets.find(to)
            if promised:
                self._group.settle()
            try:
                self._disk.rename_new(leaf, descriptor, target, parent)
            except FileExistsError:
                rename = self._disk.rename_new if check_new else self._disk.rename
                if _kind(self._tree.mode_in_place(to)) == "directory":
                    self._tree.remove_empty(parent, target)
                    targets.close()
                    parent, target = targets.find(to)
                rename(leaf, descriptor, target, parent)
            self._note(parent)
        except (OSError, StoreError) as error:
            targets.close()
            self._tree.prune(to)
            if check_new and isinstance(error, FileExistsError):
                check_new()
            raise

    def _check_visible(self, name: str) -> None:
        if name == PRIVATE or name.startswith(PRIVATE + "/"):
            raise StoreError(ErrorCode.BAD_NAME, "this name is kept for the server")

    def _check_place(self, name: str) -> None:
        """Raise `conflict` where no file can have this name."""
        kind = _kind(self._tree.mode_in_place(name))
        if kind == "directory" and any(self._tree.entries(name + "/", "", delimiter=False)):
            raise StoreError(ErrorCode.CONFLICT, "the name is part of another file's name")


class Opened:
    """A stored file that is being read: its bytes stay, whatever happens to its name."""

    def __init__(self, disk: Disk, descriptor: int, status: os.stat_result) -> None:
        self.descriptor = descriptor
        self.info = describe(disk, descriptor, status)

    def size(self) -> int:
        """Return how many bytes it has now."""
        return os.fstat(self.descriptor).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        return os.pread(self.descriptor, count, offset)

    def close(self) -> None:
        """Let the file go."""
        os.close(self.descriptor)


def _kind(mode: int | None) -> str:
    """Return what is in the place of a file; raise `conflict` for what no file may replace."""
    if mode is None:
        return "nothing"
    if stat.S_ISDIR(mode):
        return "directory"
    if not stat.S_ISREG(mode):
        raise StoreError(ErrorCode.CONFLICT, "the name belongs to something that is no file")
    return "file"


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


def _refusal(error: Exception) -> StoreError:
    """Return what a client is told of an error."""
    if isinstance(error, StoreError):
        return error
    assert isinstance(error, OSError)
    return store_error(error)


def _lock(directory: int) -> None:
    """Keep other servers off; raise OSError if one is there."""
    try:
        import fcntl  # noqa: PLC0415  (POSIX only)
    except ImportError:
        return
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError("another server is using this directory") from None
