"""One HF/1 connection as either side sees it, without any input or output of its own.

    send(event) -> bytes        what to write to the peer
    receive_data(bytes)         what came from the peer; b"" is end of file
    next_event() -> event       what that means, or NEED_DATA

    send(header, body)          both in one step, where the whole body is at hand
    take_body() -> body         the same for what comes: in place of chunks and an ending

Spec: chapters 4 to 6. The law of this module: what is sent is always legal, and what is received
is an event or a `RemoteError`. The same types go in and come out:

    first header   Hello Put Get Stat List Delete Move; their replies, Refusal, Notice
    body           BodyChunk; or BodySent, for bytes the caller moves by itself
    later header   Continuation: sent only, on receipt it becomes chunks and an ending
    ending         MessageFinished, MessageAborted or RequestRefused: received only
    end of file    ConnectionClosed: received only

A server answers requests in the order in which their events came, every one of them: which
wants a reply on the wire is the connection's business, and a reply to a request without `id` is
b"".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from headframe.errors import (
    BadHeader,
    BadReply,
    ConnectionLost,
    DiscardTooLong,
    LocalError,
    RemoteError,
    shown,
)
from headframe.events import (
    NEED_DATA,
    BodyChunk,
    BodySent,
    ConnectionClosed,
    Received,
    RequestRefused,
    Sent,
)
from headframe.exchange import Exchange, Incoming
from headframe.headers import Header
from headframe.interpretation import REPLY_PLANS, REQUEST_PLAN
from headframe.limits import LIMITS, Limits
from headframe.messages import (
    COMMANDS,
    UNSET,
    Continuation,
    Notice,
    Put,
    Refusal,
    Refused,
    Reply,
    Request,
    command_of,
)
from headframe.reader import Reader, Sentinel
from headframe.registry import ErrorCode
from headframe.states import ExchangeInput, ExchangeState, StreamState
from headframe.writer import Writer

__all__ = ["Connection", "Role"]

Bytes = bytes | bytearray | memoryview
Sender = Callable[["Connection", Any], Bytes]

_BETWEEN_MESSAGES: Final = StreamState.BETWEEN_MESSAGES
_REQUESTING: Final = ExchangeState.REQUESTING
_REPLY: Final = ExchangeInput.REPLY
_REFUSAL: Final = ExchangeInput.REFUSAL
_REQUEST_END: Final = ExchangeInput.REQUEST_END
_REPLY_END: Final = ExchangeInput.REPLY_END
_MESSAGE_END: Final = Sentinel.MESSAGE_END
_STREAM_END: Final = Sentinel.STREAM_END
# Looked up once: to take a member from its enumeration costs as much as two transitions.


class Role(Enum):
    """Which side of a connection one is."""

    CLIENT = "client"
    SERVER = "server"


class Connection:
    """The state of one connection.

    >>> client, server = Connection(Role.CLIENT), Connection(Role.SERVER)
    >>> server.receive_data(client.send(Put(id=1, filename="a.txt")))
    >>> server.next_event().filename, server.next_event()
    ('a.txt', MessageFinished(body_bytes=0, digest=UNSET, total=UNSET))
    >>> client.receive_data(server.send(Refusal(code="not-found")))
    >>> client.next_event().code
    'not-found'
    """

    def __init__(self, role: Role, limits: Limits = LIMITS) -> None:
        self.role = role
        self._asks = role is Role.CLIENT
        self._senders = self._SENDERS[role]
        self.limits = limits
        self._reader = Reader(REPLY_PLANS[None] if self._asks else REQUEST_PLAN)
        self._writer = Writer()
        self._incoming: Incoming | None = None
        self._requesting: Exchange | None = None
        """The exchange whose request is passing, in either direction."""
        self._exchanges: deque[Exchange] = deque()
        """Those whose reply has not passed, the oldest first."""
        self._id_seen = False
        self._closes_after = False
        """The reply or notice that is passing has `close: true`."""
        self._notice_sent = False
        self._closed = False
        """What comes now is not read."""
        self._error: RemoteError | None = None

    @property
    def receiving(self) -> StreamState:
        """Where the incoming stream is."""
        return self._reader.state

    @property
    def header_begun(self) -> bool:
        """Whether some of a prelude and header has come, and not all."""
        return self._reader.head_begun

    @property
    def headers_read(self) -> int:
        """How many headers have come, of whatever is made of them: each had its own time."""
        return self._reader.headers_read

    @property
    def messages_begun(self) -> int:
        """How many messages have begun to come, whether or not they made an event."""
        return self._reader.messages_begun

    @property
    def outstanding(self) -> int:
        """How many requests have begun to pass and want a reply that has not passed."""
        return sum(exchange.id is not UNSET for exchange in self._exchanges)

    @property
    def closed(self) -> bool:
        """Whether nothing that comes now is read: `next_event` gives ConnectionClosed."""
        return self._closed

    # --- sending -------------------------------------------------------------------------

    def send(self, event: Sent, body: Bytes | None = None) -> Bytes:
        """Return the bytes that tell the peer; raise LocalError, and change nothing, if illegal.

        With `body` a header goes out with all its body behind it. For a BodyChunk the bytes are
        the chunk's own data, not a copy. Before a client has sent an `id`, and for a request
        without one, a server's bytes are b"".
        """
        sender: Sender | None = self._senders.get(type(event))
        if sender is None:
            raise LocalError(
                "HF-REQ-001", f"a {self.role.value} does not send a {type(event).__name__}"
            )
        if body is None:
            return sender(self, event)
        body_bytes, announced = memoryview(body).nbytes, getattr(event, "filesize", 0)
        if body_bytes != announced:
            raise LocalError("HF-FRAME-004", f"body of {body_bytes} bytes, {announced} announced")
        head = sender(self, event)
        self._count_body(body_bytes)
        return head if self._writer.muted else b"".join((head, body))

    def _send_chunk(self, chunk: BodyChunk) -> Bytes:
        muted = self._writer.muted
        self._count_body(memoryview(chunk.data).nbytes)
        return b"" if muted else chunk.data

    def _pass_body(self, sent: BodySent) -> bytes:
        self._count_body(sent.body_bytes)
        return b""

    def _send_later(self, header: Continuation) -> bytes:
        head = self._writer.continue_message(header)
        self._end_sent_message()
        return head

    def _send_request(self, request: Request) -> bytes:
        if self._closed:
            raise LocalError("HF-REPLY-009", "the server has closed this connection")
        head = self._writer.begin_message(request, REQUEST_PLAN)
        self._requesting = exchange = Exchange(request.id, command_of(request))
        if request.id is not UNSET:
            if not self._exchanges:
                self._reader.first = REPLY_PLANS[exchange.command]
            self._exchanges.append(exchange)
        self._end_sent_message()
        return head

    def _send_reply(self, reply: Reply) -> bytes:
        self._writer.check_between_messages(reply)
        exchange = self._answered_exchange(reply)
        refusing = type(reply) is Refusal
        early = exchange.state is _REQUESTING
        reply = replace(reply, id=exchange.id, ok=not refusing, close=self._closes(reply))
        plan = REPLY_PLANS[exchange.command]
        if early:
            self._check_early(reply, plan.build_head(reply))
        head = self._writer.begin_message(reply, plan, muted=exchange.id is UNSET)
        exchange.move(_REFUSAL if refusing else _REPLY)
        if early and self._incoming is not None:
            self._incoming.discarding = True
        self._closes_after = reply.close
        if exchange.id is UNSET and reply.close and self._id_seen:
            head = self._build_notice(Notice(code=ErrorCode.CLOSING, close=True))
        self._end_sent_message()
        return head

    def _answered_exchange(self, reply: Reply) -> Exchange:
        """Return the exchange that `reply` may answer now."""
        if not self._exchanges:
            raise LocalError("HF-REPLY-002", "no request awaits a reply")
        exchange = self._exchanges[0]
        if type(reply) is Refusal:
            _check_code(reply)
            return exchange
        if exchange.command is None or type(reply) is not COMMANDS[exchange.command].reply:
            raise LocalError(
                "HF-REPLY-002", f"a {type(reply).__name__} does not answer {exchange.command}"
            )
        if not exchange.takes(_REPLY):
            raise LocalError("HF-REPLY-006", "only a refusal may come before its request has ended")
        return exchange

    def _closes(self, reply: Reply) -> bool:
        """Return whether the connection ends with `reply`."""
        if reply.close or type(reply) is not Refusal:
            return reply.close
        incoming = self._incoming
        rest_bytes = (
            self._reader.body_left
            if incoming is not None and incoming.exchange is self._exchanges[0]
            else 0
        )
        return reply.error_code.closes or rest_bytes > self.limits.discard_bytes

    def _check_early(self, reply: Reply, head: bytes) -> None:
        if reply.filesize or reply.more:
            raise LocalError("HF-REPLY-007", "an early refusal has no body")
        if len(head) > self.limits.early_refusal_bytes:
            raise LocalError(
                "HF-REPLY-007",
                f"early refusal of {len(head)} bytes, limit is {self.limits.early_refusal_bytes}",
            )

    def _send_notice(self, notice: Notice) -> bytes:
        self._writer.check_between_messages(notice)
        if notice.filesize or notice.more:
            raise LocalError("HF-REPLY-008", "a notice has no body")
        sent = self._build_notice(notice) if self._id_seen else b""
        self._notice_sent = True
        if notice.close:
            self._writer.end()
            self._closed = True
        return sent

    def _build_notice(self, notice: Notice) -> bytes:
        return REPLY_PLANS[None].build_head(replace(notice, id=0, ok=False))

    def _count_body(self, body_bytes: int) -> None:
        self._writer.count_body(body_bytes)
        self._end_sent_message()

    def _end_sent_message(self) -> None:
        """Move the exchange on if the message that was passing has passed."""
        if self._writer.state is not _BETWEEN_MESSAGES:
            return
        if self._asks:
            self._end_request()
            return
        if self._exchanges and self._exchanges[0].takes(_REPLY_END):
            self._exchanges.popleft().move(_REPLY_END)
            if self._closes_after:
                self._writer.end()
                self._closed = True

    def _end_request(self) -> None:
        """Move the exchange on whose request has passed, if one was passing."""
        if self._requesting is not None:
            self._requesting.move(_REQUEST_END)
            self._requesting = None

    # --- receiving -----------------------------------------------------------------------

    def receive_data(self, data: Bytes) -> None:
        """Take any number of bytes from the peer; b"" is end of file.

        Chunks of a body will be views of `data`: take all events out before reusing a buffer.
        """
        if not self._closed:
            self._reader.receive_data(data)

    def next_event(self) -> Received:
        """Return the next event; raise a RemoteError, and the same one ever after."""
        if self._error is not None:
            raise self._error
        try:
            while (event := self._next_event()) is None:
                pass
            return event
        except RemoteError as error:
            self._error = error
            self._id_seen |= isinstance(error, BadHeader) and error.has_id
            raise

    def take_body(self) -> memoryview | None:
        """Return all the body of the message whose first header was the last event.

        Then the message has come whole: no chunk and no ending of it become events. None, and
        nothing has happened: some of it has not come yet, or it is aborted, or refused.
        """
        incoming = self._incoming
        if (
            incoming is None
            or incoming.first is not incoming.last
            or incoming.body_bytes
            or incoming.discarding
            or getattr(incoming.first, "abort", False)
        ):
            return None
        body = self._reader.take_rest()
        if body is not None:
            self._end_incoming(incoming)
        return body

    def _next_event(self) -> Received | None:
        """Take one part from the reader; return the event it makes, if it makes one."""
        if self._closed:
            return ConnectionClosed()
        part = self._reader.next_part()
        if part is NEED_DATA:
            return NEED_DATA
        if part is _MESSAGE_END:
            return self._receive_end()
        if part is _STREAM_END:
            return self._receive_eof()
        if type(part) is memoryview:
            return self._receive_chunk(part)
        header: Any = part
        if self._incoming is not None:
            return self._receive_later(self._incoming, header)
        return self._receive_reply(header) if self._asks else self._receive_request(header)

    def _receive_request(self, header: Request | Refused) -> Received | None:
        if self._notice_sent:
            self._closed = True
            return None
        command = command_of(header)
        exchange = Exchange(header.id, command)
        takes_body = command is None or COMMANDS[command].request_has_body
        incoming = Incoming(first=header, last=header, takes_body=takes_body, exchange=exchange)
        self._incoming = incoming
        self._requesting = exchange
        if header.id is not UNSET:
            self._id_seen = True
        elif type(header) is not Put and type(header) is not Refused:
            incoming.discarding = True
            self._check_discard(incoming)
            return None
        self._exchanges.append(exchange)
        if type(header) is Refused:
            return self._refuse(incoming, header)
        fault = incoming.excess_body()
        return header if fault is None else self._refuse(incoming, fault)  # type: ignore[return-value]

    def _receive_reply(self, header: Reply) -> Received:
        self._closes_after = header.close
        self._incoming = incoming = Incoming(first=header, last=header)
        if type(header) is Notice:
            if header.filesize or header.more:
                raise BadReply("HF-REPLY-020", "a notice with a body")
            return header
        if not self._exchanges or header.id != self._exchanges[0].id:
            expected = self._exchanges[0].id if self._exchanges else "none"
            raise BadReply("HF-REPLY-004", f"reply to id {header.id}, expected {expected}")
        exchange = self._exchanges[0]
        moved = _REFUSAL if type(header) is Refusal else _REPLY
        if not exchange.takes(moved):
            raise BadReply("HF-REPLY-018", "ok: true before the request has ended")
        if exchange.state is _REQUESTING and (header.filesize or header.more):
            raise BadReply("HF-REPLY-021", "an early refusal with a body")
        exchange.move(moved)
        incoming.exchange = exchange
        return header

    def _receive_later(self, incoming: Incoming, header: Header) -> Received | None:
        if incoming.discarding:
            self._check_discard(incoming)
            return None
        return self._refuse(incoming, incoming.continue_with(header))

    def _refuse(self, incoming: Incoming, fault: Refused | None) -> RequestRefused | None:
        """Make the event of a message with a fault; None: it has none."""
        if fault is None:
            return None
        if self._asks:
            raise BadReply("HF-BODY-018", f"reply is malformed: {fault.message}")
        incoming.discarding = True
        first = incoming.first
        assert isinstance(first, (Request, Refused))
        return RequestRefused(
            refusal=Refusal(code=fault.code, message=fault.message),
            id=first.id,
            cmd=first.cmd if isinstance(first, Refused) else command_of(first),
        )

    def _receive_chunk(self, chunk: memoryview) -> BodyChunk | None:
        assert self._incoming is not None
        if self._incoming.discarding:
            self._incoming.discarded_bytes += len(chunk)
            return None
        self._incoming.body_bytes += len(chunk)
        return BodyChunk(chunk)

    def _check_discard(self, incoming: Incoming) -> None:
        """Raise DiscardTooLong when the message goes on for more than is discarded."""
        rest_bytes = incoming.discarded_bytes + self._reader.body_left
        if rest_bytes > self.limits.discard_bytes:
            raise DiscardTooLong(
                "HF-ERROR-007",
                f"{rest_bytes} bytes of a refused message, limit is {self.limits.discard_bytes}",
            )

    def _receive_end(self) -> Received | None:
        """Make an ending of the message whose last byte has come."""
        incoming = self._incoming
        assert incoming is not None
        self._end_incoming(incoming)
        if incoming.discarding or type(incoming.first) is Notice:
            return None
        return incoming.ending()

    def _end_incoming(self, incoming: Incoming) -> None:
        """Move the exchange on whose request or reply has come."""
        self._incoming = None
        if not self._asks:
            self._end_request()
            return
        if incoming.exchange is not None:
            exchanges = self._exchanges
            exchanges.popleft().move(_REPLY_END)
            self._reader.first = REPLY_PLANS[exchanges[0].command if exchanges else None]
        self._closed = self._closes_after

    def _receive_eof(self) -> ConnectionClosed:
        if self._asks and self._exchanges:
            raise ConnectionLost(
                "HF-REPLY-010", f"connection ended before {self.outstanding} due replies"
            )
        self._closed = True
        return ConnectionClosed()

    _BODY_SENDERS: ClassVar[dict[type, Any]] = {
        BodyChunk: _send_chunk,
        BodySent: _pass_body,
        Continuation: _send_later,
    }
    _SENDERS: ClassVar[Mapping[Role, Mapping[type, Any]]] = {
        Role.CLIENT: _BODY_SENDERS
        | dict.fromkeys((row.request for row in COMMANDS.values()), _send_request),
        Role.SERVER: _BODY_SENDERS
        | dict.fromkeys((row.reply for row in COMMANDS.values()), _send_reply)
        | {Refusal: _send_reply, Notice: _send_notice},
    }
    """What each side sends, by type."""


def _check_code(refusal: Refusal) -> None:
    """Raise LocalError unless the code is registered and `retry_ms` is there if it helps."""
    if refusal.code not in set(ErrorCode):
        raise LocalError("HF-REPLY-005", f"{shown(refusal.code)} is no code of HF/1")
    if refusal.error_code.retryable is (refusal.retry_ms is UNSET):
        raise LocalError(
            "HF-REPLY-011", f"retry_ms goes with busy, no-space and internal, not {refusal.code}"
        )
