"""Uploads that resume, through a socket and over restarts of the server."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import struct
import threading
import time

import pytest

from headframe import UNSET, ErrorCode, Put
from headframe_server import Access, DirectoryStore, Person, Server, StoreError, Token, uploads
from headframe_server.disk import Disk

TOKEN = "t0ken-of-22-characters"
OTHER = "an0ther-token_of_24-chars"
TEXT = b"hello, world"


def digest(data):
    return "sha-256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def put(peer):
    """Put a part of an upload."""

    def ask(body=b"", **members):
        return peer.ask(body, **({"cmd": "put", "filename": "a", "upload": TOKEN} | members))

    return ask


@pytest.fixture
def stat(peer):
    return lambda token=TOKEN: peer.ask(cmd="stat", upload=token)


def described(reply):
    return {name: reply.get(name) for name in ("rev", "total", "digest")}


# --- parts


@pytest.mark.rule("HF-RESUME-003", "HF-RESUME-009", "HF-RESUME-011", "HF-RESUME-013")
def test_a_file_may_come_in_parts(put, stat, peer, root):
    first = put(TEXT[:7], total=12)
    assert (True, 7, None) == (first["ok"], first["offset"], first.get("rev"))
    asked = stat()
    assert (7, 12, None) == (asked["offset"], asked["total"], asked.get("rev"))
    assert [] == peer.names()
    last = put(TEXT[7:], offset=7, digest=digest(TEXT))
    assert (12, digest(TEXT), None) == (last["total"], last["digest"], last.get("offset"))
    assert TEXT == (root / "a").read_bytes()
    assert last["rev"] == peer.ask(cmd="stat", filename="a")["rev"]


@pytest.mark.rule("HF-RESUME-013")
def test_a_whole_file_may_come_as_one_part(put, peer, root):
    assert (12, digest(TEXT)) == (put(TEXT, total=12)["total"], put(TEXT, total=12)["digest"])
    assert TEXT == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-009", "HF-RESUME-011")
def test_a_total_may_come_last(put, stat, peer, root):
    assert 5 == put(TEXT[:5])["offset"]
    assert None is stat().get("total")
    peer.send(TEXT[5:9], id=1, cmd="put", filename="a", upload=TOKEN, offset=5, more=True)
    peer.send(TEXT[9:], total=12, digest=digest(TEXT))
    assert 12 == peer.reply()["total"]
    assert TEXT == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-003", "HF-RESUME-013")
def test_an_empty_file_is_an_upload_like_any_other(put, root):
    assert 0 == put(b"")["offset"]
    assert put(b"", total=0)["rev"]
    assert b"" == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-004")
def test_an_upload_that_nobody_knows_cannot_go_on(put, stat, peer, leftovers):
    assert "upload-gone" == put(b"x", offset=1)["code"]
    assert "upload-gone" == stat()["code"]
    assert "upload-gone" == peer.ask(cmd="delete", upload=TOKEN)["code"]
    assert [] == leftovers()


@pytest.mark.rule("HF-RESUME-005")
def test_an_upload_is_for_one_name(put, stat):
    put(b"abc", total=6)
    assert "conflict" == put(b"def", offset=3, filename="b")["code"]
    assert 3 == stat()["offset"]


@pytest.mark.rule("HF-RESUME-006")
@pytest.mark.parametrize("offset", [{}, {"offset": 2}, {"offset": 4}, {"offset": 99}])
def test_a_part_goes_on_where_the_upload_stands(put, offset):
    put(b"abc", total=6)
    refusal = put(b"def", **offset)
    assert ("offset-mismatch", 3) == (refusal["code"], refusal["offset"])
    assert put(b"def", offset=3)["rev"]


@pytest.mark.rule("HF-RESUME-007")
def test_a_total_does_not_change(put, stat, peer):
    put(b"abc", total=6)
    assert "bad-request" == put(b"d", offset=3, total=7)["code"]
    peer.send(b"d", id=1, cmd="put", filename="a", upload=TOKEN, offset=3, more=True)
    peer.send(total=7)
    assert "bad-request" == peer.reply()["code"]
    assert (4, 6) == (stat()["offset"], stat()["total"])


@pytest.mark.rule("HF-RESUME-008")
def test_announced_excess_is_refused_and_the_upload_stays(put, stat, root):
    put(b"abc", total=6)
    assert "size-mismatch" == put(b"defg", offset=3)["code"]
    assert "size-mismatch" == put(b"defg", offset=3, total=6)["code"]
    assert 3 == stat()["offset"]
    assert put(b"def", offset=3)["rev"]
    assert b"abcdef" == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-016")
@pytest.mark.parametrize("known", [True, False])
def test_excess_that_was_not_announced_ends_the_upload(put, stat, peer, leftovers, known):
    put(b"abc", **({"total": 6} if known else {}))
    peer.send(b"de", id=1, cmd="put", filename="a", upload=TOKEN, offset=3, more=True)
    peer.send(b"fg", more=True)
    peer.send(total=6)
    assert "size-mismatch" == peer.reply()["code"]
    assert "upload-gone" == stat()["code"]
    assert [] == leftovers() + peer.names()


@pytest.mark.rule("HF-RESUME-016")
def test_excess_in_a_frame_that_aborts_ends_the_upload(put, stat, peer, leftovers):
    put(b"abc", total=6)
    peer.send(b"de", id=1, cmd="put", filename="a", upload=TOKEN, offset=3, more=True)
    peer.send(b"fg", abort=True)
    assert "size-mismatch" == peer.reply()["code"]
    assert "upload-gone" == stat()["code"]
    assert [] == leftovers() + peer.names()


@pytest.mark.rule("HF-RESUME-007")
def test_a_total_beside_an_abort_counts_for_nothing(put, peer):
    peer.send(b"abc", id=1, cmd="put", filename="a", upload=TOKEN, more=True)
    peer.send(total=9, abort=True)
    assert "aborted" == peer.reply()["code"]
    assert put(b"def", offset=3, total=6)["rev"]


@pytest.mark.rule("HF-RESUME-017", "HF-RESUME-022")
def test_a_repeat_that_is_refused_leaves_the_upload_finished(put, stat):
    done = put(b"abc", total=3)
    assert "digest-mismatch" == put(b"abc", digest=digest(b"abd"))["code"]
    assert "bad-request" == put(b"abc", total=4)["code"]
    assert done["rev"] == stat()["rev"]
    assert done == put(b"abc", total=3, if_="other", mtime=5)


@pytest.mark.rule("HF-RESUME-017")
def test_bytes_that_do_not_fit_the_digest_end_the_upload(put, stat, peer, leftovers):
    put(b"abc", total=6)
    assert "digest-mismatch" == put(b"xyz", offset=3, digest=digest(b"abcdef"))["code"]
    assert "upload-gone" == stat()["code"]
    assert [] == leftovers() + peer.names()


@pytest.mark.rule("HF-RESUME-010")
@pytest.mark.parametrize("how", ["cut", "reset", "abort", "timeout", "fatal"])
def test_what_has_arrived_stays_however_the_message_ends(serving, connect, root, how):
    server = serving(body_grace_ms=300, body_bytes_per_s=1000)
    sender, asker = connect(server), connect(server)
    first = {"id": 1, "cmd": "put", "filename": "a", "upload": TOKEN, "total": 12}
    if how in ("abort", "fatal"):
        sender.send(TEXT[:7], **first, more=True)
        sender.socket.sendall(b"\0\0\0\0" if how == "fatal" else sender.frame(abort=True))
        reply = sender.reply()
        assert {"abort": "aborted", "fatal": "bad-frame"}[how] == reply["code"]
    else:
        sender.send(**first, filesize=12)
        sender.socket.sendall(TEXT[:7])
        if how == "timeout":
            assert "timeout" == sender.reply()["code"]
        else:
            wait_for(lambda: any((root / ".headframe/uploads").glob("*.data")))
            wait_for(lambda: held(root) == 7)
            if how == "reset":
                sender.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            sender.close()
    assert 7 == asker.ask(cmd="stat", upload=TOKEN)["offset"]
    rest = asker.ask(TEXT[7:], cmd="put", filename="a", upload=TOKEN, offset=7, digest=digest(TEXT))
    assert rest["ok"]
    assert TEXT == (root / "a").read_bytes()


def held(root):
    return sum(path.stat().st_size for path in (root / ".headframe/uploads").glob("*.data"))


def wait_for(condition, timeout_s=10):
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.rule("HF-RESUME-002")
def test_the_same_token_of_two_people_names_two_uploads(serving, connect):
    people = [Person("ann"), Person("bob")]
    tokens = tuple(
        Token(person, hashlib.sha256(person.name.encode()).hexdigest()) for person in people
    )
    server = serving(access=Access(tokens))
    ann, bob = connect(server), connect(server)
    for peer, name in ((ann, "ann"), (bob, "bob")):
        assert peer.ask(cmd="hello", auth={"scheme": "token", "token": name})["ok"]
    assert 3 == ann.ask(b"abc", cmd="put", filename="a", upload=TOKEN, total=6)["offset"]
    assert "upload-gone" == bob.ask(cmd="stat", upload=TOKEN)["code"]
    assert 1 == bob.ask(b"x", cmd="put", filename="b", upload=TOKEN, total=6)["offset"]
    assert 3 == ann.ask(cmd="stat", upload=TOKEN)["offset"]


# --- the last part


@pytest.mark.rule("HF-RESUME-014", "HF-RESUME-015")
def test_the_last_parts_condition_decides_and_may_be_tried_again(put, stat, peer, root):
    rev = peer.ask(b"old", cmd="put", filename="a")["rev"]
    put(b"abc", total=6, if_=rev, mtime=1)
    newer = peer.ask(b"newer", cmd="put", filename="a")["rev"]
    refusal = put(b"def", offset=3, if_=rev)
    assert ("precondition-failed", newer) == (refusal["code"], refusal["rev"])
    assert 3 == stat()["offset"]
    peer.send(id=1, cmd="put", filename="a", upload=TOKEN, offset=3, if_=newer, filesize=3)
    peer.socket.sendall(b"d")
    wait_for(lambda: held(root) == 4)  # its condition held when it began
    with contextlib.closing(peer.__class__(peer.socket.getpeername())) as other:
        newest = other.ask(b"late", cmd="put", filename="a")["rev"]
    peer.socket.sendall(b"ef")
    refusal = peer.reply()
    assert ("precondition-failed", newest) == (refusal["code"], refusal["rev"])
    assert b"late" == (root / "a").read_bytes()
    assert 6 == stat()["offset"]
    assert put(b"", offset=6, if_=newest, mtime=7, digest=digest(b"abcdef"))["ok"]
    assert 7 == peer.ask(cmd="stat", filename="a")["mtime"]
    assert b"abcdef" == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-015")
def test_a_file_in_the_way_leaves_the_upload_as_it_is(put, stat, peer, root):
    put(b"abc", filename="d/a", total=3, upload=OTHER, abort=True)
    peer.ask(b"x", cmd="put", filename="d")
    assert "conflict" == put(b"", filename="d/a", offset=3, upload=OTHER)["code"]
    assert 3 == stat(OTHER)["offset"]
    peer.ask(cmd="delete", filename="d")
    assert put(b"", filename="d/a", offset=3, upload=OTHER)["rev"]
    assert b"abc" == (root / "d/a").read_bytes()


@pytest.mark.rule("HF-RESUME-014")
def test_a_digest_of_an_earlier_part_decides_nothing(put):
    put(b"abc", total=6, digest=digest(b"something else"))
    assert put(b"def", offset=3, digest=digest(b"abcdef"))["rev"]


# --- the newest wins


@pytest.mark.rule("HF-RESUME-018")
@pytest.mark.parametrize("newer", ["put", "stat", "delete"])
def test_a_newer_request_takes_an_upload_over_at_once(serving, connect, root, newer):
    server = serving()
    older, other = connect(server), connect(server)
    older.send(id=5, cmd="put", filename="a", upload=TOKEN, total=12, filesize=12)
    older.socket.sendall(TEXT[:7])
    wait_for(lambda: held(root) == 7)
    if newer == "put":
        done = other.ask(
            TEXT[7:], cmd="put", filename="a", upload=TOKEN, offset=7, digest=digest(TEXT)
        )
        assert done["rev"]
    elif newer == "stat":
        assert 7 == other.ask(cmd="stat", upload=TOKEN)["offset"]
    else:
        assert other.ask(cmd="delete", upload=TOKEN)["ok"]
    refusal = older.reply()
    assert (5, "superseded", True) == (refusal["id"], refusal["code"], refusal["close"])
    with contextlib.suppress(OSError):
        older.socket.sendall(TEXT[7:])
    assert older.ends()
    if newer == "stat":
        assert 7 == other.ask(cmd="stat", upload=TOKEN)["offset"]
    if newer == "put":
        assert TEXT == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-019")
@pytest.mark.parametrize(
    "members",
    [
        {"cmd": "put", "filename": "../a", "offset": 7},
        {"cmd": "put", "filename": "a", "offset": "7"},
        {"cmd": "put", "filename": "a", "offset": 7, "digest": "md5:00"},
        {"cmd": "put", "filename": "a", "offset": 7, "!new": 1},
        {"cmd": "stat", "filename": "a"},
        {"cmd": "put", "filename": "a", "offset": 7, "total": 2**53 - 1},
    ],
)
def test_a_request_that_is_refused_early_takes_nothing_over(serving, connect, root, members):
    server = serving(store=DirectoryStore(root, total_bytes=1 << 30))
    older, other = connect(server), connect(server)
    older.send(id=5, cmd="put", filename="a", upload=TOKEN, total=12, filesize=12)
    older.socket.sendall(TEXT[:7])
    wait_for(lambda: held(root) == 7)
    assert not other.ask(**members, upload=TOKEN)["ok"]
    older.socket.sendall(TEXT[7:])
    assert older.reply()["ok"]
    assert TEXT == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-020")
def test_a_commit_that_has_begun_is_waited_for(root):
    begun, go_on = threading.Event(), threading.Event()
    with DirectoryStore(root) as store:
        transfer = store.receive(Put(filename="a", upload=TOKEN, total=3))
        transfer.write(b"abc")
        assert transfer.end(None, None) is None
        place = store._place

        def slowly(*arguments):
            begun.set()
            assert go_on.wait(10)
            return place(*arguments)

        store._place = slowly
        outcomes = []
        committing = threading.Thread(target=lambda: outcomes.extend(store.commit([transfer])))
        committing.start()
        assert begun.wait(10)
        asking = threading.Thread(target=lambda: outcomes.append(store.stat_upload(TOKEN)))
        asking.start()
        asking.join(0.2)
        assert asking.is_alive()
        go_on.set()
        asking.join(10)
        committing.join(10)
        transfer.release()
    assert [outcomes[0].rev] * 2 == [outcome.rev for outcome in outcomes]


@pytest.mark.rule("HF-RESUME-018")
def test_of_many_who_go_on_with_one_upload_the_file_is_whole(serving, connect, root):
    server = serving()
    body = os.urandom(200_000)
    threads, codes = [], []

    def go_on():
        peer = connect(server)
        for _ in range(20):
            try:
                stands = peer.ask(cmd="stat", upload=TOKEN).get("offset", 0)
                reply = peer.ask(
                    body[stands : stands + 30_000],
                    cmd="put",
                    filename="a",
                    upload=TOKEN,
                    total=len(body),
                    offset=stands,
                )
                codes.append(reply.get("code", "ok"))
            except (EOFError, OSError):
                peer = connect(server)

    for _ in range(6):
        threads.append(threading.Thread(target=go_on))
        threads[-1].start()
    for thread in threads:
        thread.join(60)
    assert body == (root / "a").read_bytes()
    assert set(codes) <= {"ok", "superseded", "offset-mismatch", "conflict"}


# --- a lost reply


@pytest.mark.rule("HF-RESUME-022", "HF-RESUME-025")
@pytest.mark.parametrize("parts", [[12], [7, 5], [12, 0]])
def test_a_repeat_gets_the_same_reply_whatever_has_become_of_the_file(put, stat, peer, parts):
    offset = 0
    for part in parts:
        members = {"offset": offset, "total": 12, "abort": part == 12 and len(parts) > 1}
        reply = put(TEXT[offset : offset + part], **members)
        offset += part
    peer.ask(b"others", cmd="put", filename="a")
    last = TEXT[12 - parts[-1] :]
    for members in ({}, {"total": 12}, {"digest": digest(TEXT)}, {"if_": "something"}):
        again = put(last, offset=12 - parts[-1], **members)
        assert described(reply) == described(again)
    asked = stat()
    assert (reply["rev"], 12, 12) == (asked["rev"], asked["total"], asked["offset"])
    assert digest(TEXT) == asked["digest"]
    assert b"others" == peer.ask(cmd="get", filename="a")["body"]


@pytest.mark.rule("HF-RESUME-024")
@pytest.mark.parametrize(
    ("body", "members", "code"),
    [
        (b"worlD", {"offset": 7}, "conflict"),
        (b"worl", {"offset": 7}, "conflict"),
        (b"world!", {"offset": 7}, "conflict"),
        (TEXT, {}, "conflict"),
        (b"", {"offset": 12}, "conflict"),
        (b"world", {"offset": 7, "filename": "b"}, "conflict"),
        (b"world", {"offset": 7, "total": 13}, "bad-request"),
        (b"world", {"offset": 7, "digest": digest(b"")}, "digest-mismatch"),
    ],
)
def test_another_put_of_a_finished_upload_is_refused(put, stat, peer, body, members, code):
    put(TEXT[:7], total=12)
    rev = put(TEXT[7:], offset=7)["rev"]
    assert code == put(body, **members)["code"]
    assert rev == stat()["rev"]
    assert ["a"] == peer.names()


@pytest.mark.rule("HF-RESUME-026")
def test_an_upload_can_be_forgotten(put, stat, peer, leftovers):
    put(b"abc", total=6)
    assert peer.ask(cmd="delete", upload=TOKEN)["ok"]
    assert [] == leftovers()
    assert "upload-gone" == put(b"def", offset=3)["code"]
    put(b"abcdef", total=6)
    assert peer.ask(cmd="delete", upload=TOKEN, if_="nothing")["ok"]
    assert "upload-gone" == stat()["code"]
    assert b"abcdef" == peer.ask(cmd="get", filename="a")["body"]
    assert [] == leftovers()


# --- restarts and time


def part(store, body, **members):
    """Put a part straight into a store; return what it says."""
    incoming = store.receive(Put(**({"filename": "a", "upload": TOKEN} | members)))
    try:
        incoming.write(body)
        reply = incoming.end(None, None)
        return reply or store.commit([incoming])[0]
    finally:
        incoming.release()


@pytest.mark.rule("HF-RESUME-012")
def test_an_upload_goes_on_after_a_restart(root):
    with DirectoryStore(root) as store:
        assert 5 == part(store, b"hello", total=12).offset
    with DirectoryStore(root) as store:
        assert (5, 12) == (store.stat_upload(TOKEN).offset, store.stat_upload(TOKEN).total)
        assert 7 == part(store, b", ", offset=5).offset
    with DirectoryStore(root) as store:
        assert digest(TEXT) == part(store, b"world", offset=7).digest
    assert TEXT == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-012")
def test_after_the_end_of_the_machine_only_what_was_told_counts(root, monkeypatch):
    with DirectoryStore(root) as store:
        assert 5 == part(store, b"hello", total=12).offset
        incoming = store.receive(Put(filename="a", upload=TOKEN, offset=5))
        incoming.write(b"\0\0\0")  # written, and never brought to stable storage
        incoming.release()
    monkeypatch.setattr(uploads, "BOOT", "another run of the machine")
    with DirectoryStore(root) as store:
        assert 5 == store.stat_upload(TOKEN).offset
        assert digest(TEXT) == part(store, b", world", offset=5).digest
    assert TEXT == (root / "a").read_bytes()


@pytest.mark.rule("HF-RESUME-023", "HF-RESUME-027")
def test_a_finished_upload_is_remembered_over_a_restart(root):
    with DirectoryStore(root) as store:
        reply = part(store, TEXT, total=12)
    for _ in range(2):
        with DirectoryStore(root) as store:
            assert reply == part(store, TEXT, total=12)
            assert reply.rev == store.stat_upload(TOKEN).rev == store.stat("a").rev


@pytest.mark.rule("HF-RESUME-027")
@pytest.mark.parametrize("moved", [True, False])
def test_a_crash_around_the_rename_is_understood_at_the_next_start(root, moved):
    class Crash(Exception):
        pass

    with DirectoryStore(root) as store:
        rename = store._rename

        def crash(*arguments, **more):
            if moved:
                rename(*arguments, **more)
            raise Crash

        store._rename = crash
        incoming = store.receive(Put(filename="a", upload=TOKEN, total=12))
        incoming.write(TEXT)
        incoming.end(None, None)
        with pytest.raises(Crash):
            store.commit([incoming])
    with DirectoryStore(root) as store:
        asked = store.stat_upload(TOKEN)
        assert 12 == asked.offset
        assert moved is isinstance(asked.rev, str)
        if moved:
            assert (asked.rev, digest(TEXT)) == (store.stat("a").rev, asked.digest)
            assert asked.rev == part(store, TEXT, total=12).rev
        else:
            with pytest.raises(StoreError):
                store.stat("a")
            assert digest(TEXT) == part(store, b"", offset=12).digest


@pytest.mark.rule("HF-RESUME-022", "HF-RESUME-027")
def test_where_no_marks_are_kept_a_crash_after_the_rename_is_understood_too(root):
    class Crash(Exception):
        pass

    class Plain(Disk):
        def set_mark(self, descriptor, mark):
            return

        def mark_of(self, descriptor):
            return b""

    with DirectoryStore(root, disk=Plain()) as store:
        rename = store._rename

        def crash(*arguments, **more):
            rename(*arguments, **more)
            raise Crash

        store._rename = crash
        incoming = store.receive(Put(filename="a", upload=TOKEN, total=12))
        incoming.write(TEXT)
        incoming.end(None, None)
        with pytest.raises(Crash):
            store.commit([incoming])
    with DirectoryStore(root, disk=Plain()) as store:
        assert store.stat("a").rev == store.stat_upload(TOKEN).rev
        assert store.stat("a").rev == part(store, TEXT, total=12).rev


@pytest.mark.parametrize("going_on", [True, False])
@pytest.mark.parametrize("method", ["create", "write", "rename", "truncate", "open"])
def test_when_a_part_cannot_begin_nothing_stays_open_or_is_lost(
    root, leftovers, going_on, method, monkeypatch
):
    disk = Disk()
    with DirectoryStore(root, disk=disk) as store:
        if going_on:
            part(store, b"hello", total=12)
            monkeypatch.setattr(uploads, "BOOT", "another run")  # so that a record is written
        store._group.settle()  # which closes the directories that it has kept open
        before = leftovers(), len(os.listdir("/proc/self/fd"))

        def fail(*_, **__):
            raise OSError(28, "No space left on device")

        setattr(disk, method, fail)
        with contextlib.suppress(StoreError):
            store.receive(Put(filename="a", upload=TOKEN, offset=5 * going_on)).release()
        delattr(disk, method)
        store._group.settle()
        if going_on or method in ("create", "write", "rename"):
            assert before == (
                [name for name in leftovers() if not name.endswith(".new")],
                len(os.listdir("/proc/self/fd")),
            )
        if going_on:
            assert digest(TEXT) == part(store, TEXT[5:], offset=5).digest


@pytest.mark.rule("HF-RESUME-012")
def test_half_a_record_is_gone_after_a_start_and_the_whole_one_counts(root, leftovers):
    with DirectoryStore(root) as store:
        part(store, b"hello", total=12)
        (name,) = [name for name in leftovers() if name.endswith(".json")]
        (root / ".headframe/uploads" / name.replace("json", "new")).write_bytes(b'{"fil')
    with DirectoryStore(root) as store:
        assert 5 == store.stat_upload(TOKEN).offset
        assert [] == [name for name in leftovers() if name.endswith(".new")]


@pytest.mark.rule("HF-RESUME-023", "HF-RESUME-012")
def test_an_upload_is_forgotten_when_nobody_has_used_it_for_long_enough(root, leftovers):
    with DirectoryStore(root, upload_ttl_ms=300) as store:
        part(store, b"hello", total=12)
        part(store, b"x", total=1, filename="b", upload=OTHER)
        for _ in range(8):  # used again and again, it stays for longer than its time
            time.sleep(0.1)
            assert 5 == store.stat_upload(TOKEN).offset
            assert store.stat_upload(OTHER).rev
        store.tidy()
        assert 3 == len(leftovers())
        wait_for(lambda: store.tidy() or leftovers() == [])
        with pytest.raises(StoreError, match="nothing is known"):
            store.stat_upload(TOKEN)
        part(store, b"x", offset=0)
    time.sleep(0.4)
    with DirectoryStore(root, upload_ttl_ms=300):
        assert [] == leftovers()


def test_no_token_can_be_read_on_the_disk(root):
    with DirectoryStore(root) as store:
        part(store, b"hello", total=12)
        for path in (root / ".headframe/uploads").iterdir():
            assert TOKEN not in path.name
            assert TOKEN.encode() not in path.read_bytes()
        for folder in (root / ".headframe", root / ".headframe/uploads"):
            assert 0 == folder.stat().st_mode & 0o077


@pytest.mark.parametrize("durability", ["fsync", "rename"])
def test_the_original_way_and_uploads_go_together(root, durability):
    with (
        DirectoryStore(root, durability=durability) as store,
        Server(("127.0.0.1", 0), store) as server,
        socket.create_connection(server.address, timeout=20) as sock,
    ):
        header = b'{"cmd": "put", "filename": "a", "filesize": 5, "upload": "%s", "total": 5}'
        header %= TOKEN.encode()
        sock.sendall(struct.pack("i", len(header)) + header + b"hello")
        sock.shutdown(socket.SHUT_WR)
        assert b"" == sock.recv(1)
    assert b"hello" == (root / "a").read_bytes()


# --- a commit that fails


class Full(Disk):
    """Has no room for a directory, and after the first that fails for nothing else."""

    tight = full = False

    def make_directory(self, name, at, mode=0o777):
        self.full = self.full or self.tight
        self._check()
        super().make_directory(name, at, mode)

    def create(self, name, at):
        self._check()
        return super().create(name, at)

    def _check(self):
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.rule("HF-RESUME-013", "HF-RESUME-015", "HF-RESUME-022")
def test_an_end_that_was_recorded_and_did_not_come_about_is_no_success(root):
    disk = Full()
    with DirectoryStore(root, disk=disk) as store:
        part(store, b"hello, ", filename="new/a", total=12)
        disk.tight = True
        assert ErrorCode.NO_SPACE is part(store, b"world", filename="new/a", offset=7).code
        with pytest.raises(StoreError) as refused:
            part(store, b"world", filename="new/a", offset=7)
        assert ErrorCode.NO_SPACE is refused.value.code
        disk.tight = disk.full = False
        state = store.stat_upload(TOKEN)
        assert (12, UNSET) == (state.offset, state.rev)
        assert digest(TEXT) == part(store, b"", filename="new/a", offset=12).digest
    assert TEXT == (root / "new/a").read_bytes()
