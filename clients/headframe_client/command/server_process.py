"""A server of our own, in a process of its own, for as long as it is needed.

The law of this module: the process is ended on every way out, and what it had to complain about is
told with the error.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Final

from headframe_client.address import Address, parse_url
from headframe_client.errors import ConnectionFailed

__all__ = ["run_server"]

ANNOUNCEMENT: Final = "listening on "
START_S: Final = 30.0
STOP_S: Final = 10.0


@contextlib.contextmanager
def run_server(root: str | os.PathLike[str]) -> Iterator[Address]:
    """Serve a folder on a free port of this machine while the context lasts."""
    command = [sys.executable, "-m", "headframe_client", "serve", os.fspath(root)]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        process = subprocess.Popen(  # noqa: S603  (our own interpreter and our own command)
            [*command, "--bind", "127.0.0.1:0", "--durability", "rename", "--free-bytes", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
        )
        try:
            assert process.stdout is not None
            announced = _first_line(process.stdout)
            if not announced.startswith(ANNOUNCEMENT):
                _stop(process)
                complaints.seek(0)
                raise ConnectionFailed(f"the server did not start: {complaints.read().strip()}")
            yield parse_url(announced.removeprefix(ANNOUNCEMENT).strip())
        finally:
            _stop(process)


def _first_line(stream: IO[str]) -> str:
    """Return the first line, or what has come of it in time; go on reading so that none waits."""
    lines: list[str] = []
    arrived = threading.Event()

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            lines.append(stream.readline())
            arrived.set()
            while stream.read(4096):
                pass

    threading.Thread(target=read, daemon=True).start()
    arrived.wait(START_S)
    return lines[0] if lines else ""


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process, kindly first."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
