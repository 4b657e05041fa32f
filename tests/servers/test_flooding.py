"""Many who ask for much and give nothing: what they cost, and that nobody else notices."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

import flooding
from flooding import HOLDING, MANY, abandon, ask, frame, hold, list_all, served, wait_for
from headframe_server import DirectoryStore
from headframe_server.disk import Disk

EACH_BYTES = 100_000
"""What a connection may cost: 500 of them less than 50 MB."""


@pytest.mark.parametrize("what", HOLDING)
def test_a_silent_connection_costs_little_whatever_it_has_announced(root, what):
    with served(root, *MANY, "--free-bytes", "0") as process:
        each_bytes, busy, _ = hold(process, HOLDING[what], 100)
    assert each_bytes < EACH_BYTES
    assert busy < 0.1


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", HOLDING)
def test_five_hundred_silent_connections_cost_less_than_50_mb(root, what):
    flooding.allow_descriptors(2000)
    with served(root, *MANY, "--free-bytes", "0") as process:
        each_bytes, busy, worst_s = hold(process, HOLDING[what], 500)
    assert each_bytes * 500 < 50_000_000
    assert busy < 0.1
    assert worst_s < 2


def test_abandoned_connections_leave_neither_thread_nor_descriptor(root):
    with served(root, *MANY, "--free-bytes", "0") as process:
        threads, descriptors = abandon(process, 400)
    assert threads <= 0
    assert descriptors <= 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_abandoned_connections_leave_neither_thread_nor_descriptor(root):
    with served(root, *MANY, "--free-bytes", "0") as process:
        threads, descriptors = abandon(process, 10_000)
    assert threads <= 0
    assert descriptors <= 0


def test_a_long_listing_costs_little(root):
    with served(root) as process:
        _, more_bytes = list_all(process, root, 20_000)
    assert more_bytes < 8_000_000


# --- over the limits


@pytest.mark.rule("HF-REPLY-012", "HF-REQ-006", "HF-SEC-011")
def test_a_connection_too_many_is_turned_away_with_a_word(root):
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(served(root, "--connections", "3"))
        peers = [stack.enter_context(process.connect()) for _ in range(4)]
        for peer in peers[:3]:
            assert ask(peer, cmd="hello")["ok"]
        refusal = ask(peers[3], cmd="hello")
        assert ("busy", True) == (refusal["code"], refusal["close"])
        assert 0 < refusal["retry_ms"]
        assert b"" == peers[3].recv(1)
        original = stack.enter_context(process.connect())
        original.sendall(frame(b"x", cmd="put", filename="a"))
        assert b"" == original.recv(1)
        peers[0].close()

        def let_in():
            with process.connect() as peer:
                return ask(peer, cmd="hello")["ok"]

        wait_for(let_in)
    assert not (root / "a").exists()


def test_one_peer_does_not_take_all_places(root):
    with contextlib.ExitStack() as stack:
        options = ("--connections", "10", "--connections-per-peer", "2")
        process = stack.enter_context(served(root, *options))
        peers = [stack.enter_context(process.connect()) for _ in range(3)]
        assert [True, True, False] == [ask(peer, cmd="hello")["ok"] for peer in peers]
        other = stack.enter_context(
            socket.create_connection(process.address, 20, source_address=("127.0.0.2", 0))
        )
        assert ask(other, cmd="hello")["ok"]


# --- slow ones


@pytest.mark.rule("HF-TIME-001", "HF-TIME-002", "HF-TIME-005")
def test_slow_peers_of_all_kinds_are_cut_and_nobody_else_waits(serving, connect, root):
    (root / "large").write_bytes(bytes(8 << 20))
    server = serving(header_ms=500, body_grace_ms=500, body_bytes_per_s=1000, idle_ms=500)
    kinds = {
        "header": frame(id=1, cmd="hello")[:20],
        "body": frame(id=1, cmd="put", filename="slow", filesize=1000) + b"x",
        "reader": frame(id=1, cmd="get", filename="large") * 3,
    }
    slow = []
    for kind, sent in kinds.items():
        for _ in range(8):
            peer = connect(server)
            peer.socket.sendall(frame(id=1, cmd="hello") if kind != "reader" else b"")
            peer.socket.sendall(sent)
            slow.append(peer)
    other = connect(server)
    waits = []
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        asked = time.monotonic()
        assert other.ask(b"x", cmd="put", filename="other")["ok"]
        waits.append(time.monotonic() - asked)
    for peer in slow:  # each has been cut: what there is to read has an end
        with contextlib.suppress(ConnectionError):
            while peer.socket.recv(1 << 20):
                pass
    assert sorted(waits)[len(waits) // 2] < 0.1


@pytest.mark.rule("HF-TIME-005")
def test_who_pipelines_and_never_reads_hurts_only_himself(root):
    body = bytes(1 << 20)
    with served(root, "--free-bytes", "0") as process, process.connect() as deaf:
        with process.connect() as other:
            assert ask(other, body, cmd="put", filename="a")["ok"]
            before = process.resident_bytes
            deaf.settimeout(2)
            sent = 0
            with contextlib.suppress(OSError):  # the server stops reading
                for _ in range(200):
                    deaf.sendall(frame(id=1, cmd="get", filename="a"))
                    deaf.sendall(frame(body, id=1, cmd="put", filename="b"))
                    sent += 1
            assert sent < 200
            for number in range(20):
                assert ask(other, b"x", cmd="put", filename=f"other{number}")["ok"]
            assert process.resident_bytes - before < 30_000_000


# --- no room


class Quota(Disk):
    """A file system with room for so many bytes, given back when a file goes."""

    room = 4_000_000

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()

    def _used(self):
        return sum(
            os.lstat(os.path.join(folder, name)).st_size
            for folder, _, names in os.walk(self.root)
            for name in names
        )

    def open_root(self, path):
        self.root = path
        return super().open_root(path)

    def write(self, descriptor, data, offset):
        with self._lock:
            left = self.room - self._used()
            if left <= 0:
                raise OSError(28, "No space left on device")
            return super().write(descriptor, data[:left], offset)


def test_when_there_is_no_room_files_stay_and_room_comes_back(serving, connect, root, leftovers):
    server = serving(store=DirectoryStore(root, disk=Quota(), free_bytes=0))
    fill_up(connect(server).socket)
    assert [] == leftovers()


def fill_up(sock):
    """Put until there is no room, look, make room and put again."""
    body = os.urandom(900_000)  # little enough to be discarded
    codes = []
    for number in range(8):
        reply = ask(sock, body, cmd="put", filename=f"f{number}")
        codes.append(reply.get("code", "ok"))
        assert ("retry_ms" in reply) == ("no-space" == codes[-1])
    assert ["ok", "no-space"] == sorted(set(codes), reverse=True)
    kept = codes.count("ok")
    for number in range(kept):
        stat = ask(sock, cmd="stat", filename=f"f{number}")
        assert len(body) == stat["total"]
    assert "not-found" == ask(sock, cmd="stat", filename=f"f{kept}")["code"]
    assert ask(sock, cmd="delete", filename="f0")["ok"]
    assert ask(sock, body, cmd="put", filename="again")["ok"]


def can_mount():
    """Return whether a file system of our own can be had, in a name space of our own."""
    if not shutil.which("unshare"):
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here; see Quota")
def test_on_a_small_file_system_the_same_is_true(root):
    script = (
        f"mount -t tmpfs -o size=4m tmpfs {root} && exec {sys.executable} -m headframe_server "
        f"{root} --bind 127.0.0.1:0 --free-bytes 0 --log-level error"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            with flooding.Process(process).connect() as sock:
                fill_up(sock)
        finally:
            process.kill()
