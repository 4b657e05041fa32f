"""Headers and bodies in, bytes out: the mirror of the reader.

Spec: chapters 2 and 4. The law of this module: what it lets out is a sequence of whole messages
or the beginning of one. Bodies pass by: only their bytes are counted.
"""

from __future__ import annotations

from typing import Any, Final

from headframe.errors import LocalError
from headframe.headers import Header
from headframe.interpretation import LATER_PLAN
from headframe.messages import (
    Continuation,
    has_trailer,
)
from headframe.plan import FramePlan
from headframe.states import STREAM_TRANSITIONS, StreamInput, StreamState

__all__ = ["Writer"]

_BETWEEN_MESSAGES: Final = StreamState.BETWEEN_MESSAGES
_HEADER: Final = StreamInput.HEADER
_HEADER_WITH_MORE: Final = StreamInput.HEADER_WITH_MORE
_FRAME_END: Final = StreamInput.FRAME_END
# Looked up once: to take a member from its enumeration costs as much as two transitions.


class Writer:
    """Builds one direction of a connection."""

    __slots__ = ("body_left", "muted", "state")

    def __init__(self) -> None:
        self.state = StreamState.BETWEEN_MESSAGES
        self.body_left = 0
        """Bytes of the current frame's body that have not been counted yet."""
        self.muted = False
        """The message that is passing has no receiver: its bytes are not sent."""

    def check_between_messages(self, header: Header) -> None:
        """Raise LocalError unless a message may begin."""
        if self.state is not _BETWEEN_MESSAGES:
            raise LocalError(
                "HF-BODY-001",
                f"a {type(header).__name__} begins a message, this stream is {self.state}",
            )

    def begin_message(self, header: Header, plan: FramePlan[Any], *, muted: bool = False) -> bytes:
        """Return the first head of a message, b"" for one that is muted."""
        self.check_between_messages(header)
        head = b"" if muted else plan.build_head(header)
        self.muted = muted
        self._begin_frame(header)
        return head

    def continue_message(self, header: Continuation) -> bytes:
        """Return a later head of the message that is passing."""
        if self.state is not StreamState.BETWEEN_FRAMES:
            raise LocalError(
                "HF-BODY-001", f"a later header is due between-frames, this stream is {self.state}"
            )
        if header.more and not header.filesize:
            raise LocalError("HF-BODY-002", "a later frame with more: true needs a body")
        if header.more and has_trailer(header):
            raise LocalError("HF-BODY-003", "trailers stand in the last header only")
        head = LATER_PLAN.build_head(header)
        self._begin_frame(header)
        return b"" if self.muted else head

    def count_body(self, body_bytes: int) -> None:
        """Count bytes of the body; the last byte of a frame ends it."""
        if not 0 <= body_bytes <= self.body_left:
            raise LocalError(
                "HF-FRAME-004", f"{body_bytes} bytes of body, the frame lacks {self.body_left}"
            )
        if body_bytes:
            self.body_left -= body_bytes
            if not self.body_left:
                self.state = STREAM_TRANSITIONS[self.state][_FRAME_END]

    def end(self) -> None:
        """Let no message begin any more."""
        self.state = STREAM_TRANSITIONS[self.state][StreamInput.END]

    def _begin_frame(self, header: Header) -> None:
        state = STREAM_TRANSITIONS[self.state][_HEADER_WITH_MORE if header.more else _HEADER]
        self.body_left = header.filesize
        self.state = state if self.body_left else STREAM_TRANSITIONS[state][_FRAME_END]
