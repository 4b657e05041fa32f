"""What the stock ThreadingTCPServer gets wrong, each shown on it and mended in ours.

The law of this module: every test runs twice, and has to fail on the stock class (`xfail`, strict);
so no row of the table can pass without the mending.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import trustme

from headframe_server import DirectoryStore, Server, Settings, server_context

CLOSE_WAIT = 8
"""TCP state of a side that has received FIN; after RST it would be 7, CLOSE."""
BAD_FRAME = b"\0\0\0\0"


class StockHandler(socketserver.BaseRequestHandler):
    """Answers frames in the style of the original program, with a time-out for each read."""

    timeout_s = 20.0

    def handle(self):
        self.request.settimeout(self.timeout_s)
        while head := self.exactly(4):
            (count,) = struct.unpack("<I", head)
            if count < 2:
                self.request.sendall(self.frame({"id": 0, "ok": False}))
                return
            raw = self.exactly(count)
            if len(raw) < count:
                return
            header = json.loads(raw)
            if header["cmd"] == "fail":
                raise ValueError(header["filename"])
            self.request.sendall(self.frame({"id": header["id"], "ok": True}))

    def exactly(self, count):
        data = b""
        while len(data) < count and (piece := self.request.recv(count - len(data))):
            data += piece
        return data

    @staticmethod
    def frame(header):
        raw = json.dumps(header).encode()
        return struct.pack("<I", len(raw)) + raw


class Stock(socketserver.ThreadingTCPServer):
    """The stock class, to be used like ours."""

    def __init__(self, address, handler=StockHandler):
        super().__init__(address, handler)
        self.address = self.server_address

    def start(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.shutdown()
        self.server_close()


@pytest.fixture(
    params=["ours", pytest.param("stock", marks=pytest.mark.xfail(strict=True, run=True))]
)
def kind(request):
    return request.param


@pytest.fixture
def make(kind, root):
    """Return a function that makes a server of either kind."""
    with contextlib.ExitStack() as stack:

        def build(host="127.0.0.1", handler=StockHandler, settings=None, **more):
            if kind == "stock":
                return Stock((host, 0), handler)
            store = stack.enter_context(DirectoryStore(root))
            settings = settings or Settings(drain_s=0)
            server = Server((host, 0), store, settings=settings, **more)
            stack.callback(server.stop)
            return server

        yield build


def test_one_idle_client_does_not_keep_it_from_closing(make, connect):
    server = make().start()
    peer = connect(server)
    peer.ask(cmd="hello")
    stopping = threading.Thread(target=server.stop, daemon=True)
    stopping.start()
    stopping.join(3)
    hung = stopping.is_alive()
    peer.close()
    stopping.join(10)
    assert not hung


SCRIPT = """
    import signal, socketserver
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
    signal.signal(signal.SIGTERM, lambda *_: server.shutdown())
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever(0.05)
"""


def test_a_signal_ends_it(kind, root):
    ours = [sys.executable, "-m", "headframe_server", str(root), "--bind", "127.0.0.1:0"]
    command = ours if kind == "ours" else [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    with running(command) as process:
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(3)


@contextlib.contextmanager
def running(command, **more):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, **more
    )
    try:
        assert process.stdout.readline().startswith(b"listening on")
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_many_may_connect_at_the_same_time(make):
    server = make()  # nobody accepts yet
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(60)]
        for sock in socks:
            sock.setblocking(False)
            sock.connect_ex(server.address)
        time.sleep(0.2)  # lost connects are tried again after a second at the earliest
        connected = sum(
            sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1 for sock in socks
        )
        server.socket.close()
    assert 60 == connected


def test_without_descriptors_it_does_not_spin_and_recovers(kind, root):
    script = "from headframe_server import DirectoryStore, Server, Settings\n"
    script += (
        "settings = Settings(connections=1000, connections_per_peer=1000)\n"
        f"server = Server(('127.0.0.1', 0), DirectoryStore({str(root)!r}), settings=settings)\n"
        "port = server.address[1]\n"
        if kind == "ours"
        else "import socketserver, time\n"
        "class Handler(socketserver.BaseRequestHandler):\n"
        "    def handle(self): self.request.recv(1)\n"
        "socketserver.ThreadingTCPServer.request_queue_size = 128\n"
        "server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)\n"
        "port = server.server_address[1]\n"
    )
    script += "print('listening on', port, flush=True)\nserver.serve_forever(0.05)\n"
    script = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n" + script
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.kill)
        port = int(process.stdout.readline().split()[-1])
        socks = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(100)
        ]
        time.sleep(0.2)
        before, begun = cpu_s(process.pid), time.monotonic()
        time.sleep(1)
        used = (cpu_s(process.pid) - before) / (time.monotonic() - begun)
        for sock in socks:
            sock.close()
        assert used < 0.25
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as sock:
            sock.sendall(StockHandler.frame({"id": 1, "cmd": "hello"}))
            assert sock.recv(100)


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as opened:
        fields = opened.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_silent_peer_does_not_stop_tls_for_others(kind, make, connect, tmp_path):
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    tls = server_context(tmp_path / "server.pem")
    server = make(tls=tls) if kind == "ours" else make()
    if kind == "stock":
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.start()
    with connect(server).socket:
        time.sleep(0.1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["hf/1"])
        authority.configure_trust(context)
        with socket.create_connection(server.address, timeout=2) as sock:
            try:
                with context.wrap_socket(sock, server_hostname="127.0.0.1") as talk:
                    talk.sendall(StockHandler.frame({"id": 1, "cmd": "hello"}))
                    assert talk.recv(10)
            finally:
                if kind == "stock":
                    server.socket.close()


def test_an_exception_brings_nothing_of_a_peer_to_the_terminal(
    kind, make, connect, capfd, monkeypatch
):
    def fail(_store, prefix, *_):
        raise ValueError(prefix)

    monkeypatch.setattr(DirectoryStore, "entries", fail)
    peer = connect(make().start())
    peer.send(
        id=1, cmd="fail" if kind == "stock" else "list", filename="\x1b[31m", prefix="\x1b[31m"
    )
    with contextlib.suppress(ConnectionError):
        assert peer.ends()
    time.sleep(0.1)
    peer.close()
    assert "\x1b" not in capfd.readouterr().err


def test_a_reset_is_nothing_to_talk_about(kind, make, connect, capfd, caplog):
    peer = connect(make().start())
    peer.ask(cmd="hello")
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    time.sleep(0.2)
    assert "" == capfd.readouterr().err
    assert [] == caplog.records


def test_there_are_only_so_many_threads(make, connect):
    server = make(settings=Settings(connections=10, connections_per_peer=10, drain_s=0)).start()
    before = _thread._count()
    peers = [connect(server) for _ in range(60)]
    time.sleep(0.3)
    threads = _thread._count() - before
    for peer in peers:
        peer.close()
    assert 10 <= threads <= 10 + 32


@pytest.mark.parametrize("host", ["::1", "::"])
def test_it_listens_on_ipv6_and_on_both(make, host):
    server = make(host=host).start()
    for target in ["::1", "127.0.0.1"] if host == "::" else ["::1"]:
        with socket.create_connection((target, server.address[1]), timeout=5) as sock:
            sock.sendall(StockHandler.frame({"id": 1, "cmd": "hello"}))
            assert sock.recv(10)


def test_a_peer_that_trickles_is_cut_in_time(kind, make, connect, monkeypatch):
    from dataclasses import replace

    from headframe import LIMITS

    monkeypatch.setattr(StockHandler, "timeout_s", 0.4)
    more = {"limits": replace(LIMITS, header_ms=400)} if kind == "ours" else {}
    peer = connect(make(**more).start())
    frame = peer.frame(id=1, cmd="stat", filename="x" * 200)
    peer.socket.settimeout(0.05)
    until = time.monotonic() + 2
    ended = False
    for byte in frame:
        try:
            peer.socket.sendall(bytes([byte]))
            ended = b"" == peer.socket.recv(1)
        except TimeoutError:
            pass
        except OSError:
            ended = True
        if ended or time.monotonic() > until:
            break
    peer.close()
    assert ended


@pytest.mark.rule("HF-TIME-006", "HF-ERROR-003")
def test_the_last_reply_is_not_followed_by_a_reset(make, connect):
    peer = connect(make().start())
    peer.ask(cmd="hello")
    with contextlib.suppress(OSError):
        peer.socket.sendall(BAD_FRAME + b"x" * 500_000)
    with contextlib.suppress(OSError):
        peer.reply()
        assert peer.ends()
    until = time.monotonic() + 0.5  # a reset may come a moment after the end
    state = CLOSE_WAIT
    while state == CLOSE_WAIT and time.monotonic() < until:
        state = peer.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        time.sleep(0.01)
    peer.close()
    assert CLOSE_WAIT == state
