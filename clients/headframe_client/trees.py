"""Whole folders to a server and back, through one pipeline.

Spec: chapter 5, "Pipelining". The law of this module: every file that was asked for is either moved
and verified or among the failures, with the reason; one that fails stops no other. Only the end
of the connection ends it all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from headframe import UNSET, BadName, Delete, Get, Put
from headframe_client.calls import Call, GetCall, Progress, PutCall, ReplyCall
from headframe_client.client import Client
from headframe_client.folders import LocalFile, LocalFolder, walk_folder
from headframe_client.pipeline import Pipeline
from headframe_client.results import Entry
from headframe_client.sinks import PartFile
from headframe_client.sources import open_source, send_put

__all__ = ["LocalFile", "Outcome", "Report", "delete_tree", "get_tree", "put_tree", "walk_folder"]


@dataclass(slots=True)
class Outcome:
    """What a transfer of many files has come to; it grows while that is under way."""

    files: int = 0
    """Moved and verified."""
    file_bytes: int = 0
    """Their bytes."""
    moved_bytes: int = 0
    """All bytes that went by, those of unfinished files among them."""
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    """Names, with what went wrong."""


Report = Callable[[Outcome], None]
"""Called whenever a file is done, and now and then before."""


class _Tally:
    """Counts calls as the pipeline hands them over."""

    def __init__(self, report: Report | None) -> None:
        self.outcome = Outcome()
        self._report = report

    def watch(self) -> Progress | None:
        """Return what takes the progress of one file."""
        if self._report is None:
            return None
        before = 0

        def take(moved_bytes: int, _total: int | None) -> None:
            nonlocal before
            self.outcome.moved_bytes += moved_bytes - before
            before = moved_bytes
            self._tell()

        return take

    def finish(self, call: Call[Any]) -> None:
        """Count a call that is done."""
        if call.error is not None:
            self.fail(call.subject, call.error)
            return
        self.outcome.files += 1
        self.outcome.file_bytes += getattr(call.result(), "total", None) or 0
        self._tell()

    def fail(self, name: str, error: Exception) -> None:
        """Count a file that was not moved."""
        self.outcome.failures.append((name, error))
        self._tell()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self.outcome)


def put_tree(
    client: Client, files: Iterable[LocalFile], *, report: Report | None = None
) -> Outcome:
    """Put files, each under its name and with its time.

    >>> with Client() as client:  # doctest: +SKIP
    ...     put_tree(client, walk_folder("photos", "2026/"))
    """
    tally = _Tally(report)
    pipeline = Pipeline(client.session, tally.finish)
    for file in files:
        if file.trouble:
            tally.fail(file.path, OSError(file.trouble))
            continue
        try:
            call, sent_bytes = _begin_put(client, file, tally.watch())
        except OSError as error:
            tally.fail(file.path, error)
            continue
        pipeline.add(call, sent_bytes)
    pipeline.finish()
    return tally.outcome


def _begin_put(client: Client, file: LocalFile, progress: Progress | None) -> tuple[PutCall, int]:
    """Send a file; return its call and how many bytes went out."""
    with open_source(file.path) as source:
        mtime = UNSET if source.mtime is None or source.mtime < 0 else source.mtime
        put = Put(id=client.session.next_id(), filename=file.name, mtime=mtime)
        return send_put(client.session, put, source, progress), source.read_bytes


def get_tree(
    client: Client,
    prefix: str,
    folder: str | os.PathLike[str],
    *,
    keep: str = "",
    report: Report | None = None,
) -> Outcome:
    """Fetch all files whose names begin with `prefix`, which is empty or ends with `/`.

    They get their names, less the prefix, below `folder`, or below `keep` in it.
    """
    tally = _Tally(report)
    pipeline = Pipeline(client.session, tally.finish)
    target = LocalFolder(folder)
    for entry in client.list(prefix):
        try:
            path = target.place(keep + entry.name[len(prefix) :])
        except (OSError, BadName) as error:
            tally.fail(entry.name, error)
            continue
        call = GetCall(entry.name, PartFile(path), progress=tally.watch())
        client.session.begin(call, _request_whole(client, entry))
        pipeline.add(call, entry.total or 0)
    pipeline.finish()
    return tally.outcome


def _request_whole(client: Client, entry: Entry) -> Get:
    return Get(id=client.session.next_id(), filename=entry.name, want=["digest"])


def delete_tree(client: Client, prefix: str, *, report: Report | None = None) -> Outcome:
    """Delete all files whose names begin with `prefix`, which is empty or ends with `/`."""
    tally = _Tally(report)
    pipeline = Pipeline(client.session, tally.finish)
    for entry in client.list(prefix):
        call = ReplyCall(entry.name)
        request = Delete(id=client.session.next_id(), filename=entry.name)
        client.session.begin(call, request)
        pipeline.add(call)
    pipeline.finish()
    return tally.outcome
