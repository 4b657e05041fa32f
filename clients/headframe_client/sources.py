"""Where the bytes of a put come from, and how they become frames of a message.

Spec: chapter 4. The law of this module: a frame is announced only when all its bytes are in hand,
so what was begun can always be ended, and each byte is read once: the digest is computed as
the bytes go by and travels in the last header.

    small      Put(filesize, digest) body
    larger     Put(more, total) body  Continuation(more) body ...  Continuation(digest) body
    unknown    Put(more) body         Continuation(more) body ...  Continuation(digest, total)
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from msgspec.structs import replace

from headframe import BodyChunk, Continuation, Put
from headframe_client.calls import Progress, PutCall
from headframe_client.errors import ConnectionFailed
from headframe_client.session import Session

__all__ = ["PutSource", "Source", "open_source", "send_put"]

PutSource = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO
"""Bytes, the path of a file, or an open binary file, which is read from where it stands."""


class Source:
    """Bytes to put, read frame by frame into one buffer."""

    def __init__(self, file: BinaryIO, size: int | None, mtime: int | None = None) -> None:
        self._file = file
        self.size = size
        """How many bytes there are; None if that is not known beforehand."""
        self.mtime = mtime
        """When the file was changed, in microseconds since 1970-01-01T00:00:00Z."""
        self.read_bytes = 0
        self.exhausted = size == 0
        self.hash = hashlib.sha256()
        """Of all that has been read."""

    def skip(self, count: int, buffer: memoryview) -> None:
        """Read so many bytes that the server has already; they count for the digest."""
        while self.read_bytes < count and not self.exhausted:
            self.read_frame(buffer[: count - self.read_bytes])

    def read_all(self, buffer: memoryview) -> None:
        """Read to the end, for the digest alone."""
        while not self.exhausted:
            self.read_frame(buffer)

    @property
    def digest(self) -> str:
        """Of all that has been read, as HF/1 writes it."""
        return f"sha-256:{self.hash.hexdigest()}"

    def read_frame(self, buffer: memoryview) -> memoryview:
        """Return the next bytes, in `buffer`; empty only at the end."""
        frame = self._read_frame(buffer)
        self.hash.update(frame)
        return frame

    def _read_frame(self, buffer: memoryview) -> memoryview:
        if self.size is None:
            frame = self._read_available(buffer)
            self.exhausted = not frame
            return frame
        view = buffer[: self.size - self.read_bytes]
        filled = 0
        while filled < len(view):
            read = self._file.readinto(view[filled:])  # type: ignore[attr-defined]
            if not read:
                raise OSError(
                    f"the source ended after {self.read_bytes + filled} bytes, {self.size} are due"
                )
            filled += read
        self.read_bytes += filled
        self.exhausted = self.read_bytes == self.size
        return view

    def _read_available(self, buffer: memoryview) -> memoryview:
        """Read what there is; wait only when there is nothing, so that a slow source flows."""
        for name in ("readinto1", "readinto"):
            if hasattr(self._file, name):
                filled = getattr(self._file, name)(buffer) or 0
                break
        else:
            data = self._file.read(len(buffer))
            filled = len(data)
            buffer[:filled] = data
        self.read_bytes += filled
        return buffer[:filled]


@contextlib.contextmanager
def open_source(source: PutSource) -> Iterator[Source]:
    """Open what is to be put; raise OSError if it cannot be read."""
    if isinstance(source, bytes | bytearray | memoryview):
        yield Source(io.BytesIO(source), memoryview(source).nbytes)
    elif isinstance(source, str | os.PathLike):
        with open(source, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            regular = stat.S_ISREG(status.st_mode) and status.st_size > 0
            yield Source(file, status.st_size if regular else None, status.st_mtime_ns // 1000)
    else:
        yield Source(source, _rest_of(source))


def _rest_of(file: BinaryIO) -> int | None:
    """Return how many bytes an open file still has, if it can tell."""
    if not hasattr(file, "readinto"):
        return None
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
    except (OSError, AttributeError, ValueError):
        return None
    return max(0, end - here) or None


def send_put(
    session: Session, put: Put, source: Source, progress: Progress | None = None
) -> PutCall:
    """Send a put with its body; return the call that awaits the reply.

    When the server refuses in the middle, or the source fails, the message ends at the next edge
    of a frame with `abort`, and the connection can go on.
    """
    call = PutCall(put.filename)
    head: Put | Continuation = put
    try:
        for head, frame in _cut_frames(call, put, source, session.frame_buffer):
            if isinstance(head, Put):
                session.begin(call, head)
            else:
                session.send(head)
            if frame:
                session.send(BodyChunk(frame))
            if progress is not None:
                progress(source.read_bytes, source.size)
            if head.more and session.poll() and call.error is not None:
                break
    except ConnectionFailed:
        if not call.done:
            raise
        return call
    except OSError as error:
        if not head.more:
            raise
        call.refuse(error)
    if head.more:
        with contextlib.suppress(ConnectionFailed):
            session.send(Continuation(abort=True))
    return call


def _cut_frames(
    call: PutCall, put: Put, source: Source, buffer: memoryview
) -> Iterator[tuple[Put | Continuation, memoryview]]:
    """Return the frames of a put: header and body, each body valid until the next."""
    head: Put | Continuation = put
    while True:
        frame = source.read_frame(buffer)
        if not source.exhausted:
            if head is put and source.size is not None:
                head = replace(put, total=source.size)
            yield replace(head, filesize=len(frame), more=True), frame
            head = Continuation()
            continue
        call.sent_total, call.sent_digest = source.read_bytes, source.digest
        if head is not put and source.size is None:
            head = Continuation(total=call.sent_total)
        yield replace(head, filesize=len(frame), digest=call.sent_digest), frame
        return
