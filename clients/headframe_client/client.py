"""A client that asks for one thing and waits for the answer.

Spec: chapter 8. The law of this module: a method returns what the server has confirmed, or raises
why not; it never leaves half a file.

>>> with Client("127.0.0.1") as client:  # doctest: +SKIP
...     client.put("a.txt", b"hello").rev
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self, TypeVar

from headframe import (
    UNSET,
    BadName,
    Delete,
    Hello,
    HelloReply,
    List,
    Move,
    MoveReply,
    Request,
    Stat,
    StatReply,
    UnsetType,
    check_name,
)
from headframe_client.address import DEFAULT_HOST, DEFAULT_PORT, Address, parse_url
from headframe_client.calls import Progress, ReplyCall, StatCall, need
from headframe_client.errors import InvalidArgument
from headframe_client.gets import GetTransfer
from headframe_client.journal import Upload
from headframe_client.listing import ListCall
from headframe_client.pace import Pace
from headframe_client.parts import PartFile
from headframe_client.puts import PutTransfer
from headframe_client.results import Entry, FileState, GetResult, PutResult, UploadState
from headframe_client.session import Session, Trace
from headframe_client.sinks import PieceSink, Sink, StreamSink, is_path
from headframe_client.sources import PutSource, Source
from headframe_client.transfers import Transfer

if TYPE_CHECKING:
    import ssl

__all__ = ["Client", "check_requested"]

R = TypeVar("R")
T = TypeVar("T")

TIMEOUT_S: Final = 60.0
"""As long as a server lets a connection idle."""
PAGE_ENTRIES: Final = 1000
"""Asked of each page of a listing; a server may give fewer."""


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
        pace: Pace | None = None,
        trace: Trace | None = None,
    ) -> None:
        """Connect. `timeout_s` is how long the connection may stand still before it is given up.

        `tls` is what `client_context` returns; None: the server is spoken to in the clear. `token`
        shows who we are; it is sent over TLS or within this machine only. `pace` limits the rate;
        `trace` sees every request and reply.
        """
        self.session = Session.connect(host, port, timeout_s, tls, pace, trace)
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
        pace: Pace | None = None,
        trace: Trace | None = None,
    ) -> Client:
        """Connect to the server of a URL; the name in it is not used.

        For `headframes://` and without `tls`, the authorities are trusted that the system trusts.
        """
        address = parse_url(url) if isinstance(url, str) else url
        if address.tls and tls is None:
            from headframe_client.trust import client_context  # noqa: PLC0415

            tls = client_context()
        if tls is not None and not address.tls:
            raise InvalidArgument("TLS is spoken with headframes://, not with headframe://")
        return cls(
            address.host,
            address.port,
            timeout_s=timeout_s,
            tls=tls,
            token=token,
            pace=pace,
            trace=trace,
        )

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
        verify: bool = True,
        progress: Progress | None = None,
    ) -> PutResult:
        """Store a file; when this returns, the server has it whole and under its name.

        `source` is bytes, a path, an open binary file of known or unknown length, or an iterable of
        bytes. `mtime` is in microseconds since 1970-01-01T00:00:00Z; None lets the server take the
        present. With `if_rev` the file has to have that revision, with `if_absent` it must not
        exist: else Refused, `precondition-failed`, whoever else is writing at the same time.
        Without `verify` no digest is sent and none compared.

        `upload` is what `new_upload` returns. After a ConnectionFailed the same put with the same
        `upload`, on a new connection or in another process, goes on where the server stands; and
        one whose reply was lost returns what that reply said. The digest of the whole decides
        whether what the server had was of this source; if not, it is sent again. A source of
        a size that nobody knows is sent whole each time.
        """
        check_requested(name)
        if if_absent and if_rev is not None:
            raise InvalidArgument("a file that must not exist has no revision")

        def claim(_: PutTransfer, opened: Source) -> Upload | None:
            if upload is None or opened.size is None:
                return None
            return Upload(upload, continues=True, repeats=True)

        if_ = None if if_absent else _given(if_rev)
        transfer = PutTransfer(name, source, mtime=mtime, if_=if_, claim=claim, verify=verify)
        return self._carry_out(transfer, progress)

    def get(
        self,
        name: str,
        sink: BinaryIO | str | os.PathLike[str],
        *,
        offset: int = 0,
        length: int | None = None,
        if_rev: str | None = None,
        origin: str = "",
        verify: bool = True,
        progress: Progress | None = None,
    ) -> GetResult:
        """Fetch a file, or the part of it at `offset`, to a path or an open binary file.

        A path gets its name when everything has arrived and been verified. What was written to a
        file object before an error stays written. Without `verify` no digest is asked for.

        `origin` says where the file comes from, by its URL: then what has arrived of a file larger
        than 1 MiB is kept beside the path when the connection is lost, and the next get from there
        goes on behind it, if the file still has the same revision.
        """
        check_requested(name)
        if offset or length is not None:
            origin = ""
        target: Sink = PartFile(sink, origin) if is_path(sink) else StreamSink(sink)
        transfer = GetTransfer(
            name, target, offset=offset, length=length, if_rev=if_rev, verify=verify
        )
        return self._carry_out(transfer, progress)

    def read(self, name: str, *, if_rev: str | None = None) -> Iterator[bytes]:
        """Return the bytes of a file as they arrive, in pieces of at most 1 MiB.

        DigestMismatch comes after the last piece: only then what came before is known to be right.
        Whoever does not read to the end ends the connection.
        """
        check_requested(name)
        pieces = PieceSink()
        transfer = GetTransfer(name, pieces, if_rev=if_rev)
        call, _ = transfer.begin(self.session)
        try:
            while True:
                yield from pieces.take_all()
                if call.done or call.error is not None:
                    break
                self.session.step()
            self.session.run(call)
            yield from pieces.take_all()
        finally:
            if not call.done:
                self.close()

    def _carry_out(self, transfer: Transfer[R], progress: Progress | None) -> R:
        """Carry out a transfer on this connection."""
        transfer.progress = progress
        try:
            while True:
                call, _ = transfer.begin(self.session)
                self.session.wait(call)
                result = transfer.settle(call)
                if result is not None:
                    return result
        except BaseException as error:
            transfer.give_up(error)
            raise

    def stat(self, name: str, *, digest: bool = False) -> FileState:
        """Ask for a file's revision, size and time, and for its digest if that is wanted."""
        check_requested(name)
        call = StatCall(name)
        want = ["digest"] if digest else UNSET
        self.session.begin(call, Stat(id=self.session.next_id(), filename=name, want=want))
        return self.session.run(call)

    def stat_upload(self, upload: str) -> UploadState:
        """Ask how far an upload has come; Refused, `upload-gone`: the server knows none."""
        reply = self._ask(Stat(id=self.session.next_id(), upload=upload), "the upload")
        assert isinstance(reply, StatReply)
        return UploadState(
            offset=reply.offset or 0,
            total=None if isinstance(reply.total, UnsetType) else reply.total,
            rev=None if isinstance(reply.rev, UnsetType) else reply.rev,
        )

    def delete_upload(self, upload: str) -> None:
        """Let the server throw away what it has of an upload."""
        self._ask(Delete(id=self.session.next_id(), upload=upload), "the upload")

    def list(
        self, prefix: str = "", delimiter: str | None = None, *, after: str | None = None
    ) -> Iterator[Entry]:
        """Return the files whose names begin with `prefix`, in the order of their UTF-8 bytes.

        With the delimiter "/", names that go on after the next one appear once, as a prefix: so
        one browses a tree. Pages are asked for as they are needed. With `after` only names behind
        it are returned.
        """
        if delimiter not in (None, "/"):
            raise InvalidArgument(f"delimiter {delimiter!r} is not possible, only '/' is")
        while True:
            call = ListCall(prefix, after or "", delimiter)
            request = List(
                id=self.session.next_id(),
                prefix=prefix or UNSET,
                after=after or UNSET,
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
        return need(reply.rev, "rev", name)

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
