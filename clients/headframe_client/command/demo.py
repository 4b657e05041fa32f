"""The demonstration: real files to a real server and back, and what the format looks like.

The law of this module: everything it says was measured or compared in this very run, and if one
byte differs it says which file and fails.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from headframe.annotation import annotate
from headframe.hexdump import dump
from headframe_client.address import Address
from headframe_client.client import Client
from headframe_client.command.exits import describe
from headframe_client.command.original import build_frame, put_and_listen
from headframe_client.command.progress import open_progress
from headframe_client.command.server_process import run_server
from headframe_client.command.text import show_bytes, show_count, show_rate, show_seconds
from headframe_client.command.watching import Watch
from headframe_client.crew import Connect
from headframe_client.errors import ClientError, Refused
from headframe_client.outcome import Outcome
from headframe_client.trees import (
    LocalFile,
    get_tree,
    list_names,
    put_tree,
    walk_folder,
)

__all__ = ["demo"]

LEFT_OUT: Final = ("__pycache__", "site-packages")
ARRIVAL_S: Final = 20.0
FROM_2017: Final = "from-2017.txt"
BODY_2017: Final = b"Hello from 2017. I ask for no reply."

R = TypeVar("R")


@click.command(epilog="Example: headframe demo")
@click.option("--tree", type=click.Path(exists=True, file_okay=False, path_type=Path), hidden=True)
def demo(tree: Path | None) -> None:
    """Start a server, move Python's own standard library there and back, compare every byte."""
    root = tree or Path(sysconfig.get_path("stdlib"))
    files, left_out = _find_files(root)
    total = sum(file.size for file in files)
    whose = f"Python {platform.python_version()}'s standard library" if tree is None else str(tree)
    _say("tree", f"{whose}: {show_count(len(files), 'file')}, {show_bytes(total)}")
    also = f", nor {show_count(left_out, 'link')} and the like" if left_out else ""
    _say("", f"without {' and '.join(LEFT_OUT)}{also}")
    with (
        tempfile.TemporaryDirectory(prefix="headframe-demo-") as folder,
        run_server(_make(folder, "served")) as address,
    ):
        _say("server", f"{address} in a process of its own, over a temporary folder")
        click.echo()
        connect = functools.partial(Client.from_url, address)
        moved_s = _move(connect, files, _make(folder, "fetched"))
        with connect() as client:
            _show_original(client, address)
    click.echo()
    verdict = click.style("identical", bold=True)
    rate = show_rate(2 * total, moved_s, "bytes")
    click.echo(
        f"{verdict}: {show_count(len(files), 'file')}, {show_bytes(total)} there and back"
        f" in {show_seconds(moved_s)} ({rate})"
    )


def _move(connect: Connect, files: list[LocalFile], fetched: Path) -> float:
    """Put, list, get and compare; return how long the moving took."""
    total = sum(file.size for file in files)
    put = Watch(verb="put", total_bytes=total)
    with open_progress(put, "put -r"):
        _, put_s = _time(lambda: put_tree(connect, files, outcome=put))
    _say_moved("put -r", put, put_s, len(files))
    entries, list_s = _time(lambda: list(list_names(connect)))
    _check({entry.name for entry in entries} == {file.name for file in files}, "the listing")
    _say("ls", f"{show_count(len(entries), 'name')} in {show_seconds(list_s)}")
    got = Watch(verb="get", total_bytes=total)
    with open_progress(got, "get -r"):
        _, get_s = _time(lambda: get_tree(connect, "", fetched, outcome=got))
    _say_moved("get -r", got, get_s, len(files))
    for file in files:
        _check(_digest(Path(file.path)) == _digest(fetched / file.name), file.name)
    _check(len(list(walk_folder(fetched))) == len(files), "the number of files that came back")
    _say("compare", f"{show_count(len(files), 'sha-256 digest')}, source and copy: all equal")
    return put_s + get_s


def _show_original(client: Client, address: Address) -> None:
    """Put a file as the client of 2017 did, and show its frame."""
    frame = build_frame(FROM_2017, BODY_2017)
    answer = put_and_listen(address.host, address.port, frame, ARRIVAL_S)
    _check(answer == b"", f"the silence of the server, which sent {answer[:40]!r}")
    _check(_await_size(client, FROM_2017) == len(BODY_2017), FROM_2017)
    click.echo()
    click.echo("The client of 2017, struct.pack('i', n) + json.dumps(...) + file, no id:")
    click.echo("its file arrived, and not one byte came back. Its frame:")
    click.echo()
    for line in dump(annotate(frame).parts):
        click.echo(f"  {line}")


def _await_size(client: Client, name: str) -> int:
    """Return the size of a file that is about to appear."""
    deadline = time.monotonic() + ARRIVAL_S
    while True:
        try:
            return client.stat(name).total
        except Refused as refused:
            if refused.word != "not-found" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _find_files(root: Path) -> tuple[list[LocalFile], int]:
    """Return the files to move, and how many others could not be read or named."""
    found = [
        file
        for file in walk_folder(root)
        if not any(segment in LEFT_OUT for segment in file.name.split("/"))
    ]
    files = [file for file in found if not file.trouble and os.access(file.path, os.R_OK)]
    return files, len(found) - len(files)


def _make(folder: str, name: str) -> Path:
    path = Path(folder, name)
    path.mkdir()
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _time(work: Callable[[], R]) -> tuple[R, float]:
    """Return what `work` returns, and how many seconds it took."""
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def _check(true: bool, what: str) -> None:
    """Fail loudly if a comparison did."""
    if not true:
        raise ClientError(f"differs: {what}")


def _say_moved(verb: str, outcome: Outcome, seconds: float, files: int) -> None:
    """Say what a transfer came to; fail if it lacks anything."""
    for name, error in outcome.failures:
        raise ClientError(f"{verb} failed on {name}: {describe(error)}")
    _check(outcome.files == files, f"{verb} moved {outcome.files} files of {files}")
    _say(
        verb,
        f"{show_count(outcome.files, 'file')}, {show_bytes(outcome.file_bytes)}"
        f" in {show_seconds(seconds)}: {show_rate(outcome.files, seconds, 'files')},"
        f" {show_rate(outcome.file_bytes, seconds, 'bytes')}",
    )


def _say(label: str, text: str) -> None:
    click.echo(f"{click.style(f'{label:8}', bold=True)} {text}")
    sys.stdout.flush()
