"""BLAKE3 where both sides have it, chosen so that nobody waits; SHA-256 where not."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from headframe import UNSET, ErrorCode, GetReply, HelloReply, Put, PutReply, Refusal
from headframe.digests import Hasher, algorithm_of
from headframe_client import Client, DigestMismatch, new_upload
from headframe_client.choice import AWAITED_BYTES, SEEN_REQUESTS, algorithm_for_put
from headframe_client.trees import compare_names, list_names, put_tree, walk_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server needs POSIX files")

LARGE = os.urandom(1 << 16) * (AWAITED_BYTES >> 16)


def digest_in(algorithm: str, body: bytes) -> str:
    hasher = Hasher(algorithm)
    hasher.update(body)
    return hasher.digest


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    return path


@pytest.fixture
def seen(url: str) -> Any:
    """A client, and every request that it sends."""
    requests: list[Any] = []

    def trace(way: str, event: Any) -> None:
        if way == ">":
            requests.append(event)

    with Client.from_url(url, trace=trace) as client:
        yield client, requests


def test_a_single_small_put_asks_nothing_and_is_in_sha_256(seen: Any) -> None:
    client, requests = seen
    assert digest_in("sha-256", b"hello") == client.put("a", b"hello").digest
    assert [Put] == [type(request) for request in requests]


def test_a_large_put_asks_first_and_says_what_its_trailer_is_going_to_be(
    seen: Any, large: Path
) -> None:
    client, requests = seen
    assert digest_in("blake3", LARGE) == client.put("a", large).digest
    assert ["Hello", "Put"] == [type(request).__name__ for request in requests]
    assert ["blake3"] == requests[-1].want
    client.put("b", large)
    assert ["Hello", "Put", "Put"] == [type(request).__name__ for request in requests]


def test_many_small_puts_come_to_blake3_by_the_way(seen: Any) -> None:
    client, requests = seen
    used = [
        algorithm_of(client.put(str(number), b"hello").digest)
        for number in range(SEEN_REQUESTS + 3)
    ]
    assert ["sha-256"] * SEEN_REQUESTS == used[:SEEN_REQUESTS]
    assert "blake3" == used[-1]
    assert 1 == sum(type(request).__name__ == "Hello" for request in requests)


def test_an_upload_that_is_finished_is_known_by_its_digest_in_blake3(
    seen: Any, large: Path
) -> None:
    client, _ = seen
    upload = new_upload()
    stored = client.put("a", large, upload=upload)
    assert "blake3" == algorithm_of(stored.digest)
    assert stored == client.put("a", large, upload=upload)
    large.write_bytes(LARGE[::-1])
    with pytest.raises(DigestMismatch):
        client.put("a", large, upload=upload)


def test_a_get_takes_what_the_server_has_at_hand(seen: Any, large: Path, tmp_path: Path) -> None:
    client, _ = seen
    client.put("small", b"hello")
    client.put("large", large)
    for name, algorithm, body in (("small", "sha-256", b"hello"), ("large", "blake3", LARGE)):
        got = client.get(name, tmp_path / "copy")
        assert (digest_in(algorithm, body), True) == (got.digest, got.verified)
        assert body == (tmp_path / "copy").read_bytes()
    assert digest_in("sha-256", LARGE) == client.get("large", io.BytesIO()).digest
    assert digest_in("sha-256", LARGE) == client.stat("large", digest=True).digest


def test_a_get_goes_on_in_another_algorithm_than_it_began(seen: Any, tmp_path: Path) -> None:
    client, _ = seen
    body = os.urandom(5 << 20)
    for _ in range(SEEN_REQUESTS + 2):
        stored = client.put("a", body)
    assert "blake3" == algorithm_of(stored.digest)
    rev = stored.rev
    origin = "headframe://127.0.0.1/a"
    (tmp_path / ".copy.headframe-part").write_bytes(body[: 3 << 20])
    (tmp_path / ".copy.headframe-rev").write_text(f"{rev} {len(body)} {origin}\n")
    for file in tmp_path.glob(".copy*"):
        file.chmod(0o600)
    got = client.get("a", tmp_path / "copy", origin=origin)
    assert (digest_in("blake3", body), True, 3 << 20) == (got.digest, got.verified, got.offset)
    assert body == (tmp_path / "copy").read_bytes()


def test_what_both_have_is_known_by_the_digest_that_is_remembered(
    connect: Any, large: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    large.rename(folder / "large")

    first = put_tree(connect, walk_folder(folder, "x/"))
    there = list_names(connect, "x/")
    again = put_tree(connect, compare_names(walk_folder(folder, "x/"), there))
    assert (1, 0) == (first.files, first.kept)
    assert (0, 1) == (again.files, again.kept)


def test_without_the_package_nobody_asks_for_it(
    without_blake3: None, seen: Any, large: Path, tmp_path: Path
) -> None:
    client, requests = seen
    assert digest_in("sha-256", LARGE) == client.put("a", large).digest
    assert digest_in("sha-256", LARGE) == client.get("a", tmp_path / "copy").digest
    assert ["Put", "Get"] == [type(request).__name__ for request in requests]
    assert ["digest"] == requests[-1].want


def test_a_server_that_does_not_name_it_gets_sha_256(scripted: Any, large: Path) -> None:
    def script(there: Any) -> None:
        there.read_request()
        there.send(HelloReply(hf=[1], features=["other"]))
        put = there.read_request()
        assert put.want is UNSET
        digest = digest_in("sha-256", there.bodies[-1])
        there.send(PutReply(rev="r1", total=put.total, digest=digest))

    with scripted(script).connect() as client:
        assert "sha-256" == algorithm_of(client.put("a", large).digest)
        assert "sha-256" == algorithm_for_put(client.session, 0)


def test_a_server_that_refuses_hello_gets_sha_256(scripted: Any, large: Path) -> None:
    def script(there: Any) -> None:
        there.read_request()
        there.send(Refusal(code=ErrorCode.UNSUPPORTED, message="who are you?"))
        put = there.read_request()
        digest = digest_in("sha-256", there.bodies[-1])
        there.send(PutReply(rev="r1", total=put.total, digest=digest))

    with scripted(script).connect() as client:
        assert "sha-256" == algorithm_of(client.put("a", large).digest)


def test_a_digest_in_what_nobody_asked_for_proves_nothing(scripted: Any, tmp_path: Path) -> None:
    def script(there: Any) -> None:
        there.read_request()
        there.send(GetReply(rev="r1", total=0, offset=0, digest="md5:d41d8cd98f00b204e9800998ecf8"))

    with scripted(script).connect() as client, pytest.raises(DigestMismatch):
        client.get("a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
