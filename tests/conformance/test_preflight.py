"""What listens there is told in one sentence, before anything is judged."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
import time

import pytest
import trustme

from headframe.conformance.preflight import look_at
from headframe.conformance.target import Target
from headframe.conformance.verdicts import SetupError

LONGEST_S = 5.0


def sentence(target):
    begun = time.monotonic()
    with pytest.raises(SetupError) as caught:
        look_at(target)
    assert time.monotonic() - begun < LONGEST_S
    return str(caught.value)


def echo(sock):
    while data := sock.recv(4096):
        sock.sendall(data)


def say_nothing(sock):
    while sock.recv(4096):
        pass


def test_an_echo_server_is_told_by_its_echo(listening):
    assert "an echo server" in sentence(listening(echo))


def test_a_silent_port_does_not_answer_hello(listening):
    assert "does not answer hello" in sentence(listening(say_nothing))


def test_a_closed_port_takes_no_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "nothing" in sentence(Target(host="127.0.0.1", port=port))


def test_a_port_that_closes_at_once_is_told(listening):
    assert "without an answer" in sentence(listening(lambda sock: None))


def test_a_greeting_is_told(listening):
    assert "speaks SSH" in sentence(listening(lambda sock: sock.sendall(b"SSH-2.0-x\r\n")))


def test_an_http_server_is_told():
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), http.server.BaseHTTPRequestHandler
    ) as server:
        server.daemon_threads = True
        server.RequestHandlerClass.log_message = lambda *_: None
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            said = sentence(Target(host="127.0.0.1", port=server.server_address[1]))
        finally:
            server.shutdown()
            thread.join()
    assert "speaks HTTP" in said


def test_a_tls_port_is_told(listening):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def talk(sock):
        with context.wrap_socket(sock, server_side=True) as secure:
            say_nothing(secure)

    assert "speaks TLS" in sentence(listening(talk))


def test_a_server_is_described_by_its_hello(serving):
    server = serving()
    facts = look_at(Target.from_url(server.url))
    assert facts.limit("discard", 0) == 1_048_576
    assert "anonymous" in facts.abilities
