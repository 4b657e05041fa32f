"""What annotated bytes consist of, and how a long body becomes pieces of it.

Spec: chapter 2. The law of this module: parts laid end to end are the bytes they were made of;
what is left out is counted.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headframe.places import Member
from headframe.registry import ErrorCode

__all__ = ["ROW_BYTES", "BodyCutter", "Fault", "Part", "PartKind"]

ROW_BYTES: Final = 16
"""Bodies are cut only where a row of so many bytes ends, counted from the body's begin."""

CHUNK_BYTES: Final = 1 << 16
"""A body that is longer comes in several parts of about this size."""


class PartKind(StrEnum):
    """What bytes are."""

    PRELUDE = "prelude"
    """N."""
    HEADER = "header"
    BODY = "body"
    REST = "rest"
    """What is never interpreted: it follows a fatal fault or `close: true`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A rule that is broken, and where."""

    rule: str
    code: ErrorCode | None
    """What a server answers; None: a fault in a reply, on which a client closes."""
    message: str
    """What came and what was allowed; without the rule's id."""
    offset: int
    """Of the offending bytes, from the begin of the stream."""
    size: int
    fatal: bool
    """Nothing after this frame is read; otherwise only its message is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes that are one thing; or, of a long body, a piece of it."""

    kind: PartKind
    offset: int
    """From the begin of the stream."""
    data: bytes
    left_out_bytes: int = 0
    """If not 0, `data` is empty and stands for this many bytes, which were not kept."""
    missing_bytes: int = 0
    """How many more there should be where the input ends; counted at the last part alone."""
    meaning: str = ""
    """Such as `N = 52` or `request put, id 1`."""
    members: tuple[Member, ...] = ()
    """Of a header; their offsets count from the begin of `data`."""
    within: int = 0
    """Bytes of the same body before this part; 0: the body begins here."""
    discarded: bool = False
    """The message has been refused: nobody looks at this body."""
    fault: Fault | None = None

    @property
    def size(self) -> int:
        """How many bytes of the stream this is."""
        return len(self.data) + self.left_out_bytes

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.size


class BodyCutter:
    """Makes parts of a body, or of the rest of a stream, that arrives in pieces of any size."""

    def __init__(
        self,
        kind: PartKind,
        offset: int,
        size: int | None,
        *,
        shorten: bool,
        discarded: bool = False,
    ) -> None:
        """`size` None: it goes on to the end of the stream; `shorten`: keep two rows of it."""
        self.left_bytes = sys.maxsize if size is None else size
        self._endless = size is None
        self._kind = kind
        self._offset = offset
        self._shorten = shorten
        self._discarded = discarded
        self._within = 0
        self._left_out_bytes = 0
        self._pending = bytearray()

    def receive_data(self, data: memoryview) -> list[Part]:
        """Take bytes, no more than are left; return the parts that are ready."""
        self._pending += data
        self.left_bytes -= len(data)
        if not self.left_bytes:
            return self.finish()
        if self._shorten:
            return self._drop_rows()
        if len(self._pending) < CHUNK_BYTES:
            return []
        return [self._take(len(self._pending) // ROW_BYTES * ROW_BYTES)]

    def finish(self) -> list[Part]:
        """Return what is left, whether the body is whole or not."""
        parts = self._drop_rows() if self._shorten else []
        if self._left_out_bytes:
            self._leave_out((len(self._pending) - 1) // ROW_BYTES)
            parts.append(self._make(b"", self._left_out_bytes))
        if self._pending or not (self._within or self._endless):
            missing_bytes = 0 if self._endless else self.left_bytes
            parts.append(self._make(bytes(self._pending), missing_bytes=missing_bytes))
        return parts

    def _drop_rows(self) -> list[Part]:
        """Give out the first row once it is clear that rows will be left out; drop those."""
        if len(self._pending) <= 4 * ROW_BYTES:
            return []
        parts = [] if self._within else [self._take(ROW_BYTES)]
        self._leave_out(len(self._pending) // ROW_BYTES - 2)
        return parts

    def _leave_out(self, rows: int) -> None:
        self._left_out_bytes += rows * ROW_BYTES
        del self._pending[: rows * ROW_BYTES]

    def _take(self, size: int) -> Part:
        data = bytes(self._pending[:size])
        del self._pending[:size]
        return self._make(data)

    def _make(self, data: bytes, left_out_bytes: int = 0, missing_bytes: int = 0) -> Part:
        part = Part(
            kind=self._kind,
            offset=self._offset,
            data=data,
            left_out_bytes=left_out_bytes,
            missing_bytes=missing_bytes,
            meaning=self._kind,
            within=self._within,
            discarded=self._discarded,
        )
        self._offset += part.size
        self._within += part.size
        return part
