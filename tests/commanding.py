"""The installed command as a person has it: a process, perhaps on a terminal, and a server to kill.

The law of this module: what a test sees is what a person would: exit codes, output, the screen.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).parents[1]
PATHS = os.pathsep.join(str(TOP / source) for source in ("protocol", "servers", "clients"))
_INSTALLED = Path(sys.executable).with_name("headframe")
COMMAND = [str(_INSTALLED)] if _INSTALLED.exists() else [sys.executable, "-m", "headframe_client"]
PATIENCE_S = 100
COLUMNS, ROWS = 80, 24


def environment(**more: str) -> dict[str, str]:
    """Return what a process finds: this checkout, and nothing that somebody has set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HEADFRAME") and name not in ("NO_COLOR", "COLUMNS", "LINES")
    }
    return kept | {"PYTHONPATH": PATHS, "PYTHONIOENCODING": "utf-8"} | more


def start(*arguments: object, env: Mapping[str, str] | None = None, **more) -> subprocess.Popen:
    """Start the command."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], env=environment(**(env or {})), **more
    )


@dataclass(frozen=True)
class Done:
    """How a command has ended."""

    code: int
    out: str
    err: str


def run(*arguments: object, given: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
    """Run the command to its end, with `given` on its standard input and pipes for the rest."""
    process = start(
        *arguments,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(given, timeout=PATIENCE_S)
    finally:
        process.kill()
    return Done(process.returncode, out.decode(), err.decode())


def await_that(true: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    until = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < until, "it has not come about"
        time.sleep(0.01)


def memory_peak(process: subprocess.Popen) -> int:
    """Return the most memory that a process has had so far, in bytes (Linux)."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass
class ServedFolder:
    """A server in a process of its own, which can be killed and started again on the same port."""

    root: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"headframe://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = start(
            "serve", self.root, "--bind", f"127.0.0.1:{self.port}", *self.options,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening on "), line
        self.port = int(line.rsplit(":", 1)[1])

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@contextlib.contextmanager
def served(root: Path, *options: str) -> Iterator[ServedFolder]:
    """Serve a folder while the context lasts."""
    root.mkdir(exist_ok=True)
    server = ServedFolder(root, ("--free-bytes", "0", *options))
    server.start()
    try:
        yield server
    finally:
        server.kill()


@dataclass
class Screen:
    """A terminal of 80 columns with the command on it, and what a person sees there."""

    process: subprocess.Popen
    leader: int
    raw: bytes = b""
    frames: list[str] = field(default_factory=list)
    """What stood there after each piece of output."""

    def __post_init__(self) -> None:
        import pyte

        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def read(self) -> bool:
        """Take in what has been written; return False at the end."""
        if not select.select([self.leader], [], [], PATIENCE_S)[0]:
            raise TimeoutError(self.text)
        try:
            piece = os.read(self.leader, 1 << 16)
        except OSError:  # Linux: everybody has closed the terminal
            piece = b""
        self.raw += piece
        self._stream.feed(piece)
        self.frames.append(self.text)
        return bool(piece)

    def read_until(self, word: str) -> None:
        while word not in self.text:
            assert self.read(), self.text

    def press(self, keys: bytes) -> None:
        os.write(self.leader, keys)

    def finish(self) -> int:
        """Read to the end; return the exit code."""
        while self.read():
            pass
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def terminal(*arguments: object, env: Mapping[str, str] | None = None, **more) -> Iterator[Screen]:
    """Run the command on a terminal; `more` may lead one of its streams elsewhere."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    streams = {"stdin": follower, "stdout": follower, "stderr": follower} | more

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(2 if streams["stderr"] == follower else 1, termios.TIOCSCTTY, 0)

    process = start(
        *arguments, env={"TERM": "xterm-256color"} | dict(env or {}),
        preexec_fn=own_terminal, **streams,
    )  # fmt: skip
    os.close(follower)
    try:
        yield Screen(process, leader)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(leader)
