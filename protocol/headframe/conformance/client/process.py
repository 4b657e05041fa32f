"""One run of a client, in a folder of its own: how it ended, what it said, what it left.

    FOLDER/target/      where the client is to put what it fetches; its working directory
    FOLDER/source/      what it is to send; beside it, it may remember how far it has come
    FOLDER/elsewhere/   nothing that it has any business with
    FOLDER/state/       what it may remember, by XDG_STATE_HOME

The law of this module: a client ends by itself within the time allowed or is killed, with all that
it has started; nothing that it prints is held up, and none of it is believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headframe.conformance.verdicts import SetupError

__all__ = ["ELSEWHERE", "Ended", "Sandbox"]

ELSEWHERE: Final = "elsewhere"
TAIL_BYTES: Final = 4096
"""Of what a client prints, so much of the end is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended."""

    code: int | None
    """None: it was still running, and was killed."""
    words: str
    """The end of what it printed."""
    seconds: float
    """How long it ran."""

    @property
    def claims_success(self) -> bool:
        """Whether it says that all is well."""
        return self.code == 0

    def __str__(self) -> str:
        last = self.words.strip().rpartition("\n")[2]
        how = "still running" if self.code is None else f"exit code {self.code}"
        return ascii(f"{how}{f': {last[-200:]}' if last else ''}")[1:-1]


@dataclass(slots=True)
class Sandbox:
    """The folders of one run."""

    folder: Path
    before: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("target", "source", ELSEWHERE, "state"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / ELSEWHERE / "file").write_bytes(b"not yours")

    @property
    def target(self) -> Path:
        """Return the folder that the client may write to."""
        return self.folder / "target"

    def source(self, name: str, body: bytes) -> Path:
        """Make a file that is to be sent."""
        path = self.folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    def run(self, arguments: Sequence[str], timeout_s: float) -> Ended:
        """Run a command to its end, or kill it; raise SetupError if it cannot be started."""
        self.before = self._look_outside()
        begun = time.monotonic()
        output = self.folder / "state" / "output"
        with output.open("wb") as words:
            try:
                process = subprocess.Popen(  # noqa: S603  (what the user told us to run)
                    arguments,
                    cwd=self.target,
                    env=_environment(self.folder / "state"),
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=subprocess.STDOUT,
                    start_new_session=os.name == "posix",
                )
            except OSError as error:
                raise SetupError(f"{arguments[0]!r} cannot be started: {error.strerror}") from error
            code: int | None = None
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _kill(process)
        return Ended(code=code, words=_tail(output), seconds=time.monotonic() - begun)

    def files(self) -> dict[str, bytes]:
        """Return the files below the target, by the path from there."""
        return {
            path.relative_to(self.target).as_posix(): path.read_bytes()
            for path in sorted(self.target.rglob("*"))
            if path.is_file()
        }

    def strays(self, *, sending: bool) -> list[str]:
        """Return what the run has made, changed or removed where it has no business to."""
        after = self._look_outside()
        changed = {n for n in {*self.before, *after} if self.before.get(n) != after.get(n)}
        memory = {n for n in changed - self.before.keys() if sending and n.startswith("source/")}
        return sorted(changed - memory)

    def _look_outside(self) -> dict[str, str]:
        """Return what is there, but for the target and the client's own memory."""
        mine = {self.folder / "target", self.folder / "state"}
        return {
            path.relative_to(self.folder).as_posix(): (
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            )
            for path in sorted(self.folder.rglob("*"))
            if path not in mine and not mine & {*path.parents}
        }


def _environment(state: Path) -> dict[str, str]:
    """Return what a client finds: nothing of ours, and a locale in which any name can be said."""
    found = {name: text for name, text in os.environ.items() if not name.startswith("HEADFRAME_")}
    if not {"LC_ALL", "LC_CTYPE", "LANG"} & found.keys():
        found["LC_ALL"] = "C.UTF-8"
    return found | {"XDG_STATE_HOME": str(state)}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _tail(output: Path) -> str:
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
