"""The codec of HF/1, the Headframe protocol: frames of JSON headers and raw bodies.

A frame on the wire is a length, a JSON object and a body:

    0         4                  4+N                     4+N+S
    +---------+------------------+-----------------------+
    | N       | header           | body                  |
    +---------+------------------+-----------------------+
     u32, LE   N bytes of JSON    S = header.filesize bytes

This package turns bytes into events and events into bytes. It opens no socket, starts no thread
and touches no file; it depends on construct and msgspec. Three floors can be entered:

*   A **connection**, for clients and servers: `Connection(Role.CLIENT)` has `send(event)`,
    `receive_data(data)` and `next_event()`. Headers are typed (`Put`, `PutReply`, `Refusal`),
    bodies pass by as views, and a message ends as `MessageFinished`, `MessageAborted` or
    `RequestRefused`.
*   A **reader**, for tools: `Reader(FRAME_PLAN)` cuts any stream of frames into headers, body
    chunks and message ends.
*   A **frame**, for tests and the curious: `FRAME`, the declaration in construct from which the
    other two are derived, with construct's own `parse` and `build`.

Whatever a peer sends gives events or a `RemoteError`, which holds the wire code and the id of the
rule that was broken; what the caller may not do raises `LocalError` before a byte is sent.

>>> client, server = Connection(Role.CLIENT), Connection(Role.SERVER)
>>> server.receive_data(client.send(Put(id=1, filename="a.txt", filesize=2)))
>>> server.receive_data(client.send(BodyChunk(b"hi")))
>>> [type(server.next_event()).__name__ for _ in range(3)]
['Put', 'BodyChunk', 'MessageFinished']
>>> client.receive_data(server.send(PutReply(rev="r1", total=2)))
>>> client.next_event().rev
'r1'

The rules have ids (`HF-FRAME-002`) and stand in the specification, `spec/headframe.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headframe.connection import Connection, Role
from headframe.errors import (
    BadFrame,
    BadHeader,
    BadName,
    BadReply,
    ConnectionLost,
    DiscardTooLong,
    HeadframeError,
    LocalError,
    RemoteError,
)
from headframe.events import (
    NEED_DATA,
    BodyChunk,
    BodySent,
    ConnectionClosed,
    MessageAborted,
    MessageFinished,
    Received,
    RequestRefused,
    Sent,
)
from headframe.headers import Header, OpenHeader
from headframe.interpretation import FRAME_PLAN
from headframe.limits import LIMITS, Limits
from headframe.messages import (
    COMMANDS,
    UNSET,
    VERSION,
    Continuation,
    Delete,
    DeleteReply,
    Get,
    GetReply,
    Hello,
    HelloReply,
    List,
    ListReply,
    Move,
    MoveReply,
    Notice,
    Put,
    PutReply,
    Refusal,
    Reply,
    Request,
    Stat,
    StatReply,
    UnsetType,
    command_of,
)
from headframe.names import check_name, is_name
from headframe.reader import Reader
from headframe.registry import Command, ErrorClass, ErrorCode
from headframe.states import StreamState

if TYPE_CHECKING:
    from headframe.schema import FRAME

__all__ = [
    "COMMANDS",
    "FRAME",
    "FRAME_PLAN",
    "LIMITS",
    "NEED_DATA",
    "UNSET",
    "VERSION",
    "BadFrame",
    "BadHeader",
    "BadName",
    "BadReply",
    "BodyChunk",
    "BodySent",
    "Command",
    "Connection",
    "ConnectionClosed",
    "ConnectionLost",
    "Continuation",
    "Delete",
    "DeleteReply",
    "DiscardTooLong",
    "ErrorClass",
    "ErrorCode",
    "Get",
    "GetReply",
    "Header",
    "HeadframeError",
    "Hello",
    "HelloReply",
    "Limits",
    "List",
    "ListReply",
    "LocalError",
    "MessageAborted",
    "MessageFinished",
    "Move",
    "MoveReply",
    "Notice",
    "OpenHeader",
    "Put",
    "PutReply",
    "Reader",
    "Received",
    "Refusal",
    "RemoteError",
    "Reply",
    "Request",
    "RequestRefused",
    "Role",
    "Sent",
    "Stat",
    "StatReply",
    "StreamState",
    "UnsetType",
    "check_name",
    "command_of",
    "is_name",
]


def __getattr__(name: str) -> Any:
    """Return `FRAME`; whoever does not ask for it does not wait for construct."""
    if name == "FRAME":
        from headframe.schema import FRAME  # noqa: PLC0415

        return FRAME
    raise AttributeError(f"module 'headframe' has no attribute {name!r}")
