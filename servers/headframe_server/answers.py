"""What each request asks of the store, and the reply that tells what became of it.

Spec: chapter 8. The law of this module: a request is carried out when its message has ended and not
before; what is known to fail is refused as soon as it is known.
"""

from __future__ import annotations

import hashlib
import logging
import re
from importlib import metadata
from typing import Any, Final

import msgspec

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
    PutReply,
    Refusal,
    Reply,
    Request,
    Sent,
    Stat,
    StatReply,
    check_name,
)
from headframe_server.link import Link
from headframe_server.store import Entry, Incoming, OpenFile, Store, StoreError

__all__ = ["Answers"]

LIST_ENTRIES: Final = 1000
READ_BYTES: Final = 1 << 18
FLUSH_BYTES: Final = 1 << 16
RETRY_MS: Final = 1000
_DIGEST: Final = re.compile(r"([a-z0-9-]+):(.*)", re.DOTALL)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_log: Final = logging.getLogger("headframe.server")


class Answers:
    """The replies of one connection."""

    def __init__(self, connection: Connection, link: Link, store: Store, peer: str) -> None:
        self._connection = connection
        self._link = link
        self._store = store
        self._peer = peer
        self._outgoing = bytearray()
        self._request: Request | None = None
        self._incoming: Incoming | None = None
        self._hash = hashlib.sha256()

    # --- the life of a request -----------------------------------------------------------

    def begin(self, request: Request) -> None:
        """Take the first header; refuse what is known to fail."""
        self._request = request
        self._attempt(self._check, request)

    def add(self, data: bytes | bytearray | memoryview) -> None:
        """Take a piece of the body."""
        incoming = self._incoming
        if incoming is not None:
            self._hash.update(data)
            self._attempt(incoming.write, data)

    def finish(self, ending: MessageFinished) -> None:
        """Carry the request out and reply."""
        self._attempt(self._carry_out, ending)
        self.drop()

    def refuse(self, refusal: Refusal) -> None:
        """Reply that the request is not carried out."""
        _log.info("%s: refused: %s %s", self._peer, refusal.code, refusal.message)
        self.drop()
        self._reply(refusal)

    def drop(self) -> None:
        """Forget the request that is passing, and what was received of it."""
        if self._incoming is not None:
            self._incoming.discard()
        self._incoming = self._request = None

    def flush(self) -> None:
        """Send what has been collected."""
        if self._outgoing:
            outgoing, self._outgoing = self._outgoing, bytearray()
            self._link.send(outgoing)

    def _attempt(self, step: Any, argument: Any) -> None:
        try:
            step(argument)
        except StoreError as error:
            self.refuse(Refusal(code=error.code, message=error.message, **error.members))
        except BadName as error:
            self.refuse(Refusal(code=error.code, message=str(error)))

    def _reply(self, event: Sent) -> None:
        self._outgoing += self._connection.send(event)
        if len(self._outgoing) >= FLUSH_BYTES:
            self.flush()

    # --- checks at the first header ------------------------------------------------------

    def _check(self, request: Request) -> None:
        for name in _names(request):
            check_name(name)
        if getattr(request, "upload", UNSET) is not UNSET:
            raise StoreError(ErrorCode.UNSUPPORTED, "uploads that resume are not supported")
        if isinstance(request, Put):
            _check_digest(request.digest)
            self._incoming = self._store.receive(request.filename, request.if_)
            self._hash = hashlib.sha256()

    # --- carrying out --------------------------------------------------------------------

    def _carry_out(self, ending: MessageFinished) -> None:
        match self._request:
            case Put() as put:
                self._reply(self._put(put, ending))
            case Get() as get:
                self._get(get)
            case Stat() as stat:
                self._reply(self._stat(stat))
            case List() as listing:
                self._list(listing)
            case Delete(filename=str(name), if_=condition):
                self._store.delete(name, condition)
                self._reply(DeleteReply())
            case Move() as move:
                info = self._store.move(
                    move.filename, move.to, move.if_, None if move.to_if is UNSET else move.to_if
                )
                self._reply(MoveReply(rev=info.rev))
            case Hello():
                self._reply(self._hello())

    def _hello(self) -> Reply:
        limits = self._connection.limits
        return HelloReply(
            hf=[VERSION],
            server=f"headframe/{metadata.version('headframe')}",
            limits={
                "total": LIMITS.integer_max,
                "list": LIST_ENTRIES,
                "discard": limits.discard_bytes,
                "idle_ms": limits.idle_ms,
                "header_ms": limits.header_ms,
                "linger_ms": limits.linger_ms,
            },
            features=[],
            durability=self._store.durability,
            auth=[],
        )

    def _put(self, put: Put, ending: MessageFinished) -> Reply:
        incoming = self._incoming
        assert incoming is not None
        if ending.total is not UNSET and ending.total != ending.body_bytes:
            raise StoreError(
                ErrorCode.SIZE_MISMATCH,
                f"{ending.body_bytes} bytes came, {ending.total} were announced",
            )
        digest = f"sha-256:{self._hash.hexdigest()}"
        _check_digest(ending.digest)
        if ending.digest not in (UNSET, digest):
            raise StoreError(ErrorCode.DIGEST_MISMATCH, f"the bytes that came have {digest}")
        info = incoming.commit(mtime=None if put.mtime is UNSET else put.mtime, condition=put.if_)
        return PutReply(rev=info.rev, total=info.total, digest=digest)

    def _stat(self, stat: Stat) -> Reply:
        assert isinstance(stat.filename, str)
        opened = self._store.open(stat.filename, stat.if_)
        try:
            info = opened.info
            digest = _digest_of(opened) if _wants_digest(stat) else UNSET
            return StatReply(rev=info.rev, total=info.total, mtime=info.mtime, digest=digest)
        finally:
            opened.close()

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
                digest=_digest_of(opened) if _wants_digest(get) else UNSET,
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
        limit = min(listing.limit or LIST_ENTRIES, LIST_ENTRIES)
        entries = self._store.entries(
            listing.prefix or "", listing.after or "", bool(listing.delimiter)
        )
        lines: list[bytes] = []
        end = True
        for entry in entries:
            if len(lines) == limit:
                end = False
                break
            lines.append(_line(entry))
        body = b"".join(lines)
        self._reply(ListReply(end=end, filesize=len(body)))
        self._reply(BodyChunk(body))


def _names(request: Request) -> list[str]:
    """Return the file names that a request gives."""
    names = (getattr(request, "filename", UNSET), getattr(request, "to", UNSET))
    return [name for name in names if isinstance(name, str)]


def _line(entry: Entry) -> bytes:
    if entry.info is None:
        return msgspec.json.encode({"prefix": entry.text}) + b"\n"
    info = entry.info
    row = {"filename": entry.text, "total": info.total, "rev": info.rev, "mtime": info.mtime}
    return msgspec.json.encode(row) + b"\n"


def _wants_digest(request: Get | Stat) -> bool:
    return request.want is not UNSET and "digest" in request.want


def _digest_of(opened: OpenFile) -> str:
    hashed = hashlib.sha256()
    offset = 0
    while data := opened.read(offset, READ_BYTES):
        hashed.update(data)
        offset += len(data)
    return f"sha-256:{hashed.hexdigest()}"


def _check_digest(digest: object) -> None:
    """Raise unless `digest` is absent or one that can be compared."""
    if not isinstance(digest, str):
        return
    parts = _DIGEST.fullmatch(digest)
    if parts and parts[1] != "sha-256":
        raise StoreError(ErrorCode.UNSUPPORTED, "of digests only sha-256 is supported")
    if not parts or not _SHA256.fullmatch(parts[2]):
        raise StoreError(ErrorCode.BAD_REQUEST, "a digest is sha-256: and 64 hexadecimal digits")
