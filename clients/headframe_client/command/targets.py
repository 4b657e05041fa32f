"""Which server, and what on it: URLs, bare names and HEADFRAME_URL.

The law of this module: a text with `://` is a URL, any other is a name below HEADFRAME_URL; no name
that a server accepts has `://` in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from headframe_client.address import Address, parse_url
from headframe_client.client import TIMEOUT_S, Client
from headframe_client.errors import InvalidArgument

__all__ = ["connect", "find_address", "is_url", "last_segment", "timeout_option"]

VARIABLE: Final = "HEADFRAME_URL"

F = TypeVar("F", bound=Callable[..., Any])


def is_url(text: str) -> bool:
    """Return whether `text` is meant as a URL."""
    return "://" in text


def find_address(text: str | None) -> Address:
    """Return the address that an argument means; None stands for one that was left out."""
    if text is not None and is_url(text):
        return parse_url(text)
    default = os.environ.get(VARIABLE)
    if not default:
        missing = "no URL was given" if text is None else f"{text!r} is not a URL"
        raise InvalidArgument(f"{missing} (headframe://host:port/name), and {VARIABLE} is not set")
    address = parse_url(default)
    if text is None:
        return address
    folder = f"{address.name.rstrip('/')}/" if address.name.strip("/") else ""
    return address.at(folder + text.lstrip("/"))


def last_segment(name: str) -> str:
    """Return what comes after the last `/` but one at the end.

    >>> last_segment("photos/2026/"), last_segment("a.txt"), last_segment("")
    ('2026', 'a.txt', '')
    """
    return name.rstrip("/").rpartition("/")[2]


def connect(address: Address, timeout_s: float) -> Client:
    """Connect to the server of an address."""
    return Client.from_url(address, timeout_s=timeout_s)


def timeout_option(command: F) -> F:
    """Add `--timeout`."""
    option = click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0, min_open=True),
        default=TIMEOUT_S,
        metavar="SECONDS",
        show_default=True,
        help="Give up when nothing moves for so long.",
    )
    return option(command)
