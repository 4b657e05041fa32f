"""The proxy passes what comes, records it, and does what its plan says."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from headframe.conformance.faults import DOWN, UP, FaultKind, Plan
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.proxying import Proxy, Record
from headframe.conformance.replaying import play
from headframe.conformance.requests import get, hello, put
from headframe.conformance.target import Facts, Target
from headframe.conformance.transcript import Kind, Transcript

TOP = Path(__file__).parents[2]
PATHS = os.pathsep.join(str(TOP / root) for root in ("protocol", "servers", "clients"))


@pytest.fixture
def upstream(serving):
    return serving().address[:2]


def speak(proxy, talk_to):
    talk = Conversation(Target.from_url(proxy.url, timeout_s=5.0), Facts())
    talk_to(Peer(talk))
    for peer in talk.peers:
        peer.close()
    return talk


def store_and_fetch(peer):
    peer.ok(put("~/a", b"body" * 5000))
    assert b"body" * 5000 == peer.ok(get("~/a")).body


def test_what_passes_is_recorded_and_can_be_played_again(upstream):
    record = Record()
    with Proxy(upstream, record=record) as proxy:
        talk = speak(proxy, store_and_fetch)
    sent = b"".join(e.data for e in talk.transcript.entries if e.kind is Kind.SENT)
    seen = b"".join(e.data for e in record.transcript.entries if e.kind is Kind.SENT)
    assert sent == seen
    assert [Kind.OPENED] == [e.kind for e in record.transcript.entries][:1]
    written = Transcript.from_json(record.transcript.to_json())
    steps = [*play(written, Target(host=upstream[0], port=upstream[1], timeout_s=5.0))]
    assert [True, True] == [step.same for step in steps][:2]


def test_a_record_ends_where_it_is_full(upstream):
    record = Record(most_bytes=1000)
    with Proxy(upstream, record=record) as proxy:
        speak(proxy, store_and_fetch)
    assert record.full
    assert sum(len(entry.data) for entry in record.transcript.entries) <= 1000


@pytest.mark.parametrize("kind", [FaultKind.SPLIT, FaultKind.STALL])
def test_faults_that_lose_nothing_change_nothing(upstream, kind):
    plan = Plan(7, (kind,), None, {UP: 300, DOWN: 300})
    with Proxy(upstream, plan) as proxy:
        speak(proxy, store_and_fetch)
    assert [kind] * len(proxy.struck) == [fault.kind for _, fault in proxy.struck]
    assert proxy.struck


def test_faults_are_told_with_the_record(upstream):
    record = Record()
    plan = Plan(3, (FaultKind.CUT,), None, {UP: 10, DOWN: 10})
    with Proxy(upstream, plan, record=record) as proxy:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(
                (proxy.url.split("/")[2].split(":")[0], int(proxy.url.rsplit(":", 1)[1])), timeout=5
            ) as sock,
        ):
            sock.sendall(b"\x16\0\0\0" + b'{"id":1,"cmd":"hello"}')
            while sock.recv(1000):
                pass
    assert [(number + 1, fault) for number, fault in proxy.struck] == record.faults
    assert [FaultKind.CUT] == [fault.kind for _, fault in record.faults]


def test_a_server_that_is_not_there_is_an_end_for_the_client():
    with Proxy(("127.0.0.1", 1)) as proxy:
        host, port = proxy.url.removeprefix("headframe://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            assert b"" == sock.recv(1)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT for another process")
def test_the_command_records_until_it_is_interrupted(upstream, tmp_path):
    path = tmp_path / "record.json"
    host, port = upstream
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "headframe_client", "proxy", f"headframe://{host}:{port}"),
            *("--record", str(path), "--fault", "split", "--seed", "7", "--span", "20"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": PATHS},
    ) as running:
        try:
            url = running.stdout.readline().split()[2].rstrip(",")
            talk = Conversation(Target.from_url(url, timeout_s=5.0), Facts())
            peer = Peer(talk)
            peer.ok(hello())
            peer.close()
        finally:
            running.send_signal(signal.SIGINT)
        told = running.stdout.read().splitlines()
        assert 0 == running.wait(10)
    assert "faults: split; seed 7" == told[0]
    assert "connection 1: split at byte" in told[1]
    assert told[-1].startswith(f"{path}: ")
    kinds = [entry.kind for entry in Transcript.from_json(path.read_text("utf-8")).entries]
    assert {Kind.OPENED, Kind.SENT, Kind.RECEIVED} <= {*kinds}


@pytest.mark.parametrize("listen", ["", "nowhere", "127.0.0.1:70000", ":1"])
def test_an_address_that_is_none_is_a_usage_error(listen):
    from click.testing import CliRunner

    from headframe.conformance.command.proxy import proxy

    done = CliRunner().invoke(proxy, ["headframe://127.0.0.1:1", "--listen", listen])
    assert 2 == done.exit_code
