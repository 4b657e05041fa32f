"""What each request asks of the store, and the reply that tells what became of it.

Spec: chapters 8 to 10. The law of this module: a request is carried out when its message has ended
and not before; what is known to fail is refused as soon as it is known. Puts that arrive in one
go are committed together, and answered when all of them are durable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final, Protocol, TypeVar

from headframe import (
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
    MessageFinished,
    Move,
    MoveReply,
    Put,
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
from headframe_server.access import Visitor
from headframe_server.digests import check_digest, digest_of
from headframe_server.link import Link
from headframe_server.listing import Listing
from headframe_server.log import record
from headframe_server.settings import Settings
from headframe_server.store import Incoming, OpenFile, Store, StoreError

__all__ = ["Answers"]

BATCH_FILES: Final = 32
"""Puts that are committed together at most; each of them holds a file open."""
READ_BYTES: Final = 1 << 18
FLUSH_BYTES: Final = 1 << 16
T = TypeVar("T")

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

    def begin(self, request: Request) -> None:
        """Take the first header; refuse what is known to fail."""
        self._request = request
        if not isinstance(request, Put) or request.upload is not UNSET:
            self._settle()
        self._attempt(self._check, request)

    def add(self, data: bytes | bytearray | memoryview) -> None:
        """Take a piece of the body."""
        if self._incoming is not None:
            self._received_bytes += len(data)
            self._attempt(self._store_piece, data)

    def finish(self, ending: MessageFinished) -> None:
        """Carry the request out and reply."""
        self._attempt(self._carry_out, ending)
        self._drop()

    def reject(self, event: RequestRefused) -> None:
        """Refuse what the codec has found wrong, unless who is asking comes first (6.2)."""
        refusal = event.refusal
        if event.cmd is not None and refusal.code == ErrorCode.BAD_REQUEST:
            try:
                self._visitor.check(event.cmd)
            except StoreError as error:
                refusal = error.refusal()
        self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> None:
        """Reply that the request is not carried out."""
        self._reply(refusal)
        self._record(logging.INFO, "refused", code=refusal.code, message=refusal.message)
        self._drop()

    def look_up(self) -> None:
        """See whether a newer request has taken the upload over that is arriving."""
        if self._incoming is not None:
            self._attempt(self._incoming.write, b"")

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

    def _attempt(self, step: Callable[[T], None], argument: T) -> None:
        try:
            step(argument)
        except StoreError as error:
            self.refuse(error.refusal())
        except BadName as error:
            self.refuse(Refusal(code=error.code, message=str(error)))

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

    # --- checks at the first header ------------------------------------------------------

    def _check(self, request: Request) -> None:
        """Judge what is known of a request so far, in the order of 6.2."""
        self._visitor.check(command_of(request))
        if isinstance(request, Put):
            check_digest(request.digest)
        for name in _names(request):
            check_name(name)
        if isinstance(request, Put):
            self._received_bytes = 0
            self._check_total((request.offset or 0) + request.filesize, request.total)
            interrupt = _nobody if request.upload is UNSET else self._link.interrupter()
            self._incoming = self._store.receive(request, who=self._who, interrupt=interrupt)

    def _check_total(self, size: int, total: int | UnsetType = UNSET) -> None:
        largest = max(size, total or 0)
        if largest > self._store.total_bytes:
            message = f"{largest} bytes, a file may have {self._store.total_bytes}"
            raise StoreError(ErrorCode.TOO_LARGE, message)

    @property
    def _who(self) -> str:
        return self._visitor.person.name if self._visitor.person else ""

    def _store_piece(self, data: bytes | bytearray | memoryview) -> None:
        assert isinstance(self._request, Put)
        assert self._incoming is not None
        self._check_total((self._request.offset or 0) + self._received_bytes)
        self._incoming.write(data)

    # --- carrying out --------------------------------------------------------------------

    def _carry_out(self, ending: MessageFinished) -> None:
        match self._request:
            case Put():
                self._put(ending)
            case Get() as get:
                self._get(get)
            case Stat() as stat:
                self._reply(self._stat(stat))
            case List() as listing:
                self._list(listing)
            case Delete() as delete:
                self._delete(delete)
                self._reply(DeleteReply())
            case Move() as move:
                info = self._store.move(
                    move.filename, move.to, move.if_, None if move.to_if is UNSET else move.to_if
                )
                self._reply(MoveReply(rev=info.rev))
            case Hello() as hello:
                if not isinstance(hello.auth, UnsetType):
                    self._visitor.introduce(hello.auth)
                self._reply(self._hello())

    def _hello(self) -> Reply:
        limits = self._connection.limits
        return HelloReply(
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
            features=[],
            durability=self._store.durability,
            auth=self._visitor.schemes,
        )

    def _put(self, ending: MessageFinished) -> None:
        """Judge the body; a put that is whole waits for others that are on their way."""
        incoming = self._incoming
        assert incoming is not None
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
        assert isinstance(self._request, Put)
        if len(self._whole) >= BATCH_FILES or self._request.upload is not UNSET:
            self._settle()

    def _stat(self, stat: Stat) -> Reply:
        if isinstance(stat.upload, str):
            return self._store.stat_upload(stat.upload, who=self._who)
        assert isinstance(stat.filename, str)
        opened = self._store.open(stat.filename, stat.if_)
        try:
            info = opened.info
            digest = digest_of(opened) if _wants_digest(stat) else UNSET
            return StatReply(rev=info.rev, total=info.total, mtime=info.mtime, digest=digest)
        finally:
            opened.close()

    def _delete(self, delete: Delete) -> None:
        if isinstance(delete.upload, str):
            self._store.delete_upload(delete.upload, who=self._who)
        else:
            assert isinstance(delete.filename, str)
            self._store.delete(delete.filename, delete.if_)

    def _get(self, get: Get) -> None:
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
                digest=digest_of(opened) if _wants_digest(get) else UNSET,
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
            self._reply(BodyChunk(data))
            done += len(data)
        return done

    def _list(self, listing: List) -> None:
        most = self._service.settings.list_entries
        body, end = self._listing.page(listing, min(listing.limit or most, most))
        self._reply(ListReply(end=end, filesize=len(body)))
        self._reply(BodyChunk(body))


def _nobody() -> None:
    """Interrupt nobody: only an upload can be taken over."""


def _names(request: Request) -> list[str]:
    """Return the file names that a request gives."""
    names = [getattr(request, member, UNSET) for member in ("filename", "to")]
    return [name for name in names if name is not UNSET]


def _wants_digest(request: Get | Stat) -> bool:
    return request.want is not UNSET and "digest" in request.want
