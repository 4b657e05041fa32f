"""What somebody sees of transfers while they are under way and at their end.

The law of this module: a bar appears on a terminal and nowhere else; in a pipe there is a line now
and then, and only when it takes long; all of it is on standard error. What was not moved is always
told, and why.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import click

from headframe_client.client import Client
from headframe_client.command.exits import ExitCode, describe, exit_code_of, to_json
from headframe_client.command.options import given
from headframe_client.command.text import (
    escape,
    show_bytes,
    show_count,
    show_rate,
    show_seconds,
)
from headframe_client.crew import Connect, Outcome
from headframe_client.errors import ClientError, ConnectionFailed
from headframe_client.results import Kept
from headframe_client.retries import retry
from headframe_client.transfers import Transfer

__all__ = ["Watch", "is_watched", "open_progress", "try_again", "watch"]

PAST: Final = {"put": "put", "get": "got", "rm": "deleted"}
BAR_S: Final = 0.05
"""Between two drawings: what is faster is not seen and costs time."""
JSON_S: Final = 1.0
PLAIN_S: Final = 5.0
LOG_S: Final = 30.0
"""Between two lines that nobody asked for."""

R = TypeVar("R")

Draw = Callable[["Watch"], None]


def is_watched() -> bool:
    """Return whether standard error is a terminal that can draw."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(slots=True)
class Watch(Outcome):
    """What transfers have come to, told to whoever is there."""

    verb: str = "put"
    several: bool = True
    """Whether more than one file was asked for."""
    total_bytes: int | None = None
    """How many bytes there are in all, if that is known."""
    output: bool = False
    """Whether standard output takes the bytes of files: then there is no room for anything else on
    it, nor around it on a terminal."""
    draw: Draw | None = None
    every_s: float = BAR_S
    begun_at: float = field(default_factory=time.monotonic)
    _drawn_at: float = field(default_factory=time.monotonic)
    _loss_told: bool = False

    def move(self, transfer: Transfer[Any], result: Any) -> None:
        """A file has been moved, or deleted."""
        Outcome.move(self, transfer, result)
        self._loss_told = False
        if given().as_json:
            self._print_row(transfer, result)
        elif given().verbose:
            self._say(f"{PAST[self.verb]} {escape(transfer.path or transfer.name)}")
        self._redraw()

    def keep(self, transfer: Transfer[Any], result: Kept) -> None:
        """A file was where it belongs already."""
        Outcome.keep(self, transfer, result)
        if given().as_json:
            self._print_row(transfer, result, skipped="identical")
        elif given().verbose:
            self._say(f"skipped {escape(transfer.path or transfer.name)}: identical")
        self._redraw()

    def skip(self, path: str, reason: str) -> None:
        """A file is left out."""
        Outcome.skip(self, path, reason)
        if given().as_json:
            click.echo(json.dumps({"path": path, "skipped": reason}), err=self.output)
        elif given().verbose:
            self._say(f"skipped {escape(path)}: {reason}")

    def resume(self, transfer: Transfer[Any]) -> None:
        """A transfer goes on behind its `held_bytes`."""
        if not given().quiet and (given().verbose or not self.several):
            share = f"{100 * transfer.held_bytes // transfer.total} %" if transfer.total else "0 %"
            self._say(f"resuming {escape(transfer.path or transfer.name)} at {share}")

    def advance(self, byte_count: int, total: int | None) -> None:
        """So many more bytes are where they belong."""
        Outcome.advance(self, byte_count, total)
        if not self.several:
            self.total_bytes = total
        self._redraw()

    def lose(self, error: ClientError, wait_s: float) -> None:
        """A connection was lost: a word about it, once until there is progress."""
        if given().verbose or (wait_s and not self._loss_told and not given().quiet):
            self._loss_told = bool(wait_s)
            self._say(f"{describe(error)}; trying again in {wait_s:.1f} s")

    def _say(self, line: str) -> None:
        click.echo(f"headframe: {line}", err=True)

    def _print_row(self, transfer: Transfer[Any], result: Any, **more: str) -> None:
        row = {"filename": transfer.name, "path": transfer.path or None}
        row |= {name: getattr(result, name, None) for name in ("total", "rev", "digest")}
        row |= {"offset": getattr(result, "offset", None) or None}
        known = {name: value for name, value in row.items() if value is not None}
        click.echo(json.dumps(known | more), err=self.output)

    def _redraw(self) -> None:
        if self.draw is None:
            return
        now = time.monotonic()
        if now - self._drawn_at >= self.every_s:
            self._drawn_at = now
            self.draw(self)

    # --- at the end --------------------------------------------------------------------------

    def summarise(self) -> None:
        """Tell in one line what was moved, what was not, and why; and name what has failed."""
        options = given()
        if self.several:
            self._name_failures()
        noteworthy = self.kept or self.skipped or self.resumed or (self.several and self.failures)
        asked = options.verbose or options.progress in ("bar", "plain")
        shown = asked or noteworthy or (is_watched() and self.files and not self.output)
        if shown and not (options.quiet or options.as_json):
            self._say("; ".join(self._parts()))

    def _parts(self) -> Iterator[str]:
        moved = f"{PAST[self.verb]} {show_count(self.files, 'file')}"
        if self.verb != "rm":
            seconds = time.monotonic() - self.begun_at
            rate = show_rate(self.file_bytes, seconds, "bytes")
            moved += f", {show_bytes(self.file_bytes)} in {show_seconds(seconds)} ({rate})"
        yield moved
        if self.resumed:
            yield f"resumed {self.resumed:,}"
        if self.kept:
            how = "identical" if given().verify else "same size and time"
            yield f"skipped {self.kept:,} ({how})"
        reasons = Counter(reason for _, reason in self.skipped)
        for reason, count in reasons.items():
            yield f"skipped {count:,} ({reason})"
        if self.failures:
            yield f"failed {len(self.failures):,}"

    def _name_failures(self) -> None:
        for name, error in self.failures:
            if given().as_json:
                where = "path" if isinstance(error, OSError) else "filename"
                click.echo(to_json(error, **{where: name}), err=True)
                continue
            line, named = describe(error), escape(name)
            self._say(line if line.startswith(named) else f"{named}: {line}")

    def conclude(self) -> None:
        """Exit if anything has failed; if it was the only file, raise why."""
        if not self.failures:
            return
        if not self.several:
            raise self.failures[0][1]
        codes = {exit_code_of(error) for _, error in self.failures}
        alike = len(codes) == 1 and not (self.files or self.kept)
        click.get_current_context().exit(codes.pop() if alike else ExitCode.SOME_FAILED)


def try_again(connect: Connect, ask: Callable[[Client], R], *, repeatable: bool = True) -> R:
    """Ask a server, again when that can help and as often as `--retries` says, with a word each.

    A server that was never there is not waited for. What is not `repeatable` is asked again only
    if the server has refused it for now.
    """
    seen = Watch(several=False)
    reached = False

    def step() -> R:
        nonlocal reached
        with connect() as client:
            reached = True
            return ask(client)

    def report(error: ClientError, wait_s: float) -> None:
        lost = isinstance(error, ConnectionFailed)
        if lost and not (reached and repeatable):
            raise error
        seen.lose(error, wait_s)

    return retry(step, given().retries, report)


@contextlib.contextmanager
def watch(
    verb: str,
    title: str = "",
    *,
    several: bool,
    total_bytes: int | None = None,
    output: bool = False,
) -> Iterator[Watch]:
    """Watch transfers, and tell at the end what has become of them; raise if any failed."""
    seen = Watch(verb=verb, several=several, total_bytes=total_bytes, output=output)
    try:
        with open_progress(seen, title or verb):
            yield seen
    finally:
        seen.summarise()
    seen.conclude()


@contextlib.contextmanager
def open_progress(seen: Watch, title: str) -> Iterator[None]:
    """Show the progress as `--progress` says."""
    options = given()
    mode = options.progress
    if mode == "auto":
        crowded = (seen.output or options.as_json) and sys.stdout.isatty()
        mode = "none" if options.quiet or crowded else "bar" if is_watched() else "log"
    if mode == "bar":
        with _open_bar(seen, title):
            yield
        return
    if mode == "json":
        seen.draw, seen.every_s = _write_json, JSON_S
    elif mode in ("plain", "log"):
        seen.draw, seen.every_s = _write_line, PLAIN_S if mode == "plain" else LOG_S
    yield
    if mode == "json":
        _write_json(seen)


def _write_json(seen: Watch) -> None:
    state = {
        "files": seen.files,
        "skipped": seen.kept + len(seen.skipped),
        "failed": len(seen.failures),
        "moved_bytes": seen.moved_bytes,
        "total_bytes": seen.total_bytes,
        "seconds": round(time.monotonic() - seen.begun_at, 3),
    }
    click.echo(json.dumps(state), err=True)


def _write_line(seen: Watch) -> None:
    seconds = time.monotonic() - seen.begun_at
    line = f"{seen.verb}: {show_count(seen.files + seen.kept, 'file')}, "
    line += show_bytes(seen.moved_bytes)
    if seen.total_bytes:
        share = 100 * seen.moved_bytes // seen.total_bytes
        line += f" of {show_bytes(seen.total_bytes)} ({share} %)"
    click.echo(f"{line}, {show_rate(seen.moved_bytes, seconds, 'bytes')}", err=True)


@contextlib.contextmanager
def _open_bar(seen: Watch, title: str) -> Iterator[None]:
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
        redirect_stdout=False,
    )
    with progress:
        task = progress.add_task(escape(title), total=seen.total_bytes, remark="")

        def draw(seen: Watch) -> None:
            remark = show_count(seen.files + seen.kept, "file") if seen.several else ""
            total = seen.total_bytes
            progress.update(task, completed=seen.moved_bytes, total=total, remark=remark)

        seen.draw = draw
        yield
