"""The commands that move bytes: put, get, cat.

The law of this module: the exit code is 0 only when every file that was asked for is where it
belongs and verified, and each one that is not is named on standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import click

from headframe import UNSET, UnsetType
from headframe_client.address import Address
from headframe_client.client import check_requested
from headframe_client.command.completion import complete_file
from headframe_client.command.options import (
    byte_options,
    given,
    revision_option,
    transfer_options,
)
from headframe_client.command.state import open_journal
from headframe_client.command.targets import connector, find_address, is_url, last_segment
from headframe_client.command.watching import Watch, watch
from headframe_client.crew import Crew
from headframe_client.errors import InvalidArgument
from headframe_client.gets import GetTransfer
from headframe_client.puts import PutTransfer
from headframe_client.results import Entry
from headframe_client.sinks import StreamSink
from headframe_client.trees import (
    LocalFile,
    TreeOptions,
    begin_get,
    compare_names,
    get_tree,
    list_names,
    put_tree,
    walk_folder,
)

__all__ = ["cat", "get", "put"]

Listing = Callable[[str], Iterator[Entry]]


def _tree_options(address: Address) -> TreeOptions:
    """Return how files are moved, as the options of the command say."""
    options = given()
    return TreeOptions(
        address=address if options.resume else None,
        journal=open_journal() if options.resume else None,
        compare=options.resume,
        verify=options.verify,
        connections=options.connections,
        retries=options.retries,
    )


# --- put ---------------------------------------------------------------------------------------


@click.command(epilog="Example: headframe put -r photos headframe://files.example/2026/")
@click.option("-r", "--recursive", is_flag=True, help="Send folders with all that is in them.")
@click.option("--if-absent", is_flag=True, help="Only if no file has the name.")
@revision_option
@transfer_options
@click.argument(
    "arguments",
    nargs=-1,
    required=True,
    metavar="LOCAL... [URL]",
    shell_complete=complete_file,
)
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

    A run after one that was broken off goes on where that one stood: a file that is there already
    is not sent again, and a large one from where it was cut.
    """
    has_url = is_url(arguments[-1])
    address = find_address(arguments[-1] if has_url else None)
    sources = arguments[:-1] if has_url else arguments
    if not sources:
        raise click.UsageError("Nothing to put was named.", ctx)
    if len(sources) > 1 and not address.is_folder:
        raise click.UsageError("Several files need a URL that ends with /.", ctx)
    folders = [source for source in sources if source != "-" and os.path.isdir(source)]
    if (if_absent or if_rev is not None) and (folders or len(sources) > 1):
        raise click.UsageError("--if-absent and --if-rev are for one file.", ctx)
    if if_absent and if_rev is not None:
        raise click.UsageError("A file that must not exist has no revision.", ctx)
    if_ = None if if_absent else UNSET if if_rev is None else if_rev
    if sources == ("-",):
        _put_input(address, if_)
        return
    connect, options = connector(address), _tree_options(address)
    for source in sources:
        _check_source(source, recursive)
    several = bool(folders) or len(sources) > 1

    def find(seen: Watch | None) -> Iterator[LocalFile]:
        there: Listing | None = None
        if seen is not None and options.compare:
            there = partial(list_names, connect, retries=options.retries, outcome=seen)
        return chain.from_iterable(_find_files(source, address, there) for source in sources)

    total = sum(file.size for file in find(None)) if _wants_total() else None
    with watch("put", _title(sources, "put"), several=several, total_bytes=total) as seen:
        put_tree(connect, find(seen), options, if_=if_, outcome=seen)


def _wants_total() -> bool:
    """Return whether somebody is going to see what share of all has been moved."""
    options = given()
    return not options.quiet and (sys.stderr.isatty() or options.progress not in ("auto", "none"))


def _title(names: tuple[str, ...], verb: str) -> str:
    return f"{verb} {last_segment(names[0])}" if len(names) == 1 else verb


def _put_input(address: Address, if_: str | UnsetType | None) -> None:
    """Put standard input, which can be read once only."""
    if address.is_folder:
        raise InvalidArgument("standard input needs a URL with a name that does not end with /")
    check_requested(address.name)
    source = sys.stdin.buffer
    with watch("put", f"put {last_segment(address.name)}", several=False) as seen:
        transfer = PutTransfer(address.name, source, if_=if_, verify=given().verify)
        Crew(connector(address), iter([transfer]), seen, retries=given().retries).run()


def _check_source(source: str, recursive: bool) -> None:
    if source == "-":
        raise InvalidArgument("standard input cannot be put together with other files")
    if not recursive and os.path.isdir(source):
        raise InvalidArgument(f"{source!r} is a folder: put -r")


def _find_files(source: str, address: Address, there: Listing | None) -> Iterator[LocalFile]:
    """Return the files that an argument means, under the names that they will have.

    With `there`, which lists names below a prefix, those in a folder come with what the server has.
    """
    own_name = os.path.basename(source.rstrip("/" + os.sep))
    if not os.path.isdir(source):
        name = address.name + own_name if address.is_folder else address.name
        check_requested(name)
        size = os.stat(source).st_size if os.path.exists(source) else 0
        yield LocalFile(source, name, size)
        return
    prefix = address.name
    if not address.is_folder:
        prefix += "/"
    elif own_name not in ("", ".", ".."):
        prefix += f"{own_name}/"
    files = walk_folder(source, prefix)
    yield from files if there is None else compare_names(files, there(prefix))


# --- get ---------------------------------------------------------------------------------------


@click.command(epilog="Example: headframe get -r headframe://files.example/2026/photos .")
@click.option("-r", "--recursive", is_flag=True, help="Fetch all files below the name.")
@transfer_options
@click.argument("arguments", nargs=-1, metavar="[URL]... [LOCAL]", shell_complete=complete_file)
@click.pass_context
def get(ctx: click.Context, arguments: tuple[str, ...], recursive: bool) -> None:
    """Fetch a file, or with -r a folder. LOCAL may be - for standard output; it is . if left out.

    `get URL/a.txt dir/` makes dir/a.txt. `get -r URL/photos x/` makes x/photos/..., `get -r
    URL/photos x` makes x/... A file gets its name when it has arrived and been verified.

    A run after one that was broken off goes on where that one stood: with -r a file that is here
    already is not fetched again, and a large one from where it was cut.
    """
    texts = list(arguments)
    local = texts.pop() if len(texts) > 1 and not is_url(texts[-1]) else "."
    addresses = [find_address(text) for text in texts] or [find_address(None)]
    into = local in (".", "..") or local.endswith(("/", os.sep)) or len(addresses) > 1
    if local == "-" and (recursive or len(addresses) > 1):
        raise click.UsageError("Only one file can go to standard output.", ctx)
    if local == "-":
        _get_output(addresses[0], "get")
        return
    if not recursive:
        for address in addresses:
            _check_name(address)
    title = _title(tuple(address.name for address in addresses), "get")
    several = recursive or len(addresses) > 1
    with watch("get", title, several=several) as seen:
        for address in addresses:
            if recursive:
                _get_all(address, local, into, seen)
            else:
                _get_one(address, local, into, seen)


def _check_name(address: Address) -> None:
    name = address.name
    if not name or name.endswith("/"):
        raise InvalidArgument(f"{name or '/'!r} is a folder: get -r")
    check_requested(name)


def _get_one(address: Address, local: str, into: bool, seen: Watch) -> None:
    """Fetch one file."""
    name, options = address.name, _tree_options(address)
    path = os.path.join(local, last_segment(name)) if into or os.path.isdir(local) else local
    transfer = begin_get(name, path, options, makes_folder=into)
    Crew(connector(address), iter([transfer]), seen, retries=options.retries).run()


def _get_output(address: Address, verb: str) -> None:
    """Write one file to standard output; after a loss it goes on behind what is written."""
    _check_name(address)
    sink = StreamSink(sys.stdout.buffer)
    title = f"{verb} {last_segment(address.name)}"
    with watch("get", title, several=False, output=True) as seen:
        transfer = GetTransfer(address.name, sink, resume=False, verify=given().verify)
        Crew(connector(address), iter([transfer]), seen, retries=given().retries).run()


def _get_all(address: Address, local: str, into: bool, seen: Watch) -> None:
    """Fetch all files below a name, or the file of that name."""
    name = address.name
    prefix = f"{name.rstrip('/')}/" if name else ""
    keep = f"{last_segment(name)}/" if into and name else ""
    before = seen.files + seen.kept + len(seen.failures)
    get_tree(connector(address), prefix, local, _tree_options(address), keep=keep, outcome=seen)
    if name and before == seen.files + seen.kept + len(seen.failures):
        _get_one(address.at(name.rstrip("/")), local, into, seen)


# --- cat ---------------------------------------------------------------------------------------


@click.command(epilog="Example: headframe cat headframe://files.example/notes.txt")
@byte_options
@click.argument("urls", nargs=-1, metavar="[URL]...")
def cat(urls: tuple[str, ...]) -> None:
    """Write files to standard output, one after the other."""
    for address in [find_address(url) for url in urls] or [find_address(None)]:
        _get_output(address, "cat")
