"""The commands that move bytes: put, get, cat.

The law of this module: the exit code is 0 only when every file that was asked for has arrived
and been verified, and each one that has not is named on standard error.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NoReturn

import click

from headframe_client.address import Address
from headframe_client.client import Client, new_upload
from headframe_client.command.bar import is_watched, open_bar
from headframe_client.command.exits import ExitCode, describe
from headframe_client.command.targets import (
    connect,
    connection_options,
    find_address,
    is_url,
    last_segment,
    revision_option,
    try_again,
)
from headframe_client.command.text import escape, show_bytes, show_count, show_rate, show_seconds
from headframe_client.errors import InvalidArgument
from headframe_client.results import GetResult, PutResult
from headframe_client.trees import LocalFile, Outcome, get_tree, put_tree, walk_folder

__all__ = ["cat", "get", "put", "report_failures"]


# --- put ---------------------------------------------------------------------------------------


@click.command()
@click.option("-r", "--recursive", is_flag=True, help="Send folders with all that is in them.")
@click.option("--if-absent", is_flag=True, help="Only if no file has the name.")
@revision_option
@connection_options
@click.argument("arguments", nargs=-1, required=True, metavar="LOCAL... [URL]")
@click.pass_context
def put(
    ctx: click.Context,
    arguments: tuple[str, ...],
    recursive: bool,
    if_absent: bool,
    if_rev: str | None,
) -> None:
    """Send files, or with -r folders, to a server. LOCAL may be - for standard input.

    `put a.txt URL/dir/` makes dir/a.txt, `put a.txt URL/b.txt` makes b.txt. `put -r photos URL/x/`
    makes x/photos/..., `put -r photos URL/x` makes x/...
    """
    has_url = is_url(arguments[-1])
    address = find_address(arguments[-1] if has_url else None)
    sources = arguments[:-1] if has_url else arguments
    if not sources:
        raise click.UsageError("Nothing to put was named.", ctx)
    if len(sources) > 1 and not address.is_folder:
        raise click.UsageError("Several files need a URL that ends with /.", ctx)
    if len(sources) == 1 and (sources[0] == "-" or not os.path.isdir(sources[0])):
        _put_one(sources[0], address, if_absent=if_absent, if_rev=if_rev)
        return
    if if_absent or if_rev is not None:
        raise click.UsageError("--if-absent and --if-rev are for one file.", ctx)
    files = [file for source in sources for file in _find_files(source, address, recursive)]
    with connect(address) as client:
        report_failures(ctx, _put_all(client, files))


def _put_one(source: str, address: Address, *, if_absent: bool, if_rev: str | None) -> None:
    """Put a file, or standard input, with a bar of its own."""
    name = address.name
    if address.is_folder:
        if source == "-":
            raise InvalidArgument("standard input needs a URL with a name that does not end with /")
        name += os.path.basename(source)
    mtime = None if source == "-" else max(0, os.stat(source).st_mtime_ns // 1000)
    begun = time.monotonic()
    upload = new_upload()

    def send() -> PutResult:
        with connect(address) as client:
            return client.put(
                name,
                sys.stdin.buffer if source == "-" else source,
                mtime=mtime,
                if_rev=if_rev,
                if_absent=if_absent,
                upload=None if source == "-" else upload,
                progress=bar and bar.show_file,
            )

    with open_bar(f"put {last_segment(name)}") as bar:
        stored = send() if source == "-" else try_again(send)
    _summarise("put", Outcome(files=1, file_bytes=stored.total), begun)


def _find_files(source: str, address: Address, recursive: bool) -> Iterator[LocalFile]:
    """Return the files that an argument means, under the names that they will have."""
    if source == "-":
        raise InvalidArgument("standard input cannot be put together with other files")
    own_name = os.path.basename(source.rstrip("/" + os.sep))
    if not os.path.isdir(source):
        yield LocalFile(source, address.name + own_name, 0)
        return
    if not recursive:
        raise InvalidArgument(f"{source!r} is a folder: put -r")
    prefix = address.name
    if not address.is_folder:
        prefix += "/"
    elif own_name not in ("", ".", ".."):
        prefix += f"{own_name}/"
    yield from walk_folder(source, prefix)


def _put_all(client: Client, files: Iterable[LocalFile]) -> Outcome:
    begun = time.monotonic()
    files = list(files)
    with open_bar("put") as bar:
        outcome = put_tree(
            client,
            files,
            report=bar and bar.show_tree(sum(file.size for file in files)),
        )
    _summarise("put", outcome, begun)
    return outcome


# --- get ---------------------------------------------------------------------------------------


@click.command()
@click.option("-r", "--recursive", is_flag=True, help="Fetch all files below the name.")
@connection_options
@click.argument("arguments", nargs=-1, metavar="[URL]... [LOCAL]")
@click.pass_context
def get(ctx: click.Context, arguments: tuple[str, ...], recursive: bool) -> None:
    """Fetch a file, or with -r a folder. LOCAL may be - for standard output; it is . if left out.

    `get URL/a.txt dir/` makes dir/a.txt. `get -r URL/photos x/` makes x/photos/..., `get -r
    URL/photos x` makes x/... A file gets its name when it has arrived and been verified.
    """
    texts = list(arguments)
    local = texts.pop() if len(texts) > 1 and not is_url(texts[-1]) else "."
    addresses = [find_address(text) for text in texts] or [find_address(None)]
    into = local in (".", "..") or local.endswith(("/", os.sep)) or len(addresses) > 1
    if local == "-" and (recursive or len(addresses) > 1):
        raise click.UsageError("Only one file can go to standard output.", ctx)
    outcome = Outcome()
    for address in addresses:
        if not recursive:
            _get_one(address, local, into)
            continue
        with connect(address) as client:
            outcome.failures += _get_all(client, address, local, into).failures
    report_failures(ctx, outcome)


def _get_one(address: Address, local: str, into: bool) -> None:
    """Fetch one file, with a bar of its own."""
    name = address.name
    if not name or name.endswith("/"):
        raise InvalidArgument(f"{name or '/'!r} is a folder: get -r")
    begun = time.monotonic()
    with open_bar(f"get {last_segment(name)}") as bar:
        progress = bar and bar.show_file
        if local == "-":
            with connect(address) as client:
                client.get(name, sys.stdout.buffer, progress=progress)
            return
        path = os.path.join(local, last_segment(name)) if into or os.path.isdir(local) else local

        def fetch() -> GetResult:
            with connect(address) as client:
                return client.get(name, path, progress=progress)

        got = try_again(fetch)
    _summarise("get", Outcome(files=1, file_bytes=got.total), begun)


def _get_all(client: Client, address: Address, local: str, into: bool) -> Outcome:
    """Fetch all files below a name."""
    name = address.name
    begun = time.monotonic()
    prefix = f"{name.rstrip('/')}/" if name else ""
    keep = f"{last_segment(name)}/" if into and name else ""
    with open_bar("get") as bar:
        outcome = get_tree(
            client,
            prefix,
            local,
            keep=keep,
            report=bar and bar.show_tree(None),
        )
    if not outcome.files and not outcome.failures and name:
        _get_one(address.at(name.rstrip("/")), local, into)
    else:
        _summarise("get", outcome, begun)
    return outcome


# --- cat ---------------------------------------------------------------------------------------


@click.command()
@connection_options
@click.argument("urls", nargs=-1, metavar="[URL]...")
def cat(urls: tuple[str, ...]) -> None:
    """Write files to standard output, one after the other."""
    for address in [find_address(url) for url in urls] or [find_address(None)]:
        with connect(address) as client:
            client.get(address.name, sys.stdout.buffer)


# --- what is said at the end -------------------------------------------------------------------


def _summarise(verb: str, outcome: Outcome, begun: float) -> None:
    """Say what was moved, to somebody who is watching."""
    if is_watched():
        seconds = time.monotonic() - begun
        click.echo(
            f"{verb} {show_count(outcome.files, 'file')}, {show_bytes(outcome.file_bytes)}"
            f" in {show_seconds(seconds)} ({show_rate(outcome.file_bytes, seconds, 'bytes')})",
            err=True,
        )


def report_failures(ctx: click.Context, outcome: Outcome) -> None:
    """Name what failed and exit if anything did."""
    for name, error in outcome.failures:
        click.echo(f"headframe: {escape(name)}: {describe(error)}", err=True)
    if outcome.failures:
        _exit(ctx, ExitCode.SOME_FAILED)


def _exit(ctx: click.Context, code: ExitCode) -> NoReturn:
    ctx.exit(code)
