"""The commands about files where they are: ls, stat, rm, mv.

The law of this module: on a terminal a table with escaped names, in a pipe one plain name a line,
and with --json one object a line in the protocol's own words.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain

import click

from headframe_client.address import Address
from headframe_client.command.options import (
    connection_options,
    given,
    json_option,
    revision_option,
)
from headframe_client.command.targets import connector, find_address, is_url, last_segment
from headframe_client.command.text import escape, show_bytes, show_time
from headframe_client.command.watching import Watch, try_again, watch
from headframe_client.crew import Crew
from headframe_client.errors import InvalidArgument, Refused
from headframe_client.results import Entry, FileState
from headframe_client.transfers import DeleteTransfer
from headframe_client.trees import TreeOptions, delete_tree, list_names

__all__ = ["list_files", "move", "remove", "stat"]


# --- ls ----------------------------------------------------------------------------------------


@click.command("ls", epilog="Example: headframe ls headframe://files.example/2026/")
@click.option("-r", "--recursive", is_flag=True, help="All names below, however deep.")
@json_option
@connection_options
@click.argument("url", required=False, metavar="[URL]")
def list_files(url: str | None, recursive: bool) -> None:
    """List a folder, or a file.

    Names come in the order of their bytes, folders with a / at the end.
    """
    entries = _find_entries(find_address(url), recursive=recursive)
    if given().as_json:
        lines: Iterable[str] = map(_show_json, entries)
    elif sys.stdout.isatty():
        lines = map(_show_row, entries)
    else:
        lines = (entry.name for entry in entries)
    for line in lines:
        click.echo(line)


def _find_entries(address: Address, *, recursive: bool) -> Iterator[Entry]:
    """Return what is in the folder of a name, or the file of that name."""
    name = address.name
    connect, retries = connector(address), given().retries
    prefix = f"{name.rstrip('/')}/" if name else ""
    delimiter = None if recursive else "/"
    seen = Watch(verb="ls", several=False)
    entries = list_names(connect, prefix, delimiter, retries=retries, outcome=seen)
    first = next(entries, None)
    if first is not None:
        yield from chain([first], entries)
    elif name.endswith("/"):
        raise Refused("not-found", "no file is in this folder", subject=name)
    elif name:
        state = try_again(connect, lambda client: client.stat(name))
        yield Entry(name=name, total=state.total, rev=state.rev, mtime=state.mtime)


def _show_row(entry: Entry) -> str:
    size = "-" if entry.total is None else show_bytes(entry.total)
    return f"{size:>10}  {show_time(entry.mtime):16}  {escape(entry.name)}"


def _show_json(entry: Entry | FileState) -> str:
    if isinstance(entry, Entry) and entry.is_prefix:
        return _to_json({"prefix": entry.name})
    return _to_json(
        {
            "filename": entry.name,
            "total": entry.total,
            "rev": entry.rev,
            "mtime": entry.mtime,
            "digest": getattr(entry, "digest", None),
        }
    )


def _to_json(members: dict[str, object]) -> str:
    """Return an object of what is known; on a terminal without what a terminal might obey."""
    known = {name: value for name, value in members.items() if value is not None}
    return json.dumps(known, ensure_ascii=sys.stdout.isatty())


# --- stat --------------------------------------------------------------------------------------


@click.command(epilog="Example: headframe stat --digest headframe://files.example/a.iso")
@click.option("--digest", is_flag=True, help="Ask for the digest, too.")
@json_option
@connection_options
@click.argument("url", required=False, metavar="[URL]")
def stat(url: str | None, digest: bool) -> None:
    """Show what the server knows of a file."""
    address = find_address(url)
    state = try_again(connector(address), lambda client: client.stat(address.name, digest=digest))
    if given().as_json:
        click.echo(_show_json(state))
        return
    rows = [
        ("name", state.name),
        ("total", f"{state.total:,} bytes"),
        ("mtime", show_time(state.mtime, utc=True)),
        ("rev", state.rev),
        ("digest", state.digest),
    ]
    for label, value in rows:
        if value is not None:
            click.echo(f"{label:8}{escape(value) if sys.stdout.isatty() else value}")


# --- rm ----------------------------------------------------------------------------------------


@click.command("rm", epilog="Example: headframe rm -r headframe://files.example/2026/drafts")
@click.option("-r", "--recursive", is_flag=True, help="Delete all files below the names.")
@revision_option
@json_option
@connection_options
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.pass_context
def remove(ctx: click.Context, urls: tuple[str, ...], recursive: bool, if_rev: str | None) -> None:
    """Delete files."""
    if if_rev is not None and (recursive or len(urls) > 1):
        raise click.UsageError("--if-rev is for one file.", ctx)
    addresses = [find_address(url) for url in urls]
    for address in addresses:
        if recursive and not address.name:
            raise InvalidArgument("all files of a server are deleted folder by folder only")
    with watch("rm", several=recursive or len(urls) > 1) as seen:
        for address in addresses:
            connect, name = connector(address), address.name.rstrip("/")
            before = seen.files + len(seen.failures)
            if recursive:
                options = TreeOptions(retries=given().retries)
                delete_tree(connect, f"{name}/", options, outcome=seen)
            if not recursive or (seen.files + len(seen.failures) == before):
                name = name if recursive else address.name
                transfers = iter([DeleteTransfer(name, if_rev=if_rev)])
                Crew(connect, transfers, seen, retries=given().retries).run()


# --- mv ----------------------------------------------------------------------------------------


@click.command("mv", epilog="Example: headframe mv headframe://files.example/inbox/a.txt archive/")
@click.option("-f", "--force", is_flag=True, help="Replace a file that has the new name.")
@revision_option
@json_option
@connection_options
@click.argument("url", metavar="URL")
@click.argument("name")
def move(url: str, name: str, force: bool, if_rev: str | None) -> None:
    """Give a file another name on the same server; NAME/ moves it into a folder.

    NAME may be a URL, too. Where URL is a bare name below HEADFRAME_URL, so is NAME.

    A move whose reply is lost is not tried again: look where the file is.
    """
    address = find_address(url)
    to = _find_target(address, name, bare=not is_url(url))
    rev = try_again(
        connector(address),
        lambda client: client.move(address.name, to, replace=force, if_rev=if_rev),
        repeatable=False,
    )
    if given().as_json:
        click.echo(_to_json({"filename": address.name, "to": to, "rev": rev}))


def _find_target(address: Address, name: str, *, bare: bool) -> str:
    """Return the name that the file at an address is to have."""
    there = find_address(name) if bare or is_url(name) else address.at(name.lstrip("/"))
    if there.at("") != address.at(""):
        raise InvalidArgument(f"a file is moved on its own server: {name!r} is on another")
    return there.name + last_segment(address.name) if there.is_folder else there.name
