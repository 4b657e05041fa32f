"""One connection, from its first byte to its last: errors, refusals, patience and the end."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest


@pytest.mark.rule("HF-ERROR-003", "HF-TIME-006", "HF-ERROR-002")
def test_a_fatal_error_is_told_after_the_replies_and_ends_the_connection(peer):
    wire = peer.frame(id=1, cmd="stat", filename="a") + peer.frame(id=2, cmd="hello")
    peer.socket.sendall(wire + b"\xff\xff\xff\xff" + peer.frame(id=3, cmd="hello"))
    assert [1, 2] == [peer.reply()["id"], peer.reply()["id"]]
    last = peer.reply()
    assert (0, False, "bad-frame", True) == (last["id"], last["ok"], last["code"], last["close"])
    assert peer.ends()


@pytest.mark.rule("HF-REQ-006")
@pytest.mark.parametrize(
    "wire", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 9]
)
def test_a_stranger_gets_no_byte_and_is_closed_at_once(peer, wire):
    peer.socket.sendall(wire)
    assert peer.ends()


@pytest.mark.rule("HF-TIME-006")
def test_the_last_reply_arrives_although_the_peer_goes_on_sending(peer):
    peer.send(id=1, cmd="hello")
    peer.reply()
    peer.socket.sendall(b"\1\0\0\0" + bytes(3_000_000))
    assert "bad-frame" == peer.reply()["code"]
    assert peer.ends()


@pytest.mark.rule("HF-TIME-006")
def test_a_server_lingers_and_then_is_gone(serving, connect):
    peer = connect(serving(linger_ms=200))
    peer.send(id=1, cmd="hello", hf=2)
    refusal = peer.reply()
    assert ("unsupported-version", True) == (refusal["code"], refusal["close"])
    assert peer.ends()
    with pytest.raises(OSError):  # noqa: PT011, PT012
        for _ in range(1000):
            peer.socket.sendall(bytes(1000))
            time.sleep(0.01)


@pytest.mark.rule("HF-BODY-004", "HF-ERROR-008", "HF-REPLY-007")
@pytest.mark.parametrize("count", [1, 5, 100_000, 1 << 20])
def test_after_an_early_refusal_the_next_request_is_answered(peer, count):
    body = peer.frame(id=99, cmd="hello")[:count].ljust(count, b"\0")
    peer.socket.sendall(peer.frame(id=1, cmd="put", filename="../x", filesize=count))
    assert "bad-name" == peer.reply()["code"]
    peer.socket.sendall(body + peer.frame(id=2, cmd="hello"))
    assert 2 == peer.reply()["id"]


@pytest.mark.rule("HF-ERROR-006", "HF-REPLY-012", "HF-REPLY-013")
def test_a_refusal_of_too_large_a_rest_closes(peer, root):
    peer.send(id=1, cmd="put", filename="../x", filesize=(1 << 20) + 1)
    peer.send(b"x", id=2, cmd="put", filename="never")
    refusal = peer.reply()
    assert ("bad-name", True) == (refusal["code"], refusal["close"])
    assert peer.ends()
    assert not (root / "never").exists()


@pytest.mark.rule("HF-ERROR-007")
def test_a_rest_that_turns_out_too_large_is_told_and_closes(peer):
    peer.send(b"x", id=1, cmd="put", filename="../x", more=True)
    assert "bad-name" == peer.reply()["code"]
    peer.send(filesize=(1 << 20) + 1)
    notice = peer.reply()
    assert (0, "closing", True) == (notice["id"], notice["code"], notice["close"])
    assert peer.ends()


@pytest.mark.rule("HF-REPLY-002", "HF-REPLY-003")
def test_pipelined_requests_are_answered_in_order(peer):
    wire = b"".join(
        peer.frame(b"%d" % index, id=index, cmd="put", filename=f"{index}")
        + peer.frame(id=index, cmd="get", filename=f"{index}")
        for index in range(1, 200)
    )
    writer = threading.Thread(target=peer.socket.sendall, args=(wire,))
    writer.start()
    for index in range(1, 200):
        put, get = peer.reply(), peer.reply()
        assert (index, index, b"%d" % index) == (put["id"], get["id"], get["body"])
    writer.join(10)


@pytest.mark.rule("HF-BODY-010")
@pytest.mark.parametrize("cut", [5, 30, 70])
def test_a_put_that_is_cut_off_never_happened(peer, root, leftovers, cut):
    wire = peer.frame(b"x" * 50, id=1, cmd="put", filename="a")
    peer.socket.sendall(wire[: max(1, len(wire) - cut)])
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.ends()
    assert [".headframe"] == [path.name for path in root.iterdir()]
    assert [] == leftovers()


@pytest.mark.rule("HF-TIME-007")
def test_all_whole_requests_before_the_end_of_file_are_answered(peer):
    wire = b"".join(peer.frame(id=index, cmd="hello") for index in range(1, 50))
    peer.socket.sendall(wire)
    peer.socket.shutdown(socket.SHUT_WR)
    assert list(range(1, 50)) == [peer.reply()["id"] for _ in range(1, 50)]
    assert peer.ends()


# --- patience


@pytest.mark.rule("HF-TIME-003", "HF-TIME-004")
def test_silence_between_requests_ends_with_a_notice(serving, connect):
    peer = connect(serving(idle_ms=400))
    peer.send(id=1, cmd="hello")
    peer.reply()
    begun = time.monotonic()
    notice = peer.reply()
    assert (0, "closing") == (notice["id"], notice["code"])
    assert 0.35 < time.monotonic() - begun
    assert peer.ends()


def test_silence_of_a_peer_that_never_spoke_ends_in_silence(serving, connect):
    assert connect(serving(idle_ms=200)).ends()


@pytest.mark.rule("HF-TIME-001")
def test_a_header_has_its_time_in_total_and_not_per_byte(serving, connect):
    peer = connect(serving(header_ms=400))
    peer.send(id=1, cmd="hello")
    peer.reply()
    header = peer.frame(id=2, cmd="stat", filename="a" * 200)
    peer.socket.settimeout(0.02)
    begun = time.monotonic()
    received = b""
    for index in range(len(header)):
        peer.socket.sendall(header[index : index + 1])
        try:
            received = peer.socket.recv(1)
            break
        except TimeoutError:
            continue
    assert received
    assert 0.35 < time.monotonic() - begun < 5
    peer.socket.settimeout(20)
    rest = peer.exactly(3)
    assert b'"timeout"' in peer.exactly(struct.unpack("<I", received + rest)[0])
    assert peer.ends()


@pytest.mark.rule("HF-TIME-002")
@pytest.mark.parametrize("more", [False, True])
def test_a_body_that_trickles_is_cut_and_one_that_flows_is_not(serving, connect, more):
    server = serving(body_grace_ms=300, body_bytes_per_s=1000)
    slow, quick = connect(server), connect(server)
    slow.send(id=1, cmd="put", filename="slow", filesize=1000)
    if more:
        quick.send(b"x" * 50, id=1, cmd="put", filename="quick", more=True)
        for _ in range(10):
            time.sleep(0.1)
            quick.send(b"x" * 200, more=True)
        quick.send()
    else:
        quick.send(id=1, cmd="put", filename="quick", filesize=2000)
        for _ in range(10):
            time.sleep(0.1)
            quick.socket.sendall(b"x" * 200)
    assert quick.reply()["ok"]
    refusal = slow.reply()
    assert (0, "timeout", True) == (refusal["id"], refusal["code"], refusal["close"])
    assert slow.ends()


@pytest.mark.rule("HF-TIME-002")
def test_a_large_body_earns_more_patience_than_a_poll_can_have(serving, connect):
    peer = connect(serving(body_bytes_per_s=1))
    peer.send(bytes(3 << 20), id=1, cmd="put", filename="large", more=True)
    time.sleep(0.2)
    peer.send(b"end")
    assert (3 << 20) + 3 == peer.reply()["total"]


@pytest.mark.rule("HF-TIME-002", "HF-BODY-004")
@pytest.mark.parametrize("members", [{"id": 1, "cmd": "nope"}, {"cmd": "stat", "filename": "a"}])
def test_what_is_discarded_has_the_same_patience(peer, members):
    peer.send(filesize=10, **members)
    if "id" in members:
        assert "unknown-command" == peer.reply()["code"]
    time.sleep(0.2)
    peer.socket.sendall(b"0123456789" + peer.frame(id=2, cmd="hello"))
    assert 2 == peer.reply()["id"]


@pytest.mark.rule("HF-TIME-005")
def test_a_peer_that_takes_no_reply_is_cut_and_others_do_not_notice(serving, connect, root):
    (root / "a").write_bytes(bytes(64 << 20))
    server = serving(idle_ms=300)
    deaf, other = connect(server), connect(server)
    deaf.send(id=1, cmd="get", filename="a")
    for _ in range(8):
        assert other.ask(cmd="hello")["ok"]
        time.sleep(0.1)
    received = 0
    try:
        while piece := deaf.socket.recv(1 << 20):
            received += len(piece)
    except ConnectionError:
        pass
    assert received < 64 << 20
