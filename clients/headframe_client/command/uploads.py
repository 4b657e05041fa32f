"""The commands about uploads that are not finished: uploads ls, uploads abort.

The law of this module: it knows the uploads of this user from this machine, and does not touch one
that a process is at work on.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import click

from headframe_client.address import Address, parse_url
from headframe_client.command.options import connection_options, given, json_option
from headframe_client.command.state import open_journal
from headframe_client.command.targets import connector, find_address
from headframe_client.command.text import escape, show_bytes
from headframe_client.command.watching import try_again
from headframe_client.errors import ClientError, InvalidArgument, Refused
from headframe_client.journal import Note

__all__ = ["uploads"]

UNDER_WAY: Final = "under way"
BROKEN_OFF: Final = "broken off"
ABORTED: Final = "aborted"


@click.group(epilog="Example: headframe uploads ls headframe://files.example/")
def uploads() -> None:
    """Uploads from this machine that are not finished.

    A put that is run again goes on with its upload by itself; these commands show what there is
    to go on with, and throw it away.
    """


@uploads.command(
    "ls",
    short_help="List uploads that are not finished.",
    epilog="Example: headframe uploads ls --ask headframe://files.example/",
)
@click.option("--ask", is_flag=True, help="Ask the servers how much of each they have.")
@json_option
@connection_options
@click.argument("url", required=False, metavar="[URL]")
def list_uploads(url: str | None, ask: bool) -> None:
    """List uploads that are not finished, those below URL if one is given."""
    below = None if url is None else find_address(url)
    for note, upload in open_journal().notes():
        state = UNDER_WAY if upload is None else BROKEN_OFF
        if upload is not None:
            upload.release()
        if below is not None and not _is_below(note, below):
            continue
        if ask and upload is not None:
            state = _ask(note)
        click.echo(_show(note, state))


def _show(note: Note, state: str) -> str:
    if given().as_json:
        members = {"url": note.url, "path": note.path, "total": note.size, "state": state}
        return json.dumps(members, ensure_ascii=sys.stdout.isatty())
    url, path = escape(note.url), escape(note.path)
    return f"{show_bytes(note.size):>10}  {state:12}  {path} -> {url}"


def _is_below(note: Note, address: Address) -> bool:
    """Return whether an upload is for an address, or for a name in that folder."""
    there = parse_url(note.url)
    name = address.name.rstrip("/")
    inside = not name or there.name == name or there.name.startswith(f"{name}/")
    return inside and there.at("") == address.at("")


def _ask(note: Note) -> str:
    """Return how far an upload has come, as its server says."""
    try:
        state = try_again(
            connector(parse_url(note.url)), lambda client: client.stat_upload(note.token)
        )
    except Refused as refused:
        if refused.word != "upload-gone":
            raise
        return "gone"
    if state.rev is not None:
        return "finished"
    return f"{100 * state.offset // note.size} %" if note.size else "0 %"


@uploads.command(
    "abort",
    short_help="Throw away what servers have of them.",
    epilog="Example: headframe uploads abort headframe://files.example/2026/",
)
@click.option("-f", "--force", is_flag=True, help="Forget it even if the server cannot be told.")
@json_option
@connection_options
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
def abort(urls: tuple[str, ...], force: bool) -> None:
    """Throw away what servers have of uploads to URL, or below it."""
    addresses = [find_address(url) for url in urls]
    found = 0
    for note, upload in open_journal().notes():
        if not any(_is_below(note, address) for address in addresses):
            if upload is not None:
                upload.release()
            continue
        found += 1
        if upload is None:
            raise InvalidArgument(f"the upload to {note.url} is under way in another process")
        try:
            _delete(note, force=force)
            upload.forget()
        finally:
            upload.release()
        if given().as_json:
            click.echo(_show(note, ABORTED))
        elif not given().quiet:
            click.echo(f"headframe: aborted {escape(note.path)} -> {escape(note.url)}", err=True)
    if not found:
        raise FileNotFoundError(2, "no unfinished upload", " ".join(urls))


def _delete(note: Note, *, force: bool) -> None:
    try:
        connect = connector(parse_url(note.url))
        try_again(connect, lambda client: client.delete_upload(note.token))
    except ClientError as error:
        gone = isinstance(error, Refused) and error.word == "upload-gone"
        if not (gone or force):
            raise
