"""64 clients at once, each putting 16 files of 1 MiB: total rate, and how fair the server is.

    python tests/benchmarks/concurrency.py

Each client is a process of its own that stands ready, its modules imported, and begins with all
others. "library" is what Python programs use: ours, ftplib, http.client; then the server decides.
"command" is the peer's own client, whose start-up counts. The rate is all bytes through the time
from the first beginning to the last end; each client's time runs from its beginning to its last
reply.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier
from pathlib import Path

import processes
import script
import supplies
from callers import PUT_FOLDER
from peers import COMMAND_S, Headframe, Nginx, Peer, Rsync, Unverified, Vsftpd
from script import MIB, How, Result

CLIENTS = 64
FILES = 16
FILE_BYTES = MIB
LIMIT_S = 120
FORK = multiprocessing.get_context("fork")

Move = Callable[[Path], None]
"""Put a folder."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many clients there are, and what each of them moves."""

    clients: int = CLIENTS
    files: int = FILES

    @property
    def total_bytes(self) -> int:
        """What all of them move."""
        return self.clients * self.files * FILE_BYTES


@dataclass(frozen=True, slots=True)
class Way:
    """A server, and what speaks to it."""

    words: str
    kind: type[Peer]
    library: bool


WAYS = (
    Way("headframe, library", Headframe, True),
    Way("headframe --no-verify, library", Unverified, True),
    Way("vsftpd, ftplib", Vsftpd, True),
    Way("nginx, http.client", Nginx, True),
    Way("headframe, command", Headframe, False),
    Way("vsftpd, lftp", Vsftpd, False),
    Way("nginx, curl", Nginx, False),
    Way("rsync, command", Rsync, False),
)


def prepare(place: Path, sizes: Sizes) -> list[Path]:
    """Return a folder for each client: the same files, which are there once."""
    files = []
    for index in range(sizes.files):
        path = place / f"file-{index:02d}.bin"
        path.write_bytes(os.urandom(FILE_BYTES))
        files.append(path)
    folders = []
    for number in range(sizes.clients):
        folder = place / f"client-{number:02d}"
        folder.mkdir()
        for path in files:
            (folder / path.name).hardlink_to(path)
        folders.append(folder)
    return folders


def mover(way: Way, peer: Peer, folder: Path) -> Callable[[], object]:
    """Return what a client does; all that can be made ready is."""
    if way.library:
        return partial(PUT_FOLDER[way.kind.__name__], peer, folder)
    command = peer.put_tree(folder)
    log = peer.place / f"{folder.name}.log"
    return partial(processes.run, command, place=peer.place, log=log, limit_s=COMMAND_S)


def client(move: Callable[[], object], ready: Barrier, answer: Connection) -> None:
    """Be one client, in a process of its own."""
    try:
        ready.wait(LIMIT_S)
        begun = time.perf_counter()
        move()
        answer.send((begun, time.perf_counter(), ""))
    except BaseException as error:
        answer.send((0.0, 0.0, f"{type(error).__name__}: {error}"))


def run_all(moves: list[Callable[[], object]]) -> list[tuple[float, float]]:
    """Let clients begin together; return when each began and ended."""
    ready = FORK.Barrier(len(moves))
    started = []
    try:
        for move in moves:
            theirs, ours = FORK.Pipe(duplex=False)
            process = FORK.Process(target=client, args=(move, ready, ours), daemon=True)
            process.start()
            ours.close()
            started.append((process, theirs))
        times = []
        for _, theirs in started:
            if not wait([theirs], LIMIT_S):
                raise TimeoutError("a client does not come to an end")
            begun, ended, trouble = theirs.recv()
            if trouble:
                raise RuntimeError(f"a client failed: {trouble}")
            times.append((begun, ended))
        return times
    finally:
        for process, theirs in started:
            process.kill()
            process.join()
            theirs.close()


def move_all(way: Way, peer: Peer, folders: list[Path], sizes: Sizes) -> tuple[float, float]:
    """Return bytes a second, and how much longer the slowest client took than the fastest."""
    times = run_all([mover(way, peer, folder) for folder in folders])
    expected = [path.read_bytes() for path in sorted(folders[0].iterdir())]
    for folder in folders:
        there = sorted((peer.root / folder.name).iterdir())
        assert expected == [path.read_bytes() for path in there], f"{way.words}: other bytes"
        script.remove(peer.root / folder.name)
    clock_s = max(ended for _, ended in times) - min(begun for begun, _ in times)
    each_s = [ended - begun for begun, ended in times]
    return sizes.total_bytes / clock_s, max(each_s) / min(each_s)


def measure(how: How) -> Result:
    """Return rates and ratios by way."""
    sizes = Sizes(8, 4) if how.quick else Sizes()
    kinds = dict.fromkeys(way.kind for way in WAYS)
    present = supplies.provide(kinds, install=how.install)
    ways = [way for way in WAYS if way.kind in present]
    rows: dict[str, list[tuple[float, float]]] = {}
    with how.memory() as place, contextlib.ExitStack() as stack:
        script.warm(place, 2 * sizes.total_bytes)
        source = place / "source"
        source.mkdir()
        folders = prepare(source, sizes)
        running = {kind: stack.enter_context(kind(place / kind.__name__)) for kind in present}
        for turn in range(how.rounds):
            for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
                figures = move_all(way, running[way.kind], folders, sizes)
                rows.setdefault(way.words, []).append(figures)
    return {
        "clients": sizes.clients,
        "files": sizes.files,
        "file_bytes": FILE_BYTES,
        "ways": {
            way.words: {
                "bytes_per_s": statistics.median(rate for rate, _ in rows[way.words]),
                "slowest_to_fastest": statistics.median(ratio for _, ratio in rows[way.words]),
            }
            for way in ways
        },
    }


def report(result: Result) -> list[str]:
    """Return the lines of a table."""
    words = (
        f"{result['clients']} clients, {result['files']} x {result['file_bytes'] // MIB} MiB each"
    )
    lines = [f"| {words} | MiB/s | slowest / fastest |", "| --- | --- | --- |"]
    for name, row in result["ways"].items():
        lines.append(
            f"| {name} | {row['bytes_per_s'] / MIB:,.0f} | {row['slowest_to_fastest']:.1f} |"
        )
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
