"""Somebody's codec as a process that is asked in JSON lines.

Spec: the page `spec/vectors.md`. The law of this module: whatever the program does, a question
ends with an answer or a Deviation, within its time; a program that has ended is started again for
the next question, a few times. A pipe cannot be read with a time limit on every system: one thread
watches the clock, and kills the program that is late, which ends the reading.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self

from headframe.conformance.verdicts import Deviation, SetupError

__all__ = ["TIMEOUT_S", "Codec", "CodecProcess"]

TIMEOUT_S: Final = 5.0
"""How long an answer may take."""
FIRST_S: Final = 20.0
"""How long the first one may take, before which a program has to start."""
STARTS: Final = 8
"""How often the program is started before it is given up."""
TICK_S: Final = 0.05
"""How often it is looked whether an answer is late."""
ANSWER: Final = "one line of JSON, an object"


class Codec(Protocol):
    """What is asked: a process, or a codec of this one."""

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer; raise Deviation where there is none, SetupError where none will be."""
        ...


class CodecProcess:
    """A program, started when it is asked first.

    with CodecProcess("node my_codec.js") as codec:
        codec.ask({"op": "read", "role": "server", "chunks": []})
    """

    def __init__(
        self,
        command: str | Sequence[str],
        *,
        timeout_s: float | None = None,
        starts: int | None = STARTS,
    ) -> None:
        """`timeout_s`: how long each answer may take; None: 5 s, and 20 s after a start.

        `starts`: how often it is started before it is given up; None: it never is.
        """
        self.command = (
            shlex.split(command, posix=os.name != "nt") if isinstance(command, str) else [*command]
        )
        self._timeout_s = TIMEOUT_S if timeout_s is None else timeout_s
        self._first_s = FIRST_S if timeout_s is None else timeout_s
        self.most_starts = starts
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self._watch = _Watch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        self._watch.end()
        self._errors.close()

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer; raise Deviation where there is none, SetupError where none will be."""
        timeout_s = self._timeout_s if self._process else self._first_s
        process = self._running()
        line, trouble = "", ""
        self._watch.begin(process, timeout_s)
        try:
            line = _exchange(process, json.dumps(question))
        except (OSError, UnicodeError) as error:
            trouble = str(error)
        if self._watch.was_late():
            self._stop(kill=True)
            raise Deviation(ANSWER, f"nothing in {timeout_s:g} s")
        if trouble:
            self._stop()
            raise Deviation(ANSWER, f"{trouble}{self._last_words()}")
        if not line:
            code = self._stop()
            raise Deviation(ANSWER, f"the end of the program, exit code {code}{self._last_words()}")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self._stop(kill=True)  # whether the next line would be an answer, nobody knows
            raise Deviation(ANSWER, ascii(line[:200]))
        return answer

    def _running(self) -> subprocess.Popen[str]:
        """Return the process; start it if there is none."""
        if self._process is None:
            self.starts += 1
            if self.most_starts is not None and self.starts > self.most_starts:
                raise SetupError(
                    f"{self.command[0]} has ended or kept silent {self.most_starts} times"
                )
            try:
                self._process = subprocess.Popen(  # noqa: S603  (the user's own command)
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    encoding="utf-8",
                    start_new_session=True,
                )
            except OSError as error:
                raise SetupError(f"{self.command[0]} cannot be started: {error}") from error
        return self._process

    def _stop(self, *, kill: bool = False) -> int | None:
        """End the process; return its exit code, None for one that had to be killed."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        code = None
        if not kill:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(0.5)
        _kill(process)
        process.wait()
        for pipe in (process.stdout, process.stdin):
            with contextlib.suppress(OSError):
                pipe.close()
        return code

    def _last_words(self) -> str:
        """Return the last line that the program wrote to standard error."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f", saying {lines[-1][:200]!a}" if lines else ""


class _Watch:
    """Kills a program that does not answer in time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._until = 0.0
        self._late = False
        self._ended = threading.Event()
        threading.Thread(target=self._look, name="codec", daemon=True).start()

    def begin(self, process: subprocess.Popen[str], seconds: float) -> None:
        """Give a program so much time, from now on."""
        with self._lock:
            self._process, self._until, self._late = process, time.monotonic() + seconds, False

    def was_late(self) -> bool:
        """Stop looking at the program; return whether it was killed."""
        with self._lock:
            self._process = None
            return self._late

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(TICK_S):
            with self._lock:
                if self._process is not None and time.monotonic() > self._until:
                    self._late = True
                    _kill(self._process)


def _exchange(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline()


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill the program and what it has started: a pipe ends when nobody holds it."""
    with contextlib.suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
