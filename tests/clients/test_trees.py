"""Whole folders there and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from headframe import BodyChunk, Get, GetReply, ListReply, Refusal
from headframe_client import (
    Client,
    ConnectionFailed,
    LocalFile,
    Outcome,
    Refused,
    TreeOptions,
    get_tree,
    put_tree,
    walk_folder,
)
from headframe_client.crew import Connect
from headframe_client.pipeline import WINDOW_CALLS
from headframe_client.transfers import Transfer
from headframe_client.trees import delete_tree

EMPTY = "sha-256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_tree_comes_back_as_it_was(connect: Connect, tree: Path, tmp_path: Path) -> None:
    expected = contents(tree)
    put = put_tree(connect, walk_folder(tree, "x/y/"))
    total = sum(map(len, expected.values()))
    assert (len(expected), total, []) == (put.files, put.file_bytes, put.failures)
    got = get_tree(connect, "x/", tmp_path / "back")
    assert (len(expected), total, []) == (got.files, got.file_bytes, got.failures)
    assert expected == contents(tmp_path / "back" / "y")
    times = [
        (folder / "a.txt").stat().st_mtime_ns // 1000 for folder in (tree, tmp_path / "back/y")
    ]
    assert times[0] == times[1]


FILES = WINDOW_CALLS + 100


def test_more_small_files_than_fit_go_through_a_window(
    client: Client, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headframe_client.client.PAGE_ENTRIES", 100)
    source = tmp_path / "many"
    for number in range(FILES):
        path = source / f"{number % 37}" / f"{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number % 300))
    assert FILES == put_tree(connect, walk_folder(source)).files
    assert FILES == get_tree(connect, "", tmp_path / "back").files
    assert contents(source) == contents(tmp_path / "back")
    assert FILES == delete_tree(connect, "").files
    assert [] == list(client.list())


class Growing(Outcome):
    """Writes down how it grows."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def move(self, transfer: Transfer[Any], result: Any) -> None:
        super().move(transfer, result)
        self.seen.append((self.files, self.moved_bytes))

    def advance(self, byte_count: int, total: int | None) -> None:
        super().advance(byte_count, total)
        self.seen.append((self.files, self.moved_bytes))


def test_an_outcome_grows_to_the_whole(connect: Connect, tree: Path, tmp_path: Path) -> None:
    total = sum(map(len, contents(tree).values()))
    put, got = Growing(), Growing()
    put_tree(connect, walk_folder(tree), outcome=put)
    get_tree(connect, "", tmp_path / "back", outcome=got)
    for outcome in (put, got):
        assert (8, total) == outcome.seen[-1]
        assert sorted(outcome.seen) == outcome.seen
        assert (0, 0) < outcome.seen[0] < (1, total)


def test_one_file_that_fails_stops_no_other(client: Client, connect: Connect, tree: Path) -> None:
    files = [
        LocalFile(str(tree / "missing"), "missing", 0),
        LocalFile(str(tree / "a.txt"), "a", 5),
        LocalFile(str(tree / "a.txt"), "a/conflict", 5),
        LocalFile(str(tree / "d"), "d", 0),
        LocalFile(str(tree / "link"), "link", 0, "is a symbolic link"),
        LocalFile(str(tree / "empty"), "b", 0),
    ]
    outcome = put_tree(connect, files)
    assert 2 == outcome.files
    assert ["a", "b"] == [entry.name for entry in client.list()]
    failed = {Path(name).name: type(error) for name, error in outcome.failures}
    assert {"missing", "conflict", "d", "link"} == set(failed)
    assert Refused is failed["conflict"]


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_local_link_on_the_way_is_a_failure_of_that_file(
    client: Client, connect: Connect, tmp_path: Path
) -> None:
    for name in ("a", "link/x", "z"):
        client.put(name, b"x")
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "link").symlink_to(outside)
    outcome = get_tree(connect, "", target)
    assert (2, ["link/x"]) == (outcome.files, [name for name, _ in outcome.failures])
    assert [] == list(outside.iterdir())


def test_a_file_that_vanishes_during_the_listing_is_a_failure(scripted, tmp_path: Path) -> None:
    lines = b"".join(b'{"filename":"%s","total":0,"rev":"r"}\n' % name for name in (b"a", b"b"))

    def listing(peer) -> None:
        peer.read_request()
        peer.send(ListReply(end=True, filesize=len(lines)), BodyChunk(lines))
        peer.drain()

    def script(peer) -> None:
        peer.read_request()
        peer.send(Refusal(code="not-found", message="gone"))
        assert "b" == (request := peer.read_request()).filename
        assert isinstance(request, Get)
        peer.send(GetReply(rev="r", total=0, offset=0, digest=EMPTY))

    connect = scripted(listing, script).connect
    outcome = get_tree(connect, "", tmp_path / "out")
    assert (1, ["a"]) == (outcome.files, [name for name, _ in outcome.failures])
    assert {"b": b""} == contents(tmp_path / "out")


def test_a_wrong_digest_keeps_nothing_of_that_file(scripted, tmp_path: Path) -> None:
    line = b'{"filename":"a","total":1,"rev":"r"}\n'

    def listing(peer) -> None:
        peer.read_request()
        peer.send(ListReply(end=True, filesize=len(line)), BodyChunk(line))
        peer.drain()

    def script(peer) -> None:
        peer.read_request()
        peer.send(GetReply(rev="r", total=1, offset=0, digest=EMPTY, filesize=1), BodyChunk(b"x"))

    connect = scripted(listing, script).connect
    outcome = get_tree(connect, "", tmp_path / "out")
    assert (0, 1) == (outcome.files, len(outcome.failures))
    assert {} == contents(tmp_path / "out")


def test_a_lost_connection_ends_it_all_and_leaves_no_part(scripted, tmp_path: Path) -> None:
    line = b'{"filename":"a","total":9,"rev":"r"}\n'

    def listing(peer) -> None:
        peer.read_request()
        peer.send(ListReply(end=True, filesize=len(line)), BodyChunk(line))
        peer.drain()

    def script(peer) -> None:
        peer.read_request()
        peer.send(GetReply(rev="r", total=9, offset=0, digest=EMPTY, filesize=9), BodyChunk(b"x"))

    connect = scripted(listing, script).connect
    with pytest.raises(ConnectionFailed):
        get_tree(connect, "", tmp_path / "out", TreeOptions(retries=0))
    assert {} == contents(tmp_path / "out")
