"""The command `headframe serve`."""

from __future__ import annotations

import signal
import threading

import click

from headframe_server.directory import DirectoryStore
from headframe_server.server import DEFAULT_PORT, Server

__all__ = ["serve"]


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    """Read HOST:PORT, [HOST]:PORT, HOST or :PORT."""
    host, colon, port = value.rpartition(":") if not value.endswith("]") else (value, "", "")
    if not colon:
        host, port = value, str(DEFAULT_PORT)
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT with a port from 0 to 65535")
    return host.strip("[]") or "127.0.0.1", int(port)


@click.command()
@click.argument("root", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--bind",
    "address",
    metavar="HOST:PORT",
    default=f"127.0.0.1:{DEFAULT_PORT}",
    show_default=True,
    callback=_address,
    help="Where to listen; port 0 takes a free one.",
)
def serve(root: str, address: tuple[str, int]) -> None:
    """Serve the files below ROOT until interrupted.

    There is no encryption and no login: whoever reaches the address can read and write
    everything below ROOT.

    Example: headframe serve files --bind 127.0.0.1:37263
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with DirectoryStore(root) as store, Server(address, store) as server:
            click.echo(f"listening on {server.url}")
            stopping.wait()
    except OSError as error:
        raise click.ClickException(f"cannot serve: {error.strerror or error}") from error
