"""A put of an upload: one that brings a part, or one that repeats the part that completed it.

Spec: chapter 10. The law of this module: a transfer writes only as long as the upload is its own,
and asks before every piece.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from headframe import UNSET, ErrorCode, Put, PutReply
from headframe.digests import Hasher, algorithm_of, at_hand
from headframe_server.draft import Draft, algorithm_for
from headframe_server.durable import GroupCommit
from headframe_server.records import Done, Record, one_total
from headframe_server.store import StoreError

if TYPE_CHECKING:
    from headframe_server.uploads import Upload, Uploads

__all__ = ["Repeat", "Transfer"]

_FINISHED: Final = "the upload is finished, and this is not the put that completed it"


class Transfer:
    """A put that brings a part of an upload."""

    def __init__(
        self, uploads: Uploads, upload: Upload, put: Put, interrupt: Callable[[], None]
    ) -> None:
        self.put = put
        self.interrupt = interrupt
        self._uploads = uploads
        self._upload = upload
        self._offset = put.offset or 0
        self._body = Hasher(algorithm_for(put)) if self._offset else None
        """None: the body is the whole file, whose digest is known."""

    @property
    def draft(self) -> Draft:
        """The bytes."""
        return self._upload.draft

    def _record(self) -> Record:
        """Return what is known of the upload; raise `superseded` if somebody else has it now."""
        if self._upload.transfer is not self or self._upload.record is None:
            message = "a newer request has taken this upload over"
            raise StoreError(ErrorCode.SUPERSEDED, message)
        return self._upload.record

    def check(self) -> None:
        """All that can be known now was asked before it began."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append to the upload."""
        with self._upload.lock:
            total = self._record().total
            if total is not None and self.draft.size + len(data) > total:
                self._uploads.forget(self._upload)
                message = f"more than the {total} bytes came that were announced"
                raise StoreError(ErrorCode.SIZE_MISMATCH, message)
            self.draft.write(data)
            if self._body is not None:
                self._body.update(data)

    def end(self, total: int | None, digest: str | None) -> PutReply | None:
        """Judge what has come: all, and the commit decides; or a part, which is held."""
        with self._upload.lock:
            record = self._record()
            total = one_total(record, UNSET if total is None else total)
            if total != record.total:
                self._uploads.write_record(
                    self._upload, msgspec.structs.replace(record, total=total)
                )
            if total is None or self.draft.size < total:
                return PutReply(offset=self._uploads.hold(self._upload))
            try:
                if self.draft.size > total:
                    message = f"{self.draft.size} bytes came, {total} were announced"
                    raise StoreError(ErrorCode.SIZE_MISMATCH, message)
                self.draft.expect(algorithm_for(self.put, digest))
                self.draft.check_digest(digest)
            except StoreError:
                self._uploads.forget(self._upload)
                raise
            return None

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Let nobody take the upload over until it is a file, or is not going to be."""
        with self._upload.lock:
            try:
                yield
            finally:
                record = self._upload.record
                if record is not None and self._upload.transfer is self:
                    # It did not become a file; what is stored of its end does not count while
                    # its bytes are still here.
                    self._upload.record = msgspec.structs.replace(record, done=None)

    def prepare(self, group: GroupCommit) -> None:
        """Bring the bytes, and how the upload is going to end, to stable storage."""
        record = self._record()
        self.draft.seal(self.put)
        assert self.draft.descriptor is not None
        group.sync(self.draft.descriptor)
        self._finish(record, self.draft.reply(), provisional=not self.draft.is_marked())

    def placed(self, reply: PutReply) -> None:
        """Learn that the upload has become a file."""
        record = self._record()
        assert record.done is not None
        if record.done.provisional or record.done.rev != reply.rev:
            self._finish(record, reply)
        self._upload.transfer = None
        self.draft.close()

    def _finish(self, record: Record, reply: PutReply, *, provisional: bool = False) -> None:
        digest = self.draft.digest
        done = Done(
            rev=str(reply.rev),
            total=self.draft.size,
            digest=digest,
            offset=self._offset,
            body_digest=self._body.digest if self._body else digest,
            provisional=provisional,
        )
        record = msgspec.structs.replace(record, done=done)
        self._uploads.write_record(self._upload, record, durably=True)

    def release(self) -> None:
        """Let the upload go; it keeps its bytes."""
        with self._upload.lock:
            if self._upload.transfer is self:
                self._upload.transfer = None
                self.draft.close()
                self._uploads.remember(self._upload)


class Repeat:
    """A put of a finished upload: it should be the one that completed it."""

    def __init__(self, put: Put, filename: str, done: Done) -> None:
        self._put = put
        self._done = done
        self._size = 0
        algorithm = algorithm_of(done.body_digest)
        if put.filename != filename or (put.offset or 0) != done.offset or not at_hand(algorithm):
            raise StoreError(ErrorCode.CONFLICT, _FINISHED)
        self._body = Hasher(algorithm)

    def check(self) -> None:
        """Nothing is going to be stored."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Compare it with what came before."""
        self._size += len(data)
        self._body.update(data)

    def end(self, total: int | None, digest: str | None) -> PutReply:
        """Return the reply of the put that this one repeats."""
        done = self._done
        same = self._body.digest == done.body_digest
        if not same or done.offset + self._size != done.total:
            raise StoreError(ErrorCode.CONFLICT, _FINISHED)
        if total not in (None, done.total):
            raise StoreError(ErrorCode.BAD_REQUEST, f"the total of this upload is {done.total}")
        # The bytes are those that came then; a digest in another algorithm cannot deny it.
        if digest and algorithm_of(digest) == algorithm_of(done.digest) and digest != done.digest:
            raise StoreError(ErrorCode.DIGEST_MISMATCH, f"the bytes that came have {done.digest}")
        return PutReply(rev=done.rev, total=done.total, digest=done.digest)

    def release(self) -> None:
        """Nothing was held."""
