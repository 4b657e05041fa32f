"""How long a put of 1 KiB takes over a fresh connection, from a Python program.

    python tests/benchmarks/fresh.py

Connect, log in where that is needed, put under a new name, read the reply, disconnect. Medians; the
peers take turns, put by put.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time

import script
import supplies
from callers import PUT_BYTES
from peers import Headframe, Nginx, Pyftpdlib, Vsftpd
from script import How, Result

PUTS = 200
"""In each round."""
BODY_BYTES = 1024
WORDS = {"Pyftpdlib": "pyftpdlib + ftplib", "Vsftpd": "vsftpd + ftplib", "Nginx": "nginx + http"}


def measure(how: How) -> Result:
    """Return seconds by peer."""
    kinds = supplies.provide((Headframe, Pyftpdlib, Vsftpd, Nginx), install=how.install)
    taken: dict[str, list[float]] = {}
    body = os.urandom(BODY_BYTES)
    with how.memory() as place, contextlib.ExitStack() as stack:
        running = [stack.enter_context(kind(place / kind.__name__)) for kind in kinds]
        for index in range(20 if how.quick else PUTS * how.rounds):
            for peer in running:
                kind = type(peer).__name__
                put, name = PUT_BYTES[kind], f"{index}.bin"
                begun = time.perf_counter()
                put(peer, name, body)
                seconds = time.perf_counter() - begun
                assert (peer.root / name).read_bytes() == body
                taken.setdefault(WORDS.get(kind, peer.name), []).append(seconds)
    return {name: statistics.median(row) for name, row in taken.items()}


def report(result: Result) -> list[str]:
    """Return the lines of a table."""
    lines = [f"| put of {BODY_BYTES} bytes | ms | x ours |", "| --- | --- | --- |"]
    for name, seconds in result.items():
        lines.append(f"| {name} | {seconds * 1000:.2f} | {seconds / result['headframe']:.2f} |")
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
