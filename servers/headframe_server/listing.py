"""The pages of a listing.

Spec: 8.5. The law of this module: a page goes on where the one before it ended, without looking at
what came before, as long as the store has not changed; and what has been put is always seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headframe import List
from headframe_server.store import Entry, Store

__all__ = ["Listing"]


class Listing:
    """A listing that one page after the other is asked of, as long as nothing changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: Iterator[Entry] = iter(())
        self._next: Entry | None = None
        self._goes_on: tuple[object, ...] = ()
        """What the request for the next page says."""

    def page(self, listing: List, limit: int) -> tuple[bytes, bool]:
        """Return the body of a page, and whether it is the last one."""
        prefix, after, delimiter = listing.prefix or "", listing.after or "", listing.delimiter
        changes = self._store.changes  # once: what changes from here on is seen by the next page
        goes_on, self._goes_on = self._goes_on, ()  # a page that fails is begun anew
        if goes_on != (prefix, after, delimiter, changes):
            self.close()
            self._entries = self._store.entries(prefix, after, bool(delimiter))
            self._next = next(self._entries, None)
        found: list[Entry] = []
        while self._next is not None and len(found) < limit:
            found.append(self._next)
            self._next = next(self._entries, None)
        if self._next is None:
            self.close()
        else:
            self._goes_on = (prefix, found[-1].text, delimiter, changes)
        return b"".join(map(_line, found)), self._next is None

    def close(self) -> None:
        """Let go of the directories that are open."""
        self._goes_on = ()
        self._next = None
        close = getattr(self._entries, "close", None)
        if close is not None:
            close()
        self._entries = iter(())


def _line(entry: Entry) -> bytes:
    if entry.info is None:
        return msgspec.json.encode({"prefix": entry.text}) + b"\n"
    info = entry.info
    row = {"filename": entry.text, "total": info.total, "rev": info.rev, "mtime": info.mtime}
    return msgspec.json.encode(row) + b"\n"
