"""Progress of a transfer, for somebody who is watching.

The law of this module: a bar appears on a terminal and nowhere else, on standard error only, and
goes away at the end; what is piped or logged never holds any of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final, final

from headframe_client.command.text import escape, show_count
from headframe_client.trees import Outcome, Report

__all__ = ["Bar", "is_watched", "open_bar"]

REDRAW_S: Final = 0.05
"""Between two drawings: what is faster is not seen and costs time."""


@final
class Bar:
    """Draws how many bytes have moved, seldom enough not to slow them down."""

    def __init__(self, draw: Callable[[int, int | None, str], None]) -> None:
        self._draw = draw
        self._drawn_at = 0.0

    def show_file(self, moved_bytes: int, total: int | None) -> None:
        """Show the progress of one file."""
        self._show(moved_bytes, total, "")

    def show_tree(self, total: int | None) -> Report:
        """Return what shows the progress of many files, of so many bytes if that is known."""

        def show(outcome: Outcome) -> None:
            self._show(outcome.moved_bytes, total, show_count(outcome.files, "file"))

        return show

    def _show(self, moved_bytes: int, total: int | None, remark: str) -> None:
        now = time.monotonic()
        if now - self._drawn_at >= REDRAW_S or moved_bytes == total:
            self._drawn_at = now
            self._draw(moved_bytes, total, remark)


def is_watched() -> bool:
    """Return whether standard error is a terminal that can draw."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def open_bar(title: str) -> Iterator[Bar | None]:
    """Show a bar while the context lasts; None when nobody is watching."""
    if not is_watched():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TextColumn("{task.fields[remark]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        task = progress.add_task(escape(title), total=None, remark="")

        def draw(moved_bytes: int, total: int | None, remark: str) -> None:
            progress.update(task, completed=moved_bytes, total=total, remark=remark)

        yield Bar(draw)
