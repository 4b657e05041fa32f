"""What `Connection` takes and gives besides headers.

Spec: chapters 4 to 6. The law of this module: an ending says in its type whether the message
counts. MessageFinished is the only one that lets a receiver act; nobody can mistake an abort or a
refusal for it by forgetting to look at a member.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headframe.messages import UNSET, Continuation, Refusal, Reply, Request, UnsetType
from headframe.reader import Sentinel

__all__ = [
    "NEED_DATA",
    "BodyChunk",
    "BodySent",
    "ConnectionClosed",
    "MessageAborted",
    "MessageFinished",
    "Received",
    "RequestRefused",
    "Sent",
]

NEED_DATA: Final = Sentinel.NEED_DATA
"""What `next_event` returns until more bytes are received."""


class BodyChunk(msgspec.Struct, frozen=True, gc=False):
    """Bytes of the body of the message that is passing."""

    data: bytes | bytearray | memoryview
    """Received: a view of the buffer given to `receive_data`, valid while that is."""


class BodySent(msgspec.Struct, frozen=True, gc=False):
    """The caller moves this many bytes of the body by itself, for example with `sendfile`."""

    body_bytes: int


class MessageFinished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The message is whole: a request may be carried out, a reply believed."""

    body_bytes: int
    """Bytes of body in all its frames."""
    digest: str | UnsetType = UNSET
    """From the first header or the trailers."""
    total: int | UnsetType = UNSET
    """From the first header or the trailers."""


class MessageAborted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The sender withdrew the message; nothing of it counts, whatever was received."""

    body_bytes: int
    code: str | UnsetType = UNSET
    """Why, when a server says so."""
    message: str | UnsetType = UNSET


class RequestRefused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The request breaks a rule; the server sends `refusal`, the rest of it is discarded."""

    refusal: Refusal
    id: int | UnsetType = UNSET
    cmd: str | None = None
    """What it asked for, as far as that is known."""


class ConnectionClosed(msgspec.Struct, frozen=True, gc=False):
    """The connection ended where it may, and no event comes after this one."""


Sent = Request | Reply | Continuation | BodyChunk | BodySent
"""What `send` takes."""

Received = (
    Request
    | Reply
    | BodyChunk
    | MessageFinished
    | MessageAborted
    | RequestRefused
    | ConnectionClosed
    | Sentinel
)
"""What `next_event` returns; of `Sentinel` only NEED_DATA."""
