"""Which server, and what on it: URLs, bare names and HEADFRAME_URL.

The law of this module: a text with `://` is a URL, any other is a name below HEADFRAME_URL; no name
that a server accepts has `://` in it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from headframe_client.address import Address, parse_url
from headframe_client.client import Client
from headframe_client.command.options import TOKEN_VARIABLE, Options, given
from headframe_client.command.text import escape
from headframe_client.crew import Connect
from headframe_client.errors import InvalidArgument
from headframe_client.pace import Pace

if TYPE_CHECKING:
    import ssl

    from headframe import Notice, Reply, Request

__all__ = ["connector", "find_address", "is_url", "last_segment"]

VARIABLE: Final = "HEADFRAME_URL"


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
    try:
        address = parse_url(default)
    except InvalidArgument as error:
        raise InvalidArgument(f"{VARIABLE}: {error}") from None
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


def connector(address: Address) -> Connect:
    """Return what connects to the server of an address, as the options of the command say."""
    options = given()
    files = [options.ca, options.cert, options.key]
    if any(files) and not address.tls:
        raise InvalidArgument("--ca, --cert and --key are for headframes:// (TLS)")
    tls = _tls_context(files) if address.tls else None
    token = _read_token(options)
    pace = None if options.limit_rate is None else Pace(options.limit_rate)

    def connect() -> Client:
        return Client.from_url(
            address,
            timeout_s=options.timeout_s,
            tls=tls,
            token=token,
            pace=pace,
            trace=_trace if options.verbose > 1 else None,
        )

    return connect


def _tls_context(files: list[str | None]) -> ssl.SSLContext:
    """Return what TLS is spoken with; what it needs is imported only when it is spoken."""
    from headframe_client.trust import client_context  # noqa: PLC0415

    try:
        return client_context(*files)
    except OSError as error:
        raise InvalidArgument(f"TLS: cannot use a certificate or key: {error}") from error


def _read_token(options: Options) -> str | None:
    """Return the token of a file or of the environment: arguments can be seen by others."""
    if options.token_file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    with open(options.token_file, encoding="utf-8") as file:
        return file.read().strip()


def _trace(direction: str, header: Request | Reply | Notice) -> None:
    """Show a request or a reply, but not what somebody could pretend to be us with."""
    members = {
        name: getattr(header, name)
        for name in header.__struct_fields__
        if name not in ("auth", "upload")
    }
    shown = " ".join(
        f"{name.rstrip('_')}={value!r}"
        for name, value in members.items()
        if not (value is False or type(value).__name__ == "UnsetType")
    )
    sys.stderr.write(escape(f"{direction} {type(header).__name__} {shown}") + "\n")
