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

from headframe_client.client import Client
from headframe_client.command.targets import (
    connect,
    connection_options,
    find_address,
    last_segment,
    revision_option,
)
from headframe_client.command.text import escape, show_bytes, show_time
from headframe_client.command.transfers import report_failures
from headframe_client.errors import InvalidArgument
from headframe_client.results import Entry, FileState
from headframe_client.trees import delete_tree

__all__ = ["list_files", "move", "remove", "stat"]

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.command("ls")
@click.option("-r", "--recursive", is_flag=True, help="All names below, folder by folder or not.")
@json_option
@connection_options
@click.argument("url", required=False)
def list_files(url: str | None, recursive: bool, as_json: bool) -> None:
    """List a folder. Names are listed in the order of their bytes, folders with a / at the end."""
    address = find_address(url)
    with connect(address) as client:
        entries = _find_entries(client, address.name, None if recursive else "/")
        if as_json:
            lines: Iterable[str] = map(_show_json, entries)
        elif sys.stdout.isatty():
            lines = map(_show_row, entries)
        else:
            lines = (entry.name for entry in entries)
        for line in lines:
            click.echo(line)


def _find_entries(client: Client, name: str, delimiter: str | None) -> Iterator[Entry]:
    """Return what is in the folder `name`, or the file of that name."""
    prefix = f"{name.rstrip('/')}/" if name else ""
    entries = client.list(prefix, delimiter)
    first = next(entries, None)
    if first is not None:
        return chain([first], entries)
    if not name or name.endswith("/"):
        return iter(())
    state = client.stat(name)
    return iter([Entry(name=name, total=state.total, rev=state.rev, mtime=state.mtime)])


def _show_row(entry: Entry) -> str:
    size = "-" if entry.total is None else show_bytes(entry.total)
    return f"{size:>10}  {show_time(entry.mtime):16}  {escape(entry.name)}"


def _show_json(entry: Entry | FileState) -> str:
    if isinstance(entry, Entry) and entry.is_prefix:
        return json.dumps({"prefix": entry.name}, ensure_ascii=False)
    known = {
        "filename": entry.name,
        "total": entry.total,
        "rev": entry.rev,
        "mtime": entry.mtime,
        "digest": getattr(entry, "digest", None),
    }
    return json.dumps({k: v for k, v in known.items() if v is not None}, ensure_ascii=False)


@click.command()
@click.option("--digest", is_flag=True, help="Ask for the digest, too.")
@json_option
@connection_options
@click.argument("url", required=False)
def stat(url: str | None, digest: bool, as_json: bool) -> None:
    """Show what the server knows of a file."""
    address = find_address(url)
    with connect(address) as client:
        state = client.stat(address.name, digest=digest)
    if as_json:
        click.echo(_show_json(state))
        return
    name = escape(state.name) if sys.stdout.isatty() else state.name
    rows = [
        ("name", name),
        ("total", f"{state.total:,} bytes"),
        ("mtime", show_time(state.mtime, utc=True)),
        ("rev", state.rev),
        ("digest", state.digest),
    ]
    for label, value in rows:
        if value is not None:
            click.echo(f"{label:8}{value}")


@click.command("rm")
@click.option("-r", "--recursive", is_flag=True, help="Delete all files below the names.")
@revision_option
@connection_options
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.pass_context
def remove(ctx: click.Context, urls: tuple[str, ...], recursive: bool, if_rev: str | None) -> None:
    """Delete files."""
    if if_rev is not None and (recursive or len(urls) > 1):
        raise click.UsageError("--if-rev is for one file.", ctx)
    for address in [find_address(url) for url in urls]:
        with connect(address) as client:
            if not recursive:
                client.delete(address.name, if_rev=if_rev)
                continue
            if not address.name:
                raise InvalidArgument("all files of a server are deleted folder by folder only")
            outcome = delete_tree(client, f"{address.name.rstrip('/')}/")
            report_failures(ctx, outcome)
            if not outcome.files:
                client.delete(address.name.rstrip("/"))


@click.command("mv")
@click.option("-f", "--force", is_flag=True, help="Replace a file that has the new name.")
@revision_option
@connection_options
@click.argument("url")
@click.argument("name")
def move(url: str, name: str, force: bool, if_rev: str | None) -> None:
    """Give a file another name on the same server; NAME/ moves it into a folder."""
    address = find_address(url)
    to = name.lstrip("/")
    if not to or to.endswith("/"):
        to += last_segment(address.name)
    with connect(address) as client:
        client.move(address.name, to, replace=force, if_rev=if_rev)
