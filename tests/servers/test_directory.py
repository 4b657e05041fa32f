"""The directory store: what a crash leaves, who may use it, and revisions."""

from __future__ import annotations

import contextlib
import os
import threading

import pytest

from headframe_server import DirectoryStore, StoreError


def put(store, name, data):
    received = store.receive(name)
    received.write(data)
    return received.commit(mtime=None)


def test_what_a_crash_left_is_gone_after_a_start(tmp_path):
    (tmp_path / ".headframe").mkdir()
    (tmp_path / ".headframe/put-0123").write_bytes(b"half a file")
    with DirectoryStore(tmp_path):
        assert [] == os.listdir(tmp_path / ".headframe")


def test_two_servers_do_not_share_a_directory(tmp_path):
    with DirectoryStore(tmp_path), pytest.raises(OSError, match="another server"):
        DirectoryStore(tmp_path)
    DirectoryStore(tmp_path).close()


def test_a_link_in_place_of_the_private_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/.headframe").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):  # noqa: PT011
        DirectoryStore(tmp_path / "root")


@pytest.mark.parametrize("xattrs", [True, False])
def test_quick_puts_of_one_size_never_share_a_revision(tmp_path, monkeypatch, xattrs):
    if not xattrs:
        monkeypatch.delattr(os, "setxattr", raising=False)
        monkeypatch.delattr(os, "getxattr", raising=False)
    with DirectoryStore(tmp_path) as store:
        revs = [put(store, "a", b"%06d" % turn).rev for turn in range(1500)]
        assert revs[-1] == store.stat("a").rev
    assert len(revs) == len(set(revs))


def test_a_revision_changes_when_somebody_else_changes_the_file(tmp_path):
    with DirectoryStore(tmp_path) as store:
        before = put(store, "a", b"one").rev
        (tmp_path / "a").write_bytes(b"two")
        assert before != store.stat("a").rev


def test_a_discarded_put_leaves_nothing(tmp_path):
    with DirectoryStore(tmp_path) as store:
        received = store.receive("d/a")
        received.write(b"x")
        received.discard()
        received.discard()
        assert [] == os.listdir(tmp_path / ".headframe")
        assert [] == list(store.entries("", "", delimiter=False))
        assert not (tmp_path / "d").exists()


@pytest.mark.rule("HF-NAME-010", "HF-NAME-011")
def test_a_folder_that_turns_into_a_link_again_and_again_lets_nobody_out(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a").write_bytes(b"secret")
    (root / "real").mkdir()
    (root / "link").symlink_to(outside)
    done = threading.Event()

    def swap():
        while not done.is_set():
            for name in ("real", "link"):
                with contextlib.suppress(OSError):  # the store makes and removes it as well
                    os.rename(root / name, root / "d")
                    os.rename(root / "d", root / name)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        with DirectoryStore(root) as store:
            for _ in range(400):
                try:
                    put(store, "d/a", b"inside")
                except StoreError as error:
                    seen.add(str(error.code))
                try:
                    opened = store.open("d/a")
                    assert b"inside" == opened.read(0, 100)
                    opened.close()
                except StoreError as error:
                    seen.add(str(error.code))
    finally:
        done.set()
        swapper.join(10)
    assert b"secret" == (outside / "a").read_bytes()
    assert ["a"] == os.listdir(outside)
    assert seen <= {"conflict", "not-found", "busy"}
