"""What each request asks of the store, and the reply that tells what became of it.

Spec: chapters 8 to 10. The law of this module: a request is carried out when its message has ended
and not before; what is known to fail is refused as soon as it is known. Puts that arrive in one
go are committed together, and answered when all of them are durable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from typing import Any, ClassVar, Final, Protocol

from headframe import (
    COMMANDS,
    LIMITS,
    UNSET,
    VERSION,
    BadName,
    BodyChunk,
    BodySent,
    Connection,
    Continuation,
    Delete,
    DeleteReply,
    ErrorCode,
    Get,
    GetReply,
    Hello,
    HelloReply,
    List,
    ListReply,
    MessageAborted,
    MessageFinished,
    Move,
    MoveReply,
    Put,
    Received,
    Refusal,
    Reply,
    Request,
    RequestRefused,
    Sent,
    Stat,
    StatReply,
    UnsetType,
    check_name,
    command_of,
)
from headframe.digests import OPTIONAL, at_hand, wanted
from headframe_server.access import Visitor
from headframe_server.digests import check_digest, digest_of
from headframe_server.link import Link
from headframe_server.listing import Listing
from headframe_server.log import record
from headframe_server.settings import Settings
from headframe_server.store import Incoming, OpenFile, Store, StoreError

__all__ = ["Answers"]

BATCH_FILES: Final = 64
"""Puts that are committed together at most; meanwhile each of them holds a file open."""
READ_BYTES: Final = 1 << 18
FLUSH_BYTES: Final = 1 << 16

try:
    SERVER: Final = f"headframe/{metadata.version('headframe')}"
except metadata.PackageNotFoundError:  # a checkout that nobody has installed
    SERVER: Final = "headframe"  # type: ignore[misc]


class Service(Protocol):
    """What a server is, for all its connections."""

    store: Store
    settings: Settings


class Answers:
    """The replies of one connection."""

    def __init__(
        self,
        connection: Connection,
        link: Link,
        service: Service,
        visitor: Visitor,
        *,
        peer: str,
    ) -> None:
        self._connection = connection
        self._link = link
        self._service = service
        self._store = service.store
        self._visitor = visitor
        self._peer = peer
        self._outgoing = bytearray()
        self._request: Request | None = None
        self._incoming: Incoming | None = None
        self._whole: list[Incoming] = []
        """Puts that wait to be committed and answered together."""
        self._received_bytes = 0
        self._listing = Listing(self._store)

    # --- the life of a request -----------------------------------------------------------

    def take(self, event: Received) -> None:
        """Do what an event asks for, and reply where it ends a request."""
        try:
            self._STEPS[type(event)](self, event)
        except (StoreError, BadName) as error:
            self._refuse(error)

    def _begin(self, request: Request) -> None:
        """Take the first header; refuse what is known to fail."""
        self._request = request
        self._visitor.check(command_of(request))
        if isinstance(request, Put):
            self._begin_put(request)
            return
        self._settle()
        for name in _names(request):
            check_name(name)

    def _begin_put(self, request: Put) -> None:
        """Judge what is known of a put so far, in the order of 6.2."""
        if request.upload is not UNSET:
            self._settle()
        check_digest(request.digest)
        check_name(request.filename)
        self._received_bytes = 0
        self._check_total((request.offset or 0) + request.filesize, request.total)
        interrupt = _nobody if request.upload is UNSET else self._link.interrupter()
        self._incoming = self._store.receive(request, who=self._who, interrupt=interrupt)

    def _add(self, chunk: BodyChunk) -> None:
        """Take a piece of the body."""
        data = chunk.data
        if self._incoming is not None:
            assert isinstance(self._request, Put)
            self._received_bytes += len(data)
            self._check_total((self._request.offset or 0) + self._received_bytes)
            self._incoming.write(data)

    def _finish(self, ending: MessageFinished) -> None:
        """Carry the request out and reply."""
        request = self._request
        self._CARRY_OUT[type(request)](self, request, ending)
        self._drop()

    def _withdraw(self, _ending: MessageAborted) -> None:
        """Do nothing of what the peer does not want any more."""
        raise StoreError(ErrorCode.ABORTED, "withdrawn")

    def _reject(self, event: RequestRefused) -> None:
        """Refuse what the codec has found wrong, unless who is asking comes first (6.2)."""
        refusal = event.refusal
        if event.cmd is not None and refusal.code == ErrorCode.BAD_REQUEST:
            self._visitor.check(event.cmd)
        raise StoreError(ErrorCode(refusal.code), refusal.message or "")

    def _refuse(self, error: StoreError | BadName) -> None:
        """Reply that the request is not carried out, and why; what was wrong before comes first."""
        try:
            if self._incoming is not None:
                self._incoming.check()
        except StoreError as earlier:
            error = earlier
        refusal = _refusal(error)
        self._reply(refusal)
        self._record(logging.INFO, "refused", code=refusal.code, message=refusal.message)
        self._drop()

    def look_up(self) -> None:
        """See whether a newer request has taken the upload over that is arriving."""
        self.take(BodyChunk(b""))

    def rest(self) -> None:
        """Say all that can be said now, before the peer is waited for."""
        if self._incoming is not None:
            try:
                self._incoming.check()
            except StoreError as error:
                self._refuse(error)
        self.flush()

    def flush(self) -> None:
        """Send what has been collected, and the outcome of all puts that are whole."""
        self._settle()
        self._send_collected()

    def close(self) -> None:
        """Carry out what is whole, forget what is not; nothing can be said any more."""
        self._drop()
        self._listing.close()
        whole, self._whole = self._whole, []
        try:
            self._store.commit(whole)
        finally:
            for incoming in whole:
                incoming.release()

    def _drop(self) -> None:
        """Forget the request that is passing, and what was received of it."""
        if self._incoming is not None:
            self._incoming.release()
        self._incoming = self._request = None

    def _settle(self) -> None:
        """Commit all puts that are whole, in order and together, and reply to them."""
        if not self._whole:
            return
        whole, self._whole = self._whole, []
        try:
            outcomes = self._store.commit(whole)
        finally:
            for incoming in whole:
                incoming.release()
        for outcome in outcomes:
            if isinstance(outcome, StoreError):
                refusal = outcome.refusal()
                self._collect(refusal)
                self._record(logging.INFO, "refused", code=refusal.code, message=refusal.message)
            else:
                self._collect(outcome)

    def _reply(self, event: Sent) -> None:
        """Reply, after all that was asked before."""
        self._settle()
        self._collect(event)

    def _collect(self, event: Sent) -> None:
        self._outgoing += self._connection.send(event)
        if len(self._outgoing) >= FLUSH_BYTES:
            self._send_collected()

    def _send_collected(self) -> None:
        if self._outgoing:
            outgoing, self._outgoing = self._outgoing, bytearray()
            self._link.send(outgoing)

    def _record(self, level: int, event: str, **fields: Any) -> None:
        request = self._request
        if request is not None:
            fields["cmd"] = command_of(request)
            fields["name"] = getattr(request, "filename", "") or ""
        fields = {name: value for name, value in fields.items() if isinstance(value, str | int)}
        record(level, event, peer=self._peer, **fields)

    def _check_total(self, size: int, total: int | UnsetType = UNSET) -> None:
        largest = max(size, total or 0)
        if largest > self._store.total_bytes:
            message = f"{largest} bytes, a file may have {self._store.total_bytes}"
            raise StoreError(ErrorCode.TOO_LARGE, message)

    @property
    def _who(self) -> str:
        return self._visitor.person.name if self._visitor.person else ""

    # --- carrying out --------------------------------------------------------------------

    def _hello(self, hello: Hello, _ending: MessageFinished) -> None:
        if not isinstance(hello.auth, UnsetType):
            self._visitor.introduce(hello.auth)
        limits = self._connection.limits
        reply = HelloReply(
            hf=[VERSION],
            server=SERVER,
            limits={
                "total": self._store.total_bytes,
                "list": self._service.settings.list_entries,
                "discard": limits.discard_bytes,
                "idle_ms": limits.idle_ms,
                "header_ms": limits.header_ms,
                "linger_ms": limits.linger_ms,
                "upload_ttl_ms": self._store.upload_ttl_ms,
            },
            features=[algorithm for algorithm in OPTIONAL if at_hand(algorithm)],
            durability=self._store.durability,
            auth=self._visitor.schemes,
        )
        self._reply(reply)

    def _put(self, put: Put, ending: MessageFinished) -> None:
        """Judge the body; a put that is whole waits for others that are on their way."""
        incoming = self._incoming
        assert incoming is not None
        if ending.digest is not put.digest:
            check_digest(ending.digest)
        reply = incoming.end(
            None if isinstance(ending.total, UnsetType) else ending.total,
            None if isinstance(ending.digest, UnsetType) else ending.digest,
        )
        if reply is not None:
            self._reply(reply)
            return
        self._incoming = None
        self._whole.append(incoming)
        if len(self._whole) >= BATCH_FILES or put.upload is not UNSET:
            self._settle()

    def _stat(self, stat: Stat, _ending: MessageFinished) -> None:
        self._reply(self._status(stat))

    def _status(self, stat: Stat) -> Reply:
        if isinstance(stat.upload, str):
            return self._store.stat_upload(stat.upload, who=self._who)
        assert isinstance(stat.filename, str)
        opened = self._store.open(stat.filename, stat.if_)
        try:
            info = opened.info
            digest = digest_of(opened, wanted(stat.want))
            return StatReply(rev=info.rev, total=info.total, mtime=info.mtime, digest=digest)
        finally:
            opened.close()

    def _delete(self, delete: Delete, _ending: MessageFinished) -> None:
        if isinstance(delete.upload, str):
            self._store.delete_upload(delete.upload, who=self._who)
        else:
            assert isinstance(delete.filename, str)
            self._store.delete(delete.filename, delete.if_)
        self._reply(DeleteReply())

    def _move(self, move: Move, _ending: MessageFinished) -> None:
        info = self._store.move(
            move.filename, move.to, move.if_, None if move.to_if is UNSET else move.to_if
        )
        self._reply(MoveReply(rev=info.rev))

    def _get(self, get: Get, _ending: MessageFinished) -> None:
        opened = self._store.open(get.filename, get.if_)
        try:
            total = opened.info.total
            offset = get.offset or 0
            if offset > total:
                raise StoreError(
                    ErrorCode.BAD_RANGE, f"offset {offset} is beyond the end", total=total
                )
            left = total - offset if get.length is UNSET else min(get.length, total - offset)
            frame_bytes = min(left, LIMITS.reply_frame_bytes)
            reply = GetReply(
                rev=opened.info.rev,
                total=total,
                offset=offset,
                mtime=opened.info.mtime,
                digest=digest_of(opened, wanted(get.want)),
                filesize=frame_bytes,
                more=left > frame_bytes,
            )
            self._reply(reply)
            self._send_body(opened, offset, left)
        finally:
            opened.close()

    def _send_body(self, opened: OpenFile, offset: int, left: int) -> None:
        """Send the body of a get, frame by frame.

        A file may become shorter meanwhile. Seen between frames that ends the reply with an abort;
        inside a frame only the end of the connection can tell.
        """
        frame_bytes = min(left, LIMITS.reply_frame_bytes)
        while left:
            if self._send_frame(opened, offset, frame_bytes) < frame_bytes:
                raise OSError("a file became shorter while it was sent")
            offset += frame_bytes
            left -= frame_bytes
            frame_bytes = min(left, LIMITS.reply_frame_bytes)
            if left and opened.size() < offset + frame_bytes:
                message = "the file became shorter while it was sent"
                self._reply(Continuation(abort=True, code=ErrorCode.INTERNAL, message=message))
                return
            if left:
                self._reply(Continuation(filesize=frame_bytes, more=left > frame_bytes))

    def _send_frame(self, opened: OpenFile, offset: int, count: int) -> int:
        """Send the body of one frame; return how much of it there was."""
        if opened.descriptor is not None and count > FLUSH_BYTES:
            self.flush()
            sent = self._link.send_file(opened.descriptor, offset, count)
            self._connection.send(BodySent(sent))
            return sent
        done = 0
        while done < count and (data := opened.read(offset + done, min(READ_BYTES, count - done))):
            self._collect(BodyChunk(data))
            done += len(data)
        return done

    def _list(self, listing: List, _ending: MessageFinished) -> None:
        most = self._service.settings.list_entries
        body, end = self._listing.page(listing, min(listing.limit or most, most))
        self._reply(ListReply(end=end, filesize=len(body)))
        self._reply(BodyChunk(body))

    # --- what goes where ------------------------------------------------------------------

    _STEPS: ClassVar[dict[type, Callable[[Answers, Any], None]]] = {
        **dict.fromkeys((row.request for row in COMMANDS.values()), _begin),
        BodyChunk: _add,
        MessageFinished: _finish,
        MessageAborted: _withdraw,
        RequestRefused: _reject,
    }
    """What is done with each kind of event."""
    _CARRY_OUT: ClassVar[dict[type, Callable[[Answers, Any, MessageFinished], None]]] = {
        Hello: _hello,
        Put: _put,
        Get: _get,
        Stat: _stat,
        List: _list,
        Delete: _delete,
        Move: _move,
    }
    """How each kind of request is carried out, with the ending of its message."""


def _refusal(error: StoreError | BadName) -> Refusal:
    """Return what to reply."""
    if isinstance(error, StoreError):
        return error.refusal()
    return Refusal(code=error.code, message=str(error))


def _nobody() -> None:
    """Interrupt nobody: only an upload can be taken over."""


_NAMING: Final = {
    row.request: tuple(name for name in ("filename", "to") if name in row.request.__struct_fields__)
    for row in COMMANDS.values()
}
"""Members of a request that hold the name of a file."""


def _names(request: Request) -> list[str]:
    """Return the file names that a request gives."""
    names = [getattr(request, member) for member in _NAMING[type(request)]]
    return [name for name in names if name is not UNSET]
