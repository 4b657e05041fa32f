"""What a mutant does with its life: it serves, answers as a codec, or obeys as a client.

The law of this module: the implementation is imported when a life begins, never before, so that
it is the mutant's.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from threading import Thread
from typing import Final, NoReturn

from headframe.limits import LIMITS

PATIENCE_S: Final = 60.0
"""How long a codec waits for whoever has asked for it."""
TOKEN: Final = "q1oYb0FJrXPT0hCq8WcU8g"
"""What a guarded server wants to hear."""


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
    for module in ("files", "transfers"):
        import_module(f"headframe_client.command.{module}")
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
