"""Which server, and what on it: URLs, bare names and HEADFRAME_URL.

The law of this module: a text with `://` is a URL, any other is a name below HEADFRAME_URL; no name
that a server accepts has `://` in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from headframe_client.address import Address, parse_url
from headframe_client.client import TIMEOUT_S, Client
from headframe_client.command.exits import describe
from headframe_client.errors import ClientError, InvalidArgument
from headframe_client.retries import RETRIES, retry
from headframe_client.trust import client_context

__all__ = [
    "connect",
    "connection_options",
    "find_address",
    "is_url",
    "last_segment",
    "revision_option",
    "try_again",
]

VARIABLE: Final = "HEADFRAME_URL"
TOKEN_VARIABLE: Final = "HEADFRAME_TOKEN"  # noqa: S105  (its name, not what it holds)

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")


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


def connect(address: Address) -> Client:
    """Connect to the server of an address, as the options of the command say."""
    given: dict[str, Any] = click.get_current_context().meta.get(_META, {})
    files = [given.get(name) for name in ("ca", "cert", "key")]
    if any(files) and not address.tls:
        raise InvalidArgument("--ca, --cert and --key are for headframes:// (TLS)")
    try:
        tls = client_context(*files) if address.tls else None
    except OSError as error:
        raise InvalidArgument(f"TLS: cannot use a certificate or key: {error}") from error
    timeout_s = given.get("timeout_s", TIMEOUT_S)
    return Client.from_url(address, timeout_s=timeout_s, tls=tls, token=_read_token(given))


def _read_token(given: dict[str, Any]) -> str | None:
    """Return the token of a file or of the environment: arguments can be seen by others."""
    path = given.get("token_file")
    if path is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    return Path(path).read_text(encoding="utf-8").strip()


revision_option = click.option(
    "--if-rev", metavar="REV", help="Only if the file has this revision (see stat)."
)


def try_again(step: Callable[[], R]) -> R:
    """Call `step`, again when that can help and as often as `--retries` says, with a word each."""
    retries = click.get_current_context().meta.get(_META, {}).get("retries", RETRIES)

    def report(error: ClientError, wait_s: float) -> None:
        click.echo(f"headframe: {describe(error)}; trying again in {wait_s:.1f} s", err=True)

    return retry(step, retries, report)


def connection_options(command: F) -> F:
    """Add the options of all commands that connect; `connect` finds them."""
    file = click.Path(exists=True, dir_okay=False)
    for option in reversed(
        [
            click.option(
                "--timeout",
                "timeout_s",
                type=click.FloatRange(min=0, min_open=True),
                default=TIMEOUT_S,
                metavar="SECONDS",
                show_default=True,
                help="Give up when nothing moves for so long.",
                **_KEPT,
            ),
            click.option(
                "--retries",
                type=click.IntRange(min=0),
                default=RETRIES,
                metavar="N",
                show_default=True,
                help="Try a file again so often when the network or a busy server fails.",
                **_KEPT,
            ),
            click.option(
                "--token-file", type=file, help=f"Who we are; or set {TOKEN_VARIABLE}.", **_KEPT
            ),
            click.option("--ca", type=file, help="Trust servers that this signed (PEM).", **_KEPT),
            click.option("--cert", type=file, help="Our own certificate (PEM).", **_KEPT),
            click.option("--key", type=file, help="Its key, if in another file.", **_KEPT),
        ]
    ):
        command = option(command)
    return command


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(_META, {})[parameter.name] = value


_META: Final = "headframe.connection"
_KEPT: Final[dict[str, Any]] = {"expose_value": False, "callback": _keep}
