"""What becomes of a request: the reply, checked, or why there is none.

Spec: chapters 5, 8 and 11. The law of this module: a call succeeds only when its reply has ended
and holds what its command promises; anything less is an error of that call. What comes after its
error is let pass, so that the calls behind it are not disturbed.

    receive(Reply)            a Refusal ends in an error, anything else is looked at
    receive(BodyChunk)        goes to where the body belongs
    receive(MessageFinished)  result, or error
    receive(MessageAborted)   the server gave up: error

    receive_whole(reply, body)  all of that at once, for a reply that came so
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from headframe import (
    UNSET,
    BodyChunk,
    MessageAborted,
    MessageFinished,
    PutReply,
    Refusal,
    Reply,
    StatReply,
    UnsetType,
)
from headframe.digests import is_digest
from headframe_client.errors import DigestMismatch, ProtocolViolation, Refused
from headframe_client.results import FileState, PutResult

__all__ = [
    "Call",
    "Progress",
    "PutCall",
    "ReplyCall",
    "StatCall",
    "need",
]

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have moved and, where it is known, how many will."""

R = TypeVar("R")
V = TypeVar("V")


class Call(Generic[R]):
    """One request and what has come of it so far."""

    done = False
    """Nothing more comes for this call."""
    error: Exception | None = None
    """The first thing that went wrong."""
    body_left = 0
    """How much body the reply may still have."""
    _digest: str | UnsetType = UNSET
    """From the reply's first header or its trailers."""
    _result: R | None = None

    def __init__(self, subject: str) -> None:
        self.subject = subject
        """What errors are about, a file's name."""

    def receive(self, event: Reply | BodyChunk | MessageFinished | MessageAborted) -> None:
        """Take in the next part of the reply; raise ProtocolViolation if it makes no sense."""
        try:
            if isinstance(event, BodyChunk):
                self._receive_body(event.data)
            elif isinstance(event, Reply):
                self._receive_header(event)
            else:
                self._end(event)
        except (Refused, DigestMismatch, OSError) as error:
            self.refuse(error)

    def receive_whole(self, reply: Reply, body: memoryview) -> None:
        """Take in all of the reply; raise ProtocolViolation if it makes no sense."""
        self.done = True
        try:
            self._receive_header(reply)
            if body:
                self._receive_body(body)
            if self.error is None:
                self._digest = getattr(reply, "digest", UNSET)
                self._result = self._finish()
        except (Refused, DigestMismatch, OSError) as error:
            self.refuse(error)

    def _receive_header(self, reply: Reply) -> None:
        if type(reply) is Refusal:
            self.refuse(Refused.of(reply, self.subject))
        else:
            self._open(reply)

    def _receive_body(self, data: bytes | bytearray | memoryview) -> None:
        self.body_left -= len(data)
        if self.body_left < 0:
            raise ProtocolViolation(f"the reply about {self.subject!r} has too much body")
        if self.error is None:
            self._take(data)

    def _end(self, event: MessageFinished | MessageAborted) -> None:
        self.done = True
        if isinstance(event, MessageAborted):
            code = "aborted" if event.code is UNSET else str(event.code)
            message = "" if event.message is UNSET else str(event.message)
            self.refuse(Refused(code, message, subject=self.subject))
        elif self.error is None:
            self._digest = event.digest
            self._result = self._finish()

    def refuse(self, error: Exception) -> None:
        """Make `error` the outcome, unless there was one before; the reply may still be coming."""
        if self.error is None:
            self.error = error

    def fail(self, error: Exception) -> None:
        """End the call: no reply will come."""
        self.refuse(error)
        self.done = True

    def result(self) -> R:
        """Return the result of a call that is done; raise its error."""
        if self.error is not None:
            raise self.error
        assert self._result is not None
        return self._result

    def _open(self, reply: Reply) -> None:
        """Look at the header of the reply."""
        raise NotImplementedError

    def _take(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take in a part of the body."""

    def _finish(self) -> R:
        """Return the result; the reply is whole."""
        raise NotImplementedError


def need(value: V | UnsetType, member: str, subject: str) -> V:
    """Return a value that a reply has to hold; raise ProtocolViolation if it does not."""
    if isinstance(value, UnsetType):
        raise ProtocolViolation(f"a reply about {subject!r} lacks {member}")
    return value


class ReplyCall(Call[Any]):
    """A request whose result is the reply's header as it stands."""

    def _open(self, reply: Reply) -> None:
        self._reply = reply

    def _finish(self) -> Reply:
        return self._reply


class PutCall(Call[PutResult]):
    """A put; whoever sends the body says at its end what was sent."""

    sent_total = 0
    sent_digest: str | None = None
    """None: nobody wants to verify it."""
    _reply = PutReply()

    def _open(self, reply: Reply) -> None:
        assert isinstance(reply, PutReply)
        self._reply = reply

    def _finish(self) -> PutResult:
        digest = need(self._reply.digest, "digest", self.subject)
        total = need(self._reply.total, "total", self.subject)
        if self.sent_digest is not None and digest != self.sent_digest:
            raise DigestMismatch(self.subject, self.sent_digest, digest)
        if total != self.sent_total:
            raise ProtocolViolation(
                f"{self.subject!r} was stored with {total} bytes, {self.sent_total} were sent"
            )
        rev = need(self._reply.rev, "rev", self.subject)
        return PutResult(name=self.subject, rev=rev, total=total, digest=digest)


class StatCall(Call[FileState]):
    """A stat of a file."""

    def _open(self, reply: Reply) -> None:
        assert isinstance(reply, StatReply)
        self._reply = reply

    def _finish(self) -> FileState:
        reply = self._reply
        return FileState(
            name=self.subject,
            rev=need(reply.rev, "rev", self.subject),
            total=need(reply.total, "total", self.subject),
            mtime=None if isinstance(reply.mtime, UnsetType) else reply.mtime,
            digest=None if isinstance(reply.digest, UnsetType) else _check_digest(reply.digest),
        )


def _check_digest(digest: str) -> str:
    if not is_digest(digest):
        raise ProtocolViolation(f"{digest!r} is no digest")
    return digest
