"""The server as a whole: many connections, and an end that always comes."""

from __future__ import annotations

import _thread
import errno
import json
import logging
import os
import threading
import time

import pytest

from headframe import List
from headframe_server import DirectoryStore, Server, Settings, listing, tree


def await_(condition, within_s=10):
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.005)


def test_it_listens_where_it_says_on_both_families(root, connect):
    for host in ("127.0.0.1", "::1"):
        with DirectoryStore(root) as store, Server((host, 0), store) as server:
            assert f":{server.address[1]}" in server.url
            assert connect(server).ask(cmd="hello")["ok"]


@pytest.mark.rule("HF-TIME-008", "HF-TIME-009", "HF-TIME-012")
def test_shutting_down_lets_a_request_that_has_begun_finish(root, leftovers, connect):
    store = DirectoryStore(root)
    server = Server(("127.0.0.1", 0), store, settings=Settings(drain_s=10)).start()
    idle, busy = connect(server), connect(server)
    idle.ask(cmd="hello")
    busy.ask(cmd="hello")
    busy.send(id=2, cmd="put", filename="a", filesize=20_006)
    busy.socket.sendall(bytes(20_000) + b"abc")
    await_(leftovers)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    notice = idle.reply()
    assert (0, "closing") == (notice["id"], notice["code"])
    assert idle.ends()
    notice = busy.reply()
    assert (0, "closing", None) == (notice["id"], notice["code"], notice.get("close"))
    busy.socket.sendall(b"def" + busy.frame(b"x", id=3, cmd="put", filename="never"))
    reply = busy.reply()
    assert (2, True) == (reply["id"], reply["ok"])
    assert busy.ends()
    stopping.join(10)
    assert not stopping.is_alive()
    store.close()
    assert bytes(20_000) + b"abcdef" == (root / "a").read_bytes()
    assert not (root / "never").exists()


@pytest.mark.rule("HF-TIME-011")
def test_shutting_down_does_not_wait_for_ever(root, leftovers, connect):
    store = DirectoryStore(root)
    server = Server(("127.0.0.1", 0), store, settings=Settings(drain_s=0)).start()
    peer = connect(server)
    peer.send(id=1, cmd="put", filename="a", filesize=20_000)
    await_(leftovers)
    begun = time.monotonic()
    server.stop()
    assert time.monotonic() - begun < 5
    store.close()
    assert [] == leftovers()


def test_hundreds_of_abandoned_connections_leave_neither_thread_nor_descriptor(serving, connect):
    server = serving()
    threads = _thread._count()
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for turn in range(300):
        peer = connect(server)
        peer.socket.sendall([b"", b"\x30", b"\x30\0\0\0{", peer.frame(id=1, cmd="put")][turn % 4])
        peer.close()
    await_(lambda: _thread._count() <= threads)
    if descriptors:
        await_(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
    assert connect(server).ask(cmd="hello")["ok"]


@pytest.mark.rule("HF-CMD-007")
def test_readers_beside_writers_see_whole_files_only(serving, connect):
    server = serving()
    bodies = [bytes([48 + index]) * (1000 + 40_000 * index) for index in range(4)]
    connect(server).ask(bodies[0], cmd="put", filename="a")
    failures = []
    done = threading.Event()

    def write(body):
        peer = connect(server)
        while not done.is_set():
            if not peer.ask(body, cmd="put", filename="a")["ok"]:
                failures.append("put")

    def read():
        peer = connect(server)
        for _ in range(60):
            reply = peer.ask(cmd="get", filename="a")
            if reply.get("body") not in bodies or reply["total"] != len(reply["body"]):
                failures.append(reply.get("code"))

    writers = [threading.Thread(target=write, args=(body,)) for body in bodies]
    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in writers + readers:
        thread.start()
    for thread in readers:
        thread.join(60)
    done.set()
    for thread in writers:
        thread.join(60)
    assert [] == failures


@pytest.mark.rule("HF-COND-006")
@pytest.mark.parametrize("creating", [True, False])
def test_of_sixteen_who_change_one_file_at_once_one_succeeds(serving, connect, leftovers, creating):
    server = serving()
    peers = [connect(server) for _ in range(16)]
    for turn in range(5):
        name = f"n{turn}"
        rev = None if creating else peers[0].ask(b"old", cmd="put", filename=name)["rev"]
        for peer in peers:
            peer.send(id=1, cmd="put", filename=name, if_=rev, filesize=20_000)
        await_(lambda: len(leftovers()) == 16)  # the conditions of all held when they began
        bodies = [b"%02d" % index * 10_000 for index in range(16)]
        threads = [
            threading.Thread(target=peer.socket.sendall, args=(body,))
            for peer, body in zip(peers, bodies, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        replies = [peer.reply() for peer in peers]
        (winner,) = [body for reply, body in zip(replies, bodies, strict=True) if reply["ok"]]
        stored = peers[0].ask(cmd="get", filename=name)
        assert winner == stored["body"]
        others = [(reply["code"], reply["rev"]) for reply in replies if not reply["ok"]]
        assert [("precondition-failed", stored["rev"])] * 15 == others


def test_a_handler_that_fails_is_logged_and_hurts_nobody_else(
    serving, connect, monkeypatch, caplog
):
    server = serving()
    other = connect(server)
    monkeypatch.setattr(DirectoryStore, "entries", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "headframe.server"):
        peer = connect(server)
        peer.send(id=1, cmd="list")
        assert peer.ends()
        await_(lambda: caplog.records)
    assert other.ask(cmd="hello")["ok"]


@pytest.mark.rule("HF-REQ-012", "HF-SEC-013")
def test_the_log_tells_of_refusals_in_one_line_each_and_escaped(serving, connect, caplog):
    peer = connect(serving())
    with caplog.at_level(logging.INFO, "headframe.server"):
        peer.send(b"x", cmd="put", filename="\x1b[31m\nforged line")
        peer.ask(cmd="hello")
    texts = [record.getMessage() for record in caplog.records]
    assert any("bad-name" in text for text in texts)
    assert [] == [text for text in texts if not text.isprintable()]


def test_the_store_is_tidied_now_and_then_and_a_failure_is_only_logged(
    serving, root, caplog, connect
):
    server = serving()
    calls = []

    def tidy():
        calls.append(1)
        raise OSError("the disk is gone")

    server.store.tidy = tidy
    with caplog.at_level(logging.ERROR, "headframe.server"):
        server._tidy_at = 0
        await_(lambda: caplog.records)
    assert [1] == calls
    assert "cannot tidy up" in caplog.records[0].getMessage()
    assert connect(server).ask(cmd="hello")["ok"]


def test_a_connection_that_gets_no_thread_is_closed_and_forgotten(
    serving, connect, monkeypatch, caplog
):
    server = serving()

    def no_thread(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR, "headframe.server"):
        patched.setattr(_thread, "start_new_thread", no_thread)
        assert connect(server).ends()
    assert "can't start new thread" in caplog.records[0].getMessage()
    assert {} == server._open == dict(server._peers)
    assert connect(server).ask(cmd="hello")["ok"]


def test_where_no_descriptor_is_left_a_connection_is_shed_and_counted(serving, connect, caplog):
    server = serving()
    accept = server.socket.accept
    failures = [errno.EMFILE, errno.ECONNABORTED]

    class Starving:
        def __getattr__(self, name):
            return getattr(server_socket, name)

        def accept(self):
            if failures:
                number = failures.pop(0)
                raise OSError(number, os.strerror(number))
            return accept()

    server_socket, server.socket = server.socket, Starving()
    with caplog.at_level(logging.WARNING, "headframe.server"):
        peer = connect(server)
        await_(lambda: not failures)
        other = connect(server)
        assert other.ask(cmd="hello")["ok"]
    peer.close()
    server.socket = server_socket
    assert "out of descriptors" in caplog.text


@pytest.mark.rule("HF-CMD-021")
def test_a_listing_goes_on_where_it_was_and_sees_what_has_changed(serving, connect, root):
    peer = connect(serving())
    for name in "abcdef":
        peer.ask(b"", cmd="put", filename=name)
    assert ["a", "b"] == peer.names(limit=2)
    assert ["c", "d"] == peer.names(limit=2, after="b")
    peer.ask(b"", cmd="put", filename="da")
    assert ["da", "e"] == peer.names(limit=2, after="d")
    peer.ask(cmd="delete", filename="f")
    assert [] == peer.names(limit=2, after="e")
    assert ["a", "b"] == peer.names(limit=2)
    assert ["e"] == peer.names(limit=2, after="db")


@pytest.mark.rule("HF-CMD-008")
def test_a_change_while_a_page_is_made_is_seen_by_the_next(root):
    with DirectoryStore(root) as store:
        for name in "abde":
            (root / name).write_bytes(b"")

        class Changing:
            """A store that gets another file just after it was asked whether it has changed."""

            number, armed = 0, False
            entries = staticmethod(store.entries)

            @property
            def changes(self):
                before = self.number
                if self.armed:
                    self.armed = False
                    (root / "dd").write_bytes(b"")
                    self.number += 1
                return before

        changing = Changing()
        pages, found = listing.Listing(changing), []
        for after in ("", "a", "b", "d"):
            changing.armed = after == "a"
            found.append(pages.page(List(after=after), 1)[0])
    assert ["a", "b", "d", "dd"] == [json.loads(line)["filename"] for line in found]


def test_a_directory_too_large_to_sort_at_once_is_listed_all_the_same(
    serving, connect, root, monkeypatch
):
    monkeypatch.setattr(tree, "SORTED_AT_ONCE", 7)
    peer = connect(serving())
    names = sorted([f"n{number}" for number in range(40)] + [f"n{n}/x" for n in range(100, 130)])
    for name in names:
        peer.ask(b"", cmd="put", filename=name)
    assert names == peer.names()
    assert names[-3:] == peer.names(after=names[-4])
    assert 70 == len(peer.names(delimiter="/"))
