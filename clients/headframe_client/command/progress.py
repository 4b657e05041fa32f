"""How far transfers are, as `--progress` says: a bar, a line now and then, or JSON.

The law of this module: a bar appears on a terminal and nowhere else; in a pipe there is a line, and
unasked only when it takes long; all of it is on standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from headframe_client.command.text import escape, show_bytes, show_count, show_rate

if TYPE_CHECKING:
    from headframe_client.command.watching import Watch

__all__ = ["is_watched", "open_progress"]

BAR_S: Final = 0.05
"""Between two drawings: what is faster is not seen and costs time."""
JSON_S: Final = 1.0
PLAIN_S: Final = 5.0
LOG_S: Final = 30.0
"""Between two lines that nobody asked for."""
BAR_COLUMNS: Final = 24
TITLE_COLUMNS: Final = 22
"""So the line leaves room on a terminal of 80 columns for ^C, and is erased whole."""


def is_watched() -> bool:
    """Return whether standard error is a terminal that can draw."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def open_progress(seen: Watch, title: str) -> Iterator[None]:
    """Show the progress while the context lasts."""
    mode = _choose_mode(seen)
    if mode == "bar":
        with _open_bar(seen, title):
            yield
    elif mode == "json":
        seen.draw = _every(JSON_S, lambda: _write_json(seen))
        yield
        _write_json(seen)
    else:
        if mode != "none":
            seconds = PLAIN_S if mode == "plain" else LOG_S
            seen.draw = _every(seconds, lambda: _write_line(seen))
        yield


def _choose_mode(seen: Watch) -> str:
    """Return bar, plain, json, log or none."""
    options = seen.options
    if options.progress == "bar":
        return "bar" if is_watched() else "plain"
    if options.progress != "auto":
        return options.progress
    crowded = (seen.output or options.as_json) and sys.stdout.isatty()
    return "none" if options.quiet or crowded else "bar" if is_watched() else "log"


def _every(seconds: float, draw: Callable[[], None]) -> Callable[[], None]:
    """Return what calls `draw`, but so many seconds after the last time at the earliest."""
    drawn_at = time.monotonic()

    def draw_if_due() -> None:
        nonlocal drawn_at
        now = time.monotonic()
        if now - drawn_at >= seconds:
            drawn_at = now
            draw()

    return draw_if_due


def _write_json(seen: Watch) -> None:
    state = {
        "files": seen.files,
        "skipped": seen.kept + len(seen.skipped),
        "failed": len(seen.failures),
        "moved_bytes": seen.moved_bytes,
        "total_bytes": seen.total_bytes,
        "seconds": round(time.monotonic() - seen.begun_at, 3),
    }
    sys.stderr.write(json.dumps(state) + "\n")


def _write_line(seen: Watch) -> None:
    line = f"{seen.verb}: {show_count(seen.files + seen.kept, 'file')}, "
    line += show_bytes(seen.moved_bytes)
    if seen.total_bytes:
        share = 100 * seen.moved_bytes // seen.total_bytes
        line += f" of {show_bytes(seen.total_bytes)} ({share} %)"
    sys.stderr.write(f"{line}, {_rate(seen)}\n")


def _rate(seen: Watch) -> str:
    """Return how fast bytes went by; what was there before did not."""
    seconds = time.monotonic() - seen.begun_at
    came = seen.moved_bytes - seen.kept_bytes - seen.held_bytes
    return show_rate(max(0, came), seconds, "bytes")


@contextlib.contextmanager
def _open_bar(seen: Watch, title: str) -> Iterator[None]:
    """Draw a bar; what is written to standard error meanwhile appears above it."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(BAR_COLUMNS),
        TextColumn("{task.fields[remark]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
    with progress:
        title = escape(title)
        title = title if len(title) <= TITLE_COLUMNS else f"{title[: TITLE_COLUMNS - 1]}…"
        task = progress.add_task(title, total=seen.total_bytes, remark="")

        def draw() -> None:
            parts = [show_bytes(seen.moved_bytes)]
            if seen.total_bytes is not None:
                parts[0] += f" of {show_bytes(seen.total_bytes)}"
            parts.append(_rate(seen))
            if seen.several:
                parts.append(show_count(seen.files + seen.kept, "file"))
            progress.update(
                task,
                completed=seen.moved_bytes,
                total=seen.total_bytes,
                remark=", ".join(parts),
            )

        seen.draw = _every(BAR_S, draw)
        yield
