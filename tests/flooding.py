"""What a server costs, and whether others notice, while many ask for much and give nothing.

The law of this module: the server is a process of its own, so that its memory, threads and
descriptors are counted and nobody else's.

    python tests/flooding.py        print the figures
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TIMEOUT_S = 30
LARGEST_HEADER = struct.pack("<I", 65_535)
LARGE_BODY = 1 << 30
"""As large as every server takes it, if there is room."""


class Process:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on"), line
        host, _, port = line.strip().rpartition("//")[2].rpartition(":")
        self.address = host, int(port)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=TIMEOUT_S)

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise LookupError(field)

    @property
    def resident_bytes(self) -> int:
        return self._status("VmRSS") * 1024

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served(root: str | os.PathLike[str], *options: str) -> Iterator[Process]:
    """Run a server as long as the context lasts."""
    command = [sys.executable, "-m", "headframe_server", os.fspath(root), "--bind", "127.0.0.1:0"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [*command, "--log-level", "error", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        yield Process(process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=20)


def frame(body: bytes = b"", **members: object) -> bytes:
    """Return a frame; its header says how long the body is unless told otherwise."""
    if body:
        members.setdefault("filesize", len(body))
    header = json.dumps(members).encode()
    return struct.pack("<I", len(header)) + header + body


def ask(sock: socket.socket, body: bytes = b"", **members: object) -> dict:
    """Send a request and return the reply, without its body, which is read."""
    sock.sendall(frame(body, id=1, **members))
    (count,) = struct.unpack("<I", _exactly(sock, 4))
    reply = json.loads(_exactly(sock, count))
    _exactly(sock, reply.get("filesize", 0))
    return reply


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError(bytes(data))
        data += piece
    return bytes(data)


def wait_for(condition: Callable[[], object], within_s: float = TIMEOUT_S) -> None:
    """Wait until `condition()` is true; raise AssertionError when that takes too long."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.01)


def allow_descriptors(count: int) -> int:
    """Let this process open `count` descriptors, or as many as it may; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


MANY = ("--connections", "600", "--connections-per-peer", "600")

HOLDING = {
    "idle": b"",
    "has said hello": frame(id=1, cmd="hello"),
    "largest header announced": LARGEST_HEADER,
    "largest header but one byte": LARGEST_HEADER + b" " * 65_534,
    "large body announced": frame(cmd="put", filename="NAME", filesize=LARGE_BODY),
    "large body, some of it": frame(cmd="put", filename="NAME", filesize=LARGE_BODY)
    + b"x" * 100_000,
    "large upload announced": frame(
        cmd="put",
        filename="NAME",
        upload="upload-of-22-char-NAME",
        total=LARGE_BODY,
        filesize=LARGE_BODY,
    ),
}
"""What each of many connections sends before it falls silent."""


def hold(process: Process, sent: bytes, count: int) -> tuple[float, float, float]:
    """Open `count` connections that send something and then nothing.

    Returns bytes of memory for each, the part of a processor they take, and the seconds that a
    put by somebody else took meanwhile, at worst of twenty.
    """
    with contextlib.ExitStack() as stack, process.connect() as other:
        ask(other, cmd="hello")
        before = process.resident_bytes
        for number in range(count):
            sock = stack.enter_context(process.connect())
            sock.sendall(sent.replace(b"NAME", b"%04d" % number))
        wait_for(lambda: process.threads >= count)
        time.sleep(0.3)  # until they have read what was sent
        cpu_s, begun = process.cpu_s, time.monotonic()
        worst_s = 0.0
        for number in range(20):
            asked = time.monotonic()
            assert ask(other, b"x" * 1000, cmd="put", filename=f"other{number}")["ok"]
            worst_s = max(worst_s, time.monotonic() - asked)
        cpu_s, begun = process.cpu_s, time.monotonic()
        time.sleep(1)
        busy = (process.cpu_s - cpu_s) / (time.monotonic() - begun)
        return (process.resident_bytes - before) / count, busy, worst_s


def abandon(process: Process, count: int) -> tuple[int, int]:
    """Make and abandon connections in all ways; return what threads and descriptors are left."""
    with process.connect() as sock:
        ask(sock, cmd="hello")
        threads, descriptors = process.threads, process.descriptors
    starts = [
        b"",
        b"\x30",
        LARGEST_HEADER + b"{",
        frame(id=1, cmd="hello"),
        frame(id=1, cmd="put", filename="a", filesize=10) + b"12345",
        frame(id=1, cmd="put", filename="b", upload="u" * 22, total=9, filesize=9) + b"123",
        frame(id=1, cmd="list") * 50,
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    for number in range(count):
        with process.connect() as sock:
            if number % 3 == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(starts[number % len(starts)])
    with process.connect() as sock:  # accepted after all of them
        assert ask(sock, cmd="hello")["ok"]
    left = [(0, 0)]

    def is_over() -> bool:
        left.append((process.threads - threads, process.descriptors - descriptors))
        return max(left[-1]) <= 0

    with contextlib.suppress(AssertionError):
        wait_for(is_over)
    return left[-1]


def list_all(process: Process, root: str | os.PathLike[str], count: int) -> tuple[float, int]:
    """List so many files page by page; return the seconds, and bytes of memory it took."""
    for number in range(count):
        (Path(root) / f"f{number:07d}").touch()
    with process.connect() as sock:
        ask(sock, cmd="list", limit=1)
        before, begun = process.resident_bytes, time.monotonic()
        after: dict[str, object] = {}
        seen, end = 0, False
        while not end:
            sock.sendall(frame(id=1, cmd="list", **after))
            (size,) = struct.unpack("<I", _exactly(sock, 4))
            reply = json.loads(_exactly(sock, size))
            lines = _exactly(sock, reply.get("filesize", 0)).splitlines()
            seen, end = seen + len(lines), reply["end"]
            after = {"after": json.loads(lines[-1])["filename"]}
        assert seen == count
        return time.monotonic() - begun, process.resident_bytes - before


def main() -> None:
    """Print the figures."""
    allow_descriptors(2000)
    with tempfile.TemporaryDirectory() as root:
        for what, sent in HOLDING.items():
            with served(root, *MANY, "--durability", "rename", "--free-bytes", "0") as process:
                each_bytes, busy, worst_s = hold(process, sent, 500)
            print(
                f"500 connections, {what}: {each_bytes / 1024:.1f} KiB each, "
                f"{each_bytes * 500 / 1e6:.1f} MB in all, {busy:.1%} of a processor, "
                f"others wait {worst_s * 1000:.0f} ms at worst",
                flush=True,
            )
        with served(root, *MANY, "--durability", "rename", "--free-bytes", "0") as process:
            before = process.resident_bytes
            begun = time.monotonic()
            left = abandon(process, 10_000)
            print(
                f"10,000 connections made and abandoned in {time.monotonic() - begun:.0f} s: "
                f"{left[0]} threads and {left[1]} descriptors left, "
                f"{(process.resident_bytes - before) / 1e6:.1f} MB more memory",
                flush=True,
            )
    with tempfile.TemporaryDirectory() as root, served(root) as process:
        seconds, more_bytes = list_all(process, root, 100_000)
        print(f"100,000 files listed in {seconds:.1f} s, {more_bytes / 1e6:.1f} MB more memory")


if __name__ == "__main__":
    main()
