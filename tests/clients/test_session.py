"""What a client makes of a server that is hostile, broken, slow or gone."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headframe import (
    BodyChunk,
    Continuation,
    ErrorCode,
    GetReply,
    HelloReply,
    Notice,
    PutReply,
    Refusal,
)
from headframe_client import Client, ConnectionFailed, DigestMismatch, ProtocolViolation, Refused

HELLO = HelloReply(hf=[1])
EMPTY = "sha-256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def answer(*raw: bytes, body: bytes = b"") -> Callable:
    """Return a script that reads a request and answers with these headers."""

    def script(peer) -> None:
        peer.read_request()
        peer.send_raw(*raw, body=body)
        peer.drain()

    return script


@pytest.mark.rule("HF-REPLY-001", "HF-REPLY-004", "HF-ERROR-010", "HF-FRAME-002", "HF-HEADER-002")
@pytest.mark.parametrize(
    "header",
    [
        b'{"id":2,"ok":true,"hf":[1]}',
        b'{"ok":true,"hf":[1]}',
        b'{"id":1,"hf":[1]}',
        b'{"id":1,"ok":1,"hf":[1]}',
        b'{"id":1,"ok":true}',
        b'{"id":1,"ok":true,"hf":1}',
        b'{"id":1,"ok":true,"hf":[1],"!new":1}',
        b'{"id":1,"ok":false}',
        b'{"id":1,"ok":true,"hf":[1],"hf":[1]}',
        b'{"id":1,"ok":true,"hf":[1],}',
        b"\xff\xfe",
        b"HTTP/1.1 400 Bad Request",
    ],
)
def test_a_reply_that_makes_no_sense_ends_the_connection(scripted, header: bytes) -> None:
    server = scripted(answer(header))
    with server.connect() as client:
        with pytest.raises(ProtocolViolation):
            client.hello()
        with pytest.raises(ProtocolViolation):
            client.hello()
    server.close()
    assert 1 == len(server.peers[0].requests)


@pytest.mark.rule("HF-FRAME-002", "HF-ERROR-010")
def test_another_protocol_is_recognised(scripted) -> None:
    server = scripted(answer(body=b"SSH-2.0-OpenSSH_9.6\r\n"))
    with server.connect() as client, pytest.raises(ProtocolViolation, match="HF-FRAME-002"):
        client.hello()


@pytest.mark.rule("HF-REPLY-010", "HF-BODY-010")
@pytest.mark.parametrize(
    "sent", [b"", b"\x10", b'{"id":1,"ok":true', b'{"id":1,"ok":true,"hf":[1]}']
)
def test_an_end_before_the_reply_is_whole_is_a_lost_connection(scripted, sent: bytes) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.sock.sendall((100).to_bytes(4, "little") + sent if sent else b"")

    with scripted(script).connect() as client, pytest.raises(ConnectionFailed):
        client.hello()


@pytest.mark.rule("HF-REPLY-010")
def test_a_body_that_stops_short_leaves_nothing(scripted, tmp_path: Path) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(GetReply(rev="r", total=10, offset=0, digest=EMPTY, filesize=10))
        peer.send(BodyChunk(b"short"))

    with scripted(script).connect() as client, pytest.raises(ConnectionFailed):
        client.get("x", tmp_path / "x")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.rule("HF-BODY-013")
def test_a_get_that_the_server_gives_up_is_refused_and_the_connection_lives(
    scripted, tmp_path: Path
) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(GetReply(rev="r", total=10, offset=0, filesize=5, more=True), BodyChunk(b"short"))
        peer.send(Continuation(abort=True, code="internal", message="disk\x1b gone"))
        peer.read_request()
        peer.send(HELLO)

    with scripted(script).connect() as client:
        with pytest.raises(Refused, match="internal") as refused:
            client.get("x", tmp_path / "x")
        assert ErrorCode.INTERNAL == refused.value.code
        assert [1] == client.hello().hf
    assert [] == list(tmp_path.iterdir())


def test_a_digest_that_does_not_fit_is_told_and_nothing_kept(scripted, tmp_path: Path) -> None:
    def script(peer) -> None:
        peer.read_request()
        reply = GetReply(rev="r", total=5, offset=0, digest=EMPTY, filesize=5)
        peer.send(reply, BodyChunk(b"wrong"))
        peer.read_request()
        peer.send(HELLO)

    with scripted(script).connect() as client:
        with pytest.raises(DigestMismatch):
            client.get("x", tmp_path / "x")
        assert [1] == client.hello().hf
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "header",
    [
        b'{"id":1,"ok":true,"total":0,"offset":0,"digest":"' + EMPTY.encode() + b'"}',
        b'{"id":1,"ok":true,"rev":"r","offset":0,"digest":"' + EMPTY.encode() + b'"}',
        b'{"id":1,"ok":true,"rev":"r","total":0,"offset":0}',
        b'{"id":1,"ok":true,"rev":"r","total":5,"offset":0,"digest":"x"}',
        b'{"id":1,"ok":true,"rev":"r","total":0,"offset":7,"digest":"x"}',
    ],
)
def test_a_get_reply_has_to_hold_what_was_promised(scripted, header: bytes) -> None:
    with scripted(answer(header)).connect() as client, pytest.raises(ProtocolViolation):
        client.get("x", io.BytesIO())


@pytest.mark.parametrize(
    "header",
    [
        b'{"id":1,"ok":true,"rev":"r","total":3,"offset":0,"digest":"x","filesize":1000000000}',
        b'{"id":1,"ok":false,"code":"not-found","filesize":1000000000}',
    ],
)
def test_more_body_than_is_due_is_not_read(scripted, header: bytes) -> None:
    with scripted(answer(header, body=bytes(1000))).connect() as client:
        with pytest.raises((ProtocolViolation, Refused)):
            client.get("x", io.BytesIO())
        with pytest.raises(ProtocolViolation, match="too much body"):
            client.hello()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (PutReply(rev="r", total=5, digest=EMPTY), DigestMismatch),
        (PutReply(rev="r", total=1, digest=EMPTY), ProtocolViolation),
        (PutReply(total=0, digest=EMPTY), ProtocolViolation),
        (PutReply(rev="r", total=0), ProtocolViolation),
        (PutReply(offset=0), ProtocolViolation),
    ],
)
def test_a_put_counts_only_when_the_server_confirms_the_bytes(scripted, reply, error) -> None:
    body = b"12345" if error is DigestMismatch else b""

    def script(peer) -> None:
        peer.read_request()
        peer.send(reply)
        peer.drain()

    with scripted(script).connect() as client, pytest.raises(error):
        client.put("x", body)


@pytest.mark.rule("HF-REPLY-016")
def test_a_code_that_nobody_knows_is_internal(scripted) -> None:
    server = scripted(answer(b'{"id":1,"ok":false,"code":"made-up","message":"?"}'))
    with server.connect() as client, pytest.raises(Refused, match="made-up") as refused:
        client.hello()
    assert ErrorCode.INTERNAL == refused.value.code


@pytest.mark.rule("HF-REPLY-009", "HF-REPLY-015")
def test_after_the_notice_closing_nothing_more_is_asked(scripted) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(Notice(code="closing", message="going away"))
        peer.send(HELLO)
        peer.drain()

    server = scripted(script)
    with server.connect() as client:
        assert [1] == client.hello().hf
        with pytest.raises(ConnectionFailed, match="going away"):
            client.hello()
    server.close()
    assert 1 == len(server.peers[0].requests)


@pytest.mark.rule("HF-REPLY-009")
def test_a_notice_that_came_while_nobody_looked_is_heeded(scripted) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(HELLO, Notice(code="closing", message="idle"))

    server = scripted(script)
    with server.connect() as client:
        assert [1] == client.hello().hf
        server.close()
        with pytest.raises(ConnectionFailed, match="idle"):
            client.hello()


@pytest.mark.rule("HF-REPLY-009")
def test_after_a_refusal_that_closes_nothing_more_is_asked(scripted) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(Refusal(code="busy", retry_ms=5, close=True))
        peer.drain()

    server = scripted(script)
    with server.connect() as client:
        with pytest.raises(Refused, match="busy"):
            client.hello()
        with pytest.raises(ConnectionFailed):
            client.hello()
    server.close()
    assert 1 == len(server.peers[0].requests)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("bad-frame", ProtocolViolation),
        ("bad-header", ProtocolViolation),
        ("timeout", ConnectionFailed),
        ("closing", ConnectionFailed),
        ("busy", Refused),
    ],
)
def test_a_fatal_notice_says_why_the_request_has_no_reply(scripted, code: str, error) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(Notice(code=code, message="the reason", close=True))
        peer.drain()

    with scripted(script).connect() as client, pytest.raises(error, match="the reason"):
        client.hello()


def test_a_server_that_says_nothing_is_given_up(scripted) -> None:
    server = scripted(lambda peer: peer.drain())
    with server.connect(timeout_s=0.1) as client, pytest.raises(ConnectionFailed, match=r"0\.1 s"):
        client.hello()


def test_a_server_that_does_not_read_is_given_up(scripted) -> None:
    def script(peer) -> None:
        peer.sock.settimeout(10)
        peer.read_request()
        peer.send(HELLO)
        released.wait(10)

    import threading

    released = threading.Event()
    server = scripted(script)
    with server.connect(timeout_s=0.2) as client:
        client.hello()
        with pytest.raises(ConnectionFailed, match=r"0\.2 sec"):
            client.put("x", bytes(64 << 20))
        released.set()


# --- refusals that come early ------------------------------------------------------------------


class Slow(io.RawIOBase):
    """A source without an end that looks whether it is still wanted."""

    def __init__(self, client: Client) -> None:
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        assert self.read_bytes < 256 << 20, "nobody has stopped this put"
        self.read_bytes += len(buffer)
        time.sleep(0.001)
        return len(buffer)


def test_an_early_refusal_ends_the_message_with_abort_and_the_connection_lives(scripted) -> None:
    def script(peer) -> None:
        request = peer.next_event()
        peer.send(Refusal(code="no-space", message="full", retry_ms=1000))
        assert "big" == request.filename
        peer.requests.clear()
        assert "hello" == peer.read_request().__struct_config__.tag
        peer.send(HELLO)

    server = scripted(script)
    with server.connect() as client:
        with pytest.raises(Refused, match="no-space"):
            client.put("big", Slow(client))  # type: ignore[arg-type]
        assert [1] == client.hello().hf


def test_a_refusal_is_heard_although_the_server_closes_on_the_body(scripted) -> None:
    def script(peer) -> None:
        peer.next_event()
        peer.send(Refusal(code="too-large", message="too large", close=True))

    with scripted(script).connect() as client, pytest.raises(Refused, match="too-large"):
        client.put("big", Slow(client))  # type: ignore[arg-type]


@pytest.mark.rule("HF-REPLY-018")
def test_a_success_before_the_body_has_ended_is_not_believed(scripted) -> None:
    def script(peer) -> None:
        peer.next_event()
        peer.send_raw(b'{"id":1,"ok":true,"rev":"r","total":0,"digest":"x"}')
        peer.drain()

    with scripted(script).connect() as client, pytest.raises(ProtocolViolation, match="HF-REPLY"):
        client.put("big", Slow(client))  # type: ignore[arg-type]


def test_a_source_that_fails_half_way_withdraws_the_put(scripted) -> None:
    class Failing(Slow):
        def readinto(self, buffer) -> int:
            if self.read_bytes > 3 << 20:
                raise OSError(5, "bad sector")
            return super().readinto(buffer)

    def script(peer) -> None:
        peer.read_request()
        peer.send(Refusal(code="aborted"))
        peer.read_request()
        peer.send(HELLO)

    server = scripted(script)
    with server.connect() as client:
        with pytest.raises(OSError, match="bad sector"):
            client.put("x", Failing(client))  # type: ignore[arg-type]
        assert [1] == client.hello().hf
    server.close()
    assert 1 == server.peers[0].aborted


def test_a_file_that_shrinks_while_it_is_read_withdraws_the_put(scripted, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(4 << 20))

    def script(peer) -> None:
        peer.next_event()
        path.write_bytes(bytes(2 << 20))
        first = peer.requests
        assert [] == first
        while not isinstance(peer.next_event(), MessageAborted):
            pass
        peer.send(Refusal(code="aborted"))

    from headframe import MessageAborted

    def shrink(moved: int, total: int | None) -> None:
        path.write_bytes(bytes(2 << 20))

    with scripted(script).connect() as client, pytest.raises(OSError, match="ended after"):
        client.put("log", path, progress=shrink)


# --- listings that lie -------------------------------------------------------------------------


@pytest.mark.rule("HF-NAME-007")
@pytest.mark.parametrize(
    "line",
    [
        b'{"filename":"../x","total":1,"rev":"r","mtime":1}',
        b'{"filename":"/x","total":1,"rev":"r","mtime":1}',
        b'{"filename":"a/../../x","total":1,"rev":"r","mtime":1}',
        b'{"filename":"a\\\\b","total":1,"rev":"r","mtime":1}',
        b'{"filename":"a\\nb","total":1,"rev":"r","mtime":1}',
        b'{"filename":"a\\u0301","total":1,"rev":"r","mtime":1}',
        b'{"filename":"","total":1,"rev":"r","mtime":1}',
        b'{"filename":"' + b"x" * 256 + b'","total":1,"rev":"r","mtime":1}',
        b'{"prefix":"../"}',
        b'{"prefix":"/"}',
        b'{"prefix":"a"}',
    ],
)
def test_a_listed_name_that_is_none_is_never_used(scripted, line: bytes, tmp_path: Path) -> None:
    header = b'{"id":1,"ok":true,"end":true,"filesize":%d}' % (len(line) + 1)
    with scripted(answer(header, body=line + b"\n")).connect() as client:
        with pytest.raises(ProtocolViolation):
            list(client.list())


@pytest.mark.parametrize(
    "body",
    [
        b'{"filename":"b","total":1,"rev":"r"}\n{"filename":"a","total":1,"rev":"r"}\n',
        b'{"filename":"a","total":1,"rev":"r"}\n{"filename":"a","total":1,"rev":"r"}\n',
        b'{"filename":"a","rev":"r"}\n',
        b'{"filename":"a","total":1}\n',
        b'{"filename":5,"total":1,"rev":"r"}\n',
        b"not JSON\n",
        b"\xff\n",
        b"[" * 5000,
    ],
)
def test_a_listing_that_is_malformed_or_goes_back_is_not_believed(scripted, body: bytes) -> None:
    header = b'{"id":1,"ok":true,"end":true,"filesize":%d}' % len(body)
    with scripted(answer(header, body=body)).connect() as client:
        with pytest.raises(ProtocolViolation):
            list(client.list())


def test_a_listing_that_leaves_its_prefix_is_not_believed(scripted) -> None:
    line = b'{"filename":"z","total":1,"rev":"r"}\n'
    header = b'{"id":1,"ok":true,"end":true,"filesize":%d}' % len(line)
    with scripted(answer(header, body=line)).connect() as client:
        with pytest.raises(ProtocolViolation, match="holds 'z'"):
            list(client.list("dir/"))


def test_a_listing_that_never_ends_is_given_up(scripted) -> None:
    with scripted(answer(b'{"id":1,"ok":true,"end":false}')).connect() as client:
        with pytest.raises(ProtocolViolation, match="empty page"):
            list(client.list())


def test_a_page_without_a_bound_is_not_gathered(scripted, monkeypatch) -> None:
    monkeypatch.setattr("headframe_client.listing.LIST_PAGE_BYTES", 1000)
    header = b'{"id":1,"ok":true,"end":true,"filesize":1000000000}'
    with scripted(answer(header, body=bytes(2000))).connect() as client:
        with pytest.raises(ProtocolViolation, match="too much body"):
            list(client.list())


@pytest.mark.rule("HF-RESUME-021")
def test_what_was_superseded_is_not_tried_again(scripted) -> None:
    def script(peer) -> None:
        peer.read_request()
        peer.send(Refusal(code=ErrorCode.SUPERSEDED, message="somebody else has it"))
        peer.drain()

    server = scripted(script, script)
    with server.connect() as client, pytest.raises(Refused) as refused:
        client.put("a", b"x")
    assert "superseded" == refused.value.code
    server.connect().close()
    assert 1 == len(server.peers[0].requests)
