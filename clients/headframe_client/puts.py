"""A file on its way to a server: whole, or as an upload that goes on where the server stands.

Spec: chapters 8 to 10. The law of this module: the server is asked how much it has and believed as
far as the digest of the whole decides; what it has of another file is sent again, once.

    begin    stat {upload}    unless the upload is new
    begin    put              from where the server stands
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from headframe import UNSET, ErrorCode, Put, Stat, StatReply, UnsetType
from headframe.digests import DigestAlgorithm, algorithm_of, at_hand
from headframe_client.calls import Call, ReplyCall
from headframe_client.choice import algorithm_for_put
from headframe_client.errors import DigestMismatch, ProtocolViolation, Refused
from headframe_client.journal import Upload
from headframe_client.results import PutResult
from headframe_client.session import FRAME_BYTES, Session, make_buffer
from headframe_client.sources import PutSource, Source, is_repeatable, open_source, send_put
from headframe_client.transfers import Transfer

__all__ = ["Claim", "PutTransfer"]


class PutTransfer(Transfer[PutResult]):
    """A file on its way to a server."""

    _upload: Upload | None = None
    _version: tuple[int | None, int | None] | None = None
    """Of the source, when the upload was claimed."""
    _asks = False
    """Whether the next call asks how much of the upload the server has."""
    _sent = False
    """Whether this transfer has sent anything: then an upload that is finished is its own."""
    _mended = False
    """Whether it has begun anew already because of what the server had."""

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
            if self._verify:
                source.expect(algorithm_for_put(session, source.size))
            put = self._request(session, source)
            self._sent = True
            return send_put(session, put, source, self.progress), source.read_bytes

    def _choose_upload(self, source: Source) -> None:
        """Claim the upload; begin another if the source is not what it was."""
        version = (source.size, source.mtime_ns)
        self.total = source.size
        if self._version is None:
            self._upload = self._claim(self, source) if self._claim is not None else None
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
            return replace(result, offset=self.held_bytes) if self.held_bytes else result
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
            algorithm = algorithm_of(reply.digest)
            with open_source(self._source) as source:
                source.expect(algorithm if at_hand(algorithm) else DigestAlgorithm.SHA_256)
                source.read_all(make_buffer(FRAME_BYTES))
                if reply.digest != source.digest:
                    raise DigestMismatch(self.name, str(source.digest), reply.digest)
        self._upload.forget()
        return PutResult(name=self.name, rev=str(reply.rev), total=reply.total, digest=reply.digest)

    def give_up(self, error: BaseException | None) -> None:
        """Leave the upload to another run, unless nothing is left of it."""
        if self._upload is None:
            return
        code = error.code if isinstance(error, Refused) else None
        if code in _UPLOAD_LOST or (code in _NOT_BEGUN and not self.held_bytes):
            self._upload.forget()
        else:
            self._upload.release()


Claim = Callable[[PutTransfer, Source], Upload | None]
"""Says, of a transfer whose source has been opened, as which upload it is sent; None: as none."""

_UPLOAD_LOST: Final = (ErrorCode.DIGEST_MISMATCH, ErrorCode.SIZE_MISMATCH, ErrorCode.UPLOAD_GONE)
_NOT_BEGUN: Final = (
    ErrorCode.BAD_NAME,
    ErrorCode.CONFLICT,
    ErrorCode.FORBIDDEN,
    ErrorCode.PRECONDITION_FAILED,
    ErrorCode.TOO_LARGE,
    ErrorCode.UNAUTHORIZED,
)
"""Where a server refuses the first header, and has nothing of the body."""
