"""How time and memory grow: with the number of files, and with the bytes of one file.

    python tests/benchmarks/growth.py        three minutes, and 17 GiB of a memory file system

Whole commands, and a server of its own for each size, so that the peak of its memory (VmHWM) is
that size's. `put -r` and `get -r` move files of 4 KiB, a hundred a folder; `ls -r` lists them;
`put` and `get` move one file, whose source is removed before it is fetched. A size for which there
is no room is left out, and said. Medians of the rounds; 100,000 files and 2 GiB or more are moved
once.

Figures that tell the shape, after what a command takes that moves one byte has been taken off:

- exponent: p in `time ~ size^p`, by least squares over the logarithms of the sizes that take at
  least as long as that command. Linear is 1.
- each: time by size for the largest.
- memory: the peak at the largest less the peak at the smallest, for either side.
"""

from __future__ import annotations

import math
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import processes
import script
from peers import Headframe
from processes import Done
from script import MIB, How, Result
from transfers import Sizes, Workplace

FILES = (1_000, 3_000, 10_000, 30_000, 100_000)
BYTES = tuple(MIB << shift for shift in (0, 3, 6, 9, 11, 13))
LARGE_FILES, LARGE_BYTES = 100_000, 2 << 30
"""From here on one round is enough."""
SMALL_BYTES = 4096
SPARE_BYTES = 3 << 30
"""Left to everybody else."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a size took."""

    seconds: float
    client_kib: int
    server_kib: int


Series = dict[int, list[Point]]
Step = tuple[str, Callable[[Headframe], Done], Callable[[Headframe], None]]
"""Words, what is measured, and what follows."""


def room_bytes(place: Path) -> int:
    """Return how much may be written to a memory file system."""
    free = shutil.disk_usage(place).free
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            free = min(free, int(line.split()[1]) * 1024)
    return free - SPARE_BYTES


def nothing(_: Headframe) -> None:
    """Follow with nothing."""


def take(place: Path, steps: list[Step], size: int, series: dict[str, Series]) -> None:
    """Take some steps with a server of their own, and note what each of them took."""
    with Headframe(place / "served") as peer:
        for words, call, then in steps:
            done = call(peer)
            if done.peak_kib <= processes.peak_kib(os.getpid()):
                raise RuntimeError(f"{words}: its peak hides behind that of this program")
            point = Point(done.seconds, done.peak_kib, processes.peak_kib(peer.server_pid))
            series.setdefault(words, {}).setdefault(size, []).append(point)
            then(peer)
    script.remove(place / "served")


def grow_files(place: Path, count: int, rounds: int, series: dict[str, Series]) -> None:
    """Put, list and get so many files."""
    work = Workplace(place, Sizes(large_bytes=0, files=count, small_bytes=SMALL_BYTES))
    work.make()
    copy = place / "copy"

    def check(_: Headframe) -> None:
        assert count == sum(len(names) for _, _, names in os.walk(copy))
        script.remove(copy)

    steps: list[Step] = [
        ("put -r", lambda peer: peer.watch(peer.put_tree(work.small)), nothing),
        ("ls -r", lambda peer: peer.watch(peer.list_tree(work.small.name)), nothing),
        ("get -r", lambda peer: peer.watch(peer.get_tree(work.small.name, copy)), check),
    ]
    for _ in range(rounds):
        take(place, steps, count, series)
    script.remove(work.small)
    script.remove(work.large)


def write_large(path: Path, count_bytes: int) -> None:
    """Write a file of bytes that do not compress, no two MiB alike."""
    block = bytearray(os.urandom(MIB))
    with path.open("wb") as file:
        for index in range(max(1, count_bytes // MIB)):
            block[:8] = index.to_bytes(8, "little")
            file.write(memoryview(block)[:count_bytes])


def grow_bytes(place: Path, count_bytes: int, rounds: int, series: dict[str, Series]) -> None:
    """Put and get a file of so many bytes."""
    source, copy = place / "large.bin", place / "copy.bin"

    def check_put(peer: Headframe) -> None:
        assert count_bytes == (peer.root / source.name).stat().st_size
        source.unlink()

    def check_get(_: Headframe) -> None:
        assert count_bytes == copy.stat().st_size
        copy.unlink()

    steps: list[Step] = [
        ("put", lambda peer: peer.watch(peer.put_file(source)), check_put),
        ("get", lambda peer: peer.watch(peer.get_file(source.name, copy)), check_get),
    ]
    for _ in range(rounds):
        write_large(source, count_bytes)
        take(place, steps, count_bytes, series)


def fit(medians: dict[int, Point], start_s: float) -> dict[str, float]:
    """Return the figures that tell the shape of a series."""
    beyond = {size: point.seconds - start_s for size, point in medians.items()}
    counting = {size: seconds for size, seconds in beyond.items() if seconds >= start_s}
    smallest, largest = min(medians), max(medians)
    figures = {
        "each_s": beyond[largest] / largest,
        "client_more_kib": medians[largest].client_kib - medians[smallest].client_kib,
        "server_more_kib": medians[largest].server_kib - medians[smallest].server_kib,
    }
    if len(counting) >= 2:
        sizes = [math.log(size) for size in counting]
        times = [math.log(seconds) for seconds in counting.values()]
        figures["exponent"] = statistics.linear_regression(sizes, times).slope
        figures["counting"] = len(counting)
    return figures


def median_of(points: list[Point]) -> Point:
    """Return the median of times, and the most of memory."""
    return Point(
        statistics.median(point.seconds for point in points),
        max(point.client_kib for point in points),
        max(point.server_kib for point in points),
    )


def measure(how: How) -> Result:
    """Return what each size took, and the figures that tell the shape."""
    files = (10, 100, 300) if how.quick else FILES
    sizes = (MIB, 4 * MIB, 16 * MIB) if how.quick else BYTES
    series: dict[str, Series] = {}
    nothing_much: dict[str, Series] = {}
    with how.memory() as place:
        room = room_bytes(place)
        for size in [size for size in sizes if 2 * size > room]:
            print(f"left out: {size // MIB:,} MiB, there is no room", file=sys.stderr, flush=True)
        sizes = tuple(size for size in sizes if 2 * size <= room)
        script.warm(place, 2 * MIB)
        for _ in range(how.rounds):
            grow_files(place, 1, 1, nothing_much)
            grow_bytes(place, 1, 1, nothing_much)
        for count in files:
            grow_files(place, count, 1 if count >= LARGE_FILES else how.rounds, series)
        for size in sizes:
            script.warm(place, 2 * size)  # what nobody used for a while is taken from the machine
            grow_bytes(place, size, 1 if size >= LARGE_BYTES else how.rounds, series)
    return {words: _told(rows, nothing_much[words]) for words, rows in series.items()}


def _told(rows: Series, nothing_much: Series) -> Result:
    """Return a series as plain data."""
    medians = {size: median_of(points) for size, points in rows.items()}
    start_s = median_of(nothing_much[1]).seconds
    return {
        "start_s": start_s,
        "sizes": list(medians),
        "seconds": [point.seconds for point in medians.values()],
        "client_kib": [point.client_kib for point in medians.values()],
        "server_kib": [point.server_kib for point in medians.values()],
        **fit(medians, start_s),
    }


def size_words(words: str, size: int) -> str:
    """Return a size in its unit."""
    return f"{size:,} files" if words.endswith("-r") else f"{size // MIB:,} MiB"


def report(result: Result) -> list[str]:
    """Return the lines of two tables: every size, and the shapes."""
    lines = ["| work | seconds | client MiB | server MiB |", "| --- | --- | --- | --- |"]
    for words, row in result.items():
        columns = zip(
            row["sizes"], row["seconds"], row["client_kib"], row["server_kib"], strict=True
        )
        for size, seconds, client_kib, server_kib in columns:
            lines.append(
                f"| {words}, {size_words(words, size)} | {seconds:.2f}"
                f" | {client_kib / 1024:.1f} | {server_kib / 1024:.1f} |"
            )
    lines += ["", "| work | exponent | each | client + MiB | server + MiB |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for words, row in result.items():
        exponent = f"{row['exponent']:.2f}" if "exponent" in row else "too few"
        if words.endswith("-r"):
            each = f"{row['each_s'] * 1e6:.0f} us a file"
        else:
            each = f"{row['each_s'] * MIB * 1e3:.2f} ms a MiB"
        lines.append(
            f"| {words} | {exponent} | {each}"
            f" | {row['client_more_kib'] / 1024:.1f} | {row['server_more_kib'] / 1024:.1f} |"
        )
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
