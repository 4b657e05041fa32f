"""The commands `headframe serve` and `headframe token`."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import signal
import ssl
import sys
import threading
from dataclasses import fields
from typing import Any

import click

from headframe_server.access import Access, AccessError, add_token
from headframe_server.directory import DirectoryStore
from headframe_server.log import JsonFormatter, TextFormatter
from headframe_server.server import DEFAULT_PORT, Server
from headframe_server.settings import Settings, SettingsError
from headframe_server.tls import server_context

__all__ = ["serve", "token"]

_LEVELS = {"error": logging.ERROR, "info": logging.INFO, "debug": logging.DEBUG}


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    """Read HOST:PORT, [HOST]:PORT, HOST or :PORT."""
    host, colon, port = value.rpartition(":") if not value.endswith("]") else (value, "", "")
    if not colon:
        host, port = value, str(DEFAULT_PORT)
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT with a port from 0 to 65535")
    return host.strip("[]") or "127.0.0.1", int(port)


def _setting_options(command: Any) -> Any:
    """Give a command one option for each setting."""
    for field in reversed(fields(Settings)):
        command = click.option(
            "--" + field.name.replace("_", "-"),
            field.name,
            type=click.Choice(["fsync", "rename"]) if field.name == "durability" else int,
            metavar=None if field.name == "durability" else "N",
            help=_HELP[field.name] + f"  [default: {field.default}]",
        )(command)
    return command


_HELP = {
    "connections": "Connections at the same time.",
    "connections_per_peer": "Connections at the same time from one address.",
    "idle_s": "Seconds of silence after which a connection ends.",
    "body_bytes_per_s": "A body that comes more slowly is cut.",
    "list_entries": "Entries in a page of a listing.",
    "total_bytes": "Bytes that a file may have.",
    "free_bytes": "Bytes left free on the disk, or a twentieth of it if that is less.",
    "upload_ttl_s": "Seconds for which an unfinished upload is kept.",
    "drain_s": "Seconds that requests may take when the server stops.",
    "durability": "What a reply promises: on stable storage, or renamed into place.",
}


@click.command(epilog="Example: headframe serve files --bind 127.0.0.1:37263")
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
@click.option("--config", type=click.Path(exists=True), help="File of settings (TOML).")
@_setting_options
@click.option("--tls-cert", type=click.Path(exists=True), help="Speak TLS, with this chain (PEM).")
@click.option("--tls-key", type=click.Path(exists=True), help="Its key, if in another file.")
@click.option(
    "--tls-client-ca",
    type=click.Path(exists=True),
    help="Let in only who has a certificate signed by this (PEM).",
)
@click.option("--access", type=click.Path(exists=True), help="File that says who may do what.")
@click.option("--insecure", is_flag=True, help="Let everybody in, even beyond this machine.")
@click.option("--log-level", type=click.Choice(list(_LEVELS)), default="info", show_default=True)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def serve(  # noqa: PLR0913, PLR0917  (one for each option)
    root: str,
    address: tuple[str, int],
    config: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    tls_client_ca: str | None,
    access: str | None,
    insecure: bool,
    log_level: str,
    log_format: str,
    **given: Any,
) -> None:
    """Serve the files below ROOT until interrupted.

    Settings stand in the file of --config under the names of the options, with _ for -; an option
    wins over the file. Beyond this machine the server wants to know who is asking: give
    --tls-cert and --access or --tls-client-ca, or say --insecure.
    """
    _log_to_stderr(_LEVELS[log_level], log_format)
    _allow_descriptors()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = Settings().read(config) if config else Settings()
        settings = settings.updated({name: v for name, v in given.items() if v is not None})
        doors = _read_access(access, tls_client_ca)
        tls = _read_tls(tls_cert, tls_key, tls_client_ca)
        _check_exposure(address[0], doors, tls, insecure)
        store = DirectoryStore(
            root,
            durability=settings.durability,
            upload_ttl_ms=settings.upload_ttl_s * 1000,
            total_bytes=settings.total_bytes,
            free_bytes=settings.free_bytes,
        )
        with store, Server(address, store, settings=settings, access=doors, tls=tls) as server:
            click.echo(f"listening on {server.url}")
            stopping.wait()
    except (SettingsError, AccessError) as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot serve: {error.strerror or error}") from error


def _allow_descriptors() -> None:
    """Open as many files as the system lets us, not as many as a shell starts with."""
    try:
        import resource  # noqa: PLC0415  (POSIX only)
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _log_to_stderr(level: int, form: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    log = logging.getLogger("headframe.server")
    log.handlers = [handler]
    log.setLevel(level)
    log.propagate = False


def _read_access(path: str | None, client_authority: str | None) -> Access:
    wants_certificate = client_authority is not None
    if path is None:
        return Access(wants_certificate=wants_certificate)
    doors = Access.read(path, wants_certificate=wants_certificate)
    if doors.open:
        raise AccessError(f"{path}: there is no token in it; `headframe token` makes one")
    return doors


def _read_tls(
    certificate: str | None, key: str | None, client_authority: str | None
) -> ssl.SSLContext | None:
    if certificate is None:
        if key or client_authority:
            raise click.UsageError("--tls-key and --tls-client-ca need --tls-cert")
        return None
    return server_context(certificate, key, client_authority)


def _check_exposure(host: str, doors: Access, tls: ssl.SSLContext | None, insecure: bool) -> None:
    """Refuse to let strangers in by mistake."""
    if _is_loopback(host) or insecure:
        return
    if tls is None:
        raise click.UsageError(
            f"{host} can be reached from other machines: give --tls-cert, or say --insecure"
        )
    if doors.open:
        raise click.UsageError(
            f"{host} can be reached from other machines: give --access or --tls-client-ca to say "
            "who may come in, or say --insecure"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@click.command(epilog="Example: headframe token access.toml backup")
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("name")
@click.option("--read-only", is_flag=True, help="Who has this token may only read.")
def token(file: str, name: str, read_only: bool) -> None:
    """Make a token for NAME, add its hash to FILE, and print it.

    FILE is what `headframe serve --access` reads, and is made if it lacks. The token itself is
    shown this once and stored nowhere.
    """
    try:
        click.echo(add_token(file, name, may_write=not read_only))
    except AccessError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}") from error
