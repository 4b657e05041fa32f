"""The blocking client, against a real server."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from headframe import ErrorCode
from headframe.conformance.strategies import bodies, file_names
from headframe.digests import Hasher, algorithm_of
from headframe_client import Client, ClientError, ConnectionFailed, InvalidArgument, Refused

MIB = 1 << 20


def digest_of(body: bytes) -> str:
    return f"sha-256:{hashlib.sha256(body).hexdigest()}"


def is_digest_of(body: bytes, digest: str) -> bool:
    """Return whether a digest, in whatever algorithm it is, is that of a body."""
    hasher = Hasher(algorithm_of(digest))
    hasher.update(body)
    return digest == hasher.digest


def fetch(client: Client, name: str, **options: int) -> bytes:
    sink = io.BytesIO()
    client.get(name, sink, **options)
    return sink.getvalue()


def test_hello_tells_who_the_server_is(client: Client) -> None:
    assert [1] == client.hello().hf


@pytest.mark.rule("HF-REQ-001", "HF-REQ-011")
def test_a_file_goes_there_and_comes_back(client: Client, root: Path) -> None:
    stored = client.put("dir/a.txt", b"hello")
    assert ("dir/a.txt", 5, digest_of(b"hello")) == (stored.name, stored.total, stored.digest)
    assert b"hello" == (root / "dir" / "a.txt").read_bytes()
    sink = io.BytesIO()
    got = client.get("dir/a.txt", sink)
    assert b"hello" == sink.getvalue()
    assert (stored.rev, 5, 0, 5, True) == (
        got.rev,
        got.total,
        got.offset,
        got.body_bytes,
        got.verified,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(name=file_names, body=bodies)
def test_any_name_and_any_body_survive(client: Client, name: str, body: bytes) -> None:
    try:
        assert is_digest_of(body, client.put(name, body).digest)
    except Refused as refused:
        assert refused.code in (ErrorCode.CONFLICT, ErrorCode.BAD_NAME)
        return
    assert body == fetch(client, name)
    client.delete(name)


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7])
def test_a_body_of_any_size_survives_from_bytes_path_file_and_pipe(
    client: Client, tmp_path: Path, size: int
) -> None:
    body = os.urandom(size)
    path = tmp_path / "source"
    path.write_bytes(body)
    reading, writing = os.pipe()

    def feed() -> None:
        with open(writing, "wb", buffering=0) as pipe:
            pipe.write(body[:1])
            pipe.write(body[1:])

    feeder = threading.Thread(target=feed)
    feeder.start()
    with path.open("rb") as opened, open(reading, "rb") as pipe:
        for name, source in (("b", body), ("p", path), ("f", opened), ("-", pipe)):
            stored = client.put(name, source)
            assert size == stored.total
            assert is_digest_of(body, stored.digest)
            assert body == fetch(client, name)
    feeder.join(10)


def test_an_open_file_is_read_from_where_it_stands(client: Client) -> None:
    file = io.BytesIO(b"skipped, sent")
    file.seek(9)
    assert 4 == client.put("x", file).total
    assert b"sent" == fetch(client, "x")


def test_a_get_to_a_path_appears_whole_and_with_its_time(client: Client, tmp_path: Path) -> None:
    client.put("a", b"new", mtime=1_500_000_000_000_000)
    target = tmp_path / "a"
    target.write_bytes(b"old")
    client.get("a", target)
    assert b"new" == target.read_bytes()
    assert 1_500_000_000 * 10**9 == target.stat().st_mtime_ns
    assert [] == list(tmp_path.glob(".*"))


def test_a_failed_get_leaves_the_old_file(client: Client, tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(Refused):
        client.get("missing", target)
    assert b"old" == target.read_bytes()
    assert [] == list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 4, b"3456"), (8, 9, b"89"), (10, 5, b"")],
)
def test_a_range_is_what_was_asked_for(
    client: Client, offset: int, length: int | None, expected: bytes
) -> None:
    client.put("n", b"0123456789")
    sink = io.BytesIO()
    got = client.get("n", sink, offset=offset, length=length)
    assert expected == sink.getvalue()
    assert (10, offset, len(expected)) == (got.total, got.offset, got.body_bytes)
    assert (expected == b"0123456789") == got.verified


def test_a_range_beyond_the_end_is_refused(client: Client) -> None:
    client.put("n", b"123")
    with pytest.raises(Refused) as refused:
        fetch(client, "n", offset=4)
    assert ErrorCode.BAD_RANGE == refused.value.code


def test_progress_ends_at_the_total(client: Client, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    body = bytes(2 * MIB + 5)
    client.put("x", body, progress=lambda moved, total: seen.append((moved, total)))
    assert (len(body), len(body)) == seen[-1]
    seen.clear()
    client.get("x", tmp_path / "x", progress=lambda moved, total: seen.append((moved, total)))
    assert (len(body), len(body)) == seen[-1]
    assert sorted(seen) == seen


def test_stat_tells_size_time_and_digest(client: Client) -> None:
    stored = client.put("a", b"hello", mtime=1_500_000_000_000_000)
    state = client.stat("a")
    assert (stored.rev, 5, 1_500_000_000_000_000, None) == (
        state.rev,
        state.total,
        state.mtime,
        state.digest,
    )
    assert digest_of(b"hello") == client.stat("a", digest=True).digest


def test_a_listing_goes_through_its_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headframe_client.client.PAGE_ENTRIES", 3)
    names = sorted((f"d/{number}" for number in range(20)), key=str.encode)
    for name in names:
        client.put(name, b"x")
    client.put("e", b"x")
    assert [*names, "e"] == [entry.name for entry in client.list()]
    assert names == [entry.name for entry in client.list("d/")]
    assert [] == list(client.list("nothing"))


def test_a_delimiter_shows_folders_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headframe_client.client.PAGE_ENTRIES", 1)
    for name in ("a-b", "a/b", "a/c", "b/d/e", "c"):
        client.put(name, b"x")
    entries = list(client.list(delimiter="/"))
    assert ["a-b", "a/", "b/", "c"] == [entry.name for entry in entries]
    assert [False, True, True, False] == [entry.is_prefix for entry in entries]
    assert ["a/b", "a/c"] == [entry.name for entry in client.list("a/", "/")]
    with pytest.raises(InvalidArgument):
        next(client.list(delimiter="x"))


def test_delete_and_move_do_what_they_say(client: Client) -> None:
    client.put("a", b"1")
    client.put("b", b"2")
    with pytest.raises(Refused) as refused:
        client.move("a", "b")
    assert ErrorCode.PRECONDITION_FAILED == refused.value.code
    client.move("a", "b", replace=True)
    assert b"1" == fetch(client, "b")
    client.move("b", "d/c")
    client.delete("d/c")
    assert [] == list(client.list())


def test_a_refusal_leaves_the_connection_usable(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.stat("missing")
    assert ErrorCode.NOT_FOUND == refused.value.code
    assert "not-found" in str(refused.value)
    assert 1 == client.put("x", b"x").total


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a//b", "a\0b", "x" * 256, "\udcff"])
def test_a_name_that_is_none_is_not_even_asked_for(client: Client, name: str) -> None:
    for ask in (client.stat, client.delete, lambda name: client.put(name, b"")):
        with pytest.raises(InvalidArgument):
            ask(name)
    assert [1] == client.hello().hf


def test_a_missing_source_is_a_local_error(client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.put("x", tmp_path / "missing")
    assert [1] == client.hello().hf


def test_a_sink_that_cannot_be_written_is_a_local_error(client: Client, tmp_path: Path) -> None:
    client.put("x", b"small")
    with pytest.raises(FileNotFoundError):
        client.get("x", tmp_path / "no" / "such" / "folder")
    assert [1] == client.hello().hf


def test_nothing_listens_there() -> None:
    with pytest.raises(ConnectionFailed, match="cannot connect"):
        Client("127.0.0.1", 1, timeout_s=5)


def test_a_host_that_is_no_name_fails_like_any_other() -> None:
    with pytest.raises(ClientError):
        Client("x" * 300, 1, timeout_s=5)


def test_a_closed_client_says_so(client: Client) -> None:
    client.close()
    client.close()
    with pytest.raises(ConnectionFailed, match="closed"):
        client.hello()


def test_the_parts_of_the_package_are_found_when_they_are_used() -> None:
    import headframe_client

    for name in headframe_client.__all__:
        assert getattr(headframe_client, name) is not None
    with pytest.raises(AttributeError):
        _ = headframe_client.nothing


def refused_with(call) -> str:
    with pytest.raises(Refused) as refused:
        call()
    return str(refused.value.code)


def test_a_change_may_depend_on_the_revision(client, tmp_path) -> None:
    first = client.put("a", b"one", if_absent=True).rev
    assert "precondition-failed" == refused_with(lambda: client.put("a", b"two", if_absent=True))
    second = client.put("a", b"two", if_rev=first).rev
    for call in (
        lambda: client.put("a", b"three", if_rev=first),
        lambda: client.get("a", tmp_path / "a", if_rev=first),
        lambda: client.move("a", "b", if_rev=first),
        lambda: client.delete("a", if_rev=first),
    ):
        assert "precondition-failed" == refused_with(call)
    assert not (tmp_path / "a").exists()
    other = client.put("b", b"in the way").rev
    assert "precondition-failed" == refused_with(lambda: client.move("a", "b", replace=first))
    client.get("a", tmp_path / "a", if_rev=second)
    client.delete("b", if_rev=client.move("a", "b", replace=other, if_rev=second))
    assert [] == list(client.list())
    with pytest.raises(InvalidArgument, match="no revision"):
        client.put("a", b"x", if_absent=True, if_rev=first)
    with pytest.raises(InvalidArgument, match="revision"):
        client.put("a", b"x", if_rev="not one!")
