"""Where the bytes of a put come from, and how they become frames of a message.

Spec: chapter 4. The law of this module: a frame is announced only when all its bytes are in hand,
so what was begun can always be ended, and each byte is read once: the digest is computed as the
bytes go by and travels in the last header. A large file that nobody wants verified is sent by the
system, unread; should it become shorter inside a frame, only the end of the connection can tell.

    small      Put(filesize, digest) body
    larger     Put(more, total) body  Continuation(more) body ...  Continuation(digest) body
    unknown    Put(more) body         Continuation(more) body ...  Continuation(digest, total)
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Iterable
from typing import BinaryIO, Final, Self, cast

from msgspec.structs import replace

from headframe import UNSET, BodyChunk, Continuation, Put, UnsetType
from headframe.digests import DigestAlgorithm
from headframe.following import Follower
from headframe_client.calls import Progress, PutCall
from headframe_client.errors import ConnectionFailed
from headframe_client.session import FRAME_BYTES, Session, make_buffer

__all__ = ["PutSource", "Source", "digest_of", "is_repeatable", "open_source", "send_put"]

PutSource = (
    bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO | Iterable[bytes | bytearray]
)
"""Bytes; the path of a file; an open binary file, which is read from where it stands; or bytes that
come piece by piece, of which nobody has to know how many."""

READ_BYTES: Final = 1 << 20
"""A larger file need not be read to be sent, unless for its digest."""
_AT_HAND: Final = (bytes, bytearray, memoryview)
_NAMED: Final = (str, os.PathLike)
_READ_ONLY: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Source:
    """Bytes to put, read frame by frame into one buffer, or passed on from a file."""

    file: int | None = None
    """Descriptor of a large file whose frames may be passed on without being read."""
    mtime_ns: int | None = None
    """When the file was changed."""
    read_bytes = 0

    def __init__(self, size: int | None, *, verify: bool) -> None:
        self.size = size
        """How many bytes there are; None if that is not known beforehand."""
        self.exhausted = size == 0
        self._follower = Follower() if verify else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what was opened here."""

    def _fill(self, buffer: memoryview) -> int:
        """Read what there is and wait only when there is nothing; return how much, 0 at the end."""
        raise NotImplementedError

    def expect(self, algorithm: str) -> None:
        """Make the digest in `algorithm`; nothing has been read yet."""
        if self._follower is not None:
            self._follower.expect(algorithm)

    @property
    def wishes(self) -> list[str] | UnsetType:
        """What `want` says of a digest that is going to be a trailer."""
        sha_256 = self._follower is None or self._follower.algorithm == DigestAlgorithm.SHA_256
        return UNSET if sha_256 or self._follower is None else [self._follower.algorithm]

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
        return None if self._follower is None else self._follower.settle().digest

    def read_frame(self, buffer: memoryview) -> memoryview:
        """Return the next bytes, in `buffer`; empty only at the end."""
        if self.size is None:
            frame = buffer[: self._fill(buffer)]
            self.exhausted = not frame
        else:
            frame = buffer[: self.size - self.read_bytes]
            self._fill_all(frame)
            self.exhausted = self.read_bytes + len(frame) == self.size
        self.read_bytes += len(frame)
        if self._follower is not None:
            self._follower.update(frame)
        return frame

    def pass_frame(self, most: int) -> range:
        """Return where the next bytes stand in `file`; they count as read."""
        assert self.file is not None
        assert self.size is not None
        begin, end = self.read_bytes, min(self.read_bytes + most, self.size)
        found = os.fstat(self.file).st_size
        if found < end:
            raise self.ended_at(found)
        self.read_bytes = end
        self.exhausted = end == self.size
        return range(begin, end)

    def ended_at(self, found: int) -> OSError:
        """Return the error of a source that has become shorter."""
        return OSError(f"the source ended after {found} bytes, {self.size} are due")

    def _fill_all(self, frame: memoryview) -> None:
        filled = self._fill(frame) if frame else 0
        while filled < len(frame):
            read = self._fill(frame[filled:])
            if not read:
                raise self.ended_at(self.read_bytes + filled)
            filled += read


class _Named(Source):
    """A file that is opened by its path."""

    def __init__(self, path: str | os.PathLike[str], *, verify: bool) -> None:
        self._descriptor = os.open(path, _READ_ONLY)
        status = os.fstat(self._descriptor)
        regular = stat.S_ISREG(status.st_mode) and status.st_size > 0
        super().__init__(status.st_size if regular else None, verify=verify)
        self.mtime_ns = status.st_mtime_ns
        if regular and status.st_size > READ_BYTES and not verify:
            self.file = self._descriptor
        if stat.S_ISDIR(status.st_mode):
            self.close()
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    if sys.platform == "win32":

        def _fill(self, buffer: memoryview) -> int:
            data = os.read(self._descriptor, len(buffer))
            buffer[: len(data)] = data
            return len(data)

    else:

        def _fill(self, buffer: memoryview) -> int:
            return os.readv(self._descriptor, (buffer,))


class _Opened(Source):
    """A file that somebody else has opened."""

    def __init__(self, file: BinaryIO, size: int | None, *, verify: bool) -> None:
        super().__init__(size, verify=verify)
        self._file = file

    def _fill(self, buffer: memoryview) -> int:
        for name in ("readinto1", "readinto"):
            if hasattr(self._file, name):
                return getattr(self._file, name)(buffer) or 0
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


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


def open_source(source: PutSource, *, verify: bool = True) -> Source:
    """Open what is to be put; raise OSError if it cannot be read."""
    if isinstance(source, _NAMED):
        return _Named(source, verify=verify)
    if isinstance(source, _AT_HAND):
        return _Opened(io.BytesIO(source), memoryview(source).nbytes, verify=verify)
    if hasattr(source, "read"):
        file = cast("BinaryIO", source)
        return _Opened(file, _rest_of(file), verify=verify)
    return _Opened(cast("BinaryIO", _Pieces(source)), None, verify=verify)


def digest_of(path: str | os.PathLike[str], algorithm: str) -> str:
    """Return the digest of a file, as HF/1 writes it; raise OSError if it cannot be read."""
    with open_source(path) as source:
        source.expect(algorithm)
        source.read_all(make_buffer(FRAME_BYTES))
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
        while True:
            frame = _next_frame(session, source)
            head = _announce(len(frame), source, call, put if head is put else Continuation())
            first = frame if isinstance(head, Put) and isinstance(frame, memoryview) else None
            if isinstance(head, Put):
                session.begin(call, head, first)
            else:
                session.send(head)
            if first is None:
                _send_frame(session, source, frame, call)
            if progress is not None:
                progress(source.read_bytes, source.size)
            if not head.more:
                return call
            if session.poll() and call.error is not None:
                break
    except ConnectionFailed:
        if not call.done:
            raise
        return call
    except OSError as error:
        if not head.more:
            raise
        call.refuse(error)
    with contextlib.suppress(ConnectionFailed):
        session.send(Continuation(abort=True))
    return call


def _next_frame(session: Session, source: Source) -> memoryview | range:
    """Return the bytes of a frame, or where they stand in a file that is passed on."""
    if session.sends_files and source.file is not None:
        return source.pass_frame(session.frame_bytes)
    return source.read_frame(session.frame_buffer)


def _send_frame(session: Session, source: Source, frame: memoryview | range, call: PutCall) -> None:
    """Send what was announced; where a file has lost it meanwhile, the connection ends."""
    if not isinstance(frame, range):
        if frame:
            session.send(BodyChunk(frame))
        return
    assert source.file is not None
    sent = session.send_file(source.file, frame.start, len(frame))
    if sent < len(frame):
        call.refuse(source.ended_at(frame.start + sent))
        session.close()


def _announce(
    frame_bytes: int, source: Source, call: PutCall, head: Put | Continuation
) -> Put | Continuation:
    """Return the header that goes before a frame."""
    first, size = isinstance(head, Put), source.size
    if not source.exhausted:
        if isinstance(head, Put):
            total = UNSET if size is None else size
            head = replace(head, total=total, want=source.wishes)
        return replace(head, filesize=frame_bytes, more=True)
    call.sent_total, call.sent_digest = source.read_bytes, source.digest
    if not first and size is None:
        head = Continuation(total=call.sent_total)
    return replace(head, filesize=frame_bytes, digest=call.sent_digest or UNSET)
