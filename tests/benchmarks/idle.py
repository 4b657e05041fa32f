"""What 500 idle connections cost a server: memory and processor time.

    python tests/benchmarks/idle.py

Each connection first asks for something (`hello`, a login, a page) and then is silent. Memory is
that of the server and its children, shared pages counted once (PSS), less what it was before with
one connection; the system's own for sockets and stacks is in none of the figures. Processor time
is what the server uses while nothing moves.
"""

from __future__ import annotations

import contextlib
import ftplib
import http.client
import statistics
import time
from collections.abc import Callable

import processes
import script
import supplies
from headframe_client import Client
from peers import Headframe, Nginx, Peer, Pyftpdlib, Vsftpd
from script import How, Result

CONNECTIONS = 500
WINDOW_S = 3.0
REST_S = 10.0
STILL_S = 1.5
"""A server may look again at what has been quiet for a second."""
TIMEOUT_S = 60


def silent(peer: Peer, stack: contextlib.ExitStack) -> None:
    """Connect and say nothing at all."""
    client = stack.enter_context(Client("127.0.0.1", peer.port, timeout_s=TIMEOUT_S))
    assert client.session is not None


def hello(peer: Peer, stack: contextlib.ExitStack) -> None:
    client = stack.enter_context(Client("127.0.0.1", peer.port, timeout_s=TIMEOUT_S))
    client.hello()


def login(peer: Peer, stack: contextlib.ExitStack) -> None:
    connection = ftplib.FTP(timeout=TIMEOUT_S)
    stack.callback(connection.close)
    connection.connect("127.0.0.1", peer.port)
    connection.login()


def page(peer: Peer, stack: contextlib.ExitStack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=TIMEOUT_S)
    stack.callback(connection.close)
    connection.request("GET", "/")
    connection.getresponse().read()


WAYS: tuple[tuple[str, type[Peer], Callable[[Peer, contextlib.ExitStack], None]], ...] = (
    ("headframe, after hello", Headframe, hello),
    ("headframe, silent from the start", Headframe, silent),
    ("pyftpdlib, logged in", Pyftpdlib, login),
    ("vsftpd, logged in", Vsftpd, login),
    ("nginx, kept alive", Nginx, page),
)


def rest(peer: Peer) -> None:
    """Wait until the server has had nothing to do for a while, or for ten seconds."""
    until, before_s = time.monotonic() + REST_S, -1.0
    while time.monotonic() < until and before_s != (now_s := processes.cpu_s(peer.server_pid)):
        before_s = now_s
        time.sleep(STILL_S)


def hold(
    peer: Peer, connect: Callable[[Peer, contextlib.ExitStack], None], count: int, window_s: float
) -> tuple[float, float]:
    """Return the KiB of a connection, and seconds of processor time in a second, all together."""
    with contextlib.ExitStack() as stack:
        connect(peer, stack)
        before_kib = processes.pss_kib(peer.server_pid)
        for _ in range(count):
            connect(peer, stack)
        rest(peer)
        begun, before_s = time.perf_counter(), processes.cpu_s(peer.server_pid)
        time.sleep(window_s)
        used_s = processes.cpu_s(peer.server_pid) - before_s
        used = used_s / (time.perf_counter() - begun)
        return (processes.pss_kib(peer.server_pid) - before_kib) / count, used


def measure(how: How) -> Result:
    """Return memory and processor time by way."""
    count, window_s = (50, 0.5) if how.quick else (CONNECTIONS, WINDOW_S)
    processes.allow_descriptors(4 * CONNECTIONS)
    present = supplies.provide((Headframe, Pyftpdlib, Vsftpd, Nginx), install=how.install)
    rows: dict[str, list[tuple[float, float]]] = {}
    for _ in range(how.rounds):
        for words, kind, connect in WAYS:
            if kind in present:
                with how.memory() as place, kind(place) as peer:
                    rows.setdefault(words, []).append(hold(peer, connect, count, window_s))
    return {
        "connections": count,
        "ways": {
            words: {
                "kib": statistics.median(kib for kib, _ in row),
                "cpu": statistics.median(cpu for _, cpu in row),
            }
            for words, row in rows.items()
        },
    }


def report(result: Result) -> list[str]:
    """Return the lines of a table."""
    lines = [
        f"| {result['connections']} idle connections | KiB each | processor |",
        "| --- | --- | --- |",
    ]
    for words, row in result["ways"].items():
        lines.append(f"| {words} | {row['kib']:.1f} | {row['cpu']:.1%} |")
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
