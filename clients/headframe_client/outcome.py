"""What many transfers have come to.

The law of this module: every transfer ends up in exactly one of the counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headframe_client.errors import ClientError
from headframe_client.results import GetResult, Kept, PutResult
from headframe_client.transfers import Transfer

__all__ = ["Outcome"]


@dataclass(slots=True)
class Outcome:
    """What many transfers have come to; it grows while they are under way.

    Its methods are called as things happen, one at a time; override them to watch.
    """

    files: int = 0
    """Moved and verified, or deleted."""
    file_bytes: int = 0
    """Their bytes."""
    kept: int = 0
    """Not moved: both sides had them."""
    kept_bytes: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Paths of what is not meant to be moved, with the reason."""
    resumed: int = 0
    """Moved in part only: the rest was there from an earlier attempt."""
    held_bytes: int = 0
    """What was there of unfinished files when their transfers began."""
    moved_bytes: int = 0
    """All that is where it belongs so far, what was kept and unfinished files among it."""
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    """Names on the server, or paths here if the error is an OSError; with what went wrong."""

    def move(self, transfer: Transfer[Any], result: Any) -> None:  # noqa: ARG002
        """A file has been moved, or deleted."""
        self.files += 1
        if isinstance(result, PutResult | GetResult):
            self.file_bytes += result.total
            self.resumed += bool(result.offset)

    def keep(self, transfer: Transfer[Any], result: Kept) -> None:  # noqa: ARG002
        """A file was where it belongs already."""
        self.kept += 1
        self.kept_bytes += result.total

    def skip(self, path: str, reason: str) -> None:
        """A file is left out."""
        self.skipped.append((path, reason))

    def fail(self, name: str, error: Exception) -> None:
        """A file was not moved."""
        self.failures.append((name, error))

    def resume(self, transfer: Transfer[Any]) -> None:
        """A transfer goes on behind its `held_bytes`."""

    def advance(self, byte_count: int, total: int | None) -> None:  # noqa: ARG002
        """So many more bytes are where they belong; fewer than none if some were lost.

        `total` is the size of the file that they are of, if that is known.
        """
        self.moved_bytes += byte_count

    def lose(self, error: ClientError, wait_s: float) -> None:
        """A connection was lost, or a server is busy; it is tried again after so many seconds."""
