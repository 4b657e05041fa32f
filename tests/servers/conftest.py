"""A server over a temporary folder, and a peer that writes what it likes to it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from dataclasses import replace

import pytest

from headframe import LIMITS
from headframe_server import DirectoryStore, Server, Settings

TIMEOUT_S = 20


class Peer:
    """A raw connection: frames out as they are told, replies in as JSON and bytes."""

    def __init__(self, address, tls=None):
        self.socket = socket.create_connection(address, timeout=TIMEOUT_S)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def close(self):
        self.socket.close()

    @staticmethod
    def frame(body: bytes = b"", **members) -> bytes:
        members = {name.rstrip("_"): value for name, value in members.items()}
        if body:
            members.setdefault("filesize", len(body))
        header = json.dumps(members).encode()
        return struct.pack("<I", len(header)) + header + body

    def send(self, body: bytes = b"", **members) -> None:
        self.socket.sendall(self.frame(body, **members))

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError(data)
            data += piece
        return data

    def header(self) -> dict:
        (count,) = struct.unpack("<I", self.exactly(4))
        return json.loads(self.exactly(count))

    def reply(self) -> dict:
        """Return the headers of a reply, merged, and its body as `body`."""
        headers = [self.header()]
        body = self.exactly(headers[-1].get("filesize", 0))
        while headers[-1].get("more"):
            headers.append(self.header())
            body += self.exactly(headers[-1].get("filesize", 0))
        merged = {}
        for header in headers:
            merged |= header
        return merged | {"body": body, "frames": len(headers)}

    def ask(self, body: bytes = b"", **members) -> dict:
        self.send(body, **({"id": 1} | members))
        return self.reply()

    def ends(self) -> bool:
        """Return whether the server has ended its side and sent nothing more."""
        return b"" == self.socket.recv(1)

    def listing(self, **members) -> list:
        reply = self.ask(cmd="list", **members)
        return [json.loads(line) for line in reply["body"].splitlines()]

    def names(self, **members) -> list:
        return [row.get("filename", row.get("prefix")) for row in self.listing(**members)]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def leftovers(root):
    """Return a function that lists what the store keeps out of sight."""
    return lambda: sorted(path.name for path in (root / ".headframe").rglob("*") if path.is_file())


@pytest.fixture
def serving(root):
    """Return a function that starts a server, with limits of its own if told."""
    with contextlib.ExitStack() as stack:

        def start(*, settings=None, access=None, tls=None, store=None, **limits):
            store = stack.enter_context(store or DirectoryStore(root, free_bytes=0))
            return stack.enter_context(
                Server(
                    ("127.0.0.1", 0),
                    store,
                    settings=settings or Settings(drain_s=5),
                    limits=replace(LIMITS, **limits),
                    access=access,
                    tls=tls,
                )
            )

        yield start


@pytest.fixture
def connect():
    """Return a function that connects a raw peer to a server."""
    with contextlib.ExitStack() as stack:
        yield lambda server, tls=None: stack.enter_context(
            contextlib.closing(Peer(server.address, tls))
        )


@pytest.fixture
def peer(serving, connect):
    return connect(serving())
