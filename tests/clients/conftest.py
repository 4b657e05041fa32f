"""A real server, a scripted peer for what no honest server does, and the command line."""

from __future__ import annotations

import functools
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from headframe import (
    NEED_DATA,
    BodyChunk,
    Connection,
    ConnectionClosed,
    Limits,
    MessageAborted,
    MessageFinished,
    Request,
    Role,
)
from headframe_client import Client

if TYPE_CHECKING:
    from headframe_server import Server

TIMEOUT_S = 10.0

Script = Callable[["Peer"], None]


class Peer:
    """The server's end of one connection, led by a script."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(TIMEOUT_S)
        self.sock = sock
        # A script that refuses early reads on, however far ahead the client is by then.
        self.connection = Connection(Role.SERVER, Limits(discard_bytes=1 << 30))
        self.bodies: list[bytes] = []
        self.requests: list[Request] = []
        self.aborted = 0

    def send(self, *events: Any) -> None:
        for event in events:
            self.sock.sendall(self.connection.send(event))

    def send_raw(self, *headers: bytes, body: bytes = b"") -> None:
        for header in headers:
            self.sock.sendall(len(header).to_bytes(4, "little") + header)
        self.sock.sendall(body)

    def next_event(self) -> Any:
        while (event := self.connection.next_event()) is NEED_DATA:
            self.connection.receive_data(self.sock.recv(1 << 16))
        return event

    def read_request(self) -> Request:
        """Return the next whole request; its body is the last of `bodies`."""
        body = bytearray()
        while True:
            event = self.next_event()
            match event:
                case Request():
                    request = event
                    self.requests.append(event)
                case BodyChunk(data):
                    body += data
                case MessageFinished():
                    self.bodies.append(bytes(body))
                    return request
                case MessageAborted():
                    self.aborted += 1
                    return request
                case ConnectionClosed():
                    raise ConnectionError("the client has closed")

    def drain(self) -> None:
        """Read until the client is gone, without looking."""
        while self.sock.recv(1 << 16):
            pass


class ScriptedServer:
    """Runs a script for each connection, one connection after the other."""

    def __init__(self, *scripts: Script) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self._scripts = scripts
        self.peers: list[Peer] = []
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"headframe://127.0.0.1:{self.port}/"

    def connect(self, timeout_s: float = TIMEOUT_S) -> Client:
        return Client("127.0.0.1", self.port, timeout_s=timeout_s)

    def _run(self) -> None:
        for script in self._scripts:
            try:
                sock, _ = self._listener.accept()
                with sock:
                    self.peers.append(Peer(sock))
                    script(self.peers[-1])
            except ConnectionError:
                continue
            except BaseException as error:
                self.error = error
                return

    def close(self) -> None:
        self._thread.join(TIMEOUT_S)
        self._listener.close()
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    """Start a server that does what scripts say, each with one connection."""
    servers: list[ScriptedServer] = []

    def start(*scripts: Script) -> ScriptedServer:
        servers.append(ScriptedServer(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    from headframe_server import DirectoryStore, Server

    with Server(("127.0.0.1", 0), DirectoryStore(root)) as running:
        yield running


@pytest.fixture
def url(server: Server) -> str:
    """The URL of the real server, with a `/` at its end."""
    return f"headframe://127.0.0.1:{server.address[1]}/"


@pytest.fixture
def connect(url: str) -> Callable[[], Client]:
    """Return what connects to the real server."""
    return functools.partial(Client.from_url, url, timeout_s=TIMEOUT_S)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client.from_url(url, timeout_s=TIMEOUT_S) as connected:
        yield connected


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the command line in this process."""
    from headframe_client.command.entry import headframe

    def invoke(*arguments: str, input: bytes | None = None, **env: str) -> Result:  # noqa: A002
        return CliRunner().invoke(
            headframe, arguments, input=input, env={"HEADFRAME_URL": "", **env}
        )

    return invoke


@pytest.fixture
def environment() -> dict[str, str]:
    """For processes: what makes this checkout importable there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEADFRAME")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return environment


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with names in several scripts, empty files and one larger than a frame."""
    folder = tmp_path / "tree"
    for name, body in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


TREE = {
    "a.txt": b"hello",
    "a-b": b"sorted before a/b",
    "empty": b"",
    "d/inner.txt": b"inner",
    "d/deep/er/x": bytes(range(256)),
    "schön/日本語.txt": "語".encode(),
    "привет мир 🎈.md": b"emoji",
    "large.bin": bytes(1_500_000) + b"end",
}
