"""What somebody hears of transfers while they are under way and at their end.

The law of this module: what was not moved is always told, and why; a loss that is got over costs
one line at most. All of it is on standard error, but for what `--json` asks for.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import click

from headframe_client.client import Client
from headframe_client.command.exits import ExitCode, describe, exit_code_of, to_json
from headframe_client.command.options import Options, given
from headframe_client.command.progress import is_watched, open_progress
from headframe_client.command.text import escape, show_bytes, show_count, show_rate, show_seconds
from headframe_client.crew import Connect
from headframe_client.errors import ClientError, ConnectionFailed
from headframe_client.outcome import Outcome
from headframe_client.results import Kept
from headframe_client.retries import retry
from headframe_client.transfers import Transfer

__all__ = ["Watch", "try_again", "watch"]

PAST: Final = {"put": "put", "get": "got", "rm": "deleted"}
PATIENCE_S: Final = 5.0
"""A shorter wait is no news where nobody looks on; the line at the end counts it."""

R = TypeVar("R")


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
    draw: Callable[[], None] | None = None
    """Shows how far it is, if that is due."""
    tries: int = 0
    """How often something was tried again."""
    begun_at: float = field(default_factory=time.monotonic)
    options: Options = field(default_factory=given)
    """Of the command: a thread that moves files cannot ask for them."""
    _loss_told: bool = False

    def move(self, transfer: Transfer[Any], result: Any) -> None:
        """A file has been moved, or deleted."""
        Outcome.move(self, transfer, result)
        self._loss_told = False
        if self.options.as_json:
            self._print_row(transfer, result)
        elif self.options.verbose:
            self._say(f"{PAST[self.verb]} {escape(transfer.path or transfer.name)}")

    def keep(self, transfer: Transfer[Any], result: Kept) -> None:
        """A file was where it belongs already."""
        Outcome.keep(self, transfer, result)
        if self.options.as_json:
            self._print_row(transfer, result, skipped="identical")
        elif self.options.verbose:
            self._say(f"skipped {escape(transfer.path or transfer.name)}: identical")

    def skip(self, path: str, reason: str) -> None:
        """A file is left out."""
        Outcome.skip(self, path, reason)
        if self.options.as_json:
            click.echo(json.dumps({"path": path, "skipped": reason}), err=self.output)
        elif self.options.verbose:
            self._say(f"skipped {escape(path)}: {reason}")

    def resume(self, transfer: Transfer[Any]) -> None:
        """A transfer goes on behind its `held_bytes`."""
        if self.options.quiet or self.options.as_json:
            return
        if self.options.verbose or not self.several:
            share = f"{100 * transfer.held_bytes // transfer.total} %" if transfer.total else "0 %"
            self._say(f"resuming {escape(transfer.path or transfer.name)} at {share}")

    def advance(self, byte_count: int, total: int | None) -> None:
        """So many more bytes are where they belong."""
        Outcome.advance(self, byte_count, total)
        if not self.several:
            self.total_bytes = total
        if self.draw is not None:
            self.draw()

    def lose(self, error: ClientError, wait_s: float) -> None:
        """A connection was lost: a word about it, once until there is progress."""
        self.tries += 1
        waits = wait_s and (is_watched() or wait_s > PATIENCE_S) and not self._loss_told
        if self.options.verbose or (waits and not self.options.quiet):
            self._loss_told = bool(wait_s)
            self._say(f"{describe(error)}; trying again in {wait_s:.1f} s")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"headframe: {line}\n")

    def _print_row(self, transfer: Transfer[Any], result: Any, **more: str) -> None:
        row = {"filename": transfer.name, "path": transfer.path or None}
        row |= {name: getattr(result, name, None) for name in ("total", "rev", "digest")}
        row |= {"offset": getattr(result, "offset", None) or None}
        known = {name: value for name, value in row.items() if value is not None}
        click.echo(json.dumps(known | more), err=self.output)

    # --- at the end --------------------------------------------------------------------------

    def summarise(self, *, whole: bool) -> None:
        """Tell in one line what was moved, what was not, and why; and name what has failed.

        `whole` says whether everything was tried; if not, an error is going to say why.
        """
        options = self.options
        if self.several:
            self._name_failures()
        folder = self.several and (whole or self.files or self.failures)
        noteworthy = folder or self.kept or self.resumed or (whole and self.tries)
        asked = options.verbose or options.progress in ("bar", "plain")
        seen = is_watched() and self.files and not self.output
        if (noteworthy or asked or seen) and not (options.quiet or options.as_json):
            self._say("; ".join(self._parts()))

    def _parts(self) -> Iterator[str]:
        moved = f"{PAST[self.verb]} {show_count(self.files, 'file')}"
        if self.verb != "rm" and self.files:
            seconds = time.monotonic() - self.begun_at
            came = max(0, self.file_bytes - self.held_bytes)
            rate = show_rate(came, seconds, "bytes")
            moved += f", {show_bytes(came)} in {show_seconds(seconds)} ({rate})"
        yield moved
        if self.resumed:
            yield f"resumed {self.resumed:,} ({show_bytes(self.held_bytes)} were there)"
        if self.kept:
            how = "identical" if self.options.verify else "same size and time"
            yield f"skipped {self.kept:,} ({how})"
        for reason, count in Counter(reason for _, reason in self.skipped).items():
            yield f"skipped {count:,} ({reason})"
        if self.failures:
            yield f"failed {len(self.failures):,}"
        if self.tries:
            yield f"tried again {self.tries:,}"

    def _name_failures(self) -> None:
        for name, error in self.failures:
            if self.options.as_json:
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

    return retry(step, seen.options.retries, report)


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
    whole = False
    try:
        with open_progress(seen, title or verb):
            yield seen
        whole = True
    finally:
        seen.summarise(whole=whole)
    seen.conclude()
