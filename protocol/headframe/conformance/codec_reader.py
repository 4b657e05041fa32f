"""The reference codec as a reader of vectors: bytes in, events out; and a builder: events to bytes.

Spec: chapters 2 to 7. The law of this module: it adds to `headframe.Connection` only what a
server judges without its store: file names and digest algorithms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

import headframe as hf
from headframe.conformance import codec_events as events
from headframe.conformance.vectors import Awaited, Side

__all__ = ["build", "read"]

_DIGEST: Final = re.compile(r"sha-256:[0-9a-f]{64}|(?!sha-256:)[a-z0-9-]+:.*", re.DOTALL)
_HEARD: Final = Awaited(id=1, cmd="hello")
"""A server says nothing, not even a notice, before it has heard an `id`."""
_PLACEHOLDER: Final = {"filename": "a", "to": "b"}


def read(
    role: Side, chunks: Iterable[bytes], requests: Sequence[Awaited] = ()
) -> list[events.Event]:
    """Return what the reference makes of `chunks` and the end of file after them."""
    reading = _Reading(role, requests)
    made: list[events.Event] = []
    for chunk in [*filter(None, chunks), b""]:
        made += reading.feed(chunk)
        if reading.over:
            break
    return events.joined(made)


def build(
    role: Side,
    members: dict[str, Any],
    body: bytes,
    requests: Sequence[Awaited] = (),
    trailers: dict[str, Any] | None = None,
) -> bytes:
    """Return a message as the reference writes it; raise HeadframeError if it cannot.

    A client builds a request, a server the reply to the one request in `requests`, or a notice.
    """
    connection = hf.Connection(hf.Role(role))
    if role is Side.CLIENT:
        kind: type[hf.Header] = hf.COMMANDS[hf.Command(members["cmd"])].request
    else:
        client = hf.Connection(hf.Role.CLIENT)
        for request in requests or [_HEARD]:
            connection.receive_data(client.send(_request(request)))
        while connection.next_event() is not hf.NEED_DATA:
            pass
        kind = _reply_type(members, requests)
    said = {name: value for name, value in members.items() if name != "cmd"}
    if issubclass(kind, hf.Reply) and kind is not hf.Notice:
        said = {name: value for name, value in said.items() if name not in ("id", "ok")}
    framing: dict[str, Any] = {"filesize": len(body), "more": bool(trailers)}
    sent: list[Any] = [msgspec.structs.replace(_typed(kind, said), **framing)]
    sent += [hf.BodyChunk(body)] * bool(body)
    if trailers:
        sent.append(_typed(hf.Continuation, trailers))
    return b"".join(map(connection.send, sent))


def _typed(kind: type[hf.Header], members: dict[str, Any]) -> hf.Header:
    """Return members as a header; raise LocalError if they are none."""
    tagged = (
        {**members, "cmd": kind.__struct_config__.tag} if issubclass(kind, hf.Request) else members
    )
    try:
        return msgspec.convert(tagged, kind)
    except msgspec.ValidationError as error:
        raise hf.LocalError("HF-HEADER-013", str(error)) from error


def _reply_type(members: dict[str, Any], requests: Sequence[Awaited]) -> type[hf.Header]:
    if members.get("id") == 0:
        return hf.Notice
    if members.get("ok") is False:
        return hf.Refusal
    return hf.COMMANDS[hf.Command(requests[0].cmd)].reply


def _request(awaited: Awaited) -> hf.Request:
    """Return a request to which the awaited reply is one."""
    kind = hf.COMMANDS[hf.Command(awaited.cmd)].request
    needed: dict[str, Any] = {
        name: value for name, value in _PLACEHOLDER.items() if name in kind.__struct_encode_fields__
    }
    return kind(id=awaited.id, more=not awaited.ended, **needed)


class _Reading:
    """One stream and its connection."""

    def __init__(self, role: Side, requests: Sequence[Awaited]) -> None:
        self.over = False
        self._server = role is Side.SERVER
        self._connection = hf.Connection(hf.Role(role))
        self._first: hf.Header = hf.Header()
        self._ended = False
        self._broken = False
        for request in requests:
            self._connection.send(_request(request))

    def feed(self, chunk: bytes) -> Iterator[events.Event]:
        """Give what `chunk` adds; b"" is the end of file."""
        self._ended = not chunk
        self._connection.receive_data(chunk)
        while not self.over:
            try:
                event = self._connection.next_event()
            except (hf.ConnectionLost, hf.DiscardTooLong) as error:
                self.over = True
                yield events.Cut() if isinstance(error, hf.ConnectionLost) else events.Closed()
            except hf.RemoteError as error:
                self.over = self._broken  # a second time: nothing comes after it
                if not self._broken:
                    self._broken = True
                    yield self._fatal(error)
            else:
                if event is hf.NEED_DATA:
                    return
                yield from self._translated(event)

    def _fatal(self, error: hf.RemoteError) -> events.Fatal:
        if not self._server:
            return events.Fatal()
        said = self._connection.send(hf.Notice(code=error.code, close=True))
        return events.Fatal(code=error.code.value, id_seen=bool(said))

    def _translated(self, event: hf.Received) -> Iterator[events.Event]:
        match event:
            case hf.BodyChunk(data):
                yield events.Body(hex=bytes(data).hex())
            case hf.MessageFinished():
                yield from self._finished(event)
            case hf.MessageAborted(code=code):
                self._answer()
                yield (
                    events.Abort()
                    if self._server or code is hf.UNSET
                    else events.Abort(code=_known(code))
                )
            case hf.RequestRefused(refusal=refusal, id=id, cmd=cmd):
                yield from self._refused(refusal, id, is_put=cmd == hf.Command.PUT)
            case hf.ConnectionClosed():
                self.over = True
                yield events.Eof() if self._ended else events.Closed()
            case hf.Request():
                yield from self._begun(event)
            case hf.Reply():
                self._first = event
                yield events.Header(members=_members(event))
                if isinstance(event, hf.Notice):
                    yield events.End()

    def _begun(self, request: hf.Request) -> Iterator[events.Event]:
        self._first = request
        code = _digest_fault(getattr(request, "digest", hf.UNSET)) or _name_fault(request)
        if code:
            yield from self._refused(hf.Refusal(code=code), request.id, is_put=True)
        else:
            yield events.Header(members=_members(request))

    def _finished(self, event: hf.MessageFinished) -> Iterator[events.Event]:
        first = self._first
        if self._server and not isinstance(first, hf.Put):
            self._answer()
            yield events.End()
            return
        added = {
            name: getattr(event, name)
            for name in ("digest", "total")
            if getattr(event, name) is not getattr(first, name, hf.UNSET)
            and getattr(event, name) != getattr(first, name, hf.UNSET)
        }
        code = _digest_fault(event.digest) if self._server else None
        if code and isinstance(first, hf.Put):
            yield from self._refused(hf.Refusal(code=code), first.id, is_put=True)
        else:
            self._answer()
            yield events.End(**added)

    def _refused(
        self, refusal: hf.Refusal, request_id: int | hf.UnsetType, *, is_put: bool
    ) -> Iterator[events.Event]:
        self._connection.send(refusal)
        if request_id is not hf.UNSET or is_put:  # of anything else nobody hears
            yield events.Refused(id=request_id or None, code=refusal.code)

    def _answer(self) -> None:
        """Send some reply, as the connection wants one for every request."""
        if self._server:
            self._connection.send(hf.Refusal(code=hf.ErrorCode.NOT_FOUND))


def _members(header: hf.Header) -> dict[str, Any]:
    """Return what a header says, without framing."""
    members: dict[str, Any] = msgspec.to_builtins(header)
    unsaid = ["filesize", "more", "abort"]
    if isinstance(header, hf.Refusal | hf.Notice):
        members["code"] = header.error_code.value
    else:
        unsaid += ["code", "message"]
    for name in unsaid:
        members.pop(name, None)
    return members


def _known(code: str) -> str:
    return hf.Refusal(code=code).error_code.value


def _digest_fault(digest: object) -> hf.ErrorCode | None:
    """Return the code with which a put with this digest is refused."""
    if not isinstance(digest, str):
        return None
    if not _DIGEST.fullmatch(digest):
        return hf.ErrorCode.BAD_REQUEST
    return None if digest.startswith("sha-256:") else hf.ErrorCode.UNSUPPORTED


def _name_fault(request: hf.Request) -> hf.ErrorCode | None:
    """Return `bad-name` if a name of the request is none."""
    for key in ("filename", "to"):
        name = getattr(request, key, hf.UNSET)
        if isinstance(name, str) and not hf.is_name(name):
            return hf.ErrorCode.BAD_NAME
    return None
