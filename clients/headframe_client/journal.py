"""Uploads that are under way, and those that were when somebody pulled the plug.

Spec: chapter 10. The law of this module: an upload is known to nobody but this user, and while one
process works on it no other does. What is written down is enough to find the upload again, and
not believed: whether the server has it, and how much of it, the server is asked.

    FOLDER/5f0c...e1.json   {"token": ..., "url": ..., "path": ..., "size": ..., "mtime_ns": ...}
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from headframe_client.locks import lock

__all__ = ["Journal", "Note", "Upload", "new_upload"]

UPLOAD_BYTES: Final = 16
"""Random bytes in the token of an upload."""
_NOTE_BYTES: Final = 1 << 16
_FLAGS: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)


def new_upload() -> str:
    """Return a token for an upload that nobody else can guess (HF-RESUME-001)."""
    return secrets.token_urlsafe(UPLOAD_BYTES)


class Upload:
    """An upload that nobody but this process has to find again."""

    def __init__(self, token: str, *, continues: bool = False, repeats: bool = False) -> None:
        self.token = token
        self.continues = continues
        """Whether the server may know of it already, so that it has to be asked."""
        self.repeats = repeats
        """Whether a put that has finished before counts as this one, its reply being lost."""

    def renew(self) -> None:
        """Begin anew, under another token."""
        self.token = new_upload()
        self.continues = False

    def forget(self) -> None:
        """It is finished, or gone."""

    def release(self) -> None:
        """Leave it to whoever goes on with it."""


class Note(Struct, frozen=True, kw_only=True):
    """What is written down of an upload."""

    token: str
    url: str
    """Of the file that it will be."""
    path: str
    """Of the file that it comes from."""
    size: int
    mtime_ns: int
    """Of the local file, by which a change of it is noticed."""


class _Noted(Upload):
    """An upload that is written down, for another run of the program."""

    def __init__(self, path: str, descriptor: int, note: Note, *, continues: bool) -> None:
        super().__init__(note.token, continues=continues)
        self._path = path
        self._descriptor = descriptor
        self._note = note
        if not continues:
            self._write()

    def renew(self) -> None:
        super().renew()
        self._note = replace(self._note, token=self.token)
        self._write()

    def _write(self) -> None:
        text = json.dumps(asdict(self._note))
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, text.encode())

    def forget(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if os.name == "nt":  # where an open file cannot be removed
                    self.release()
                os.unlink(self._path)
            self.release()

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Journal:
    """A folder of this user with a file for each upload that is under way."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)

    def claim(self, url: str, path: str, size: int, mtime_ns: int) -> Upload:
        """Return the upload of a file to a URL: the one that is under way, or a new one.

        Where nothing can be written down, and while another process works on the same, the upload
        is one that only this process knows.
        """
        path = os.path.abspath(path)
        note = Note(token=new_upload(), url=url, path=path, size=size, mtime_ns=mtime_ns)
        digest = hashlib.sha256(f"{url} {path}".encode(*_ANY)).hexdigest()
        file = os.path.join(self._folder, f"{digest}.json")
        try:
            os.makedirs(self._folder, 0o700, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        except OSError:
            return Upload(note.token)
        try:
            if not lock(descriptor):
                os.close(descriptor)
                return Upload(note.token)
            earlier = _read_note(os.read(descriptor, _NOTE_BYTES))
            if earlier is None or replace(earlier, token=note.token) != note:
                return _Noted(file, descriptor, note, continues=False)
            return _Noted(file, descriptor, earlier, continues=True)
        except OSError:
            os.close(descriptor)
            return Upload(note.token)

    def notes(self) -> Iterator[tuple[Note, Upload | None]]:
        """Return all that is written down, each with its upload unless a process works on it.

        Whoever takes one has to `forget` or to `release` the upload.
        """
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._folder)):
                if not name.endswith(".json"):
                    continue
                with contextlib.suppress(OSError):
                    file = os.path.join(self._folder, name)
                    descriptor = os.open(file, os.O_RDWR | _FLAGS)
                    ours = lock(descriptor)
                    note = _read_note(os.read(descriptor, _NOTE_BYTES))
                    if note is None or not ours:
                        os.close(descriptor)
                    if note is not None:
                        yield (
                            note,
                            _Noted(file, descriptor, note, continues=True) if ours else None,
                        )


_ANY: Final = ("utf-8", "surrogateescape")


def _read_note(text: bytes) -> Note | None:
    """Return what a file says; None for what is no note of ours."""
    try:
        read: Any = json.loads(text)
        note = Note(**{name: read[name] for name in Note.__struct_fields__})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    words, numbers = (note.token, note.url, note.path), (note.size, note.mtime_ns)
    good = all(type(word) is str for word in words) and all(type(n) is int for n in numbers)
    return note if good else None
