"""A page of a listing, line by line, with nothing in it believed unseen.

Spec: chapters 7 and 8. The law of this module: a name that comes out is a file name, or one with a
`/` behind it, and comes after the one before. So it can be used as a path, and a listing ends.

    {"filename":"a.txt","total":5,"rev":"r1","mtime":1500000000000000}
    {"prefix":"dir/"}
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from headframe import UNSET, BadName, ListReply, Reply, UnsetType, check_name
from headframe_client.calls import Call, need
from headframe_client.errors import ProtocolViolation
from headframe_client.results import Entry

__all__ = ["ListCall"]

LIST_PAGE_BYTES: Final = 1 << 24
"""A page of a listing may have this much: no server fills it, and it bounds the memory."""


_MOST: Final = (1 << 53) - 1
"""Of a registered integer (HF-HEADER-010)."""
WholeNumber = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
Revision = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]


class _Line(msgspec.Struct, frozen=True):
    """One line of a listing as it is sent."""

    filename: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    total: WholeNumber | UnsetType = UNSET
    rev: Revision | UnsetType = UNSET
    mtime: WholeNumber | UnsetType = UNSET


_decode_line: Final = msgspec.json.Decoder(_Line).decode


class ListCall(Call[tuple[list[Entry], bool]]):
    """One page of a listing: its entries, and whether it is the last page."""

    def __init__(self, prefix: str, after: str, delimiter: str | None) -> None:
        super().__init__(prefix)
        self._delimiter = delimiter
        self._after = after
        self._page = bytearray()
        self._last_page = True

    def _open(self, reply: Reply) -> None:
        assert isinstance(reply, ListReply)
        self._last_page = reply.end
        self.body_left = LIST_PAGE_BYTES

    def _take(self, chunk: bytes | bytearray | memoryview) -> None:
        self._page += chunk

    def _finish(self) -> tuple[list[Entry], bool]:
        try:
            entries = [self._read_line(line) for line in self._page.split(b"\n") if line]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolViolation(f"a line of a listing is malformed: {error}") from error
        except BadName as error:
            raise ProtocolViolation(f"a listing holds what is no name: {error}") from error
        if not entries and not self._last_page:
            raise ProtocolViolation("an empty page of a listing promises more pages")
        return entries, self._last_page

    def _read_line(self, line: bytes | bytearray) -> Entry:
        """Return the entry that a line stands for; the name in it is fit for use."""
        entry = self._check_entry(_decode_line(line))
        name = entry.name
        check_name(name[:-1] if entry.is_prefix else name)
        if name <= self._after:  # text is ordered as its UTF-8 bytes are
            raise ProtocolViolation(f"a listing goes back: {name!r} is not after what it had")
        if not name.startswith(self.subject):
            raise ProtocolViolation(f"a listing of {self.subject!r} holds {name!r}")
        self._after = name
        return entry

    def _check_entry(self, read: _Line) -> Entry:
        if not isinstance(read.prefix, UnsetType):
            if self._delimiter is None:
                raise ProtocolViolation("a listing without a delimiter holds a prefix")
            if not read.prefix.endswith("/"):
                raise ProtocolViolation(f"a prefix in a listing ends without /: {read.prefix!r}")
            return Entry(name=read.prefix)
        return Entry(
            name=need(read.filename, "filename", self.subject),
            total=need(read.total, "total", self.subject),
            rev=need(read.rev, "rev", self.subject),
            mtime=None if isinstance(read.mtime, UnsetType) else read.mtime,
        )
