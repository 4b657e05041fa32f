"""Bytes in; headers, body chunks and message ends out, for any cutting of the stream.

Spec: chapters 2 and 4. The law of this module: how the bytes were cut never changes what comes
out, and a body is never copied: its chunks are views of what was fed in.

    receive_data(b"..")  ->  next_part()  ->  Header, chunk, chunk, Header, chunk, MESSAGE_END
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, Final

from headframe.errors import BadFrame, ConnectionLost, LocalError, RemoteError
from headframe.headers import Header
from headframe.interpretation import LATER_PLAN
from headframe.plan import FramePlan
from headframe.states import STREAM_TRANSITIONS, StreamInput, StreamState

__all__ = ["Part", "Reader", "Sentinel"]


class Sentinel(Enum):
    """What is no header and no chunk."""

    NEED_DATA = "need data"
    """Nothing more can be said before more bytes come."""
    MESSAGE_END = "message end"
    """The last byte of a message has passed."""
    STREAM_END = "stream end"
    """End of file, between messages."""


Part = Header | memoryview | Sentinel
"""What a stream consists of."""

_IN_FRAME: Final = StreamState.IN_FRAME
_IN_LAST_FRAME: Final = StreamState.IN_LAST_FRAME
_BETWEEN_FRAMES: Final = StreamState.BETWEEN_FRAMES
_HEADER: Final = StreamInput.HEADER
_HEADER_WITH_MORE: Final = StreamInput.HEADER_WITH_MORE
_FRAME_END: Final = StreamInput.FRAME_END
_MESSAGE_END: Final = Sentinel.MESSAGE_END
# Looked up once: to take a member from its enumeration costs as much as two transitions.


class Reader:
    r"""Cuts one direction of a connection into parts.

    >>> from headframe import FRAME_PLAN
    >>> reader = Reader(FRAME_PLAN)
    >>> reader.receive_data(b'\x0e\0\0\0{"filesize":2}h')
    >>> reader.next_part().filesize, bytes(reader.next_part()), reader.next_part()
    (2, b'h', <Sentinel.NEED_DATA: 'need data'>)
    """

    __slots__ = (
        *("first", "later", "state", "body_left", "headers_read", "messages_begun"),
        *("_ended", "_error", "_head", "_position", "_view", "_waiting"),
    )

    def __init__(self, first: FramePlan[Any], later: FramePlan[Any] = LATER_PLAN) -> None:
        """`first` reads the first header of a message, `later` any other."""
        self.first = first
        self.later = later
        self.state = StreamState.BETWEEN_MESSAGES
        self.body_left = 0
        """Bytes of the current frame's body that have not come yet."""
        self.headers_read = 0
        self.messages_begun = 0
        self._view = memoryview(b"")
        self._position = 0
        self._waiting: deque[memoryview] | None = None
        """What has come besides `_view`; None: nothing ever has, and an idle reader stays small."""
        self._head = bytearray()
        """The part of a prelude and header whose rest has not come yet."""
        self._ended = False
        self._error: RemoteError | None = None

    @property
    def head_begun(self) -> bool:
        """Whether some of a prelude and header has come, and not all."""
        return bool(self._head)

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes of any number; none means end of file.

        Chunks of a body are views of `data`: whoever receives into one buffer again and again
        takes all parts out before reusing it.
        """
        if not data:
            self._ended = True
        elif self._ended:
            raise LocalError("HF-BODY-010", "bytes were received after the end of the stream")
        elif self._position == len(self._view) and not self._waiting:
            self._view = memoryview(data)
            self._position = 0
        else:
            self._waiting = deque() if self._waiting is None else self._waiting
            self._waiting.append(memoryview(data))

    def next_part(self) -> Part:
        """Return the next part; raise a RemoteError, and the same one ever after."""
        if self._error is not None:
            raise self._error
        try:
            if self.body_left:
                return self._next_chunk()
            state = self.state
            if state is _IN_LAST_FRAME:
                self.state = STREAM_TRANSITIONS[state][_FRAME_END]
                return _MESSAGE_END
            if state is _IN_FRAME:
                self.state = STREAM_TRANSITIONS[state][_FRAME_END]
            header = self._next_header()
            if header is None:
                return self._end_or_need()
            self._begin_frame(header)
            return header
        except RemoteError as error:
            self._error = error
            self._move(StreamInput.FAULT)
            raise

    def _begin_frame(self, header: Header) -> None:
        self.headers_read += 1
        if self.state is _BETWEEN_FRAMES:
            self.body_left = self.later.body_bytes(header)
            if header.more and not self.body_left:
                raise BadFrame("HF-BODY-002", "later frame with more: true and no body")
        else:
            self.messages_begun += 1
            self.body_left = self.first.body_bytes(header)
        moved = _HEADER_WITH_MORE if header.more else _HEADER
        self.state = STREAM_TRANSITIONS[self.state][moved]

    def take_rest(self) -> memoryview | None:
        """Return what is left of the last frame's body, and end the message with it.

        None, and nothing has happened: there is no such body, or not all of it in one piece.
        """
        if self.state is not _IN_LAST_FRAME:
            return None
        end = self._position + self.body_left
        if end > len(self._view):
            return None
        rest = self._view[self._position : end]
        self._position = end
        self.body_left = 0
        self.state = STREAM_TRANSITIONS[_IN_LAST_FRAME][_FRAME_END]
        return rest

    def _next_chunk(self) -> memoryview | Sentinel:
        if self._position == len(self._view) and not self._take_waiting():
            return self._end_or_need()
        chunk = self._view[self._position : self._position + self.body_left]
        self._position += len(chunk)
        self.body_left -= len(chunk)
        return chunk

    def _next_header(self) -> Header | None:
        """Return the next header, or None while it is not whole."""
        plan = self.later if self.state is _BETWEEN_FRAMES else self.first
        prelude_bytes = plan.prelude.size
        if not self._head:
            begin = self._position + prelude_bytes
            if begin <= len(self._view):
                end = begin + plan.header_bytes(self._view, self._position)
                if end <= len(self._view):
                    self._position = end
                    return plan.decode_header(self._view[begin:end].tobytes())  # type: ignore[no-any-return]
        if not self._gather(prelude_bytes):
            return None
        if not self._gather(prelude_bytes + plan.header_bytes(self._head)):
            return None
        raw = bytes(self._head[prelude_bytes:])
        self._head.clear()
        return plan.decode_header(raw)  # type: ignore[no-any-return]

    def _gather(self, wanted: int) -> bool:
        """Move bytes to the split head until it has `wanted`; return whether it has."""
        while len(self._head) < wanted:
            if self._position == len(self._view) and not self._take_waiting():
                return False
            end = self._position + wanted - len(self._head)
            self._head += self._view[self._position : end]
            self._position = min(end, len(self._view))
        return True

    def _take_waiting(self) -> bool:
        if not self._waiting:
            return False
        self._view = self._waiting.popleft()
        self._position = 0
        return True

    def _end_or_need(self) -> Sentinel:
        if not self._ended:
            return Sentinel.NEED_DATA
        if self.state is StreamState.BETWEEN_MESSAGES and not self._head:
            self._move(StreamInput.END)
        if self.state is StreamState.ENDED:
            return Sentinel.STREAM_END
        raise ConnectionLost("HF-BODY-010", "connection ended inside a message")

    def _move(self, moved: StreamInput) -> None:
        self.state = STREAM_TRANSITIONS[self.state][moved]
