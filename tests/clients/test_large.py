"""Large files: passed on by the system where it can, read where it cannot."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from headframe.following import BESIDE_BYTES, LAG_BYTES
from headframe_client import Client, ConnectionFailed, new_upload

BODY = os.urandom(BESIDE_BYTES + 2 * LAG_BYTES + 12_345)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(BODY)
    return path


@pytest.fixture(params=["passed on", "not on this system", "not from this file"])
def way(request, monkeypatch) -> str:
    """How the bytes of a file go out."""

    send, client = os.sendfile, threading.current_thread()

    def refuse(*arguments: int) -> int:
        if threading.current_thread() is client:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return send(*arguments)

    if request.param == "not on this system":
        monkeypatch.delattr("os.sendfile")
    elif request.param == "not from this file":
        monkeypatch.setattr("os.sendfile", refuse)
    return request.param


@pytest.mark.parametrize("verify", [True, False])
def test_a_large_file_arrives_whichever_way_it_goes(way, root, client, file, verify) -> None:
    stored = client.put("a", file, verify=verify)
    assert BODY == (root / "a").read_bytes()
    got = client.get("a", file.with_name("copy"), verify=verify)
    assert (stored.digest if verify else None) == got.digest
    assert BODY == file.with_name("copy").read_bytes()


def test_a_large_put_that_was_cut_goes_on_whichever_way_it_goes(way, url, client, file) -> None:
    token = new_upload()

    def cut(moved: int, _: int | None) -> None:
        if moved > len(BODY) // 2:
            first.session._socket.shutdown(2)

    with Client.from_url(url) as first, pytest.raises(ConnectionFailed):
        first.put("a", file, upload=token, progress=cut)
    stored = client.put("a", file, upload=token)
    assert len(BODY) == stored.total
    client.get("a", file.with_name("copy"))
    assert BODY == file.with_name("copy").read_bytes()


def test_a_file_that_becomes_shorter_between_frames_ends_the_message(client, file) -> None:
    def shorten(moved: int, _: int | None) -> None:
        if moved == 1 << 20:
            os.truncate(file, 3 << 20)

    with pytest.raises(OSError, match="ended after 3145728 bytes"):
        client.put("a", file, progress=shorten, verify=False)
    assert client.session.error is None
    assert 1 == client.put("b", b"x").total


def test_a_file_that_becomes_shorter_inside_a_frame_ends_the_connection(
    client, file, monkeypatch
) -> None:
    send = os.sendfile

    def shorten(out: int, descriptor: int, offset: int, count: int) -> int:
        if offset == 2 << 20:
            os.truncate(file, offset + 7)
        return send(out, descriptor, offset, count)

    monkeypatch.setattr("os.sendfile", shorten)
    with pytest.raises(OSError, match="ended after 2097159 bytes") as caught:
        client.put("a", file, verify=False)
    assert not isinstance(caught.value, ConnectionError)
    assert client.session.error is not None
