"""The state machines of HF/1 as data, and nothing else.

Spec: chapter 13, "States", whose tables and diagrams are drawn from here. The law of this
module: what is not in a table cannot happen. An input that a state does not list is the
caller's mistake when it comes from this side, and a protocol error when it comes from the peer.

Two machines describe a connection. A *stream* is one direction of it: frames, one after
another, making messages. An *exchange* is one request that carries an `id`, with its reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = [
    "EXCHANGE_TRANSITIONS",
    "STREAM_TRANSITIONS",
    "ExchangeInput",
    "ExchangeState",
    "StreamInput",
    "StreamState",
]


class StreamState(StrEnum):
    """Where one direction of a connection is."""

    BETWEEN_MESSAGES = "between-messages"
    """The next byte begins a message; the only place where a connection may end well."""
    IN_FRAME = "in-frame"
    """In the body of a frame that others follow (`more`)."""
    IN_LAST_FRAME = "in-last-frame"
    """In the body of the last frame of a message."""
    BETWEEN_FRAMES = "between-frames"
    """The next byte begins a later frame of the same message."""
    ENDED = "ended"
    """Ended between messages; no byte follows that means anything."""
    BROKEN = "broken"
    """Ended by a fatal error or in mid-message; what follows is never interpreted."""


class StreamInput(StrEnum):
    """What moves a stream."""

    HEADER = "header"
    """A header without `more`, or with `more: false`."""
    HEADER_WITH_MORE = "header-with-more"
    """A header with `more: true`."""
    FRAME_END = "frame-end"
    """The last byte of a frame's body has passed; for an empty body, at once."""
    END = "end"
    """End of file, or a reply or notice with `close: true` has passed."""
    FAULT = "fault"
    """A fatal error, or end of file where a message is not whole."""


class ExchangeState(StrEnum):
    """Where one request with its reply is."""

    REQUESTING = "requesting"
    """The request is on its way."""
    AWAITING_REPLY = "awaiting-reply"
    """The request is whole and not yet answered."""
    REPLYING = "replying"
    """The reply is on its way, the request whole."""
    REFUSED_EARLY = "refused-early"
    """A refusal is on its way although the request has not ended."""
    DISCARDING = "discarding"
    """The refusal has been given; the rest of the request is thrown away."""
    DONE = "done"
    """Both messages have passed."""


class ExchangeInput(StrEnum):
    """What moves an exchange."""

    REQUEST_END = "request-end"
    """The last byte of the request has passed."""
    REPLY = "reply"
    """The first header of a reply with `ok: true` has passed."""
    REFUSAL = "refusal"
    """The header of a reply with `ok: false` has passed."""
    REPLY_END = "reply-end"
    """The last byte of the reply has passed."""


STREAM_TRANSITIONS: Final[Mapping[StreamState, Mapping[StreamInput, StreamState]]] = (
    MappingProxyType(
        {
            StreamState.BETWEEN_MESSAGES: {
                StreamInput.HEADER: StreamState.IN_LAST_FRAME,
                StreamInput.HEADER_WITH_MORE: StreamState.IN_FRAME,
                StreamInput.END: StreamState.ENDED,
                StreamInput.FAULT: StreamState.BROKEN,
            },
            StreamState.IN_FRAME: {
                StreamInput.FRAME_END: StreamState.BETWEEN_FRAMES,
                StreamInput.FAULT: StreamState.BROKEN,
            },
            StreamState.IN_LAST_FRAME: {
                StreamInput.FRAME_END: StreamState.BETWEEN_MESSAGES,
                StreamInput.FAULT: StreamState.BROKEN,
            },
            StreamState.BETWEEN_FRAMES: {
                StreamInput.HEADER: StreamState.IN_LAST_FRAME,
                StreamInput.HEADER_WITH_MORE: StreamState.IN_FRAME,
                StreamInput.FAULT: StreamState.BROKEN,
            },
            StreamState.ENDED: {},
            StreamState.BROKEN: {},
        }
    )
)

EXCHANGE_TRANSITIONS: Final[Mapping[ExchangeState, Mapping[ExchangeInput, ExchangeState]]] = (
    MappingProxyType(
        {
            ExchangeState.REQUESTING: {
                ExchangeInput.REQUEST_END: ExchangeState.AWAITING_REPLY,
                ExchangeInput.REFUSAL: ExchangeState.REFUSED_EARLY,
            },
            ExchangeState.AWAITING_REPLY: {
                ExchangeInput.REPLY: ExchangeState.REPLYING,
                ExchangeInput.REFUSAL: ExchangeState.REPLYING,
            },
            ExchangeState.REPLYING: {
                ExchangeInput.REPLY_END: ExchangeState.DONE,
            },
            ExchangeState.REFUSED_EARLY: {
                ExchangeInput.REQUEST_END: ExchangeState.REPLYING,
                ExchangeInput.REPLY_END: ExchangeState.DISCARDING,
            },
            ExchangeState.DISCARDING: {
                ExchangeInput.REQUEST_END: ExchangeState.DONE,
            },
            ExchangeState.DONE: {},
        }
    )
)
