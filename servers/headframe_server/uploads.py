"""Uploads that resume: what a token stands for, over connections, restarts and lost replies.

Spec: chapter 10. The law of this module: who holds the token last decides; and a byte, or a
success, that a client has been told of is remembered until nobody can ask for it any more.

An upload is two files in a directory of its own, named by a hash of client and token:

    KEY.data   the bytes that have come; renamed into place when they are all there
    KEY.json   what is known of it: `Record`; written before the bytes move, and durably

So a record that says "done" tells the truth if KEY.data is gone, and is ahead of it if not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol
from weakref import WeakValueDictionary

import msgspec

from headframe import UNSET, ErrorCode, Put, StatReply
from headframe_server.disk import Disk
from headframe_server.draft import Draft, algorithm_for, translated
from headframe_server.durable import GroupCommit
from headframe_server.records import BOOT, RECORD_BYTES, Record, one_total, read_record
from headframe_server.store import FileInfo, StoreError
from headframe_server.transfers import Repeat, Transfer

__all__ = ["Uploads"]

KEPT_IN_MEMORY: Final = 256
"""Uploads whose digest need not be computed again when they go on."""


class Upload:
    """One upload; its lock is held while anything about it is decided or written."""

    def __init__(self, draft: Draft) -> None:
        self.lock = threading.RLock()
        self.draft = draft
        self.record: Record | None = None
        """None: nobody has begun it."""
        self.loaded = False
        self.used = 0.0
        """When somebody last asked for it, in seconds since 1970."""
        self.transfer: Transfer | None = None
        """The put that may write."""

    def take_over(self, transfer: Transfer | None) -> None:
        """Let `transfer` be the one that may write; the one before hears of it."""
        before, self.transfer = self.transfer, transfer
        if before is not None:
            before.interrupt()
            self.used = time.time()
        self.draft.close()


class Place(Protocol):
    """What uploads need to know of the store that they are for."""

    def check_target(self, put: Put) -> None:
        """Raise StoreError if no file can have the name now, or `if` fails; or OSError."""
        ...

    def check_room(self, more_bytes: int) -> None:
        """Raise StoreError unless there is room for so much more."""
        ...

    def stat(self, name: str) -> FileInfo:
        """Return what is known of a file; raise StoreError if there is none."""
        ...


class Uploads:
    """All uploads of a store."""

    def __init__(
        self, disk: Disk, directory: int, group: GroupCommit, place: Place, ttl_ms: int
    ) -> None:
        """Take over an open directory."""
        self._disk = disk
        self._directory = directory
        self._group = group
        self._place = place
        self._ttl_s = ttl_ms / 1000
        self._table: WeakValueDictionary[str, Upload] = WeakValueDictionary()
        self._recent: deque[Upload] = deque(maxlen=KEPT_IN_MEMORY)
        self._finding = threading.Lock()

    # --- requests ------------------------------------------------------------------------

    def receive(self, put: Put, who: str, interrupt: Callable[[], None]) -> Transfer | Repeat:
        """Begin to receive a part; refuse at once what is already known to fail."""
        upload = self._find(_key(who, str(put.upload)))
        with upload.lock:
            record = self._load(upload)
            if record is not None and record.done is not None:
                self._touch(upload)
                return Repeat(put, record.filename, record.done)
            upload.take_over(None)
            total = self._check(put, record, upload)
            try:
                begin = upload.draft.reopen
                if record is None:
                    self.forget(upload)
                    record, begin = Record(filename=put.filename), upload.draft.create
                upload.draft.expect(algorithm_for(put))
                begin()
                self.write_record(upload, msgspec.structs.replace(record, total=total))
            except BaseException:
                if upload.record is None:
                    self.forget(upload)
                upload.draft.close()
                raise
            upload.transfer = Transfer(self, upload, put, interrupt)
            return upload.transfer

    def _check(self, put: Put, record: Record | None, upload: Upload) -> int | None:
        """Raise StoreError unless `put` can go on with an upload; return the total, if known."""
        offset = put.offset or 0
        if record is None and offset:
            raise StoreError(ErrorCode.UPLOAD_GONE, "nothing is known of this upload")
        if record is not None and record.filename != put.filename:
            raise StoreError(ErrorCode.CONFLICT, "the upload is for another file name")
        self._place.check_target(put)
        if record is not None and offset != upload.draft.size:
            message = f"the upload stands at {upload.draft.size}"
            raise StoreError(ErrorCode.OFFSET_MISMATCH, message, offset=self.hold(upload))
        total = one_total(record, put.total)
        if total is not None and offset + put.filesize > total:
            message = f"{offset + put.filesize} bytes are announced, the total is {total}"
            raise StoreError(ErrorCode.SIZE_MISMATCH, message)
        return total

    def stat(self, token: str, who: str) -> StatReply:
        """Take an upload over and tell how much of it is held."""
        upload = self._find(_key(who, token))
        with upload.lock:
            record = self._known(upload)
            if record.done is not None:
                done = record.done
                self._touch(upload)
                return StatReply(
                    rev=done.rev, total=done.total, digest=done.digest, offset=done.total
                )
            upload.take_over(None)
            return StatReply(
                offset=self.hold(upload), total=UNSET if record.total is None else record.total
            )

    def delete(self, token: str, who: str) -> None:
        """Forget an upload; its file stays."""
        upload = self._find(_key(who, token))
        with upload.lock:
            self._known(upload)
            upload.take_over(None)
            self.forget(upload)

    def tidy(self) -> None:
        """Forget what nobody has used for too long."""
        with self._disk.scan(self._directory) as entries:
            keys = {entry.name.partition(".")[0] for entry in entries}
        for key in keys:
            upload = self._find(key)
            with upload.lock:
                if upload.transfer is not None:
                    self._touch(upload)
                elif self._load(upload) is None:
                    self.forget(upload)
                with translated(), contextlib.suppress(FileNotFoundError):
                    self._disk.unlink(f"{key}.new", self._directory)

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._directory)

    # --- what a transfer asks for; the upload's lock is held ------------------------------

    def write_record(self, upload: Upload, record: Record, *, durably: bool = False) -> None:
        """Make `record` what is known of an upload, in one step."""
        if record == upload.record and record.boot == BOOT:
            return
        # A record that has promised something is not replaced by one that may not last.
        durably = durably or (upload.record is not None and upload.record.held > 0)
        key = upload.draft.filename.removesuffix(".data")
        with translated():
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(f"{key}.new", self._directory)
            descriptor = self._disk.create(f"{key}.new", self._directory)
            try:
                record = msgspec.structs.replace(record, boot=BOOT)
                self._disk.write(descriptor, memoryview(msgspec.json.encode(record)), 0)
                if durably and self._group.syncs:
                    self._disk.sync(descriptor)
            finally:
                os.close(descriptor)
            self._disk.rename(f"{key}.new", self._directory, f"{key}.json", self._directory)
            if durably and self._group.syncs:
                self._disk.sync(self._directory)
        upload.record = record
        upload.used = time.time()

    def hold(self, upload: Upload) -> int:
        """Bring what has come to stable storage; return how much it is."""
        assert upload.record is not None
        if upload.record.held != upload.draft.size:
            if self._group.syncs:
                with translated():
                    descriptor = self._disk.open(upload.draft.filename, self._directory)
                    try:
                        self._disk.sync(descriptor)
                    finally:
                        os.close(descriptor)
            record = msgspec.structs.replace(upload.record, held=upload.draft.size)
            self.write_record(upload, record, durably=True)
        self._touch(upload)
        return upload.draft.size

    def forget(self, upload: Upload) -> None:
        """Remove all that is known of an upload."""
        key = upload.draft.filename.removesuffix(".data")
        upload.draft.close()
        for ending in ("json", "data", "new"):
            with translated(), contextlib.suppress(FileNotFoundError):
                self._disk.unlink(f"{key}.{ending}", self._directory)
        self._group.changed(self._directory)
        upload.record = None
        upload.draft = self._draft(upload.draft.filename)

    # --- finding -------------------------------------------------------------------------

    def _find(self, key: str) -> Upload:
        with self._finding:
            upload = self._table.get(key)
            if upload is None:
                upload = Upload(self._draft(f"{key}.data"))
                self._table[key] = upload
            return upload

    def _draft(self, filename: str) -> Draft:
        return Draft(self._disk, self._directory, filename, self._place.check_room)

    def _known(self, upload: Upload) -> Record:
        record = self._load(upload)
        if record is None:
            raise StoreError(ErrorCode.UPLOAD_GONE, "nothing is known of this upload")
        return record

    def _load(self, upload: Upload) -> Record | None:
        """Return what is known of an upload; forget one that nobody has used for too long."""
        if not upload.loaded:
            upload.record = self._read(upload)
            upload.loaded = True
        idle_s = time.time() - upload.used
        if upload.record is not None and upload.transfer is None and idle_s > self._ttl_s:
            self.forget(upload)
        return upload.record

    def _read(self, upload: Upload) -> Record | None:
        """Read what an earlier server has left, and make sense of it."""
        data = upload.draft.filename
        try:
            descriptor = self._disk.open(data.removesuffix("data") + "json", self._directory)
            try:
                upload.used = os.fstat(descriptor).st_mtime
                record = read_record(os.read(descriptor, RECORD_BYTES))
            finally:
                os.close(descriptor)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        try:
            size = self._disk.status(data, self._directory).st_size
        except FileNotFoundError:
            return self._finished(record)
        upload.draft.resume_at(size if record.boot == BOOT else min(size, record.held))
        return msgspec.structs.replace(record, done=None)

    def _finished(self, record: Record) -> Record | None:
        """Return the record of an upload whose bytes have moved; None: it promised nothing."""
        if record.done is None or not record.done.provisional:
            return record if record.done is not None else None
        with contextlib.suppress(StoreError):
            found = self._place.stat(record.filename)
            if found.total == record.done.total:
                done = msgspec.structs.replace(record.done, rev=found.rev)
                return msgspec.structs.replace(record, done=done)
        return record

    def _touch(self, upload: Upload) -> None:
        """Begin to count the time anew for which an upload is remembered."""
        upload.used = time.time()
        name = upload.draft.filename.removesuffix("data") + "json"
        with contextlib.suppress(OSError):
            os.utime(name, dir_fd=self._directory)

    def remember(self, upload: Upload) -> None:
        """Keep an upload in memory for a while."""
        self._touch(upload)
        self._recent.append(upload)


def _key(who: str, token: str) -> str:
    """Return the name of an upload's files: no token can be read from it."""
    return hashlib.sha256(f"{who}\0{token}".encode()).hexdigest()[:40]
