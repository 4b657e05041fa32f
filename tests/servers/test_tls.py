"""TLS: from the first byte, with the protocol agreed on, and off the thread that accepts."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time

import pytest
import trustme

from headframe_server import Access, Settings, server_context

SMALL = 5


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def files(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    return folder


def client_context(authority, alpn=("hf/1",), most=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    if alpn:
        context.set_alpn_protocols(alpn)
    if most is not None:
        context.minimum_version = context.maximum_version = most
    return context


@pytest.fixture
def server(serving, files):
    return serving(tls=server_context(files / "server.pem"), header_ms=600)


def test_everything_works_over_tls(server, connect, authority):
    assert server.url.startswith("headframes://")
    peer = connect(server, client_context(authority))
    body = os.urandom(3_000_000)
    assert peer.ask(body, cmd="put", filename="a")["ok"]
    reply = peer.ask(cmd="get", filename="a")
    assert (body, 3) == (reply["body"], reply["frames"])
    assert ["a"] == peer.names()


def test_requests_may_be_pipelined_over_tls(server, connect, authority):
    peer = connect(server, client_context(authority))
    frames = [peer.frame(b"%d" % n, id=n, cmd="put", filename=str(n)) for n in range(1, 60)]
    peer.socket.sendall(b"".join(frames))
    assert list(range(1, 60)) == [peer.reply()["id"] for _ in range(1, 60)]


@pytest.mark.rule("HF-SEC-001")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_old_version_is_not_spoken(server, authority):
    assert ssl.TLSVersion.TLSv1_2 == server.tls.minimum_version
    context = client_context(authority, most=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with (
        socket.create_connection(server.address, timeout=SMALL) as sock,
        pytest.raises((ssl.SSLError, OSError)),
    ):
        context.wrap_socket(sock, server_hostname="127.0.0.1")


@pytest.mark.rule("HF-SEC-002")
@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_who_does_not_ask_for_hf_1_gets_nothing(server, connect, authority, root, alpn):
    with contextlib.suppress(OSError):
        peer = connect(server, client_context(authority, alpn))
        peer.send(b"x", id=1, cmd="put", filename="a")
        assert b"" == peer.socket.recv(1)
    assert not (root / "a").exists()


def test_what_is_not_tls_is_cut(server, connect):
    peer = connect(server)
    peer.send(id=1, cmd="hello")
    with contextlib.suppress(OSError):
        received = peer.socket.recv(100)
        assert b"ok" not in received


@pytest.mark.rule("HF-SEC-003")
def test_a_silent_handshake_ends_and_keeps_nobody_waiting(server, connect, authority):
    silent = [connect(server) for _ in range(5)]
    begun = time.monotonic()
    assert connect(server, client_context(authority)).ask(cmd="hello")["ok"]
    assert time.monotonic() - begun < 0.5
    for peer in silent:
        assert b"" == peer.socket.recv(1)
    assert 0.5 < time.monotonic() - begun


@pytest.mark.rule("HF-SEC-003")
def test_a_handshake_that_trickles_has_its_time_in_total(server, authority):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = client_context(authority).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        talk.do_handshake()
    with socket.create_connection(server.address, timeout=0.05) as sock:
        begun = time.monotonic()
        for byte in outgoing.read():
            try:
                sock.sendall(bytes([byte]))
                assert b"" == sock.recv(1)
                break
            except TimeoutError:
                continue
            except OSError:
                break
    assert 0.5 < time.monotonic() - begun < SMALL


@pytest.mark.rule("HF-SEC-004", "HF-TIME-007")
def test_an_end_without_a_goodbye_is_an_end(server, connect, authority, root):
    peer = connect(server, client_context(authority))
    peer.send(b"hello", cmd="put", filename="a")
    peer.send(cmd="put", filename="b", filesize=9)
    raw = socket.socket(fileno=os.dup(peer.socket.fileno()))
    with contextlib.closing(raw):
        raw.shutdown(socket.SHUT_WR)
    until = time.monotonic() + SMALL
    while not (root / "a").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    assert not (root / "b").exists()


def test_the_last_reply_arrives_before_the_end(server, connect, authority):
    peer = connect(server, client_context(authority))
    peer.send(id=1, cmd="hello")
    peer.socket.sendall(b"\0\0\0\0" + b"x" * 100_000)
    assert 1 == peer.reply()["id"]
    assert "bad-frame" == peer.reply()["code"]
    assert peer.ends()


def test_stopping_cuts_a_tls_connection_too(serving, connect, files, authority):
    server = serving(tls=server_context(files / "server.pem"), settings=Settings(drain_s=0))
    peer = connect(server, client_context(authority))
    peer.send(id=1, cmd="put", filename="a", filesize=5)
    peer.socket.sendall(b"ab")
    begun = time.monotonic()
    server.stop()
    assert time.monotonic() - begun < SMALL


# --- certificates of clients


def test_a_client_is_known_by_its_certificate(serving, connect, files, authority, tmp_path):
    (tmp_path / "access.toml").write_text('[certificates."reader"]\naccess = "read-only"\n')
    access = Access.read(tmp_path / "access.toml", wants_certificate=True)
    tls = server_context(files / "server.pem", client_authority=files / "authority.pem")
    server = serving(tls=tls, access=access)

    def peer_named(name):
        context = client_context(authority)
        authority.issue_cert(f"{name}@example.org", common_name=name).configure_cert(context)
        return connect(server, context)

    assert peer_named("writer").ask(b"x", cmd="put", filename="a")["ok"]
    reader = peer_named("reader")
    assert "forbidden" == reader.ask(b"x", cmd="put", filename="a")["code"]
    assert b"x" == reader.ask(cmd="get", filename="a")["body"]


@pytest.mark.parametrize("foreign", [True, False])
def test_without_the_right_certificate_nobody_comes_in(
    serving, connect, files, authority, root, foreign
):
    tls = server_context(files / "server.pem", client_authority=files / "authority.pem")
    server = serving(tls=tls, access=Access(wants_certificate=True))
    context = client_context(authority)
    if foreign:
        trustme.CA().issue_cert("x@example.org", common_name="x").configure_cert(context)
    with pytest.raises((OSError, EOFError)):
        connect(server, context).ask(b"x", cmd="put", filename="a")
    assert not (root / "a").exists()


def test_a_server_that_stops_does_not_take_tls_off_a_connection_in_use(
    serving, connect, files, authority, monkeypatch
):
    taken_off = []
    original = ssl.SSLSocket.shutdown

    def shutdown(self, how):
        taken_off.append(threading.current_thread())
        original(self, how)

    monkeypatch.setattr(ssl.SSLSocket, "shutdown", shutdown)
    settings = Settings(drain_s=0)
    server = serving(tls=server_context(files / "server.pem"), settings=settings)
    peer = connect(server, client_context(authority))
    assert peer.ask(cmd="hello")["ok"]
    peer.send(cmd="put", id=2, filename="a", filesize=1)
    server.stop()
    assert threading.current_thread() not in taken_off
