"""TLS, certificates and tokens of a client: who the server is, and who we are."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import ssl
import threading

import pytest
import trustme

from headframe_client import (
    Client,
    ConnectionFailed,
    InvalidArgument,
    NotTrusted,
    Refused,
    client_context,
)
from headframe_client.trust import check_private
from headframe_server import Access, DirectoryStore, Person, Server, Token, server_context

WORD = "a token of many letters"
ACCESS = Access((Token(Person("ann"), hashlib.sha256(WORD.encode()).hexdigest()),))


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Certificates as files: of an authority, of a server and of a client."""
    folder = tmp_path_factory.mktemp("trust")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("127.0.0.1", "elsewhere.example"):
        issued = authority.issue_cert(name)
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    issued = authority.issue_cert("ann@example.org", common_name="ann")
    issued.private_key_pem.write_to_path(folder / "client.key")
    issued.cert_chain_pems[0].write_to_path(folder / "client.pem")
    return folder


@pytest.fixture
def serve(tmp_path, files):
    with contextlib.ExitStack() as stack:

        def start(certificate="127.0.0.1", client_ca=None, access=None):
            store = stack.enter_context(DirectoryStore(tmp_path / "root", free_bytes=0))
            tls = server_context(files / f"{certificate}.pem", client_authority=client_ca)
            return stack.enter_context(Server(("127.0.0.1", 0), store, tls=tls, access=access))

        (tmp_path / "root").mkdir()
        yield start


def test_everything_works_over_tls(serve, files, tmp_path):
    server = serve()
    body = os.urandom(5_000_000)
    with Client.from_url(server.url, tls=client_context(files / "ca.pem")) as client:
        assert client.put("a", body).total == len(body)
        client.get("a", tmp_path / "copy")
        assert ["a"] == [entry.name for entry in client.list()]
    assert body == (tmp_path / "copy").read_bytes()


@pytest.mark.rule("HF-SEC-015")
@pytest.mark.parametrize("case", ["unknown authority", "another host"])
def test_a_server_that_is_not_trusted_is_told_nothing(serve, files, case):
    server = serve("elsewhere.example" if case == "another host" else "127.0.0.1", access=ACCESS)
    context = client_context(None if case == "unknown authority" else files / "ca.pem")
    with pytest.raises(NotTrusted, match="not trusted"):
        Client.from_url(server.url, tls=context, token=WORD)


@pytest.fixture
def listening():
    """Return a function that runs `talk` with the one socket that connects."""
    with contextlib.ExitStack() as stack:

        def start(talk):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            listener.settimeout(10)

            def run():
                with contextlib.suppress(OSError), listener.accept()[0] as sock:
                    sock.settimeout(10)
                    talk(sock)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join, 10)
            return listener.getsockname()[1]

        yield start


@pytest.mark.rule("HF-SEC-014")
@pytest.mark.parametrize("offered", [[], ["http/1.1"]])
def test_a_server_that_does_not_agree_on_hf_1_is_told_nothing(listening, files, offered):
    heard = []

    def talk(sock):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files / "127.0.0.1.pem")
        if offered:
            context.set_alpn_protocols(offered)
        with context.wrap_socket(sock, server_side=True) as secure:
            heard.append(secure.recv(100))

    port = listening(talk)
    with pytest.raises(ConnectionFailed, match="hf/1"):
        Client("127.0.0.1", port, tls=client_context(files / "ca.pem"), token=WORD)
    assert heard in ([], [b""])


def test_a_server_that_speaks_no_tls_is_told_in_a_line(listening, files):
    port = listening(lambda sock: sock.sendall(b"hello\n" * 10))
    with pytest.raises(ConnectionFailed, match="cannot speak TLS"):
        Client("127.0.0.1", port, tls=client_context(files / "ca.pem"))


def test_a_handshake_that_never_comes_ends_in_time(listening, files):
    done = threading.Event()
    port = listening(lambda sock: done.wait(10))
    with pytest.raises(ConnectionFailed, match="timed out"):
        Client("127.0.0.1", port, tls=client_context(files / "ca.pem"), timeout_s=0.3)
    done.set()


# --- who we are


def test_a_token_opens_the_door(serve, files):
    server = serve(access=ACCESS)
    context = client_context(files / "ca.pem")
    with Client.from_url(server.url, tls=context, token=WORD) as client:
        assert 5 == client.put("a", b"hello").total
    with pytest.raises(Refused) as refused:
        Client.from_url(server.url, tls=context, token="guess")
    assert "unauthorized" == refused.value.code
    with Client.from_url(server.url, tls=context) as client, pytest.raises(Refused) as refused:
        client.stat("a")
    assert "unauthorized" == refused.value.code


def test_a_certificate_opens_the_door(serve, files):
    server = serve(client_ca=files / "ca.pem", access=Access(wants_certificate=True))
    ours = client_context(files / "ca.pem", files / "client.pem", files / "client.key")
    with Client.from_url(server.url, tls=ours) as client:
        assert 5 == client.put("a", b"hello").total
    with pytest.raises((NotTrusted, ConnectionFailed)):
        Client.from_url(server.url, tls=client_context(files / "ca.pem")).put("a", b"x")


class Elsewhere:
    """A socket whose other end is on another machine."""

    def __init__(self, host):
        self.host = host

    def getpeername(self):
        return (self.host, 37263)


@pytest.mark.rule("HF-SEC-016")
def test_a_token_is_not_sent_where_somebody_may_listen(tmp_path):
    for host in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0"):
        with pytest.raises(InvalidArgument, match="in the clear"):
            check_private(Elsewhere(host))
    for host in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        check_private(Elsewhere(host))
    (tmp_path / "root").mkdir()
    with (
        DirectoryStore(tmp_path / "root") as store,
        Server(("127.0.0.1", 0), store, access=ACCESS) as server,
        Client.from_url(server.url, token=WORD) as client,
    ):
        assert [] == list(client.list())


def test_tls_goes_with_its_own_scheme(files):
    with pytest.raises(InvalidArgument, match="headframes://"):
        Client.from_url("headframe://127.0.0.1:1", tls=client_context(files / "ca.pem"))


# --- on the command line


def test_the_command_speaks_tls_and_takes_a_token_from_a_file(
    serve, files, tmp_path, run, monkeypatch
):
    server = serve(access=ACCESS)
    (tmp_path / "word").write_text(WORD + "\n")
    (tmp_path / "a.txt").write_bytes(b"hello")
    tls = ("--ca", str(files / "ca.pem"))
    who = ("--token-file", str(tmp_path / "word"))
    assert 0 == run("put", *tls, *who, str(tmp_path / "a.txt"), server.url + "/").exit_code
    assert "hello" == run("cat", *tls, *who, server.url + "/a.txt").stdout
    assert 4 == run("ls", *tls, server.url).exit_code
    monkeypatch.setenv("HEADFRAME_TOKEN", WORD)
    assert "a.txt\n" == run("ls", *tls, server.url).stdout
    refused = run("ls", server.url)
    assert 4 == refused.exit_code
    assert "not trusted" in refused.stderr
    assert 2 == run("ls", *tls, server.url.replace("headframes", "headframe")).exit_code
