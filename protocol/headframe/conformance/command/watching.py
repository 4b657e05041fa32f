"""How far a campaign is, on standard error, and how a user ends it.

The law of this module: on a terminal one line is drawn again and again; in a pipe there is a line
now and then. The first Ctrl-C ends a campaign when the example that is running has ended, the
second at once.
"""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import click

from headframe.conformance.campaign import Campaign

__all__ = ["Watch", "duration", "ending_on_interrupt"]

DRAWN_S: Final = 0.2
PLAIN_S: Final = 10.0
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def duration(text: str) -> float:
    """Return the seconds of a time such as 90, 90s, 10m or 8h; raise BadParameter.

    >>> duration("90"), duration("1.5m")
    (90.0, 90.0)
    """
    found = _DURATION.fullmatch(text)
    if found is None or not float(found[1]):
        raise click.BadParameter(f"{text!r} is no time, such as 90s, 10m or 8h")
    return float(found[1]) * _UNITS[found[2]]


def show_time(seconds: float) -> str:
    """Return a time that is left.

    >>> show_time(59.6), show_time(552), show_time(7384)
    ('1m 00s', '9m 12s', '2h 03m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, seconds = divmod(whole, 60)
    return f"{minutes}m {seconds:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


@dataclass(slots=True, kw_only=True)
class Watch:
    """Tells how far a campaign is."""

    quiet: bool
    live: bool = field(default_factory=sys.stderr.isatty)
    told_at: float = field(default_factory=time.monotonic)

    def __call__(self, campaign: Campaign) -> None:
        """Tell it, if it is time to."""
        now = time.monotonic()
        if self.quiet or now - self.told_at < (DRAWN_S if self.live else PLAIN_S):
            return
        self.told_at = now
        line = self.line(campaign)
        click.echo(f"\r\033[K{line} " if self.live else line, err=True, nl=not self.live)

    @staticmethod
    def line(campaign: Campaign) -> str:
        """Return how far it is."""
        elapsed_s = max(campaign.elapsed_s, 0.001)
        told = f"{campaign.examples:,} examples, {campaign.examples / elapsed_s:,.0f} a second"
        told += f", {campaign.found} found"
        if campaign.is_shrinking:
            return f"{told}, making the newest smaller"
        if campaign.limit is not None:
            told += f", {max(0, campaign.limit - campaign.examples):,} to go"
        if campaign.seconds is not None:
            told += f", {show_time(max(0.0, campaign.seconds - elapsed_s))} left"
        return told

    def clear(self) -> None:
        """Take the line away."""
        if self.live and not self.quiet:
            click.echo("\r\033[K", err=True, nl=False)


@contextlib.contextmanager
def ending_on_interrupt(campaign: Campaign) -> Iterator[None]:
    """Let Ctrl-C end a campaign, while the context lasts."""

    def end(_: int, __: FrameType | None) -> None:
        if campaign.stopped:
            raise KeyboardInterrupt
        campaign.stopped = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
