"""What requests cost a server: its own processor time, with a client that costs next to nothing.

    python tests/benchmarks/server.py                       microseconds a request, by kind
    python tests/benchmarks/server.py --beside ../before    beside another checkout, in turns

All requests of a round are made beforehand and sent in one go from memory; what comes back is
counted and thrown away. Each figure is the least of many short rounds in which the checkouts take
turns, so that a slow moment of the machine hits all of them; trust the ratios. Data lie on a memory
file system and nothing is synced: what is measured is the program and the system's calls.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from headframe import Continuation, Get, Hello, Put, Request, Stat
from headframe.interpretation import LATER_PLAN, REQUEST_PLAN

TOP = Path(__file__).parents[2]
MIB = 1 << 20
SOURCE_ROOTS = ("protocol", "servers", "clients")


@dataclass(frozen=True)
class Sizes:
    """How much is asked of a server in one round."""

    files: int = 1000
    small_bytes: int = 4096
    large_mib: int = 256
    connections: int = 500
    rounds: int = 15


QUICK = Sizes(files=200, large_mib=16, connections=40, rounds=2)


class Served:
    """A server of one checkout, in a process of its own."""

    def __init__(self, checkout: Path, root: Path, *more: str) -> None:
        roots = os.pathsep.join(str(checkout / name) for name in SOURCE_ROOTS)
        command = [sys.executable, "-m", "headframe_server", str(root), *more]
        self._process = subprocess.Popen(
            [
                *(*command, "--bind", "127.0.0.1:0", "--durability", "rename"),
                *(
                    "--connections",
                    "1000",
                    "--connections-per-peer",
                    "1000",
                    "--log-level",
                    "error",
                ),
            ],
            env={**os.environ, "PYTHONPATH": roots},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "listening on" not in line:
            raise RuntimeError(f"{checkout} does not serve: {line!r}")
        self.port = int(line.rpartition(":")[2])

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)

    def cpu_s(self) -> float:
        """Return the processor time that it has used, the system's for it included."""
        return time.clock_gettime(~self._process.pid << 3 | 2)  # as clock_getcpuclockid(3) has it

    def resident_kib(self) -> int:
        """Return how much memory it has."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0])

    def connect(self) -> socket.socket:
        """Return a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port))


def exchange(sock: socket.socket, requests: memoryview) -> int:
    """Send all of `requests` and end; return how many successes came before the end of file."""
    sock.setblocking(False)
    sent = succeeded = 0
    rest = b""
    while True:
        wants_write = [sock] if sent < len(requests) else []
        readable, writable, _ = select.select([sock], wants_write, [], 60)
        if not readable and not writable:
            raise TimeoutError("the server is silent")
        if writable:
            sent += sock.send(requests[sent : sent + MIB])
            if sent == len(requests):
                sock.shutdown(socket.SHUT_WR)
        if readable:
            data = sock.recv(MIB)
            if not data:
                return succeeded
            succeeded += (rest + data).count(b'"ok":true')
            rest = data[-8:]


# --- what is asked -------------------------------------------------------------------------


def head(request: Request) -> bytes:
    return REQUEST_PLAN.build_head(request)


def name_of(index: int) -> str:
    return f"small/folder-{index // 100:03d}/file-{index:06d}.bin"


def small_puts(sizes: Sizes) -> Iterator[bytes]:
    for index in range(sizes.files):
        body = (index.to_bytes(8, "little") * (sizes.small_bytes // 8 + 1))[: sizes.small_bytes]
        digest = f"sha-256:{hashlib.sha256(body).hexdigest()}"
        put = Put(
            id=index + 1,
            filename=name_of(index),
            filesize=len(body),
            digest=digest,
            mtime=1_784_054_112_000_000 + index,
        )
        yield head(put) + body


def small_gets(sizes: Sizes) -> Iterator[bytes]:
    for index in range(sizes.files):
        yield head(Get(id=index + 1, filename=name_of(index), want=["digest"]))


def small_stats(sizes: Sizes) -> Iterator[bytes]:
    for index in range(sizes.files):
        yield head(Stat(id=index + 1, filename=name_of(index)))


def large_put(sizes: Sizes) -> Iterator[bytes]:
    block = os.urandom(MIB)
    hashed = hashlib.sha256()
    for index in range(sizes.large_mib):
        hashed.update(block)
        digest = f"sha-256:{hashed.hexdigest()}"
        last = index == sizes.large_mib - 1
        if not index:
            yield head(Put(id=1, filename="large", filesize=MIB, more=True)) + block
        elif not last:
            yield LATER_PLAN.build_head(Continuation(filesize=MIB, more=True)) + block
        else:
            yield LATER_PLAN.build_head(Continuation(filesize=MIB, digest=digest)) + block


def large_get(_sizes: Sizes) -> Iterator[bytes]:
    yield head(Get(id=1, filename="large", want=["digest"]))


def fresh_puts(sizes: Sizes) -> Iterator[bytes]:
    for index in range(sizes.connections):
        yield head(Put(id=1, filename=f"fresh/{index}", filesize=1024)) + bytes(1024)


@dataclass(frozen=True)
class Job:
    """Requests, and by what their cost is counted."""

    words: str
    make: Callable[[Sizes], Iterator[bytes]]
    count: Callable[[Sizes], int]
    requests: Callable[[Sizes], int]
    after: str = ""
    """The job that lays down what this one asks for."""
    fresh: bool = False
    """Each request comes on a connection of its own."""


JOBS = {
    "put": Job("put of a small file", small_puts, lambda s: s.files, lambda s: s.files),
    "get": Job("get of a small file", small_gets, lambda s: s.files, lambda s: s.files, "put"),
    "stat": Job("stat", small_stats, lambda s: s.files, lambda s: s.files, "put"),
    "put-large": Job("put, a MiB", large_put, lambda s: s.large_mib, lambda _: 1),
    "get-large": Job("get, a MiB", large_get, lambda s: s.large_mib, lambda _: 1, "put-large"),
    "fresh": Job(
        "put on a fresh connection",
        fresh_puts,
        lambda s: s.connections,
        lambda s: s.connections,
        fresh=True,
    ),
}


# --- measuring -----------------------------------------------------------------------------

Cost = tuple[float, float]
"""Of one request, in microseconds: processor time of the server, and time on the clock."""


def measure(served: Served, job: Job, parts: list[memoryview], sizes: Sizes) -> Cost:
    """Return what a round costs the server."""
    before_s, begun = served.cpu_s(), time.perf_counter()
    succeeded = 0
    for part in parts:
        with served.connect() as sock:
            succeeded += exchange(sock, part)
    cpu_s, clock_s = served.cpu_s() - before_s, time.perf_counter() - begun
    if succeeded != job.requests(sizes):
        raise RuntimeError(f"{job.words}: {succeeded} of {job.requests(sizes)} succeeded")
    return cpu_s / job.count(sizes) * 1e6, clock_s / job.count(sizes) * 1e6


def take_turns(running: list[tuple[Served, Path]], job: Job, sizes: Sizes) -> list[Cost]:
    """Return the least that a job costs each of the servers."""
    if job.after:
        take_turns(running, JOBS[job.after], replace(sizes, rounds=1))
    made = list(job.make(sizes))
    parts = [memoryview(part) for part in (made if job.fresh else [b"".join(made)])]
    costs: list[list[Cost]] = [[] for _ in running]
    for turn in range(sizes.rounds):
        for place in range(len(running)):
            index = (place + turn) % len(running)
            served, root = running[index]
            if job.make is small_puts:
                shutil.rmtree(root / "small", ignore_errors=True)
            costs[index].append(measure(served, job, parts, sizes))
    return [tuple(map(min, zip(*rounds, strict=True))) for rounds in costs]


def idle_kib(served: Served, count: int) -> float:
    """Return how much memory an idle connection costs, of so many that have said hello."""
    with contextlib.ExitStack() as stack:

        def open_more(count: int) -> int:
            for _ in range(count):
                sock = stack.enter_context(served.connect())
                sock.sendall(head(Hello(id=1)))
                sock.recv(4096)
            time.sleep(2.0)
            return served.resident_kib()

        return (-open_more(20) + open_more(count)) / count


def table(checkouts: list[Path], jobs: list[Job], sizes: Sizes, place: Path) -> list[str]:
    """Return the lines of a table: for each job and checkout the least of all rounds."""
    lines = ["| request | checkout | processor | clock |", "|---|---|---|---|"]
    with contextlib.ExitStack() as stack:
        running = []
        for index, checkout in enumerate(checkouts):
            root = place / f"root-{index}"
            root.mkdir()
            running.append((Served(checkout, root), root))
            stack.callback(running[-1][0].close)
        for job in jobs:
            for checkout, (cpu, clock) in zip(
                checkouts, take_turns(running, job, sizes), strict=True
            ):
                lines.append(f"| {job.words} | {checkout.name} | {cpu:.1f} | {clock:.1f} |")
        for checkout, (served, _) in zip(checkouts, running, strict=True):
            kib = idle_kib(served, sizes.connections)
            lines.append(f"| {kib:.1f} KiB for an idle connection | {checkout.name} | | |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", default=",".join(JOBS), help=f"of {', '.join(JOBS)}")
    parser.add_argument("--beside", type=Path, action="append", default=[], metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--place", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    if options.rounds:
        sizes = replace(sizes, rounds=options.rounds)
    checkouts = [path.resolve() for path in [TOP, *options.beside]]
    jobs = [JOBS[name] for name in options.jobs.split(",")]
    with tempfile.TemporaryDirectory(prefix="headframe-", dir=options.place) as place:
        print("\n".join(table(checkouts, jobs, sizes, Path(place))))
    print(f"\nMicroseconds a request, the least of {sizes.rounds} rounds.")


if __name__ == "__main__":
    main()
