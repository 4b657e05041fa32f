"""A local folder as a tree of file names: what is in it, and where a name belongs in it.

Spec: chapter 7. The law of this module: a name from a server ends at a path inside the folder or
nowhere. It is checked again, whoever gave it; folders on the way are made one by one, and one that
is a symbolic link is not entered.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from headframe import BadName, check_name
from headframe_client.parts import SUFFIXES
from headframe_client.results import Entry

__all__ = ["LocalFile", "LocalFolder", "walk_folder"]

_WINDOWS: Final = os.name == "nt"
_WINDOWS_FORBIDDEN: Final = (
    r'(?i)[<>:"|?*]|[ .]\Z'
    r"|\A(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)"
)


class LocalFile(Struct, frozen=True, gc=False):
    """A file found in a folder."""

    path: str
    name: str
    """Its name on a server: the path below the folder, with `/` between the segments."""
    size: int = 0
    trouble: str = ""
    """Why it cannot be put; empty if it can."""
    skipped: bool = False
    """Whether it is not even meant to be put: no failure."""
    mtime: int | None = None
    """When it was changed, in microseconds since 1970-01-01T00:00:00Z."""
    there: Entry | None = None
    """What the server has under its name, if that is known."""

    def resembles(self, entry: Entry) -> bool:
        """Return whether an entry of a listing has its size and time."""
        return self.mtime is not None and (entry.total, entry.mtime) == (self.size, self.mtime)


def _is_like(path: str, entry: Entry) -> bool:
    """Return whether there is a file, and no link, that has the size and time of an entry."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    mine = (status.st_size, status.st_mtime_ns // 1000)
    return stat.S_ISREG(status.st_mode) and mine == (entry.total, entry.mtime)


def walk_folder(folder: str | os.PathLike[str], prefix: str = "") -> Iterator[LocalFile]:
    """Return the files below a folder, those that cannot be put among them.

    Each folder is read when its turn comes; the files come in the order of the UTF-8 bytes of
    their names, as a server lists them. Symbolic links, devices and pipes are in trouble, never
    followed and never left out silently; nor are empty folders, of which a server knows nothing.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted((_order_of(entry), entry) for entry in entries)
    except OSError as error:
        yield LocalFile(os.fspath(folder), prefix.rstrip("/"), 0, error.strerror or str(error))
        return
    if not found:
        yield LocalFile(os.fspath(folder), prefix, 0, "is an empty folder", skipped=True)
    for order, entry in found:
        if order[-1] == "/":
            yield from walk_folder(entry.path, prefix + order)
        else:
            yield _look_at(entry, prefix + order)


def _order_of(entry: os.DirEntry[str]) -> str:
    """Return what orders an entry among the others; with a `/` behind it, it is a folder.

    Text is ordered as its UTF-8 bytes are.
    """
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _look_at(entry: os.DirEntry[str], name: str) -> LocalFile:
    """Return a directory entry as a file, or as one in trouble."""
    if entry.name[0] == "." and entry.name.endswith(SUFFIXES):
        return LocalFile(entry.path, name, 0, "is an unfinished file of a get", skipped=True)
    try:
        if entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            check_name(name)
            mtime = status.st_mtime_ns // 1000
            return LocalFile(entry.path, name, status.st_size, mtime=mtime)
        trouble = "is a symbolic link" if entry.is_symlink() else "is no regular file"
    except (OSError, BadName) as error:
        trouble = getattr(error, "strerror", None) or str(error)
    return LocalFile(entry.path, name, 0, trouble)


class LocalFolder:
    """Where files from a server are written."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """`root` and what is above it are the user's choice, links included."""
        self.root = os.fspath(root)
        self._known: dict[str, str] = {}
        """Folders that are there and no links, by their name on the server: paths that end with a
        separator."""
        self._made: set[str] = set()
        """Those that were not there before."""

    def place(self, name: str) -> str:
        """Return where the file `name` belongs, with the folders on the way made.

        Raises BadName for what is no file name, and OSError for a name that has no safe place.
        """
        check_name(name)
        folder, _, last = name.rpartition("/")
        if last.endswith(SUFFIXES):
            raise FileExistsError(f"names like {last!r} are for unfinished files")
        _check_segment(last)
        return self._enter(folder) + last

    def holds(self, name: str, entry: Entry) -> bool:
        """Return whether the place of a name has a file, and no link, of an entry's size and time.

        In a folder that has been made here there was nothing.
        """
        folder, _, last = name.rpartition("/")
        return folder not in self._made and _is_like(self._enter(folder) + last, entry)

    def _enter(self, folder: str) -> str:
        """Return the path of a folder, made if it was missing."""
        known = self._known.get(folder)
        if known is not None:
            return known
        if not folder:
            os.makedirs(self.root, exist_ok=True)
            path = os.path.join(self.root, "")
        else:
            above, _, last = folder.rpartition("/")
            _check_segment(last)
            path = self._enter(above) + last
            try:
                os.mkdir(path)
                self._made.add(folder)
            except FileExistsError:
                _check_real_folder(path)
            path += os.sep
        self._known[folder] = path
        return path


def _check_segment(segment: str) -> None:
    """Raise OSError for a segment that means something else on this system."""
    if _WINDOWS and re.search(_WINDOWS_FORBIDDEN, segment):
        raise OSError(f"{segment!r} cannot be a file's name on this system")


def _check_real_folder(path: str) -> None:
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or getattr(status, "st_reparse_tag", False):
        raise NotADirectoryError(f"{path!r} is in the way: a link, or no folder")
