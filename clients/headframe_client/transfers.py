"""One file on its way: what to ask next, until it is settled.

Spec: chapters 8 to 10. The law of this module: a transfer may begin again after any loss of the
connection, and then goes on where it stood, if the far side proves that it is the same file:

    put   the server says how much of the upload it has; the digest of the whole decides at the end
    get   the server sends the rest only if the file has still the revision of the part that is
          here; the digest of the whole decides at the end

    begin(session) -> call    ... the call is done ...    settle(call) -> result, or begin again
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from msgspec.structs import replace

from headframe import (
    UNSET,
    Delete,
    DeleteReply,
    ErrorCode,
    Get,
    Put,
    Stat,
    StatReply,
    UnsetType,
)
from headframe_client.calls import Call, GetCall, Progress, Reception, ReplyCall, StatCall
from headframe_client.errors import (
    ConnectionFailed,
    DigestMismatch,
    ProtocolViolation,
    Refused,
)
from headframe_client.journal import Upload
from headframe_client.results import GetResult, Kept, PutResult
from headframe_client.session import FRAME_BYTES, Session
from headframe_client.sinks import Sink
from headframe_client.sources import (
    PutSource,
    Source,
    digest_of,
    is_repeatable,
    open_source,
    send_put,
)

__all__ = [
    "Claim",
    "DeleteTransfer",
    "GetTransfer",
    "PutTransfer",
    "Transfer",
    "UnlessKept",
]

R_co = TypeVar("R_co", covariant=True)

Claim = Callable[[Source], Upload | None]
"""Says, of a source that has been opened, as which upload it is sent; None: as none."""


class Transfer(Generic[R_co]):
    """A file that is to be moved, or removed."""

    def __init__(self, name: str) -> None:
        self.name = name
        """On the server."""
        self.path = ""
        """Here; empty where there is none."""
        self.total: int | None = None
        """Bytes of the file, as far as known."""
        self.held_bytes = 0
        """How much the far side, or this one, had already when the last call began."""
        self.told_bytes = 0
        """How much of that somebody has been told."""
        self.progress: Progress | None = None

    @property
    def repeatable(self) -> bool:
        """Whether it may begin again after a loss."""
        return True

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Send the next request; return its call, and the bytes of body that move.

        Raises OSError for what is wrong with the local file.
        """
        raise NotImplementedError

    def settle(self, call: Call[Any]) -> R_co | None:
        """Return what came of the call that is done; None: begin again. Raise why it failed."""
        raise NotImplementedError

    def give_up(self, error: BaseException | None) -> None:
        """End without a result; `error` is why, None if somebody interrupted."""


class PutTransfer(Transfer[PutResult]):
    """A file on its way to a server."""

    def __init__(
        self,
        name: str,
        source: PutSource,
        *,
        mtime: int | bool | None = None,
        if_: str | UnsetType | None = UNSET,
        claim: Claim | None = None,
        verify: bool = True,
    ) -> None:
        """`mtime` is in microseconds; True: that of the local file; None: the present.

        `if_` is the revision that the file has to have; None: it must not exist. With `claim` the
        file is sent as an upload, which can go on after a loss.
        """
        super().__init__(name)
        self._source = source
        self._mtime = mtime
        self._if = if_
        self._claim = claim
        self._verify = verify
        self._upload: Upload | None = None
        self._version: tuple[int | None, int | None] | None = None
        """Of the source, when the upload was claimed."""
        self._asks = False
        """Whether the next call asks how much of the upload the server has."""
        self._sent = False
        """Whether this transfer has sent anything: then an upload that is finished is its own."""
        self._mended = False
        """Whether it has begun anew already because of what the server had."""

    @property
    def repeatable(self) -> bool:
        """Whether the source can be read again, should it have been."""
        return not self._sent or is_repeatable(self._source)

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Ask for the state of the upload, or send the file from there on."""
        with open_source(self._source, verify=self._verify) as source:
            self._choose_upload(source)
            if self._asks and self._upload is not None:
                call = ReplyCall(self.name)
                request = Stat(id=session.next_id(), upload=self._upload.token)
                session.begin(call, request)
                return call, 0
            put = self._request(session, source)
            self._sent = True
            return send_put(session, put, source, self.progress), source.read_bytes

    def _choose_upload(self, source: Source) -> None:
        """Claim the upload; begin another if the source is not what it was."""
        version = (source.size, source.mtime_ns)
        self.total = source.size
        if self._version is None:
            self._upload = self._claim(source) if self._claim is not None else None
            self._asks = self._upload is not None and self._upload.continues
        elif version != self._version and self._upload is not None:
            self._begin_anew()
        self._version = version

    def _request(self, session: Session, source: Source) -> Put:
        """Return the put that goes on where the server stands."""
        mtime = self._mtime
        if mtime is True:
            changed = -1 if source.mtime_ns is None else source.mtime_ns // 1000
            mtime = changed if changed >= 0 else None
        put = Put(
            id=session.next_id(),
            filename=self.name,
            if_=self._if,
            mtime=UNSET if mtime is None else mtime,
        )
        if self._upload is None or source.size is None:
            return put
        if self.held_bytes > source.size:
            raise ProtocolViolation(
                f"the upload of {self.name!r} stands at {self.held_bytes}, {source.size} are due"
            )
        source.skip(self.held_bytes, session.frame_buffer)
        offset = self.held_bytes or UNSET
        return replace(put, upload=self._upload.token, offset=offset, total=source.size)

    def settle(self, call: Call[Any]) -> PutResult | None:
        """Learn where the server stands, or how the put ended."""
        if self._asks:
            return self._learn(call)
        error = call.error
        if error is None:
            if self._upload is not None:
                self._upload.forget()
            result: PutResult = call.result()
            return dataclasses.replace(result, offset=self.held_bytes)
        self._asks = self._upload is not None
        if isinstance(error, Refused) and self._upload is not None and not self._mended:
            self._mended = True
            if error.code in (ErrorCode.OFFSET_MISMATCH, ErrorCode.UPLOAD_GONE):
                return None
            if error.code is ErrorCode.DIGEST_MISMATCH and self.held_bytes:
                self._begin_anew()
                return None
        raise error

    def _begin_anew(self) -> None:
        """Send everything, as another upload."""
        assert self._upload is not None
        self._upload.renew()
        self._asks, self._sent, self.held_bytes = False, False, 0

    def _learn(self, call: Call[Any]) -> PutResult | None:
        """Take in what the server says of the upload."""
        assert self._upload is not None
        if call.error is not None:
            gone = isinstance(call.error, Refused) and call.error.code is ErrorCode.UPLOAD_GONE
            if not gone:
                raise call.error
            self._asks, self.held_bytes = False, 0
            return None
        reply: StatReply = call.result()
        self._asks = False
        if isinstance(reply.rev, UnsetType):
            if isinstance(reply.offset, UnsetType):
                raise ProtocolViolation(f"a reply about the upload of {self.name!r} lacks offset")
            self.held_bytes = reply.offset
            return None
        if self._sent or self._upload.repeats:
            return self._finished(reply)
        self._begin_anew()
        return None

    def _finished(self, reply: StatReply) -> PutResult:
        """Return how an upload ended that the server has finished, if this was its source."""
        assert self._upload is not None
        if isinstance(reply.digest, UnsetType) or isinstance(reply.total, UnsetType):
            raise ProtocolViolation(
                f"a reply about the upload of {self.name!r} lacks digest or total"
            )
        if self._verify:
            with open_source(self._source) as source:
                source.read_all(memoryview(bytearray(FRAME_BYTES)))
                if reply.digest != source.digest:
                    raise DigestMismatch(self.name, str(source.digest), reply.digest)
        self._upload.forget()
        return PutResult(name=self.name, rev=str(reply.rev), total=reply.total, digest=reply.digest)

    def give_up(self, error: BaseException | None) -> None:
        """Leave the upload to another run, unless nothing is left of it."""
        if self._upload is None:
            return
        if isinstance(error, Refused) and error.code in _UPLOAD_LOST:
            self._upload.forget()
        else:
            self._upload.release()


_UPLOAD_LOST: Final = (ErrorCode.DIGEST_MISMATCH, ErrorCode.SIZE_MISMATCH, ErrorCode.UPLOAD_GONE)


class GetTransfer(Transfer[GetResult]):
    """A file, or a part of one, on its way from a server."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        offset: int = 0,
        length: int | None = None,
        if_rev: str | None = None,
        total: int | None = None,
        resume: bool = True,
        verify: bool = True,
    ) -> None:
        """`total` is what is known of the file's size, in bytes.

        With `resume` it goes on with what an earlier run has left, if the sink keeps such things.
        """
        super().__init__(name)
        self._sink = sink
        self._if_rev = if_rev
        self.total = total
        self._reception = Reception(offset, length, verify=verify)
        self._looks = resume and (total is None or total > FRAME_BYTES)
        """Whether to look first for what an earlier run has left."""

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Ask for the file, or for the rest of it."""
        reception = self._reception
        if self._looks:
            self._looks = False
            held = self._sink.claim(reception.hash)
            if held is not None and self._if_rev in (None, held.rev):
                reception.rev, reception.received_bytes = held.rev, held.size
                self.total = held.total
            elif held is not None:
                reception.begin_anew()
        self.held_bytes = reception.received_bytes
        rev = reception.rev if reception.received_bytes else self._if_rev
        request = Get(
            id=session.next_id(),
            filename=self.name,
            offset=reception.next_offset or UNSET,
            length=UNSET if reception.left is None else reception.left,
            if_=UNSET if rev is None else rev,
            want=["digest"] if reception.verify else UNSET,
        )
        call = GetCall(self.name, self._sink, reception, progress=self.progress)
        session.begin(call, request)
        return call, max(0, (self.total or 0) - self.held_bytes)

    def settle(self, call: Call[Any]) -> GetResult | None:
        """Return what has arrived; begin anew if it goes on with another file."""
        error = call.error
        if error is None:
            result: GetResult = call.result()
            return result
        other = isinstance(error, Refused) and error.code in _OTHER_FILE
        if self.held_bytes and (other or isinstance(error, DigestMismatch)):
            self._reception.begin_anew()
            return None
        raise error

    def give_up(self, error: BaseException | None) -> None:
        """Leave what has arrived to another run, if it is right as far as it goes."""
        self._sink.abandon(keep=not isinstance(error, ProtocolViolation | DigestMismatch))


_OTHER_FILE: Final = (ErrorCode.PRECONDITION_FAILED, ErrorCode.BAD_RANGE)


class UnlessKept(Transfer[R_co | Kept]):
    """A transfer that is not needed if both sides have the same bytes.

    What is here has the size and the time of what is there; now the digests are compared.
    """

    def __init__(self, path: str, total: int, transfer: Transfer[R_co]) -> None:
        super().__init__(transfer.name)
        self.path = path
        self.total = total
        self._kept = Kept(name=transfer.name, total=total, verified=True)
        self._transfer = transfer
        self._compares = True

    @property
    def repeatable(self) -> bool:
        """Whether the transfer is."""
        return self._transfer.repeatable

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Ask for the digest, or begin the transfer."""
        if not self._compares:
            self._transfer.progress = self.progress
            begun = self._transfer.begin(session)
            self.held_bytes = self._transfer.held_bytes
            return begun
        call = StatCall(self.name)
        session.begin(call, Stat(id=session.next_id(), filename=self.name, want=["digest"]))
        return call, 0

    def settle(self, call: Call[Any]) -> R_co | Kept | None:
        """Compare, or return what came of the transfer."""
        if not self._compares:
            return self._transfer.settle(call)
        if isinstance(call.error, ConnectionFailed):
            raise call.error
        self._compares = False
        with contextlib.suppress(OSError):
            if call.error is None and call.result().digest == digest_of(self.path):
                return self._kept
        return None

    def give_up(self, error: BaseException | None) -> None:
        """Give up the transfer."""
        self._transfer.give_up(error)


class DeleteTransfer(Transfer[DeleteReply]):
    """A file on its way out."""

    def __init__(self, name: str, *, if_rev: str | None = None) -> None:
        super().__init__(name)
        self._if_rev = if_rev
        self._lost = False
        """Whether the reply to an earlier request was lost."""

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Ask for the deletion."""
        call = ReplyCall(self.name)
        if_ = UNSET if self._if_rev is None else self._if_rev
        session.begin(call, Delete(id=session.next_id(), filename=self.name, if_=if_))
        return call, 0

    def settle(self, call: Call[Any]) -> DeleteReply | None:
        """A file that is gone after a reply was lost has been deleted."""
        error = call.error
        gone = isinstance(error, Refused) and error.code is ErrorCode.NOT_FOUND
        if error is None or (gone and self._lost):
            return DeleteReply()
        self._lost = self._lost or isinstance(error, ConnectionFailed)
        raise error
