"""A client that asks for one thing and waits for the answer.

Spec: chapter 8. The law of this module: a method returns what the server has confirmed, or raises
why not; it never leaves half a file.

>>> with Client("127.0.0.1") as client:  # doctest: +SKIP
...     client.put("a.txt", b"hello").rev
"""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeVar

from msgspec.structs import replace

from headframe import (
    UNSET,
    BadName,
    Delete,
    ErrorCode,
    Get,
    Hello,
    HelloReply,
    List,
    Move,
    MoveReply,
    Put,
    Request,
    Stat,
    StatReply,
    UnsetType,
    check_name,
)
from headframe_client.address import DEFAULT_HOST, DEFAULT_PORT, Address, parse_url
from headframe_client.calls import GetCall, Progress, ReplyCall, StatCall
from headframe_client.errors import DigestMismatch, InvalidArgument, ProtocolViolation, Refused
from headframe_client.listing import ListCall
from headframe_client.results import Entry, FileState, GetResult, PutResult
from headframe_client.session import Session
from headframe_client.sinks import PartFile, Sink, StreamSink
from headframe_client.sources import PutSource, Source, open_source, send_put
from headframe_client.trust import client_context

__all__ = ["Client", "check_requested", "new_upload"]

T = TypeVar("T")

TIMEOUT_S: Final = 60.0
"""As long as a server lets a connection idle."""
UPLOAD_BYTES: Final = 16
"""Random bytes in the token of an upload."""
PAGE_ENTRIES: Final = 1000
"""Asked of each page of a listing; a server may give fewer."""


def new_upload() -> str:
    """Return a token for an upload that nobody else can guess (HF-RESUME-001)."""
    return secrets.token_urlsafe(UPLOAD_BYTES)


class Client:
    """A connection to a server, for one thread at a time.

    After a `Refused` or `DigestMismatch` it can be used further; after `ConnectionFailed` or
    `ProtocolViolation` it cannot.
    """

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        *,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        token: str | None = None,
    ) -> None:
        """Connect. `timeout_s` is how long the connection may stand still before it is given up.

        `tls` is what `client_context` returns; None: the server is spoken to in the clear. `token`
        shows who we are; it is sent over TLS or within this machine only.
        """
        self.session = Session.connect(host, port, timeout_s, tls)
        if token is not None:
            try:
                self.session.check_private()
                self._ask(self._hello({"scheme": "token", "token": token}), "the server")
            except BaseException:
                self.close()
                raise

    @classmethod
    def from_url(
        cls,
        url: str | Address,
        *,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        token: str | None = None,
    ) -> Client:
        """Connect to the server of a URL; the name in it is not used.

        For `headframes://` and without `tls`, the authorities are trusted that the system trusts.
        """
        address = parse_url(url) if isinstance(url, str) else url
        if address.tls:
            tls = tls or client_context()
        elif tls is not None:
            raise InvalidArgument("TLS is spoken with headframes://, not with headframe://")
        return cls(address.host, address.port, timeout_s=timeout_s, tls=tls, token=token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.session.close()

    # --- the commands, in the order of the specification -------------------------------------

    def hello(self) -> HelloReply:
        """Ask who the server is and what it allows; also the ping."""
        reply = self._ask(self._hello(), "the server")
        assert isinstance(reply, HelloReply)
        return reply

    def put(
        self,
        name: str,
        source: PutSource,
        *,
        mtime: int | None = None,
        if_rev: str | None = None,
        if_absent: bool = False,
        upload: str | None = None,
        progress: Progress | None = None,
    ) -> PutResult:
        """Store a file; when this returns, the server has it whole and under its name.

        `source` is bytes, a path or an open binary file of known or unknown length. `mtime` is in
        microseconds since 1970-01-01T00:00:00Z; None lets the server take the present. With
        `if_rev` the file has to have that revision, with `if_absent` it must not exist: else
        Refused, `precondition-failed`, whoever else is writing at the same time.

        `upload` is what `new_upload` returns. After a ConnectionFailed the same put with the same
        `upload`, on a new connection or in another process, goes on where the server stands; and
        one whose reply was lost returns what that reply said. The source has to be the same file
        still: the server compares the digest of all of it. One of unknown size is sent whole.
        """
        check_requested(name)
        if if_absent and if_rev is not None:
            raise InvalidArgument("a file that must not exist has no revision")
        put = Put(
            id=self.session.next_id(),
            filename=name,
            if_=None if if_absent else _given(if_rev),
            mtime=_given(mtime),
        )
        with open_source(source) as opened:
            if upload is not None and opened.size is not None:
                held = self._held(name, upload)
                if held is not None and not isinstance(held.rev, UnsetType):
                    return self._finished(name, held, opened)
                put = self._go_on(put, upload, held, opened)
            call = send_put(self.session, put, opened, progress)
        return self.session.run(call)

    def _held(self, name: str, upload: str) -> StatReply | None:
        """Return what the server says of an upload; None: it knows none."""
        try:
            reply = self._ask(Stat(id=self.session.next_id(), upload=upload), name)
        except Refused as refused:
            if refused.code is ErrorCode.UPLOAD_GONE:
                return None
            raise
        assert isinstance(reply, StatReply)
        return reply

    def _finished(self, name: str, held: StatReply, source: Source) -> PutResult:
        """Return how an upload ended that the server has finished, if this was its source."""
        source.read_all(self.session.frame_buffer)
        if isinstance(held.digest, UnsetType) or isinstance(held.total, UnsetType):
            raise ProtocolViolation(f"a reply about the upload of {name!r} lacks digest or total")
        if held.digest != source.digest:
            raise DigestMismatch(name, source.digest, held.digest)
        return PutResult(name=name, rev=str(held.rev), total=held.total, digest=held.digest)

    def _go_on(self, put: Put, upload: str, held: StatReply | None, source: Source) -> Put:
        """Return the put that goes on with an upload where the server stands."""
        assert source.size is not None
        offset = 0 if held is None else held.offset or 0
        if offset > source.size:
            raise InvalidArgument(f"the upload stands at {offset}, the source has {source.size}")
        source.skip(offset, self.session.frame_buffer)
        return replace(put, upload=upload, offset=offset or UNSET, total=source.size)

    def get(
        self,
        name: str,
        sink: BinaryIO | str | os.PathLike[str],
        *,
        offset: int = 0,
        length: int | None = None,
        if_rev: str | None = None,
        progress: Progress | None = None,
    ) -> GetResult:
        """Fetch a file, or the part of it at `offset`, to a path or an open binary file.

        A path gets its name when everything has arrived and been verified. What was written to a
        file object before an error stays written.
        """
        check_requested(name)
        target: Sink = PartFile(sink) if isinstance(sink, str | os.PathLike) else StreamSink(sink)
        call = GetCall(name, target, offset=offset, length=length, progress=progress)
        request = Get(
            id=self.session.next_id(),
            filename=name,
            offset=offset or UNSET,
            length=_given(length),
            if_=_given(if_rev),
            want=["digest"],
        )
        self.session.begin(call, request)
        return self.session.run(call)

    def stat(self, name: str, *, digest: bool = False) -> FileState:
        """Ask for a file's revision, size and time, and for its digest if that is wanted."""
        check_requested(name)
        call = StatCall(name)
        want = ["digest"] if digest else UNSET
        self.session.begin(call, Stat(id=self.session.next_id(), filename=name, want=want))
        return self.session.run(call)

    def list(self, prefix: str = "", delimiter: str | None = None) -> Iterator[Entry]:
        """Return the files whose names begin with `prefix`, in the order of their UTF-8 bytes.

        With the delimiter "/", names that go on after the next one appear once, as a prefix: so
        one browses a tree. Pages are asked for as they are needed.
        """
        if delimiter not in (None, "/"):
            raise InvalidArgument(f"delimiter {delimiter!r} is not possible, only '/' is")
        after: str | UnsetType = UNSET
        while True:
            call = ListCall(prefix, "" if isinstance(after, UnsetType) else after)
            request = List(
                id=self.session.next_id(),
                prefix=prefix or UNSET,
                after=after,
                limit=PAGE_ENTRIES,
                delimiter="/" if delimiter else UNSET,
            )
            self.session.begin(call, request)
            entries, last_page = self.session.run(call)
            yield from entries
            if last_page:
                return
            after = entries[-1].name

    def delete(self, name: str, *, if_rev: str | None = None) -> None:
        """Delete a file, with `if_rev` only if it has that revision."""
        check_requested(name)
        request = Delete(id=self.session.next_id(), filename=name, if_=_given(if_rev))
        self._ask(request, name)

    def move(
        self,
        name: str,
        to: str,
        *,
        replace: bool | str = False,
        if_rev: str | None = None,
    ) -> str:
        """Give a file another name; return its revision there.

        A file that has this name already is in the way, unless `replace` is true, or is the
        revision of that file. With `if_rev` the file that moves has to have that revision.
        """
        check_requested(name)
        check_requested(to)
        request = Move(
            id=self.session.next_id(),
            filename=name,
            to=to,
            if_=_given(if_rev),
            to_if=replace or UNSET,
        )
        reply = self._ask(request, name)
        assert isinstance(reply, MoveReply)
        if isinstance(reply.rev, UnsetType):
            raise ProtocolViolation(f"a reply about {name!r} lacks rev")
        return reply.rev

    def _hello(self, auth: dict[str, str] | UnsetType = UNSET) -> Hello:
        return Hello(id=self.session.next_id(), auth=auth)

    def _ask(self, request: Request, subject: str) -> Any:
        """Send a request without a body and return its reply."""
        call = ReplyCall(subject)
        self.session.begin(call, request)
        return self.session.run(call)


def _given(value: T | None) -> T | UnsetType:
    """Return what a header holds for an argument that may be left out."""
    return UNSET if value is None else value


def check_requested(name: str) -> None:
    """Raise InvalidArgument, with the rule that is broken, unless `name` is a file name."""
    try:
        check_name(name)
    except BadName as error:
        raise InvalidArgument(str(error)) from None
