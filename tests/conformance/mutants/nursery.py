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
import hashlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from threading import Thread
from typing import Any, Final, NoReturn

from conformance.mutants.mutant import HERE, install, load_mutants
from headframe.limits import LIMITS

PATIENCE_S: Final = 60.0
"""How long a codec waits for whoever has asked for it."""
TOKEN: Final = "q1oYb0FJrXPT0hCq8WcU8g"
"""What a guarded server wants to hear."""


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
    for package in ("headframe_server", "headframe_client.command.entry"):
        import_module(package)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ending, held = os.pipe()
    for line in asked:
        how = json.loads(line)
        if not os.fork():
            os.close(held)
            _live(how.pop("role"), how.pop("name"), how, until=lambda: os.read(ending, 1))
            os._exit(0)


def _live(role: str, name: str, how: dict[str, Any], until: Callable[[], object]) -> None:
    def told(where: object) -> None:
        print(os.getpid(), where, flush=True)

    try:
        log = logging.getLogger("headframe.server")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        with suppress(KeyError):
            install(load_mutants()[name])
        if role == "codec":
            answer(told)
        elif role == "client":
            obey(told, **how)
        else:
            serve(told, until, **how)
    except Exception as error:  # whatever it is, the mutant is broken
        print(0, f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)


def serve(
    told: Callable[[str], object],
    until: Callable[[], object],
    *,
    root: str,
    idle_ms: int = LIMITS.idle_ms,
    guard: str = "",
) -> None:
    """Serve a folder with what is imported now, tell the URL, and go on until a call returns.

    `guard` is a file with a key and a certificate: then TLS is spoken, and `TOKEN` wanted.
    """
    from headframe import LIMITS as LIMITS_NOW
    from headframe_server import Access, DirectoryStore, Person, Server, Settings, Token
    from headframe_server import server_context as tls

    most = LIMITS_NOW.total_bytes
    store = DirectoryStore(root, durability="rename", free_bytes=0, total_bytes=most)
    hashed = Token(Person("kit"), hashlib.sha256(TOKEN.encode()).hexdigest())
    with (
        store,
        Server(
            ("127.0.0.1", 0),
            store,
            settings=Settings(drain_s=0, durability="rename"),
            limits=replace(LIMITS_NOW, idle_ms=idle_ms),
            access=Access((hashed,)) if guard else None,
            tls=tls(guard) if guard else None,
        ) as server,
    ):
        told(server.url)
        until()


def answer(told: Callable[[int], object]) -> None:
    """Answer as a codec whoever comes to a port, and tell the port before."""
    from headframe.conformance import codec_program

    with socket.create_server(("127.0.0.1", 0)) as listener:
        told(listener.getsockname()[1])
        listener.settimeout(PATIENCE_S)
        with listener.accept()[0] as sock, sock.makefile("r") as asked:
            for line in asked:
                try:
                    said = codec_program.answer(json.loads(line))
                except Exception as error:  # whatever it is, it is no answer
                    said = {"error": f"{type(error).__name__}: {error}"}
                sock.sendall(json.dumps(said).encode() + b"\n")


def obey(told: Callable[[str], object], *, socket_path: str) -> None:
    """Be a client for each messenger that comes; in a process of its own, which ends with it."""
    from headframe_client.command import entry

    for module, _ in entry.TABLE.values():
        if module.startswith("headframe_client."):
            import_module(module.partition(":")[0])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(socket_path)
        listener.listen()
        told(socket_path)
        while True:
            sock, _ = listener.accept()
            with sock:
                if not os.fork():
                    _run_client(sock)


def _run_client(sock: socket.socket) -> NoReturn:
    """Do what one messenger says, and tell it the exit code."""
    from headframe_client.command import main

    said, descriptors, _, _ = socket.recv_fds(sock, 1 << 16, 3)
    folder, state, *arguments = os.fsdecode(said).split("\0")
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ["XDG_STATE_HOME"] = state
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    Thread(target=_end_with, args=(sock.dup(),), daemon=True).start()
    sys.argv = ["headframe", *arguments]
    code: object = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # what a program would die of
        traceback.print_exc()
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sock.sendall(bytes([code if isinstance(code, int) else int(code is not None)]))
    os._exit(0)


def _end_with(sock: socket.socket) -> None:
    """End when the messenger has been killed: it has said all that it says."""
    poll = select.poll()
    poll.register(sock, select.POLLHUP)
    poll.poll()
    os._exit(1)
