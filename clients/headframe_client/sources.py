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
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, cast

from msgspec.structs import replace

from headframe import UNSET, BodyChunk, Continuation, Put
from headframe_client.calls import Progress, PutCall
from headframe_client.errors import ConnectionFailed
from headframe_client.session import FRAME_BYTES, Session

__all__ = ["PutSource", "Source", "digest_of", "is_repeatable", "open_source", "send_put"]

PutSource = (
    bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO | Iterable[bytes | bytearray]
)
"""Bytes; the path of a file; an open binary file, which is read from where it stands; or bytes that
come piece by piece, of which nobody has to know how many."""

_AT_HAND: Final = (bytes, bytearray, memoryview)
_NAMED: Final = (str, os.PathLike)


class Source:
    """Bytes to put, read frame by frame into one buffer."""

    def __init__(
        self,
        file: BinaryIO,
        size: int | None,
        status: os.stat_result | None = None,
        *,
        verify: bool = True,
    ) -> None:
        self._file = file
        self.size = size
        """How many bytes there are; None if that is not known beforehand."""
        self.mtime_ns = None if status is None else status.st_mtime_ns
        """When the file was changed."""
        self.read_bytes = 0
        self.exhausted = size == 0
        self._hash = hashlib.sha256() if verify else None

    def skip(self, count: int, buffer: memoryview) -> None:
        """Read so many bytes that the server has already; they count for the digest."""
        while self.read_bytes < count and not self.exhausted:
            self.read_frame(buffer[: count - self.read_bytes])

    def read_all(self, buffer: memoryview) -> None:
        """Read to the end, for the digest alone."""
        while not self.exhausted:
            self.read_frame(buffer)

    @property
    def digest(self) -> str | None:
        """Of all that has been read, as HF/1 writes it; None if nobody wants to verify it."""
        return None if self._hash is None else f"sha-256:{self._hash.hexdigest()}"

    def read_frame(self, buffer: memoryview) -> memoryview:
        """Return the next bytes, in `buffer`; empty only at the end."""
        frame = self._read_frame(buffer)
        if self._hash is not None:
            self._hash.update(frame)
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


class _Pieces(io.RawIOBase):
    """An iterable of bytes as a file that cannot tell how long it is."""

    def __init__(self, pieces: Iterable[bytes | bytearray]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say that it is for reading."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with what there is of one piece; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def is_repeatable(source: PutSource) -> bool:
    """Return whether a source gives the same bytes again when it is opened again."""
    return isinstance(source, (*_AT_HAND, *_NAMED))


@contextlib.contextmanager
def open_source(source: PutSource, *, verify: bool = True) -> Iterator[Source]:
    """Open what is to be put; raise OSError if it cannot be read."""
    if isinstance(source, _AT_HAND):
        yield Source(io.BytesIO(source), memoryview(source).nbytes, verify=verify)
    elif isinstance(source, _NAMED):
        with open(source, "rb", buffering=0) as opened:
            status = os.fstat(opened.fileno())
            regular = stat.S_ISREG(status.st_mode) and status.st_size > 0
            yield Source(opened, status.st_size if regular else None, status, verify=verify)
    elif hasattr(source, "read"):
        file = cast("BinaryIO", source)
        yield Source(file, _rest_of(file), verify=verify)
    else:
        yield Source(cast("BinaryIO", _Pieces(source)), None, verify=verify)


def digest_of(path: str | os.PathLike[str]) -> str:
    """Return the digest of a file, as HF/1 writes it; raise OSError if it cannot be read."""
    with open_source(path) as source:
        source.read_all(memoryview(bytearray(min(FRAME_BYTES, (source.size or FRAME_BYTES)))))
        return str(source.digest)


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
        yield replace(head, filesize=len(frame), digest=source.digest or UNSET), frame
        return
