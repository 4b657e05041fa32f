"""Uploads that a client goes on with: after a cut, in another process, when a reply was lost."""

from __future__ import annotations

import os
import re

import pytest

from headframe_client import (
    Client,
    ConnectionFailed,
    DigestMismatch,
    InvalidArgument,
    Refused,
    new_upload,
)
from headframe_client import client as client_module

BODY = os.urandom(3 << 20)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_bytes(BODY)
    return tmp_path / "file"


def cut_after(client, count):
    """Return a progress callback that loses the connection when so much has been sent."""

    def progress(moved, total):
        assert len(BODY) == total
        if moved >= count:
            client.session._flush()
            client.session._socket.shutdown(2)

    return progress


@pytest.mark.rule("HF-RESUME-001")
def test_a_token_is_long_random_and_never_the_same(monkeypatch):
    tokens = {new_upload() for _ in range(1000)}
    assert 1000 == len(tokens)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22,64}", token) for token in tokens)
    asked = []
    monkeypatch.setattr(client_module.secrets, "token_urlsafe", lambda count: asked.append(count))
    new_upload()
    assert 128 <= 8 * asked[0]


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_put_that_was_cut_goes_on_where_the_server_stands(url, client, file, as_bytes):
    source, token = BODY if as_bytes else file, new_upload()
    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", source, upload=token, progress=cut_after(first, 1 << 20))
    held = client._held("a", token)
    assert 0 < held.offset < len(BODY)
    moved = []
    stored = client.put("a", source, upload=token, progress=lambda *now: moved.append(now[0]))
    assert moved[0] > held.offset
    assert (len(BODY), client.stat("a", digest=True).digest) == (stored.total, stored.digest)
    client.get("a", file.with_name("copy"))
    assert BODY == file.with_name("copy").read_bytes()


def test_a_put_whose_reply_was_lost_is_not_carried_out_again(client, file):
    token = new_upload()
    first = client.put("a", file, upload=token)
    client.put("a", b"newer, by somebody else")
    assert first == client.put("a", file, upload=token)
    assert len(b"newer, by somebody else") == client.stat("a").total


def test_an_upload_is_not_mixed_with_another_file(url, client, file):
    token = new_upload()
    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", file, upload=token, progress=cut_after(first, 1 << 20))
    file.write_bytes(BODY[::-1])
    with pytest.raises(Refused) as refused:
        client.put("a", file, upload=token)
    assert "digest-mismatch" == refused.value.code
    with pytest.raises(Refused) as refused:
        client.stat("a")
    assert "not-found" == refused.value.code
    assert len(BODY) == client.put("a", file, upload=token).total
    with pytest.raises(DigestMismatch):
        client.put("a", BODY, upload=token)


def test_a_source_that_has_become_shorter_is_told(url, client, file):
    token = new_upload()
    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", file, upload=token, progress=cut_after(first, 1 << 20))
    file.write_bytes(b"short")
    with pytest.raises(InvalidArgument, match="stands at"):
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
