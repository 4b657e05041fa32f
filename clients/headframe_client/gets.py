"""A file on its way from a server: what is asked for, what arrives, and what goes on after a loss.

Spec: chapters 8 to 10. The law of this module: what has arrived of one revision goes on with the
rest of the same revision and of no other; the digest of the whole decides at the end, and only
then the sink commits.
"""

from __future__ import annotations

from typing import Any, Final

from headframe import UNSET, ErrorCode, Get, GetReply, Reply, UnsetType
from headframe.digests import algorithm_of, at_hand
from headframe.following import Follower
from headframe_client.calls import Call, Progress, need
from headframe_client.choice import wishes
from headframe_client.errors import DigestMismatch, ProtocolViolation, Refused
from headframe_client.results import GetResult
from headframe_client.session import FRAME_BYTES, Session
from headframe_client.sinks import Sink
from headframe_client.transfers import Transfer

__all__ = ["GetCall", "GetTransfer", "Reception"]


class Reception:
    """What has arrived of a file, in one attempt or in several that go on with each other."""

    rev = ""
    """Of the file that this is a part of."""
    received_bytes = 0

    def __init__(self, offset: int = 0, length: int | None = None, *, verify: bool = True) -> None:
        self.offset = offset
        """Where in the file it begins."""
        self.length = length
        """How many bytes of it are wanted; None: to the end."""
        self.follower = Follower(beside=True) if verify else None
        """Makes the digest."""

    def begin_anew(self) -> None:
        """Forget what has arrived."""
        self.rev, self.received_bytes = "", 0
        if self.follower is not None:
            self.follower.rest()
            self.follower = Follower(beside=True)

    def take(self, chunk: bytes | bytearray | memoryview) -> None:
        """Count the next bytes."""
        if self.follower is not None:
            self.follower.update(chunk)
        self.received_bytes += len(chunk)

    def expect(self, digest: str | UnsetType) -> None:
        """Make the digest in the algorithm of the one that the server has told.

        In one that nobody has asked for there is none to compare, and that ends in DigestMismatch.
        """
        if self.follower is not None and not isinstance(digest, UnsetType):
            algorithm = algorithm_of(digest)
            if at_hand(algorithm):
                self.follower.expect(algorithm)

    @property
    def next_offset(self) -> int:
        """Where in the file the next bytes come from."""
        return self.offset + self.received_bytes

    @property
    def left(self) -> int | None:
        """How many bytes are still wanted; None: as many as there are."""
        return None if self.length is None else self.length - self.received_bytes


class GetCall(Call[GetResult]):
    """A get; its body goes to a sink, and counts when it is whole and has the right digest.

    The sink belongs to whoever asks: when the call fails, what has arrived stays in it.
    """

    _due_bytes = 0
    _total = 0
    _mtime: int | None = None

    def __init__(
        self,
        name: str,
        sink: Sink,
        reception: Reception | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(name)
        self._sink = sink
        self._reception = Reception() if reception is None else reception
        self._offset = self._reception.next_offset
        self._progress = progress

    def _open(self, reply: Reply) -> None:
        assert isinstance(reply, GetReply)
        reception = self._reception
        rev = need(reply.rev, "rev", self.subject)
        self._total = need(reply.total, "total", self.subject)
        self._mtime = None if isinstance(reply.mtime, UnsetType) else reply.mtime
        if reply.offset is not UNSET and reply.offset != self._offset:
            raise ProtocolViolation(
                f"{self.subject!r} begins at {reply.offset}, {self._offset} was asked for"
            )
        rest = max(0, self._total - self._offset)
        left = reception.left
        self.body_left = self._due_bytes = rest if left is None else min(rest, left)
        if not reception.received_bytes:
            reception.rev = rev
            self._sink.open(rev, self._total)
            if reception.follower is not None:
                reception.follower.follow(self._sink.descriptor)
        elif rev != reception.rev:
            raise ProtocolViolation(
                f"{self.subject!r} goes on with revision {rev}, {reception.rev} was asked for"
            )
        if self._sink.reads_back:
            reception.expect(reply.digest)

    def _take(self, chunk: bytes | bytearray | memoryview) -> None:
        self._sink.write(chunk)
        self._reception.take(chunk)
        if self._progress is not None:
            received = self._reception.received_bytes
            self._progress(received, received + self.body_left)

    def _finish(self) -> GetResult:
        if self.body_left:
            raise ProtocolViolation(
                f"{self.subject!r} came {self.body_left} bytes short of {self._due_bytes}"
            )
        reception, digest = self._reception, None
        whole = reception.offset == 0 and reception.received_bytes == self._total
        if reception.follower is not None:
            digest = need(self._digest, "digest", self.subject)
            if whole and self._sink.reads_back:  # it may have come as a trailer
                reception.expect(digest)
            received = reception.follower.settle().digest
            if whole and received != digest:
                raise DigestMismatch(self.subject, digest, received)
        self._sink.commit(self._mtime)
        return GetResult(
            name=self.subject,
            rev=reception.rev,
            total=self._total,
            offset=self._offset,
            body_bytes=self._due_bytes,
            mtime=self._mtime,
            digest=digest,
            verified=whole and digest is not None,
        )


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
            held = self._sink.claim(reception.follower)
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
            want=self._wishes(),
        )
        call = GetCall(self.name, self._sink, reception, progress=self.progress)
        session.begin(call, request)
        return call, max(0, (self.total or 0) - self.held_bytes)

    def _wishes(self) -> list[str] | UnsetType:
        """Return which digests will do: any, where the bytes can be read again for it."""
        if self._reception.follower is None:
            return UNSET
        return wishes() if self._sink.reads_back else _DIGEST

    def settle(self, call: Call[Any]) -> GetResult | None:
        """Return what has arrived; begin anew if it goes on with another file."""
        error = call.error
        if error is None:
            result: GetResult = call.result()
            return result
        other = isinstance(error, Refused) and error.code in _OTHER_FILE
        wrong = other or isinstance(error, DigestMismatch)
        if self.held_bytes and wrong and self._sink.begins_anew:
            self._reception.begin_anew()
            return None
        raise error

    def give_up(self, error: BaseException | None) -> None:
        """Leave what has arrived to another run, if it is right as far as it goes."""
        if self._reception.follower is not None:
            self._reception.follower.rest()
        self._sink.abandon(keep=not isinstance(error, ProtocolViolation | DigestMismatch))


_DIGEST: Final = ["digest"]
_OTHER_FILE: Final = (ErrorCode.PRECONDITION_FAILED, ErrorCode.BAD_RANGE)
