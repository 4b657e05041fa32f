"""The reference server to be tested, and listeners that are no server at all."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import replace

import pytest

from headframe import LIMITS
from headframe.conformance.target import Target
from headframe_server import DirectoryStore, Server, Settings


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def serving(root):
    """Return a function that starts the reference server, with what is told."""
    with contextlib.ExitStack() as stack:

        def start(*, settings=None, access=None, tls=None, **limits):
            store = stack.enter_context(DirectoryStore(root, durability="rename", free_bytes=0))
            return stack.enter_context(
                Server(
                    ("127.0.0.1", 0),
                    store,
                    settings=settings or Settings(drain_s=1, durability="rename"),
                    limits=replace(LIMITS, **limits),
                    access=access,
                    tls=tls,
                )
            )

        yield start


@pytest.fixture
def listening():
    """Return a function that lets `talk(sock)` have every connection, and gives the Target."""
    with contextlib.ExitStack() as stack:

        def start(talk, **about):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            held = []

            def serve(sock):
                with contextlib.suppress(OSError), sock:
                    talk(sock)

            def accept():
                with contextlib.suppress(OSError):
                    while True:
                        sock, _ = listener.accept()
                        held.append(sock)
                        threading.Thread(target=serve, args=(sock,), daemon=True).start()

            def stop():
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                for sock in held:
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)

            stack.callback(stop)
            threading.Thread(target=accept, daemon=True).start()
            return Target(host="127.0.0.1", port=listener.getsockname()[1], **about)

        yield start
