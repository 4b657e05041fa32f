"""Uploads that a client goes on with: after a cut, in another process, when a reply was lost."""

from __future__ import annotations

import hashlib
import os
import re
import time

import pytest

from headframe import PutReply, Refusal
from headframe_client import (
    Client,
    ConnectionFailed,
    DigestMismatch,
    InvalidArgument,
    ProtocolViolation,
    Refused,
    journal,
    new_upload,
    retries,
    retry,
)
from headframe_client.command import watching
from headframe_client.retries import wait_before_retry

BODY = os.urandom(3 << 20)


def digest(data):
    return "sha-256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_bytes(BODY)
    return tmp_path / "file"


@pytest.fixture
def cut_after(root):
    """Return a function that makes a progress callback which loses the connection."""

    def make(client, count):
        def progress(moved, total):
            assert len(BODY) == total
            if moved >= count:
                until = time.monotonic() + 10
                while not any(p.stat().st_size for p in root.rglob(".headframe/uploads/*.data")):
                    assert time.monotonic() < until
                    time.sleep(0.005)
                client.session._socket.shutdown(2)

        return progress

    return make


@pytest.mark.rule("HF-RESUME-001")
def test_a_token_is_long_random_and_never_the_same(monkeypatch):
    tokens = {new_upload() for _ in range(1000)}
    assert 1000 == len(tokens)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22,64}", token) for token in tokens)
    asked = []
    monkeypatch.setattr(journal.secrets, "token_urlsafe", asked.append)
    new_upload()
    assert 128 <= 8 * asked[0]


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_put_that_was_cut_goes_on_where_the_server_stands(url, client, file, cut_after, as_bytes):
    source, token = BODY if as_bytes else file, new_upload()
    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", source, upload=token, progress=cut_after(first, 1 << 20))
    held = client.stat_upload(token)
    assert 0 < held.offset < len(BODY)
    moved = []
    stored = client.put("a", source, upload=token, progress=lambda now, _: moved.append(now))
    assert moved[0] > held.offset == stored.offset
    assert (len(BODY), client.stat("a", digest=True).digest) == (stored.total, stored.digest)
    client.get("a", file.with_name("copy"))
    assert BODY == file.with_name("copy").read_bytes()


def test_a_put_whose_reply_was_lost_is_not_carried_out_again(client, file):
    token = new_upload()
    first = client.put("a", file, upload=token)
    client.put("a", b"newer, by somebody else")
    assert first == client.put("a", file, upload=token)
    assert len(b"newer, by somebody else") == client.stat("a").total


def test_an_upload_is_not_mixed_with_another_file(url, client, file, cut_after):
    token = new_upload()
    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", file, upload=token, progress=cut_after(first, 1 << 20))
    file.write_bytes(BODY[::-1])
    stored = client.put("a", file, upload=token)
    assert (0, len(BODY)) == (stored.offset, stored.total)
    assert client.stat("a", digest=True).digest == digest(BODY[::-1])
    finished = new_upload()
    client.put("b", file, upload=finished)
    with pytest.raises(DigestMismatch):
        client.put("b", BODY, upload=finished)


def test_a_source_that_has_become_shorter_is_told(url, client, file, cut_after):
    token = new_upload()
    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", file, upload=token, progress=cut_after(first, 1 << 20))
    file.write_bytes(b"short")
    with pytest.raises(ProtocolViolation, match="stands at"):
        client.put("a", file, upload=token)


def test_files_of_every_size_may_be_uploads(client, tmp_path):
    for size in (0, 1, 1 << 20, (1 << 20) + 1):
        (tmp_path / "file").write_bytes(bytes(size))
        for source in (tmp_path / "file", bytes(size)):
            assert size == client.put(f"n{size}", source, upload=new_upload()).total


@pytest.mark.parametrize("token", ["short", "x" * 65, "not a token of characters!"])
def test_a_token_that_is_none_is_not_sent(client, token):
    with pytest.raises(InvalidArgument, match=r"HF-|upload"):
        client.put("a", b"x", upload=token)


# --- trying again


def refused(code, **members):
    return Refused.of(Refusal(code=code, **members))


@pytest.mark.rule("HF-RESUME-021")
@pytest.mark.parametrize(
    ("error", "least_s", "most_s"),
    [
        (ConnectionFailed("lost"), 0, 0),
        (refused("busy", retry_ms=200), 0.2, 0.2),
        (refused("no-space", retry_ms=10**9), 30, 30),
        (refused("superseded"), None, None),
        (refused("not-found"), None, None),
        (refused("digest-mismatch"), None, None),
        (DigestMismatch("a", "x", "y"), None, None),
    ],
)
def test_it_is_tried_again_when_that_can_help_and_not_at_once(error, least_s, most_s):
    wait_s = wait_before_retry(error, 0)
    assert wait_s is None if least_s is None else least_s <= wait_s <= most_s


def test_it_is_tried_again_so_often_and_no_more(monkeypatch):
    monkeypatch.setattr(retries, "FIRST_WAIT_S", 0.001)
    calls, heard = [], []

    def step():
        calls.append(1)
        if len(calls) < 4:
            raise ConnectionFailed("lost")
        return "done"

    assert "done" == retry(step, 3, lambda error, wait_s: heard.append(wait_s))
    assert (4, 3) == (len(calls), len(heard))
    assert 0 == heard[0] < heard[1] < heard[2]
    calls.clear()
    with pytest.raises(ConnectionFailed):
        retry(step, 1)
    assert 2 == len(calls)


@pytest.mark.parametrize("patience_s", [0, 5])
def test_the_command_tries_again_with_a_word_and_ends_well(
    scripted, run, file, patience_s, monkeypatch
):
    monkeypatch.setattr(watching, "PATIENCE_S", patience_s)

    def cut(peer):
        peer.read_request()

    def busy_at_first(peer):
        peer.read_request()
        peer.send(Refusal(code="busy", message="too much to do", retry_ms=1))
        peer.read_request()
        peer.send(Refusal(code="upload-gone"))
        put = peer.read_request()
        uploads.append((put.upload, peer.bodies[-1] == BODY))
        peer.send(PutReply(rev="r1", total=len(BODY), digest=digest(BODY)))
        peer.drain()

    uploads = []
    server = scripted(cut, busy_at_first)
    done = run("put", str(file), f"{server.url}a")
    assert (0, [True]) == (done.exit_code, [same for _, same in uploads])
    *said, summary = done.stderr.splitlines()
    assert ([] if patience_s else [True]) == ["busy" in line for line in said]
    assert summary.endswith("; tried again 2")
    server = scripted(cut)
    done = run("put", "--retries", "0", str(file), f"{server.url}a")
    assert 6 == done.exit_code
