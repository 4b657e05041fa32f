"""Mutants in processes of their own, without a start of Python for each.

A process that has imported the reference waits for names on standard input; for each of them it
forks a child, which imports what the mutant changes once more, and is what it is asked to be.

    {"name": ..., "role": "server", "root": ...}   ->   PID URL    or   0 why it cannot live
    {"name": ..., "role": "codec"}                 ->   PID PORT   or   0 why it cannot live
    {"name": ..., "role": "client", "socket_path": ...} ->   PID SOCKET or   0 why it cannot live

The law of this module: nobody outlives the nursery, and the nursery not whoever has started it.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final

from conformance.mutants.lives import answer, obey, serve
from conformance.mutants.mutant import HERE, Mutant, install, load_mutants, remember

NEEDED: Final = (
    "headframe_server",
    "headframe.conformance.codec_program",
    "headframe_client.command.files",
    "headframe_client.command.transfers",
)
"""What lives need to import."""


class Nursery:
    """The process in which mutants are born."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE), "nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def raising(self, role: str, name: str, **how: str | int) -> Iterator[str]:
        """Let a mutant live, as `serve` or `answer` is told; yield where. Raises RuntimeError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"role": role, "name": name} | how), file=self._process.stdin, flush=True)
        pid, _, told = self._process.stdout.readline().rstrip("\n").partition(" ")
        if not int(pid or 0):
            raise RuntimeError(told or "the nursery is gone")
        try:
            yield told
        finally:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
                while True:  # until it is gone, and writes into the folder no more
                    os.kill(int(pid), 0)
                    time.sleep(0.001)

    def close(self) -> None:
        """End it, and all that lives in it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@functools.cache
def nursery() -> Nursery:
    """Return the nursery of this process."""
    started = Nursery()
    atexit.register(started.close)
    return started


def keep(asked: Iterable[str]) -> None:
    """Be the nursery: let a mutant live for each line, until there are no more lines."""
    mutants = load_mutants()
    for module in NEEDED:
        import_module(module)
    remember()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _bury)
    ending, held = os.pipe()
    for line in asked:
        how = json.loads(line)
        if not os.fork():
            os.close(held)
            mutant = mutants.get(how.pop("name"))
            _live(mutant, how.pop("role"), how, until=lambda: os.read(ending, 1))
            os._exit(0)


def _bury(*_: object) -> None:
    """Take notice of those who have ended, so that their time counts as the nursery's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _live(
    mutant: Mutant | None, role: str, how: Mapping[str, Any], until: Callable[[], object]
) -> None:
    def told(where: object) -> None:
        print(os.getpid(), where, flush=True)

    try:
        log = logging.getLogger("headframe.server")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        if mutant is not None:
            install(mutant)
        if role == "codec":
            answer(told)
        elif role == "client":
            obey(told, **how)
        else:
            serve(told, until, **how)
    except Exception as error:  # whatever it is, the mutant is broken
        print(0, f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)
