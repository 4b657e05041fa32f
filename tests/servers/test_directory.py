"""The directory store by itself: what a crash leaves, who may use it, revisions, odd disks."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
import types

import pytest

from flooding import ask
from headframe import LIMITS, UNSET, Put
from headframe_server import DirectoryStore, Server, StoreError, durable, kernel
from headframe_server.disk import Disk


def receive(store, name, data=b"", **members):
    received = store.receive(Put(filename=name, **members))
    try:
        received.write(data)
    except BaseException:
        received.release()
        raise
    return received


def put(store, name, data=b"", **members):
    """Put a file; return the reply, or raise what the commit says."""
    received = receive(store, name, data, **members)
    try:
        assert received.end(None, None) is None
        (outcome,) = store.commit([received])
    finally:
        received.release()
    if isinstance(outcome, StoreError):
        raise outcome
    return outcome


@pytest.fixture(params=["openat2", "walk"])
def disk(request):
    """Both ways from a name to a directory."""
    return Disk(openat2=request.param == "openat2")


@pytest.fixture
def store(root, disk):
    with DirectoryStore(root, disk=disk, free_bytes=0) as opened:
        yield opened


# --- the directory


@pytest.mark.rule("HF-COND-012")
def test_what_a_crash_left_is_gone_after_a_start(root, leftovers):
    (root / ".headframe/uploads").mkdir(parents=True)
    (root / ".headframe/put-0123").write_bytes(b"half a file")
    (root / ".headframe/uploads/0123.data").write_bytes(b"half an upload that nobody recorded")
    (root / ".headframe/uploads/4567.new").write_bytes(b"half a record")
    (root / ".headframe/uploads/89ab.json").write_bytes(b"{")
    with DirectoryStore(root):
        assert [] == leftovers()


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


def test_a_durability_that_nobody_knows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'safe'"):
        DirectoryStore(tmp_path, durability="safe")


def test_a_discarded_put_leaves_nothing(store, root, leftovers):
    received = receive(store, "d/a", b"x")
    received.release()
    received.release()
    assert [] == leftovers()
    assert [] == list(store.entries("", "", delimiter=False))
    assert not (root / "d").exists()


def test_stored_files_have_the_rights_of_any_new_file(store, root):
    put(store, "a", b"x")
    (root / "other").write_bytes(b"x")
    assert (root / "other").stat().st_mode == (root / "a").stat().st_mode


@pytest.mark.rule("HF-COND-006")
def test_puts_of_one_batch_are_judged_in_their_order(store, root):
    first, second = (receive(store, "a", data, if_=None) for data in (b"1", b"2"))
    below = receive(store, "a/b", b"3")
    outcomes = store.commit([first, second, below])
    assert [b"1", "precondition-failed", "conflict"] == [
        (root / "a").read_bytes(),
        *(outcome.code for outcome in outcomes[1:]),
    ]
    for received in (first, second, below):
        received.release()
    assert {"rev": outcomes[0].rev} == outcomes[1].members


# --- revisions


class WithoutMarks(Disk):
    """A file system without extended attributes."""

    def set_mark(self, descriptor, mark):
        return

    def mark_of(self, descriptor):
        return b""


@pytest.mark.rule("HF-COND-001")
@pytest.mark.parametrize("kind", [Disk, WithoutMarks])
@pytest.mark.parametrize("mtime", [UNSET, 7])
def test_quick_puts_of_one_size_never_share_a_revision(root, kind, mtime):
    with DirectoryStore(root, disk=kind(), durability="rename") as store:
        revs = [put(store, "a", b"%06d" % turn, mtime=mtime).rev for turn in range(1500)]
        assert revs[-1] == store.stat("a").rev
    assert len(revs) == len(set(revs))
    assert [] == [rev for rev in revs if rev.startswith("-")]


@pytest.mark.parametrize("mtime_s", [-5, 10**10])
def test_a_time_that_no_header_can_hold_is_cut_to_what_it_can(root, mtime_s):
    (root / "a").write_bytes(b"one")
    os.utime(root / "a", (mtime_s, mtime_s))
    with DirectoryStore(root) as store:
        assert 0 <= store.stat("a").mtime <= LIMITS.integer_max


@pytest.mark.rule("HF-COND-013")
@pytest.mark.parametrize("kind", [Disk, WithoutMarks])
def test_a_revision_stays_as_long_as_nobody_changes_the_file(root, kind):
    revs = set()
    for _ in range(2):
        with DirectoryStore(root, disk=kind()) as store:
            if not revs:
                revs.add(put(store, "a", b"one").rev)
            put(store, "b", b"two")
            store.open("a").close()
            revs |= {store.stat("a").rev, next(store.entries("", "", delimiter=False)).info.rev}
    assert 1 == len(revs)


@pytest.mark.rule("HF-COND-001")
@pytest.mark.parametrize("kind", [Disk, WithoutMarks])
def test_a_revision_changes_when_somebody_else_changes_the_file(root, kind):
    with DirectoryStore(root, disk=kind()) as store:
        before = put(store, "a", b"one").rev
        (root / "a").write_bytes(b"two")
        assert before != store.stat("a").rev
        assert store.stat("a").digest is None


def test_the_digest_of_a_stored_file_is_remembered_and_moves_with_it(store):
    reply = put(store, "a", b"one")
    assert f"sha-256:{hashlib.sha256(b'one').hexdigest()}" == store.stat("a").digest
    assert reply.rev == store.move("a", "b").rev
    assert reply.digest == store.stat("b").digest


@pytest.mark.parametrize("mark", [b"", b"x" * 58, b"\x01" + b"x" * 57, b"\x01" * 200])
def test_a_mark_that_is_not_ours_means_nothing(store, root, mark):
    put(store, "a", b"one")
    os.setxattr(root / "a", "user.hf1", mark)
    assert (3, None) == (store.stat("a").total, store.stat("a").digest)


@pytest.mark.rule("HF-CMD-013")
def test_a_time_keeps_its_microseconds(store):
    put(store, "a", mtime=1_500_000_000_123_456)
    assert 1_500_000_000_123_456 == store.stat("a").mtime


# --- confinement


@pytest.mark.rule("HF-NAME-010", "HF-NAME-011")
def test_no_way_through_a_link_on_either_path(store, root, tmp_path):
    (tmp_path / "outside/d").mkdir(parents=True)
    (tmp_path / "outside/d/secret").write_bytes(b"secret")
    (root / "in").mkdir()
    (root / "in/link").symlink_to(tmp_path / "outside")
    (root / "in/file").write_bytes(b"")
    for name in ("in/link/d/secret", "in/link/d", "in/link", "in/file/x/y"):
        with pytest.raises(StoreError, match="no such file"):
            store.open(name)
        for step in (lambda name=name: put(store, name), lambda name=name: put(store, name + "/n")):
            with pytest.raises(StoreError) as raised:
                step()
            assert "conflict" == raised.value.code
    assert ["secret"] == os.listdir(tmp_path / "outside/d")


@pytest.mark.rule("HF-NAME-008", "HF-NAME-010", "HF-NAME-011")
def test_a_link_within_the_tree_is_no_second_name(store, root):
    put(store, "real/d/file", b"one")
    (root / "link").symlink_to("real")
    (root / "real/loop").symlink_to("../real")
    (root / "real/d/leaf").symlink_to("file")
    for name in ("link/d/file", "real/loop/d/file", "real/d/leaf", "link/d/leaf"):
        with pytest.raises(StoreError, match="no such file"):
            store.open(name)
        with pytest.raises(StoreError) as raised:
            put(store, name, b"two")
        assert "conflict" == raised.value.code
    assert ["real/d/file"] == [entry.text for entry in store.entries("", "", delimiter=False)]
    assert b"one" == (root / "real/d/file").read_bytes()


@pytest.mark.rule("HF-NAME-010", "HF-NAME-011")
def test_a_folder_that_turns_into_a_link_again_and_again_lets_nobody_out(tmp_path, disk):
    swap_and_look(tmp_path, disk, seconds=1.5, clients=2)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.rule("HF-NAME-010", "HF-NAME-011")
def test_a_folder_that_turns_into_a_link_for_a_minute_lets_nobody_out(tmp_path, disk):
    swap_and_look(tmp_path, disk, seconds=60, clients=8)


SWAPPING = """
import ctypes, os, sys
os.chdir(sys.argv[1])
libc, here, both = ctypes.CDLL(None, use_errno=True), -100, 2
while True:  # until it is killed
    for one, other in ((b"d", b"link"), (b"f", b"f-link")):
        if libc.renameat2(here, one, here, other, both):
            sys.exit(os.strerror(ctypes.get_errno()))
"""


def swap_and_look(tmp_path, disk, seconds, clients):
    """Let clients put and get below a folder, and a file, that become links out in turn."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "d").mkdir(parents=True)
    outside.mkdir()
    (outside / "a").write_bytes(b"the secret")
    (root / "d/a").write_bytes(b"inside")
    (root / "link").symlink_to(outside)
    (root / "f").write_bytes(b"inside")
    (root / "f-link").symlink_to(outside / "a")
    until = time.monotonic() + seconds
    seen, turns = set(), []

    def use(address):
        with socket.create_connection(address, timeout=20) as sock:
            while time.monotonic() < until:
                for name in ("d/a", "d/e/b", "f"):
                    seen.add(ask(sock, b"inside", cmd="put", filename=name).get("code", "stored"))
                    reply = ask(sock, cmd="get", filename=name)
                    seen.add(reply.get("code") or ("read" if reply["total"] == 6 else "the secret"))
                    turns.append(1)
                ask(sock, cmd="delete", filename="d/e/b")

    with (
        subprocess.Popen([sys.executable, "-c", SWAPPING, root]) as swapper,
        DirectoryStore(root, disk=disk, durability="rename", free_bytes=0) as store,
        Server(("127.0.0.1", 0), store) as server,
    ):
        try:
            users = [threading.Thread(target=use, args=(server.address,)) for _ in range(clients)]
            for user in users:
                user.start()
            for user in users:
                user.join(seconds + 60)
            assert None is swapper.poll()
        finally:
            swapper.kill()
    print(f"{len(turns)} puts and gets, and nothing but {sorted(seen)}")
    assert b"the secret" == (outside / "a").read_bytes()
    assert ["a"] == os.listdir(outside)
    assert {"stored", "read", "conflict", "not-found"} <= seen
    assert seen <= {"stored", "read", "conflict", "not-found", "busy"}


# --- odd disks


class Folding(Disk):
    """A file system that takes names for one another that differ in case only."""

    def __init__(self):
        super().__init__()
        self._openat2 = False

    def _found(self, name, at):
        return next((n for n in os.listdir(at) if n.casefold() == name.casefold()), name)

    def open_directory(self, name, at):
        return super().open_directory(self._found(name, at), at)

    def open(self, name, at, *, writing=False):
        return super().open(self._found(name, at), at, writing=writing)

    def status(self, name, at):
        return super().status(self._found(name, at), at)

    def rename(self, name, at, to, to_at):
        super().rename(self._found(name, at), at, self._found(to, to_at), to_at)

    def rename_new(self, name, at, to, to_at):
        super().rename_new(self._found(name, at), at, self._found(to, to_at), to_at)


@pytest.mark.rule("HF-NAME-008", "HF-NAME-009")
def test_on_a_disk_that_folds_case_no_second_name_reaches_a_file(root):
    with DirectoryStore(root, disk=Folding()) as store:
        put(store, "Dir/File", b"one")
        for other in ("dir/file", "Dir/file", "DIR/File"):
            with pytest.raises(StoreError, match="no such file"):
                store.stat(other)
            with pytest.raises(StoreError) as raised:
                put(store, other, b"two")
            assert "bad-name" == raised.value.code
            with pytest.raises(StoreError) as raised:
                store.move("Dir/File", other)
            assert "bad-name" == raised.value.code
        put(store, "Dir/File", b"three")
        put(store, "Dir/Other", b"four")
        assert ["Dir/File", "Dir/Other"] == [e.text for e in store.entries("", "", delimiter=False)]


class Failing(Disk):
    """A file system on which one call fails."""

    def __init__(self, method, number, when=lambda *_: True):
        super().__init__()

        def fail(*arguments, **more):
            if when(*arguments):
                raise OSError(number, os.strerror(number))
            return getattr(Disk, method)(self, *arguments, **more)

        self.armed = lambda: setattr(self, method, fail)


@pytest.mark.rule("HF-ERROR-009", "HF-COND-011")
@pytest.mark.parametrize(
    ("method", "number", "code"),
    [
        ("write", errno.ENOSPC, "no-space"),
        ("write", errno.EDQUOT, "no-space"),
        ("write", errno.EIO, "internal"),
        ("create", errno.ENOSPC, "no-space"),
        ("create", errno.EMFILE, "busy"),
        ("set_time", errno.EIO, "internal"),
        ("set_mark", errno.ENOSPC, "no-space"),
        ("make_directory", errno.ENOSPC, "no-space"),
        ("make_directory", errno.EACCES, "internal"),
        ("rename_new", errno.ENOSPC, "no-space"),
        ("rename_new", errno.EXDEV, "conflict"),
        ("rename_new", errno.ENAMETOOLONG, "bad-name"),
        ("rename", errno.EIO, "internal"),
        ("sync", errno.EIO, "internal"),
        ("sync", errno.ENOSPC, "no-space"),
        ("open_path", errno.EMFILE, "busy"),
        ("status_of_path", errno.EIO, "internal"),
    ],
)
def test_when_the_disk_fails_the_put_is_refused_and_nothing_has_changed(
    root, leftovers, method, number, code
):
    disk = Failing(method, number)
    with DirectoryStore(root, disk=disk, free_bytes=0) as store:
        put(store, "a", b"one")
        put(store, "x/y", b"one")
        disk.armed()
        first = {"rename": "a", "open_path": "x/y", "status_of_path": "a"}.get(method, "d/a")
        with pytest.raises(StoreError) as raised:
            put(store, first, b"two")
        assert code == raised.value.code
        assert raised.value.refusal().error_code.retryable is ("retry_ms" in raised.value.members)
        delattr(disk, method)
        assert b"one" == (root / "a").read_bytes()
        assert [] == leftovers()
        assert not (root / "d").exists()
        assert ["a", "x/y"] == [e.text for e in store.entries("", "", delimiter=False)]


@pytest.mark.rule("HF-ERROR-009", "HF-CMD-027")
def test_a_directory_that_goes_while_a_batch_is_committed_is_not_used_any_more(root, disk):
    failing = Failing("rename_new", errno.EIO, when=lambda name, *_: name == first.draft.filename)
    failing._openat2 = disk._openat2
    (root / "e/f").mkdir(parents=True)
    with DirectoryStore(root, disk=failing) as store:
        names = ("d/a", "d/b", "e/f/a", "e", "e/f/b")
        batch = first, *_ = [receive(store, name, name.encode()) for name in names]
        failing.armed()
        store._place = functools.partial(emptying, store._place, root / "e/f/a")
        outcomes = [outcome.code or "stored" for outcome in store.commit(batch)]
        for received in batch:
            received.release()
    assert ["internal", "stored", "stored", "stored", "conflict"] == outcomes
    assert [b"d/b", b"e"] == [(root / name).read_bytes() for name in ("d/b", "e")]


def emptying(place, path, incoming, *more):
    """Place a file, and remove, as another program might, one that was placed before."""
    if incoming.put.filename == "e":
        path.unlink()
    return place(incoming, *more)


@pytest.mark.rule("HF-ERROR-009")
@pytest.mark.parametrize("method", ["open_file", "open"])
def test_a_condition_that_cannot_be_judged_now_is_no_condition_that_holds(root, method):
    disk = Failing(method, errno.EMFILE, when=lambda name, *_: name == "b")
    disk._openat2 = method == "open_file"
    with DirectoryStore(root, disk=disk) as store:
        put(store, "a", b"one")
        put(store, "b", b"two")
        disk.armed()
        for change in (
            lambda: put(store, "b", b"three", if_=None),
            lambda: store.move("a", "b"),
            lambda: store.delete("b", None),
        ):
            with pytest.raises(StoreError) as raised:
                change()
            assert "busy" == raised.value.code
    assert [b"one", b"two"] == [(root / name).read_bytes() for name in "ab"]


@pytest.mark.rule("HF-COND-010")
def test_after_a_directory_that_could_not_be_synced_nothing_is_promised_any_more(root):
    directories = lambda descriptor: os.path.isdir(f"/proc/self/fd/{descriptor}")  # noqa: E731
    disk = Failing("sync", errno.EIO, when=directories)
    with DirectoryStore(root, disk=disk) as store:
        put(store, "a", b"one")
        disk.armed()
        with pytest.raises(StoreError, match="file system failed"):
            put(store, "a", b"two")
        del disk.sync
        for change in (
            lambda: put(store, "b"),
            lambda: store.delete("a"),
            lambda: store.move("a", "c"),
        ):
            with pytest.raises(StoreError, match="file system failed"):
                change()


def test_a_disk_that_is_nearly_full_takes_no_more(root):
    class Full(Disk):
        free = 1000

        def free_bytes(self, descriptor):
            return self.free, 100_000

    disk = Full()
    with DirectoryStore(root, disk=disk, free_bytes=600) as store:
        put(store, "a", b"x" * 400)
        with pytest.raises(StoreError, match="no space"):
            receive(store, "b", filesize=401).check()
        disk.free = 599
        with pytest.raises(StoreError) as raised:
            receive(store, "b", filesize=0).check()
        assert ("no-space", 1000) == (raised.value.code, raised.value.members["retry_ms"])
        assert 400 == store.stat("a").total
    with DirectoryStore(root, disk=disk) as store:
        disk.free = 4_999  # a twentieth is less than a gibibyte
        with pytest.raises(StoreError):
            put(store, "b")
        disk.free = 5_000
        put(store, "b")


def write_in_pieces(received, count):
    for _ in range(count):
        received.write(bytes(1_000_000))


def test_a_body_of_unknown_size_is_stopped_before_it_fills_the_disk(root, leftovers):
    class Full(Disk):
        written = 0

        def free_bytes(self, descriptor):
            return 60_000_000 - self.written, 1 << 40

        def write(self, descriptor, data, offset):
            self.written += len(data)
            os.ftruncate(descriptor, offset + len(data))
            return len(data)

    disk = Full()
    with DirectoryStore(root, disk=disk, free_bytes=20_000_000) as store:
        with pytest.raises(StoreError, match="no space"):
            receive(store, "a", bytes(100_000_000))
        assert [] == leftovers()
        received = receive(store, "a")
        with pytest.raises(StoreError, match="no space"):
            write_in_pieces(received, 100)
        received.release()
        assert 40_000_000 < disk.written < 60_000_000
        assert [] == leftovers()


@pytest.mark.rule("HF-COND-003")
def test_what_another_program_creates_meanwhile_is_not_replaced(root, store, disk):
    before = disk.rename_new

    def late(name, at, to, to_at):
        (root / "a").write_bytes(b"theirs")
        before(name, at, to, to_at)

    disk.rename_new = late
    with pytest.raises(StoreError) as raised:
        put(store, "a", b"ours", if_=None)
    assert "precondition-failed" == raised.value.code
    assert store.stat("a").rev == raised.value.members["rev"]
    assert b"theirs" == (root / "a").read_bytes()
    disk.rename_new = before
    put(store, "b", b"ours")
    with pytest.raises(StoreError) as raised:
        store.move("b", "a")
    assert {"to_rev": store.stat("a").rev} == raised.value.members


def test_where_renameat2_is_missing_nothing_is_replaced_either(root, monkeypatch):
    from headframe_server import kernel

    monkeypatch.setattr(kernel, "_renameat2", None)
    with DirectoryStore(root) as store:
        put(store, "a", b"one", if_=None)
        put(store, "b", b"two")
        (root / "c").write_bytes(b"theirs")
        with pytest.raises(StoreError, match="state"):
            put(store, "c", b"ours", if_=None)
        store.move("a", "d")
    assert b"one" == (root / "d").read_bytes()


def test_where_openat2_is_forbidden_directories_are_opened_one_by_one(root, monkeypatch):
    from headframe_server import kernel

    calls = []

    def forbidden(*arguments):
        calls.append(arguments)
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(kernel, "open_beneath", forbidden)
    with DirectoryStore(root) as store:
        put(store, "a/b/c", b"one")
        put(store, "a/b/d", b"one")
    assert 1 == len(calls)
    assert b"one" == (root / "a/b/d").read_bytes()


# --- durability


class Counting(Disk):
    """Counts what is synced, and how much of it at the same time."""

    def __init__(self, *, whole=True):
        super().__init__()
        self.files = self.directories = self.whole = self.together = self._now = 0
        self._has_whole = whole
        self._lock = threading.Lock()

    def sync(self, descriptor):
        with self._lock:
            self._now += 1
            self.together = max(self.together, self._now)
            if os.path.isdir(f"/proc/self/fd/{descriptor}"):
                self.directories += 1
            else:
                self.files += 1
        time.sleep(0.002)  # as storage does
        super().sync(descriptor)
        with self._lock:
            self._now -= 1

    def sync_all(self, descriptor):
        if not self._has_whole or not super().sync_all(descriptor):
            return False
        self.whole += 1
        return True


@pytest.mark.rule("HF-COND-010")
def test_puts_that_arrive_together_share_the_syncs(serving, connect, root):
    disk = Counting()
    peer = connect(serving(store=DirectoryStore(root, disk=disk, free_bytes=0)))
    peer.ask(b"x", cmd="put", filename="d/first")
    disk.directories = disk.files = 0
    peer.socket.sendall(
        b"".join(peer.frame(b"x", id=n, cmd="put", filename=f"d/{n}") for n in range(1, 65))
    )
    assert [(n, True) for n in range(1, 65)] == [
        (reply["id"], reply["ok"]) for reply in (peer.reply() for _ in range(64))
    ]
    assert disk.files + disk.directories + disk.whole <= 32


@pytest.mark.rule("HF-COND-010")
@pytest.mark.parametrize(("count", "whole"), [(durable.MANY - 1, True), (32, False)])
def test_where_a_file_system_is_not_synced_at_once_its_files_are_together(root, count, whole):
    disk = Counting(whole=whole)
    with DirectoryStore(root, disk=disk, free_bytes=0) as store:
        batch = [receive(store, f"d/{n}", b"x") for n in range(count)]
        assert all(outcome.rev for outcome in store.commit(batch))
    assert (count, 0) == (disk.files, disk.whole)
    assert disk.together >= 4


@pytest.mark.rule("HF-COND-010")
@pytest.mark.parametrize(("elsewhere", "whole"), [(".", 1), ("/proc", 0)])
def test_one_sync_of_a_file_system_does_not_stand_for_another(root, elsewhere, whole):
    folders = [os.open(root, os.O_RDONLY) for _ in range(durable.MANY)]
    folders.append(os.open(root / elsewhere, os.O_RDONLY))
    wholes, each = [], []
    disk = types.SimpleNamespace(sync=each.append, sync_all=lambda one: wholes.append(one) or True)
    group = durable.GroupCommit(disk, "fsync")
    try:
        assert [None] * len(folders) == group.sync_all(folders)
    finally:
        group.close()
        for folder in folders:
            os.close(folder)
    assert whole == len(wholes)
    assert [] == each if whole else sorted(folders) == sorted(each)


@pytest.mark.rule("HF-COND-010", "HF-ERROR-009")
def test_of_a_batch_that_cannot_be_synced_at_once_each_file_has_its_own_luck(root, leftovers):
    disk = Failing("sync", errno.EIO, when=lambda descriptor: os.fstat(descriptor).st_size == 3)
    disk.sync_all = lambda _: False
    with DirectoryStore(root, disk=disk, free_bytes=0) as store:
        disk.armed()
        batch = [receive(store, f"d/{n}", bytes(n)) for n in range(9)]
        codes = [getattr(outcome, "code", "stored") for outcome in store.commit(batch)]
        for received in batch:
            received.release()
        assert ["internal" if n == 3 else "stored" for n in range(9)] == [
            "stored" if code is UNSET else code for code in codes
        ]
        assert [f"d/{n}" for n in range(9) if n != 3] == [
            entry.text for entry in store.entries("", "", delimiter=False)
        ]
        assert [] == leftovers()


@pytest.mark.parametrize(
    ("release", "number"), [("5.7.19-generic", errno.ENOSYS), ("6.1", errno.EBADF)]
)
def test_a_system_that_tells_of_no_failure_does_not_sync_all(monkeypatch, release, number):
    monkeypatch.setattr(os, "uname", lambda: types.SimpleNamespace(release=release))
    monkeypatch.setattr(kernel, "_syncfs", kernel._find_syncfs())
    with pytest.raises(OSError) as raised:  # noqa: PT011  (the number says which)
        kernel.sync_file_system(-1)
    assert number == raised.value.errno
    assert not Disk().sync_all(-1)


@pytest.mark.rule("HF-COND-010")
def test_connections_share_the_sync_of_a_directory(root):
    disk = Counting()
    with DirectoryStore(root, disk=disk, free_bytes=0) as store:
        put(store, "d/first")
        disk.directories = 0
        threads = [threading.Thread(target=put, args=(store, f"d/{n}")) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert 33 == len(list(store.entries("", "", delimiter=False)))
    assert disk.directories < 32


@pytest.mark.rule("HF-COND-010", "HF-ERROR-009")
def test_without_descriptors_a_change_is_synced_at_once_and_not_forgotten(root, monkeypatch):
    disk = Counting()
    with DirectoryStore(root, disk=disk, free_bytes=0) as store:
        put(store, "a", b"one")
        disk.directories = 0
        noted = store._group.changed
        dup = os.dup

        def exhausted(descriptor):
            raise OSError(errno.EMFILE, "too many open files")

        def changed(directory):
            monkeypatch.setattr(os, "dup", exhausted)
            noted(directory)
            monkeypatch.setattr(os, "dup", dup)

        store._group.changed = changed
        assert put(store, "a", b"two").rev
        assert b"two" == (root / "a").read_bytes()
        assert 1 == disk.directories


@pytest.mark.parametrize("method", ["open", "open_directory"])
def test_a_listing_for_which_no_descriptor_is_left_is_refused_and_leaves_nothing_out(
    serving, connect, root, method
):
    disk = Failing(method, errno.EMFILE)
    peer = connect(serving(store=DirectoryStore(root, disk=disk, free_bytes=0)))
    for name in ("a", "b", "d/b", "e"):
        peer.ask(b"x", cmd="put", filename=name)
    assert ["a"] == peer.names(limit=1)
    disk.armed()
    assert "busy" == peer.ask(cmd="list", after="a")["code"]
    delattr(disk, method)
    assert ["b", "d/b", "e"] == peer.names(after="a")


@pytest.mark.rule("HF-CMD-018")
def test_a_file_that_cannot_be_read_has_no_digest_and_the_connection_goes_on(
    serving, connect, root, monkeypatch
):
    (root / "a").write_bytes(b"one")
    peer = connect(serving())

    def unreadable(*_):
        raise OSError(errno.EIO, "bad sector")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", unreadable)
        assert "internal" == peer.ask(cmd="stat", filename="a", want=["digest"])["code"]
        assert "internal" == peer.ask(cmd="get", filename="a", want=["digest"])["code"]
    assert b"one" == peer.ask(cmd="get", filename="a")["body"]


def test_with_less_durability_nothing_is_synced_and_that_is_said(serving, connect, root):
    disk = Counting()
    peer = connect(serving(store=DirectoryStore(root, disk=disk, durability="rename")))
    assert "rename" == peer.ask(cmd="hello")["durability"]
    peer.ask(b"x", cmd="put", filename="d/a", upload="u" * 22, total=1)
    peer.ask(cmd="move", filename="d/a", to="e/a")
    peer.ask(cmd="delete", filename="e/a")
    assert 0 == disk.files + disk.directories


@pytest.mark.rule("HF-CMD-021")
def test_two_who_read_one_directory_do_not_move_each_other(tmp_path):
    disk, names = Disk(), {f"{n:0>200}" for n in range(500)}
    for name in names:
        (tmp_path / name).touch()
    root = disk.open_root(tmp_path)
    with disk.scan(root) as one:
        begun = next(one).name
        with disk.scan(root) as other:
            assert names == {entry.name for entry in other}
        assert names == {begun, *(entry.name for entry in one)}
    os.close(root)
