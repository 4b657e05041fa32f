"""Whole transfers, ours beside others': one large file and many small ones, there and back.

    python tests/benchmarks/transfers.py                the table, a quarter of an hour
    python tests/benchmarks/transfers.py --quick        smaller, to see that it works
    python tests/benchmarks/transfers.py --peers headframe,rsync --jobs put-small

Each figure is a whole command, from the shell to its exit, medians of rounds in which all peers
take turns; data lie on a memory file system that was warmed. After each command it is checked
that what should have arrived is there. Trust the ratios; the machine is one line below the table.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import script
import supplies
from peers import PEERS, Headframe, Peer
from script import MIB, Result, remove


@dataclass(frozen=True)
class Sizes:
    """How much is moved."""

    large_bytes: int = 1 << 30
    files: int = 10_000
    small_bytes: int = 4096
    rounds: int = 3


QUICK = Sizes(large_bytes=1 << 24, files=300, rounds=1)


@dataclass
class Workplace:
    """The files that are moved."""

    place: Path
    sizes: Sizes
    large: Path = field(init=False)
    small: Path = field(init=False)

    def __post_init__(self) -> None:
        self.large = self.place / "large.bin"
        self.small = self.place / "small"

    def make(self) -> None:
        """Write what is moved: bytes that do not compress, a hundred files a folder."""
        with self.large.open("wb") as file:
            for _ in range(self.sizes.large_bytes // MIB):
                file.write(os.urandom(MIB))
        for index in range(self.sizes.files):
            folder = self.small / f"folder-{index // 100:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"file-{index:06d}.bin").write_bytes(os.urandom(self.sizes.small_bytes))


def same_trees(one: Path, other: Path) -> bool:
    """Return whether two folders hold the same files."""
    mine = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    theirs = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return mine == theirs and all(
        filecmp.cmp(one / path, other / path, shallow=False) for path in mine
    )


def put_large(peer: Peer, work: Workplace) -> float:
    remove(peer.root / work.large.name)
    seconds = peer.run(peer.put_file(work.large))
    assert filecmp.cmp(work.large, peer.root / work.large.name, shallow=False)
    return seconds


def get_large(peer: Peer, work: Workplace) -> float:
    target = peer.place / "large.copy"
    remove(target)
    seconds = peer.run(peer.get_file(work.large.name, target))
    assert filecmp.cmp(work.large, target, shallow=False)
    remove(target)
    return seconds


def put_small(peer: Peer, work: Workplace) -> float:
    remove(peer.root / work.small.name)
    seconds = peer.run(peer.put_tree(work.small))
    assert same_trees(work.small, peer.root / work.small.name)
    return seconds


def get_small(peer: Peer, work: Workplace) -> float:
    target = peer.place / "small.copy"
    remove(target)
    seconds = peer.run(peer.get_tree(work.small.name, target))
    assert same_trees(work.small, target)
    remove(target)
    return seconds


JOBS: dict[str, tuple[str, Callable[[Peer, Workplace], float]]] = {
    "put-large": ("put {large}", put_large),
    "get-large": ("get {large}", get_large),
    "put-small": ("put {files} x {small}", put_small),
    "get-small": ("get {files} x {small}", get_small),
}


def measure(
    work: Workplace, peers: list[type[Peer]], jobs: list[str]
) -> dict[str, dict[str, list[float]]]:
    """Return seconds by job and peer, one figure a round; the peers take turns."""
    taken: dict[str, dict[str, list[float]]] = {job: {} for job in jobs}
    with contextlib.ExitStack() as stack:
        running = []
        for kind in peers:
            place = work.place / kind.__name__.lower()
            running.append(stack.enter_context(kind(place)))
        for job in jobs:
            for peer in running:
                prepare(peer, work, job)
            for turn in range(work.sizes.rounds):
                order = running[turn % len(running) :] + running[: turn % len(running)]
                for peer in order:
                    taken[job].setdefault(peer.name, []).append(JOBS[job][1](peer, work))
            for peer in running:
                remove(peer.root / work.large.name)
                remove(peer.root / work.small.name)
    return taken


def prepare(peer: Peer, work: Workplace, job: str) -> None:
    """Let the server have what is to be fetched, put there by its own client."""
    if job == "get-large":
        put_large(peer, work)
    elif job == "get-small":
        put_small(peer, work)


def rate(job: str, seconds: float, sizes: Sizes) -> str:
    """Return a rate in its unit."""
    if job.endswith("large"):
        return f"{sizes.large_bytes / MIB / seconds:,.0f} MiB/s"
    return f"{sizes.files / seconds:,.0f} files/s"


def report(result: Result) -> list[str]:
    """Return the lines of a Markdown table: medians, and how much longer than ours it took."""
    sizes = Sizes(**result["sizes"])
    jobs = result["jobs"]
    words = {
        "large": f"{sizes.large_bytes // MIB:,} MiB",
        "files": f"{sizes.files:,}",
        "small": f"{sizes.small_bytes // 1024} KiB",
    }
    lines = [
        "| peer | " + " | ".join(JOBS[job][0].format(**words) for job in jobs) + " |",
        "| --- |" + " --- |" * len(jobs),
    ]
    for name in next(iter(jobs.values())):
        cells = []
        for job, rows in jobs.items():
            cell = rate(job, rows[name], sizes)
            if name != Headframe.name and Headframe.name in rows:
                cell += f" ({rows[name] / rows[Headframe.name]:.2f})"
            cells.append(cell)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", f"In brackets: time relative to {Headframe.name}'s; medians of {sizes.rounds}."]
    return lines


def main() -> None:
    script.end_when_told()
    parser = script.parser(__doc__)
    parser.add_argument("--peers", default="", help="a part of each one's name, with commas")
    parser.add_argument("--jobs", default=",".join(JOBS), help=f"of {', '.join(JOBS)}")
    found = parser.parse_args()
    how = script.options(found)
    sizes = replace(QUICK if how.quick else Sizes(), rounds=how.rounds)
    wanted = found.peers.split(",")
    kinds = [kind for kind in PEERS if any(part in kind.name for part in wanted)]
    peers = supplies.provide(kinds, install=how.install)
    with how.memory() as place:
        work = Workplace(place, sizes)
        script.warm(place, 4 * sizes.large_bytes)
        work.make()
        taken = measure(work, peers, found.jobs.split(","))
    medians = {
        job: {name: statistics.median(row) for name, row in rows.items()}
        for job, rows in taken.items()
    }
    result = {"sizes": asdict(sizes), "jobs": medians}
    how.finish(result, [*report(result), "", script.machine(how)])


if __name__ == "__main__":
    main()
