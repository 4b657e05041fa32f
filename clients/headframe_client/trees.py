"""Whole folders to a server and back.

Spec: chapters 5 and 10. The law of this module: every file that was asked for is moved and
verified, or kept because both sides have the same bytes, or left out for a reason that is told, or
among the failures; one that fails stops no other. A run after one that was broken off goes on where
that one stood.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from headframe import UNSET, BadName, UnsetType
from headframe_client.address import Address
from headframe_client.crew import Connect, Crew
from headframe_client.errors import ClientError
from headframe_client.folders import LocalFile, LocalFolder, walk_folder
from headframe_client.gets import GetTransfer
from headframe_client.journal import Journal, Upload, new_upload
from headframe_client.outcome import Outcome
from headframe_client.parts import KEPT_BYTES, PartFile
from headframe_client.puts import Claim, PutTransfer
from headframe_client.results import Entry, Kept
from headframe_client.retries import RETRIES, Retries
from headframe_client.session import FRAME_BYTES
from headframe_client.sources import Source
from headframe_client.transfers import DeleteTransfer, Transfer, UnlessKept

__all__ = [
    "LocalFile",
    "Outcome",
    "TreeOptions",
    "begin_get",
    "compare_names",
    "delete_tree",
    "get_tree",
    "list_names",
    "put_tree",
    "walk_folder",
]


class TreeOptions(Struct, frozen=True, kw_only=True):
    """How many files are moved."""

    address: Address | None = None
    """Of the server, if another run is to go on with what this one cannot end: the part of a large
    file that has been fetched is kept for it."""
    journal: Journal | None = None
    """Where uploads to that server are written down, so that another run finds them."""
    compare: bool = True
    """Whether a file is not moved if both sides have one of the same size and time, and of the same
    digest."""
    verify: bool = True
    """Whether digests are sent and compared; else size and time suffice."""
    connections: int = 1
    """At the same time, for the files; names are listed over another."""
    retries: int = RETRIES
    """Of what can be tried again, without any progress in between."""


def list_names(
    connect: Connect,
    prefix: str = "",
    delimiter: str | None = None,
    *,
    retries: int = RETRIES,
    outcome: Outcome | None = None,
) -> Iterator[Entry]:
    """Return the files whose names begin with `prefix`, in the order of their UTF-8 bytes.

    This has a connection of its own; if that is lost, for instance because the entries are taken
    so slowly, the listing goes on behind the last of them.
    """
    turns = Retries(retries, None if outcome is None else outcome.lose)
    after: str | None = None
    reached = False
    while True:
        try:
            with connect() as client:
                reached = True
                for entry in client.list(prefix, delimiter, after=after):
                    after = entry.name
                    yield entry
                    turns.reset()
                return
        except ClientError as error:
            if not reached:
                raise
            turns.wait(error)


def compare_names(files: Iterable[LocalFile], entries: Iterable[Entry]) -> Iterator[LocalFile]:
    """Return the files, each with what the server has under its name.

    Both come in the order of the UTF-8 bytes of their names, as `walk_folder` and `list_names` give
    them; that is the order of the text as well.
    """
    files, entries = iter(files), iter(entries)
    entry = next(entries, None)
    for file in files:
        while entry is not None and entry.name < file.name:
            entry = next(entries, None)
        if entry is None:
            yield file
            yield from files
        elif entry.name == file.name:
            yield replace(file, there=entry)
        else:
            yield file


def put_tree(
    connect: Connect,
    files: Iterable[LocalFile],
    options: TreeOptions | None = None,
    *,
    if_: str | UnsetType | None = UNSET,
    outcome: Outcome | None = None,
) -> Outcome:
    """Put files, each under its name and with its time; `if_` holds for every one of them.

    >>> def connect():
    ...     return Client.from_url("headframe://127.0.0.1")
    >>> put_tree(connect, walk_folder("photos", "2026/"))  # doctest: +SKIP
    """
    options = TreeOptions() if options is None else options
    outcome = Outcome() if outcome is None else outcome
    claim = _claim(options, always=not isinstance(if_, UnsetType))

    def transfers() -> Iterator[Transfer[Any]]:
        for file in files:
            if file.skipped:
                outcome.skip(file.path, file.trouble)
                continue
            if file.trouble:
                outcome.fail(file.path, OSError(file.trouble))
                continue
            put = PutTransfer(
                file.name,
                file.path,
                mtime=True,
                if_=if_,
                claim=claim,
                verify=options.verify,
            )
            put.path = file.path
            there = file.there if options.compare else None
            if there is None or not file.resembles(there):
                yield put
            elif options.verify:
                yield UnlessKept(file.path, file.size, put)
            else:
                outcome.keep(put, Kept(name=file.name, total=file.size, verified=False))

    _run(connect, transfers(), options, outcome)
    return outcome


def _run(
    connect: Connect, transfers: Iterator[Transfer[Any]], options: TreeOptions, outcome: Outcome
) -> None:
    crew = Crew(
        connect,
        transfers,
        outcome,
        connections=options.connections,
        retries=options.retries,
    )
    crew.run()


def _claim(options: TreeOptions, *, always: bool) -> Claim:
    """Return what decides as which upload a file is sent: a small one needs none, unless `always`.

    Without a condition a put whose reply was lost is simply made again.
    """

    def claim(put: PutTransfer, source: Source) -> Upload | None:
        small = source.size is not None and source.size <= FRAME_BYTES
        if source.size is None or (small and not always):
            return None
        if small or options.journal is None or options.address is None or source.mtime_ns is None:
            return Upload(new_upload())
        url = str(options.address.at(put.name))
        return options.journal.claim(url, put.path, source.size, source.mtime_ns)

    return claim


def get_tree(
    connect: Connect,
    prefix: str,
    folder: str | os.PathLike[str],
    options: TreeOptions | None = None,
    *,
    keep: str = "",
    outcome: Outcome | None = None,
) -> Outcome:
    """Fetch all files whose names begin with `prefix`, which is empty or ends with `/`.

    They get their names, less the prefix, below `folder`, or below `keep` in it.
    """
    options = TreeOptions() if options is None else options
    outcome = Outcome() if outcome is None else outcome
    target = LocalFolder(folder)

    def transfers() -> Iterator[Transfer[Any]]:
        for entry in list_names(connect, prefix, retries=options.retries, outcome=outcome):
            name = keep + entry.name[len(prefix) :]
            try:
                path = target.place(name)
            except (OSError, BadName) as error:
                outcome.fail(entry.name, error)
                continue
            total = entry.total or 0
            get = begin_get(entry.name, path, options, total=total)
            if not (options.compare and target.holds(name, entry)):
                yield get
            elif options.verify:
                yield UnlessKept(path, total, get)
            else:
                outcome.keep(get, Kept(name=entry.name, total=total, verified=False))

    _run(connect, transfers(), options, outcome)
    return outcome


def begin_get(
    name: str,
    path: str,
    options: TreeOptions,
    *,
    total: int | None = None,
    makes_folder: bool = False,
) -> GetTransfer:
    """Return the transfer of one file to a path, with its folder if `makes_folder`."""
    origin = ""
    if options.address is not None and (total is None or total > KEPT_BYTES):
        origin = str(options.address.at(name))
    sink = PartFile(path, origin, makes_folder=makes_folder)
    get = GetTransfer(name, sink, total=total, verify=options.verify)
    get.path = path
    return get


def delete_tree(
    connect: Connect,
    prefix: str,
    options: TreeOptions | None = None,
    *,
    outcome: Outcome | None = None,
) -> Outcome:
    """Delete all files whose names begin with `prefix`, which is empty or ends with `/`."""
    options = TreeOptions() if options is None else options
    outcome = Outcome() if outcome is None else outcome
    entries = list_names(connect, prefix, retries=options.retries, outcome=outcome)
    _run(connect, (DeleteTransfer(entry.name) for entry in entries), options, outcome)
    return outcome
