"""Many small files with `--durability fsync` on a real disk, beside one sync at a time.

    python tests/benchmarks/durable.py

`put -r` of 10,000 files of 4 KiB, whole command. Beside it, the same files and the same promise
(file and directory are on stable storage), but one file after the other:

- put after put: the same server and library, one connection, each put sent when the reply to
  the one before has come. What differs is that no two puts can share a sync.
- no network: a loop on this machine that writes a temporary file, syncs it, renames it and syncs
  the directory. What a careful program pays without a server.

And `put -r` with `--durability rename`, which waits for no disk. The file system has written what
it had before each run begins, and nothing is removed before the last: an ext4 without a journal
goes by every inode that was freed within the last minutes, which costs each new file more than
its sync.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import script
from headframe_client import Client
from peers import Durable, Headframe
from script import How, Result
from transfers import Sizes, Workplace, same_trees

WAYS = ("put -r, fsync", "put after put, fsync", "no network, fsync", "put -r, rename")


def put_after_put(peer: Headframe, folder: Path) -> float:
    """Put one file at a time; return the seconds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    begun = time.perf_counter()
    with Client("127.0.0.1", peer.port) as client:
        for path in files:
            client.put(f"{folder.name}/{path.relative_to(folder)}", path)
    return time.perf_counter() - begun


def write_alone(target: Path, folder: Path) -> float:
    """Write one file at a time, as a server has to; return the seconds."""
    bodies = {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    begun = time.perf_counter()
    for name, body in bodies.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        with temporary.open("wb", buffering=0) as file:
            file.write(body)
            os.fsync(file.fileno())
        temporary.rename(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    return time.perf_counter() - begun


def ways_of(
    durable: Durable, hasty: Headframe, folder: Path
) -> dict[str, tuple[Path, Callable[[], float]]]:
    """Return where each way writes, and how."""
    alone = durable.place / "alone"
    places = durable.root, durable.root, alone, hasty.root
    calls: tuple[Callable[[], float], ...] = (
        lambda: durable.run(durable.put_tree(folder)),
        lambda: put_after_put(durable, folder),
        lambda: write_alone(alone / folder.name, folder),
        lambda: hasty.run(hasty.put_tree(folder)),
    )
    return dict(zip(WAYS, zip(places, calls, strict=True), strict=True))


def measure(how: How) -> Result:
    """Return seconds by way."""
    sizes = Sizes(large_bytes=0, files=300 if how.quick else 10_000)
    taken: dict[str, list[float]] = {}
    with how.memory() as memory, how.storage() as disk:
        work = Workplace(memory, sizes)
        work.make()
        with Durable(disk / "durable") as durable, Headframe(disk / "hasty") as hasty:
            ways = ways_of(durable, hasty, work.small)
            for turn in range(how.rounds):
                for words in WAYS[turn % len(WAYS) :] + WAYS[: turn % len(WAYS)]:
                    place, call = ways[words]
                    os.sync()
                    taken.setdefault(words, []).append(call())
                    assert same_trees(work.small, place / work.small.name)
                    (place / work.small.name).rename(place / f"{turn} {words}")
    return {
        "files": sizes.files,
        "small_bytes": sizes.small_bytes,
        "file_system": script.file_system(how.disk),
        "ways": {words: statistics.median(row) for words, row in taken.items()},
    }


def report(result: Result) -> list[str]:
    """Return the lines of a table."""
    files, ways = result["files"], result["ways"]
    words = f"{files:,} x {result['small_bytes'] // 1024} KiB on {result['file_system']}"
    lines = [f"| {words} | files/s | x put -r, fsync |", "| --- | --- | --- |"]
    for words, seconds in ways.items():
        lines.append(f"| {words} | {files / seconds:,.0f} | {seconds / ways[WAYS[0]]:.2f} |")
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
